// `isolab modinfo MODULE…`: what a module says of itself, as kmod's modinfo prints it.

import { dirname, resolve } from 'node:path';
import { InvalidArgumentError, type Command } from 'commander';
import { readBytes } from '../files/user-files.ts';
import { explained, Failure, type Io } from '../io.ts';
import { IMAGES } from '../root.ts';

const HELP = `
A module is a file, or the name of one in --modules. What a module needs (depends) is found out from the modules of its
folder where the file does not say it.
`;

interface Options {
  field?: string;
  parameters?: true;
  author?: true;
  description?: true;
  license?: true;
  filename?: true;
  null?: true;
  modules: string;
}

function fieldName(text: string): string {
  if (text === '') throw new InvalidArgumentError('A field has a name.');
  return text;
}

/** The last of the options that name a field would win in kmod; here they do not go together. */
function fieldOf(options: Options, command: Command): string | undefined {
  const named = (['author', 'description', 'license', 'filename'] as const).filter((name) => options[name]);
  const fields = [
    ...named,
    ...(options.parameters ? ['parm'] : []),
    ...(options.field === undefined ? [] : [options.field]),
  ];
  if (fields.length > 1)
    command.error(`error: only one field can be asked for: ${fields.join(', ')}`, { exitCode: 2 });
  return fields[0];
}

export function addModinfo(program: Command, io: Io): void {
  program
    .command('modinfo')
    .summary('what a module says of itself')
    .description("Prints a module's description, licence, parameters …, in the layout of kmod's modinfo.")
    .argument('<module...>', 'NAME.ko.wasm, or the name of a module of --modules')
    .option('-F, --field <name>', 'print only the values of this field', fieldName)
    .option('-p, --parameters', 'print only the parameters')
    .option('-a, --author', 'print only the authors')
    .option('-d, --description', 'print only the description')
    .option('-l, --license', 'print only the licence')
    .option('-n, --filename', "print only the file's name")
    .option('-0, --null', 'end entries with NUL instead of a new line')
    .option('--modules <folder>', 'where modules are looked for by name', IMAGES)
    .addHelpText('after', HELP)
    .action(async (modules: string[], options: Options, command: Command) => {
      const field = fieldOf(options, command);
      const { modinfo, modinfoEntries } = await import('../../linker/module/modinfo.ts');
      const { ModuleFolder } = await import('../files/module-folder.ts');
      const { moduleName } = await import('../../linker/module/alias.ts');
      const named = new ModuleFolder(options.modules);
      const complain = (text: string): void => io.progress(`modinfo: ERROR: ${text}`);
      /** What depmod finds in the folder of a file that does not say it itself. */
      const dependsOf = (file: string): string[] | undefined =>
        new ModuleFolder(dirname(file)).depmod().depends.get(moduleName(file));
      let failed = 0;
      for (const word of modules) {
        const file = resolve(named.fileOf(word));
        try {
          const bytes = readBytes(file);
          const entries = modinfoEntries(bytes);
          const depends = entries?.every(([key]) => key !== 'depends') ? dependsOf(file) : undefined;
          io.out(
            modinfo(bytes, file, {
              ...(field && { field }),
              nul: options.null ?? false,
              ...(depends && { depends }),
            }),
          );
          if (entries !== null || field === 'filename') continue;
          complain(`could not get modinfo from '${word}': No data available`);
        } catch (error) {
          if (!(error instanceof Error)) throw error;
          if ('code' in error && error.code === 'ENOENT') complain(`Module ${word} not found.`);
          else complain(`could not get modinfo from '${word}': ${explained(error)}`);
        }
        failed++;
      }
      if (failed > 0) throw new Failure(`modules without an answer: ${failed}`);
    });
}
