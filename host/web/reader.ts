// The program that is not to blame: a client in a worker of its own that goes on reading one device, whatever happens to the
// other drivers, and the figures it has seen. It follows its machine through reboots; a new machine is given to it.

import { Killed, MachineDied } from '../machine/shared/control.ts';
import type { ClientThread, Machine } from '../machine/shared/types.ts';

/** ms between two calls: often enough to notice, seldom enough to let the computer rest. */
const PERIOD_MS = 20;
/** ms between two looks at its figures. */
const LOOK_MS = 400;

export interface Figures {
  calls: number;
  failed: number;
  worstMs: number;
  failures: string[];
}

const none = (): Figures => ({ calls: 0, failed: 0, worstMs: 0, failures: [] });

export class Reader {
  figures = none();
  /** Since when it owes its figures, on performance.now: long where a call of it does not return. */
  waitingSince: number | null = null;
  path = '';
  /** Since when its figures are counted, in words. */
  since = 'boot';
  machine: Machine | null = null;
  #stop: (() => void) | null = null;
  #ended: Promise<void> = Promise.resolve();
  #count = 0;
  #looked: Promise<void> = Promise.resolve();
  #hurry: () => void = () => {};
  readonly #onProblem: (error: unknown) => void;

  constructor(onProblem: (error: unknown) => void) {
    this.#onProblem = onProblem;
  }

  get running(): boolean {
    return this.#stop !== null;
  }

  /** Begins to read on this machine; figures are counted on. */
  async start(machine: Machine, path: string): Promise<void> {
    await this.pause();
    this.path = path;
    this.machine = machine;
    const stopped = new Promise<void>((resolve) => (this.#stop = resolve));
    this.#ended = this.#run(machine, path, stopped);
  }

  /** Resolves when it makes no call any more. */
  async pause(): Promise<void> {
    this.#stop?.();
    this.#stop = null;
    await this.#ended;
  }

  /** Counts from zero; what it has not told yet does not count any more. */
  restart(since: string): void {
    this.#count++;
    this.since = since;
    this.figures = none();
    this.#hurry();
  }

  /** Resolves when the figures hold everything until now. */
  async look(): Promise<void> {
    this.#hurry();
    await Promise.allSettled([this.#looked]); // how it ended, the reader itself says
  }

  async #run(machine: Machine, path: string, stopped: Promise<void>): Promise<void> {
    let done = false;
    void stopped.then(() => (done = true));
    try {
      const client = await machine.attach();
      while (!done) {
        this.#looked = this.#read(client, path, stopped);
        await this.#looked;
      }
      await client.end();
    } catch (error) {
      // Its machine is off or gone for good, and the reader with it; whoever did that starts it anew.
      if (!(error instanceof MachineDied || error instanceof Killed)) this.#onProblem(error);
    } finally {
      this.waitingSince = null;
      this.#stop = null;
    }
  }

  async #read(client: ClientThread, path: string, stopped: Promise<void>): Promise<void> {
    const count = this.#count;
    await client.startReading(path, PERIOD_MS);
    const hurried = new Promise<void>((resolve) => (this.#hurry = resolve));
    await Promise.race([stopped, hurried, new Promise((resolve) => setTimeout(resolve, LOOK_MS))]);
    this.waitingSince = performance.now();
    const { calls, failed, worstMs, failures } = await client.stopReading();
    this.waitingSince = null;
    if (count !== this.#count) return;
    const sum = this.figures;
    this.figures = {
      calls: sum.calls + calls,
      failed: sum.failed + failed,
      worstMs: Math.max(sum.worstMs, worstMs),
      failures: [...sum.failures, ...failures].slice(0, 5),
    };
  }
}
