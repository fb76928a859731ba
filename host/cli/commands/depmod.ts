// `isolab depmod [DIR]`: the index that modprobe works with, beside the modules.

import { join } from 'node:path';
import type { Command } from 'commander';
import { writeTogether } from '../files/user-files.ts';
import { Failure, type Io } from '../io.ts';
import { IMAGES } from '../root.ts';

const HELP = `
Reads every NAME.ko.wasm of the folder (default: the project's own) and writes beside them

  modules.dep      what each module needs, all of it
  modules.alias    the patterns by which modules are asked for
  modules.symbols  who exports what
  modules.softdep  what a module would like to have before and after it

Unknown symbols, versions that disagree and modules in cycles are reported; symbols of the kernel are those of this
isolab's. The exit code is 1, and nothing is written, when modules need each other in a cycle; it is 1 also when a file
could not be read, which is then left out.
`;

export function addDepmod(program: Command, io: Io): void {
  program
    .command('depmod')
    .summary('index a folder of modules for modprobe')
    .description(
      'Writes modules.dep, modules.alias, modules.symbols and modules.softdep for a folder of modules.',
    )
    .argument('[folder]', "where the modules are; default: the project's own", IMAGES)
    .option('-n, --dry-run', 'print the index instead of writing it')
    .addHelpText('after', HELP)
    .action(async (folder: string, options: { dryRun?: true }) => {
      const { ModuleFolder } = await import('../files/module-folder.ts');
      const { problemText } = await import('../../linker/module/depmod.ts');
      const { INDEX_FILES } = await import('../../linker/module/module-index.ts');
      const { texts, problems, cyclic } = new ModuleFolder(folder).depmod();
      for (const problem of problems) io.progress(problemText(problem));
      if (cyclic) throw new Failure(`modules cannot be ordered, nothing is written: ${folder}`);
      if (options.dryRun) for (const name of INDEX_FILES) io.out(texts[name]);
      // Never half a file: modprobe may be reading.
      else
        writeTogether(
          'the index',
          INDEX_FILES.map((name) => [join(folder, name), texts[name]]),
        );
      const errors = problems.filter(({ level }) => level === 'ERROR').length;
      if (errors > 0) throw new Failure(`modules are left out: ${errors}`);
    });
}
