// One comparison for the terminal: the lab's compare() with an image from disk, its progress and its result printed. The
// machines come from outside, so that this knows no runtime.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LoadedModule } from '../domain/loaded.ts';
import { compare, type CompareOptions } from '../lab/compare/compare.ts';
import { renderTable } from '../lab/compare/table.ts';
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
  if (!existsSync(path)) throw new Failure(`there is no file ${path}`);
  const image = new Uint8Array(readFileSync(path));
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
  const started = performance.now();
  let problems = 0;
  try {
    const report = await compare(
      {
        ...{ boot: lab.boot, drivers: lab.drivers, environment: lab.environment },
        image: readImageFile(options.image),
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
    line.keep(`compared in ${((performance.now() - started) / 1000).toFixed(1)} s`);
    io.out(
      options.json
        ? `${JSON.stringify(report, null, 2)}\n`
        : renderTable(report, { colours: options.colours }),
    );
  } finally {
    line.clear();
  }
  if (problems > 0) throw new Failure(`${problems} of the measurements and faults have no row`);
}
