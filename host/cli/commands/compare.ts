// `isolab compare`: the main job in the terminal.

import { InvalidArgumentError, type Command } from 'commander';
import { DEFAULT_IMAGE, runComparison } from '../comparison.ts';
import { explained, Failure, type Io } from '../io.ts';

const HELP = `
Boots a monolithic and a microkernel machine with the same drivers, loads the image into the driver and reads it
back, measures what a call costs on both sides, and provokes every fault that lkdtm knows, on both sides, while
another program keeps reading another driver.

The exit code is 0, or 1 when something could not be measured, 2 for a wrong command line, 130 after Ctrl-C, which prints
what was measured by then.
`;

interface Options {
  image?: string;
  driver?: string;
  json?: true;
  quick?: true;
}

function driverFile(path: string): string {
  if (!path.endsWith('.ko.wasm')) throw new InvalidArgumentError('a driver is a file that ends in .ko.wasm.');
  return path;
}

export function addCompare(program: Command, io: Io): void {
  program
    .command('compare')
    .summary('one driver in two kernels: what isolation buys and costs')
    .description(
      "Compares a driver's calls, crashes and recovery in a monolithic kernel and in a microkernel.",
    )
    .option(
      '--image <file>',
      'the disk image to load into the driver; default: a floppy that ships with isolab',
    )
    .option('--driver <file>', "anybody's character device, NAME.ko.wasm; default: ramdisk", driverFile)
    .option('--json', 'print the report as JSON, schema isolab.compare/1')
    .option('--quick', 'measure less: one boot a side; every fault all the same')
    .addHelpText('after', HELP)
    .action(async (options: Options) => {
      const { loadModuleFile, nodeLab } = await import('../machines.ts');
      const lab = await nodeLab();
      await runComparison(
        lab,
        {
          image: options.image ?? DEFAULT_IMAGE,
          driver: options.driver === undefined ? undefined : await readDriver(options.driver, loadModuleFile),
          json: options.json ?? false,
          quick: options.quick ?? false,
          colours: process.stdout.isTTY === true && process.env['NO_COLOR'] === undefined,
        },
        io,
        process.stderr,
      );
    });
}

/** Says whose fault it is when a driver's file cannot be read. */
async function readDriver<T>(path: string, load: (path: string) => Promise<T>): Promise<T> {
  try {
    return await load(path);
  } catch (error) {
    throw new Failure(`the driver cannot be loaded: ${explained(error)}: ${path}`);
  }
}
