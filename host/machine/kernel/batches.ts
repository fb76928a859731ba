// Timing loops in batches: short calls into wasm, warmed up first, each batch one sample in ns per operation.

/** ms of one call into wasm. It is short, because the engine replaces code with an optimised version between two calls. */
const CHUNK_MS = 0.05;
/** Warming up: batches of this many ms, until STEADY in a row were no faster than the best by more than GAIN. */
const WARM_UP_MS = 10;
const STEADY = 8;
const GAIN = 0.03;
/** Batches after which a loop counts as warm in any case. */
const MAX_WARM_UP = 80;

/** Runs `rounds` operations; throws where one fails. A loop that needs the event loop returns a promise. */
export type Loop = (rounds: number) => void | Promise<void>;

/** Runs a loop until the engine's best code is in place; the engine compiles it on another thread. */
export class WarmUp {
  private readonly loop: Loop;
  best = Infinity;
  private steady = 0;
  private batches = 0;

  constructor(loop: Loop) {
    this.loop = loop;
  }

  get done(): boolean {
    return this.steady >= STEADY || this.batches >= MAX_WARM_UP;
  }

  async step(): Promise<void> {
    const ns = await batch(this.loop, WARM_UP_MS);
    this.batches++;
    this.steady = ns < this.best * (1 - GAIN) ? 0 : this.steady + 1;
    this.best = Math.min(this.best, ns);
  }
}

/** Runs a loop for about `ms`. @returns ns per operation */
export async function batch(loop: Loop, ms: number): Promise<number> {
  let rounds = 64;
  for (;;) {
    const start = performance.now();
    const done = loop(rounds);
    if (done) await done;
    const took = performance.now() - start;
    if (took >= CHUNK_MS || rounds >= 1 << 20) break;
    rounds *= 2;
  }
  let done = 0;
  const start = performance.now();
  let took;
  do {
    const ran = loop(rounds);
    if (ran) await ran;
    done += rounds;
    took = performance.now() - start;
  } while (took < ms);
  return (took * 1e6) / done;
}
