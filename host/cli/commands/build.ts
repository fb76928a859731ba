// `isolab build FILE`: anybody's driver, from AssemblyScript (FILE.ts) or C (FILE.c) to NAME.ko.wasm.

import { basename, join } from 'node:path';
import type { Command } from 'commander';
import { checkOutput, readInput } from '../files/user-files.ts';
import { Failure, type Io } from '../io.ts';

const HELP = `
The driver's file is its entry and names the module: blink.ts becomes blink.ko.wasm, and its map
blink.ko.wasm.map, in the current folder. It may lie anywhere. The kernel API is imported by

  import { pr_info, register_chrdev, … } from "isolab";

or by a relative path to the project's drivers/include. What a module says of itself, its parameters and what it
exports to others (MODULE_LICENSE, MODULE_ALIAS, module_param, EXPORT_SYMBOL …) is explained in
drivers/include/module.ts. A declaration that does not fit, and what cannot be relocated, is refused with
its place in the source, and nothing is written then.

A driver in C includes "isolab.h" and is built by clang and wasm-ld, 14 or newer, which have to be installed;
the flags stand in drivers/include/isolab.h, so that any other build can make the same. There is no map.
`;

export function addBuild(program: Command, io: Io): void {
  program
    .command('build')
    .summary('compile and link a driver to NAME.ko.wasm')
    .description('Compiles a driver in AssemblyScript or C and links it to a position-independent module.')
    .argument('<file>', "the driver's entry file, NAME.ts or NAME.c")
    .option('-o, --output <file>', 'where to write the module; default: NAME.ko.wasm in the current folder')
    .addHelpText('after', HELP)
    .action(async (file: string, options: { output?: string }) => {
      const [, name, language] = /^(.+)\.(ts|c)$/.exec(basename(file)) ?? [];
      if (name === undefined) throw new Failure(`a driver is a file that ends in .ts or .c, not ${file}`);
      readInput('the driver', file);
      const out = options.output ?? `${name}.ko.wasm`;
      checkOutput('the module', out);
      if (language === 'c') {
        const { buildCFile } = await import('../files/c-file.ts');
        const { bytes, warnings } = await buildCFile({ source: file, out, name });
        if (warnings !== '') io.progress(warnings);
        io.progress(`${join(out)}: ${bytes} bytes`);
        return;
      }
      const { linkFile } = await import('../files/link-file.ts');
      const { bytes } = await linkFile({ entry: file, out, kind: 'module', name });
      io.progress(`${join(out)}: ${bytes} bytes`);
    });
}
