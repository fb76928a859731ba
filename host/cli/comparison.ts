// One comparison for the terminal: the lab's compare() with an image from disk, its progress and its result printed. The
// machines come from outside, so that this knows no runtime.

import { join } from 'node:path';
import { ENOMEM } from '../../kernel/abi/errno.ts';
import type { LoadedModule } from '../domain/loaded.ts';
import { ModuleError } from '../domain/module-error.ts';
import { compare, type CompareOptions } from '../lab/compare/compare.ts';
import { NoDevice } from '../lab/compare/side.ts';
import { renderTable } from '../lab/compare/table.ts';
import { readInput } from './files/user-files.ts';
import { Failure, type Io } from './io.ts';
import { LiveLine, type Screen } from './live-line.ts';
import { ROOT } from './root.ts';

/** The image that is compared with unless another is named. */
export const DEFAULT_IMAGE = join(ROOT, 'host/lab/assets/floppy.img');

/** Fewer boots and batches: the numbers scatter more, the faults are all there. */
const QUICK = { boots: 1, samples: 8, batchMs: 1.5 };

export type Lab = Pick<CompareOptions, 'boot' | 'drivers' | 'environment'>;

export interface ComparisonOptions {
  image: string;
  driver: LoadedModule | undefined;
  json: boolean;
  quick: boolean;
  colours: boolean;
}

/** Reads an image; a Failure where there is none to read. */
export function readImageFile(path: string): Uint8Array {
  const image = readInput('the image', path);
  if (image.length === 0) throw new Failure(`the image is empty: ${path}`);
  return image;
}

/** Prints the result to standard output. Throws a Failure, after printing, when something could not be measured. */
export async function runComparison(
  lab: Lab,
  options: ComparisonOptions,
  io: Io,
  screen: Screen,
): Promise<void> {
  const line = new LiveLine(io, screen);
  const image = readImageFile(options.image);
  const started = performance.now();
  let problems = 0;
  try {
    const report = await compare(
      {
        ...{ boot: lab.boot, drivers: lab.drivers, environment: lab.environment },
        image,
        driver: options.driver,
        ...(options.quick ? QUICK : {}),
        signal: io.signal,
        onNote: (text) => line.keep(text),
        onProblem: (text) => {
          problems++;
          line.keep(text);
        },
      },
      (text) => line.show(text),
    );
    if (!report.interrupted) line.keep(`compared in ${((performance.now() - started) / 1000).toFixed(1)} s`);
    io.out(
      options.json
        ? `${JSON.stringify(report, null, 2)}\n`
        : renderTable(report, { colours: options.colours }),
    );
  } catch (error) {
    if (error instanceof NoDevice) throw new Failure(error.message);
    if (error instanceof ModuleError && error.errno === ENOMEM)
      throw new Failure(
        `the image of ${image.length} bytes does not fit: ${error.message}: ${options.image}`,
      );
    throw error;
  } finally {
    line.clear();
  }
  if (problems > 0) throw new Failure(`${problems} of the measurements and faults have no row`);
}
