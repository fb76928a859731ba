// `isolab oops`: decodes a saved oops, as ksymoops did.

import type { Command } from 'commander';
import { Failure, type Io } from '../io.ts';
import { IMAGES } from '../root.ts';

const HELP = `
FILE is a saved log (isolab's dmesg, with or without times), or only the addresses of a call trace; - is standard
input. Each address becomes a function, a file and a line:

  >>RIP; 90000a31 <lkdtm_BUG+0x1/0x3 [lkdtm]>  drivers/lkdtm.ts:60:3

An oops says itself where the files of its trace lay. For bare addresses, a copy of /proc/kallsyms of the same boot
tells it. Where log, files and kallsyms are not of the same build, a warning says so and what the oops itself says is kept.

The exit code is 0, or 1 when there is no oops in the input, 2 for a wrong command line.
`;

interface Options {
  kallsyms?: string;
  modules: string;
  json?: true;
}

export function addOops(program: Command, io: Io): void {
  program
    .command('oops')
    .summary('decode a saved oops: addresses to functions and lines')
    .description('Decodes the oopses of a saved log with the files that were loaded and their source maps.')
    .argument('<file>', 'the saved log; - reads standard input')
    .option('--kallsyms <file>', 'a copy of /proc/kallsyms, saved while the modules were loaded')
    .option('--modules <folder>', 'where the images and modules are, with their maps', IMAGES)
    .option('--json', 'print what was decoded as JSON, schema isolab.oops/1')
    .addHelpText('after', HELP)
    .action(async (file: string, { kallsyms, modules, json }: Options) => {
      const { decodeFile } = await import('../files/oops-file.ts');
      const decoded = await decodeFile({ file, kallsyms: kallsyms ?? null, modules });
      if (decoded.length === 0) throw new Failure(`there is no oops in ${file === '-' ? 'the input' : file}`);
      const { decodedLines } = await import('../../domain/decode.ts');
      if (json) io.out(`${JSON.stringify({ schema: 'isolab.oops/1', oopses: decoded }, null, 2)}\n`);
      else io.out(`${decoded.map((oops) => decodedLines(oops).join('\n')).join('\n\n')}\n`);
      const warnings = decoded.reduce((sum, each) => sum + each.warnings.length, 0);
      if (warnings > 0)
        io.progress(
          `isolab: ${warnings} ${warnings === 1 ? 'warning' : 'warnings'}; results may not be reliable`,
        );
    });
}
