// What a machine costs that has nothing to do: processor time of the whole process in each second of it, with sixteen drivers
// beside without any. Heartbeats, looks at them and timers are all that is left then.

import { loadModule } from '../../domain/load-file.ts';
import type { LoadedModule } from '../../domain/loaded.ts';
import type { Placement } from '../../machine/shared/types.ts';
import { ISOLATING } from '../isolating.ts';
import { ratioInterval, summarize } from '../statistics.ts';
import { pass } from '../wait.ts';
import type { BenchContext, BenchExperiment, BenchRow } from './experiment.ts';

const DRIVERS = 16;
/** A sample takes as long as so many pairs of others. */
const PAIRS = 4;
const MS_PER_S = 1000;
const NS_PER_MS = 1e6;
const NAME = 'null';

/** One driver under as many names of the same length, which is all in which they differ. */
async function namesakes(context: BenchContext): Promise<LoadedModule[]> {
  const bytes = await context.file(`${NAME}.ko.wasm`);
  const was = new TextEncoder().encode(NAME);
  const places = [...bytes.keys()].filter((at) => was.every((byte, i) => bytes[at + i] === byte));
  const each = Array.from({ length: DRIVERS }, (_, number) => {
    const name = `nul${number.toString(36)}`;
    const own = bytes.slice();
    for (const at of places) own.set(new TextEncoder().encode(name), at);
    return loadModule(own, null, name);
  });
  return Promise.all(each);
}

/** @returns ns of processor time in a second, in each of some windows */
async function idle(
  context: BenchContext,
  placement: Placement,
  drivers: readonly LoadedModule[],
  windowMs: number,
): Promise<number[]> {
  const windows = Math.ceil(context.samples / PAIRS);
  context.progress(`measuring a ${placement} machine of ${drivers.length} drivers`);
  const machine = await context.boot(placement);
  try {
    for (const driver of drivers) await machine.insmod(driver);
    await machine.settled();
    await machine.ready();
    await pass(windowMs, context.signal); // what was begun before is over, such as the engine's compiling
    const spent: number[] = [];
    while (spent.length < windows) {
      const [before, since] = [context.processorMs(), performance.now()];
      await pass(windowMs, context.signal);
      const share = (context.processorMs() - before) / (performance.now() - since);
      spent.push(share * MS_PER_S * NS_PER_MS);
    }
    return spent;
  } finally {
    await machine.shutdown();
  }
}

/** @param windowMs of a sample: heartbeats and looks come several times in it */
export async function measureIdle(
  context: BenchContext,
  placement: Placement,
  windowMs = 1000,
): Promise<BenchRow> {
  const without = await idle(context, placement, [], windowMs);
  const all = await idle(context, placement, await namesakes(context), windowMs);
  return {
    case: `a second of ${DRIVERS} drivers, ${placement}`,
    subject: summarize(all),
    floor: summarize(without),
    ratio: ratioInterval(all, without),
    dropped: 0,
  };
}

export const idleness: BenchExperiment = {
  name: 'idle',
  summary: 'processor time that a machine takes in each second in which nothing is asked of it',
  floor: 'a machine without drivers',
  async *run(context) {
    for (const placement of ISOLATING) yield await measureIdle(context, placement);
  },
};
