// What an experiment of the bench is: a name, a floor, and a run that gives rows. A new one is a file beside this one and a
// line in ./index.ts.

import type { LoadedModule } from '../../domain/loaded.ts';
import type { Images } from '../../machine/shared/protocol.ts';
import type { Machine, Placement } from '../../machine/shared/types.ts';
import { summarize, ratioInterval, type Interval, type Summary } from '../statistics.ts';
import { batch, WarmUp, type Loop } from '../../machine/kernel/batches.ts';
import { throwIfCancelled, type CancelSignal } from '../wait.ts';

export interface BenchContext {
  images: Images;
  /** A machine without drivers, for what cannot be measured on this thread alone. */
  boot(placement: Placement): Promise<Machine>;
  /** A module of the project, by its name. */
  module(name: string): Promise<LoadedModule>;
  /** A file of dist/images, by its name. */
  file(name: string): Promise<Uint8Array<ArrayBuffer>>;
  /** Processor time that this process has taken, all its threads together, in ms. */
  processorMs(): number;
  /** Pairs of batches of each row. */
  samples: number;
  /** Least time of a batch in ms. */
  batchMs: number;
  signal?: CancelSignal | undefined;
  progress(text: string): void;
}

export interface BenchRow {
  /** What distinguishes this row from the experiment's others: `64 bytes, debug off`. */
  case: string;
  /** ns per operation. */
  subject: Summary;
  floor: Summary;
  /** Subject to floor, of medians, with its 95% interval. */
  ratio: Interval;
  /** Pairs that were not counted because the floor took too long: somebody else had the core. */
  dropped: number;
}

export interface BenchExperiment {
  name: string;
  /** One line for --list. */
  summary: string;
  /** What a row's subject is compared with. */
  floor: string;
  /** Gives each row when it is whole. Throws Cancelled. */
  run(context: BenchContext): AsyncIterable<BenchRow>;
}

/** A pair whose floor took this many times the warm floor's best is dropped. */
const DISTURBED = 2;
/** Pairs tried for each one that is wanted, before a busy computer's are taken as they are. */
const PATIENCE = 4;

/** Measures a loop against its floor in alternating batches, when both are warm. */
export async function alternate(
  context: BenchContext,
  name: string,
  subject: Loop,
  floor: Loop,
): Promise<BenchRow> {
  const { batchMs, signal } = context;
  context.progress(`measuring ${name}`);
  const warm = [new WarmUp(floor), new WarmUp(subject)] as const;
  for (const each of warm) {
    while (!each.done) {
      throwIfCancelled(signal);
      await each.step();
      await turn();
    }
  }
  return paired(
    context,
    name,
    warm[0].best,
    () => batch(subject, batchMs),
    () => batch(floor, batchMs),
  );
}

/** One sample in ns per operation. */
export type Sample = () => number | Promise<number>;

/**
 * Takes samples of a subject and of its floor in turn.
 * @param best the floor's time when nobody disturbs it, in ns
 */
export async function paired(
  { samples, signal }: BenchContext,
  name: string,
  best: number,
  subject: Sample,
  floor: Sample,
): Promise<BenchRow> {
  const pairs: { below: number; above: number }[] = [];
  const disturbed: { below: number; above: number }[] = [];
  while (pairs.length < samples && pairs.length + disturbed.length < samples * PATIENCE) {
    throwIfCancelled(signal);
    const below = await floor();
    const above = await subject();
    (below > best * DISTURBED ? disturbed : pairs).push({ below, above });
    await turn();
  }
  if (pairs.length < samples / 2)
    throw new Error(
      `this computer is too busy: only ${pairs.length} of ${pairs.length + disturbed.length} pairs were undisturbed in ${name}`,
    );
  const above = pairs.map((pair) => pair.above);
  const below = pairs.map((pair) => pair.below);
  return {
    case: name,
    subject: summarize(above),
    floor: summarize(below),
    ratio: ratioInterval(above, below),
    dropped: disturbed.length,
  };
}

/** Lets everybody else on this thread do something, such as noticing Ctrl-C. */
function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
