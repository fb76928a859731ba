// `isolab build FILE.ts`: anybody's driver, from AssemblyScript to NAME.ko.wasm.

import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Command } from 'commander';
import { Failure, type Io } from '../io.ts';

const HELP = `
The driver's file is its entry and names the module: blink.ts becomes blink.ko.wasm, and its map
blink.ko.wasm.map, in the current folder. It may lie anywhere. The kernel API is imported by

  import { pr_info, register_chrdev, … } from "isolab";

or by a relative path to the project's drivers/include. What cannot be relocated is refused with its place in
the source, and nothing is written then.
`;

export function addBuild(program: Command, io: Io): void {
  program
    .command('build')
    .summary('compile and link a driver to NAME.ko.wasm')
    .description('Compiles a driver written in AssemblyScript and links it to a position-independent module.')
    .argument('<file>', "the driver's entry file, NAME.ts")
    .option('-o, --output <file>', 'where to write the module; default: NAME.ko.wasm in the current folder')
    .addHelpText('after', HELP)
    .action(async (file: string, options: { output?: string }) => {
      if (!file.endsWith('.ts')) throw new Failure(`a driver is a file that ends in .ts, not ${file}`);
      if (!existsSync(file)) throw new Failure(`there is no file ${file}`);
      const name = basename(file, '.ts');
      const out = options.output ?? `${name}.ko.wasm`;
      const { linkFile } = await import('../link-file.ts');
      const { bytes } = await linkFile({ entry: file, out, kind: 'module', name });
      io.progress(`${join(out)}: ${bytes} bytes`);
    });
}
