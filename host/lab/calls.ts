// What a call costs on both sides: rounds of measurements, A B A B …, so that whatever slows this computer down for a while
// slows both sides. Several rounds, one a boot, make the rows of a report; one round on machines that run makes a first look.

import type { Machine, Measured } from '../machine/shared/types.ts';
import { callRow, PLACEMENTS, type CallRow, type PerSide } from './compare/report.ts';
import { measureOrReport, type ProblemListener } from './tried.ts';
import { throwIfCancelled, within, type CancelSignal } from './wait.ts';

type Call = Pick<CallRow, 'operation' | 'bytes'>;

/** What is measured, in this order. */
export const OPERATIONS: readonly Call[] = [
  { operation: 'dispatch', bytes: 0 },
  { operation: 'syscall', bytes: 0 },
  { operation: 'read', bytes: 64 },
  { operation: 'read', bytes: 4096 },
  { operation: 'read', bytes: 65536 },
];

/** A measurement that takes so much longer than its batches is not coming any more. */
const MEASURE_PATIENCE_MS = 20_000;

export interface CallOptions extends ProblemListener {
  /** Pairs of batches (floor, subject) a round; default 15. */
  samples?: number | undefined;
  /** Least time of a batch in ms; default 3. */
  batchMs?: number | undefined;
  signal?: CancelSignal | undefined;
}

/** A machine, and the path of the device that is measured on it. */
export interface Subject {
  readonly machine: Machine;
  readonly measured: string;
}

export class CallMeasurements {
  readonly #options: CallOptions;
  readonly #results = OPERATIONS.flatMap((call) =>
    PLACEMENTS.map((placement) => ({ call, placement, measured: [] as Measured[] })),
  );

  constructor(options: CallOptions) {
    this.#options = options;
  }

  /** Measures everything once more. @param which names the round in the progress, as in `boot 2 of 3` */
  async round(sides: PerSide<Subject>, which: string, progress: (text: string) => void): Promise<void> {
    const { samples = 15, batchMs = 3, signal } = this.#options;
    for (const { call, placement, measured } of this.#results) {
      throwIfCancelled(signal);
      const { machine, measured: path } = sides[placement];
      const what = `${nameOf(call)} on the ${machine.placement} machine`;
      progress(`measuring ${what}${which === '' ? '' : `, ${which}`}`);
      const result = await measureOrReport(what, this.#options, () =>
        within(machine.measure({ ...call, path, samples, batchMs }), MEASURE_PATIENCE_MS, null, signal),
      );
      if (result === null) continue;
      measured.push(result);
      if (result.dropped > 0) progress(`${what}: ${result.dropped} pairs were disturbed and not counted`);
    }
  }

  /** What could be measured until now. */
  rows(): CallRow[] {
    return this.#results
      .filter(({ measured }) => measured.length > 0)
      .map(({ call, placement, measured }) => callRow(placement, call, measured));
  }
}

function nameOf({ operation, bytes }: Call): string {
  return bytes === 0 ? operation : `${operation} ${bytes} bytes`;
}
