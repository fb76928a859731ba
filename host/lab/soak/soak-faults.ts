// The faults of a soak, by a seed: crashes out of lkdtm's list, drivers that are killed, threads that end behind the supervisor's
// back. Every one is written down before it is made, so that a death without one is a death without a reason.

import { O_RDWR } from '../../../kernel/abi/operation.ts';
import type { Random } from '../../fault/random.ts';
import type { Client, Machine } from '../../machine/shared/types.ts';
import type { Tally } from './soak-clients.ts';
import type { Provocation } from './soak-judge.ts';
import { pass } from '../wait.ts';

const FAULTY = 'lkdtm';
const PATH = '/dev/lkdtm';
/** Of lkdtm's: those that end it, and those that damage it and may end it later. */
const CRASHES = [
  ...['BUG', 'LOOP', 'EXHAUST_STACK', 'LIE_LENGTH', 'LIE_STATUS', 'EXIT'],
  ...['ACCESS_NULL', 'WILD_WRITE', 'EXHAUST_HEAP', 'SLAB_FREE_DOUBLE', 'WRITE_AFTER_FREE'],
] as const;
/** On the kernel's thread that ends the kernel. */
const HANG = 'LOOP';
/** ms between two faults at most. */
const PAUSE_MS = 150;

export class Faults {
  readonly made: Provocation[] = [];
  private readonly machine: Machine;
  private readonly client: Client;
  private readonly random: Random;
  private readonly tally: Tally;
  private readonly now: () => number;
  /** Whether drivers run on threads of their own, which can hang and end. */
  private readonly threads: boolean;

  /** @param client of its own: a crash takes its call with it */
  constructor(machine: Machine, client: Client, random: Random, tally: Tally, now: () => number) {
    this.machine = machine;
    this.client = client;
    this.random = random;
    this.tally = tally;
    this.now = now;
    this.threads = machine.placement !== 'sandbox';
  }

  async run(stopped: () => boolean): Promise<void> {
    while (!stopped()) {
      await pass(1 + this.random.below(PAUSE_MS));
      if (stopped()) return;
      if (this.random.once(2)) await this.crash();
      else this.end();
    }
  }

  private provoked(driver: string, kind: string): Provocation {
    const provocation: Provocation = { driver, kind, at: this.now(), over: null };
    this.made.push(provocation);
    return provocation;
  }

  /** Has lkdtm crash. Its damage may show at any later call, as long as that incarnation lives. */
  private async crash(): Promise<void> {
    const kind = this.random.pick(this.threads ? CRASHES : CRASHES.filter((each) => each !== HANG));
    const fd = await this.tally.call(`open ${PATH}`, () => this.client.open(PATH, O_RDWR));
    if (typeof fd !== 'number' || fd < 0) return;
    const provocation = this.provoked(FAULTY, kind);
    await this.tally.provoke(`write ${PATH} ${kind}`, () =>
      this.client.write(fd, new TextEncoder().encode(kind)),
    );
    provocation.over = this.now();
    await this.tally.call(`close ${PATH}`, () => this.client.close(fd));
  }

  /** Replaces the driver that may carry damage, and waits until that is done. */
  async heal(): Promise<void> {
    if (this.machine.status().drivers.find(({ name }) => name === FAULTY)?.state !== 'up') return;
    const provocation = this.provoked(FAULTY, 'kill');
    const up = new Promise<void>((resolve) => {
      const stop = this.machine.subscribe((event) => {
        if (event.type !== 'driver' || event.module !== FAULTY || event.state !== 'up') return;
        stop();
        resolve();
      });
    });
    this.machine.kill(FAULTY);
    provocation.over = this.now();
    await up;
  }

  /** Ends one of the drivers that serve, as an operator does or as nobody does. */
  private end(): void {
    const up = this.machine.status().drivers.filter(({ state }) => state === 'up');
    if (up.length === 0) return;
    const { name } = this.random.pick(up);
    const kill = !this.threads || this.random.once(2);
    const provocation = this.provoked(name, kill ? 'kill' : 'thread ended');
    const over = (): void => void (provocation.over = this.now());
    try {
      if (kill) {
        this.machine.kill(name);
        over();
      } else {
        const thread = this.machine.threadOf(name);
        thread.terminate();
        void thread.ended.then(over);
      }
    } catch (error) {
      // It has died by itself meanwhile, and nobody has been told of it.
      if (!(error instanceof Error) || !error.message.startsWith('module is not loaded')) throw error;
      over();
    }
  }
}
