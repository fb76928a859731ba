// What the trace costs a call to a driver in another domain: the same null call with the trace on, beside it off, in alternating
// batches on the same threads, over several boots, since boots differ more than batches do. A row for all boots together.

import type { Measured, Placement } from '../../machine/shared/types.ts';
import { ratioInterval, summarize } from '../statistics.ts';
import { throwIfCancelled, within } from '../wait.ts';
import type { BenchContext, BenchExperiment, BenchRow } from './experiment.ts';

const BOOTS = 3;
const PATIENCE_MS = 30_000;
/** Those in which a call crosses domains. */
const ISOLATED: readonly Placement[] = ['microkernel'];

async function measure(context: BenchContext, placement: Placement): Promise<BenchRow> {
  const { samples, batchMs, signal } = context;
  const on: number[] = [];
  const off: number[] = [];
  let dropped = 0;
  for (let boot = 1; boot <= BOOTS; boot++) {
    throwIfCancelled(signal);
    context.progress(`measuring the null call, ${placement}, boot ${boot} of ${BOOTS}`);
    const machine = await context.boot(placement);
    try {
      await machine.insmod(await context.module('null'));
      const measured: Measured | null = await within(
        machine.measure({
          ...{ operation: 'dispatch', path: '/dev/null', bytes: 0, samples, batchMs, untraced: true },
        }),
        PATIENCE_MS,
        null,
        signal,
      );
      if (measured === null) throw new Error(`the null call of the ${placement} machine takes too long`);
      on.push(...measured.subject);
      off.push(...measured.floor);
      dropped += measured.dropped;
    } finally {
      await machine.shutdown();
    }
  }
  return {
    case: `null call, ${placement}, ${BOOTS} boots`,
    subject: summarize(on),
    floor: summarize(off),
    ratio: ratioInterval(on, off),
    dropped,
  };
}

export const trace: BenchExperiment = {
  name: 'trace',
  summary: 'a null call that is traced, beside one that is not',
  floor: 'the same call with kernel.trace = 0',
  async *run(context) {
    for (const placement of ISOLATED) yield await measure(context, placement);
  },
};
