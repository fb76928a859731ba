// A hot standby: one driver of a machine has its successor ready before it dies. The successor is fully formed on a thread of
// its own, in its own domain, behind its own channel; its init waits until the kernel has heard of it, which happens the
// moment that the driver is fenced (./succession.ts). Who has died once is the likeliest to die next.
//
// There is one only where the policy would restart the driver at once, where it needs no other driver and has left nothing that
// its successor would have to take over. Where anything else changes in the machine, it goes first.

import type { Gate } from '../domain/announce.ts';
import { ModuleError } from '../domain/module-error.ts';
import { CHANNEL_FREE, S_STATE } from '../../kernel/abi/channel.ts';
import { MAX_CHANNELS } from '../../kernel/abi/limits.ts';
import { LOAD_AGAIN } from '../../kernel/abi/module.ts';
import { wordOf } from './channels.ts';
import { MachineDied } from './control.ts';
import type { Driver } from './driver.ts';
import { refer } from './files.ts';
import type { Incarnation, IncarnationEvents } from './incarnation.ts';
import { readRanges } from './inspect.ts';
import type { KernelLife } from './life.ts';
import type { Answer } from './protocol.ts';

/** Channels that are left to others. */
const OTHERS = 4;
/** ms after a restart in which nobody who recovers is disturbed. */
const AFTER_MS = 50;

export interface Successor {
  readonly incarnation: Incarnation;
  /** How the kernel has taken it; null where it has not, and the driver has to be loaded anew. */
  readonly announced: Promise<Answer<Gate[]> | null>;
}

export interface StandbyHands {
  /** Takes a channel and a home for a driver; throws ModuleError, MachineDied. */
  prepare(driver: Driver, life: KernelLife, events: IncarnationEvents): Promise<Incarnation>;
  events(driver: Driver, life: KernelLife): IncarnationEvents;
  begin(driver: Driver, incarnation: Incarnation): void;
  bury(incarnation: Incarnation): Promise<void>;
  /** Whether a driver that dies now is restarted at once, and needs nobody for it. */
  foreseen(driver: Driver): boolean;
}

interface Waiting extends Successor {
  readonly driver: Driver;
  readonly life: KernelLife;
  /** Whether it has become the driver's incarnation. */
  taken: boolean;
}

export class Standby {
  private readonly hands: StandbyHands;
  private waiting: Waiting | null = null;
  /** For whom a successor is to be made ready. */
  private next: { driver: Driver; life: KernelLife } | null = null;
  private timer: unknown = null;
  /** What is being made ready or taken apart, one after the other. */
  private work: Promise<void> = Promise.resolve();

  constructor(hands: StandbyHands) {
    this.hands = hands;
  }

  /** The incarnation that waits, or that serves already and nobody has taken yet. */
  get incarnation(): Incarnation | null {
    return this.waiting?.incarnation ?? null;
  }

  get driver(): Driver | null {
    return this.waiting?.driver ?? null;
  }

  /** A driver has been restarted: some time later a successor of it stands ready. */
  later(driver: Driver, life: KernelLife): void {
    this.next = { driver, life };
    clearTimeout(this.timer);
    const ms = this.hands.foreseen(driver) ? AFTER_MS : driver.policy.backoff.stableMs;
    this.timer = setTimeout(() => void this.ready(), ms);
  }

  /** Makes that successor ready now, where there can be one. */
  async ready(): Promise<void> {
    clearTimeout(this.timer);
    const { next } = this;
    this.next = null;
    if (next) await this.inTurn(() => this.arm(next.driver, next.life));
  }

  private async arm(driver: Driver, life: KernelLife): Promise<void> {
    if (this.waiting?.driver === driver || !this.possible(driver, life)) return;
    await this.dismiss();
    const before = driver.incarnation;
    let waiting: Waiting | null = null;
    const events = this.hands.events(driver, life);
    const incarnation = await this.prepare(driver, life, {
      ...events,
      // Before it is anybody's, its death is no driver's.
      died: (...death) => {
        if (waiting?.taken) events.died(...death);
        else if (waiting && waiting === this.waiting) void this.dismiss();
      },
    });
    if (!incarnation || !before) return;
    if (incarnation.ended || driver.incarnation !== before || !this.possible(driver, life)) {
      void this.hands.bury(incarnation);
      return;
    }
    this.hands.begin(driver, incarnation);
    const { channel, generation } = before;
    const announced = life.control.methods.expect({
      ...{ of: { channel, generation }, name: driver.loaded.name, file: refer(life.thread, driver.loaded) },
      ...{ flags: driver.options.flags | LOAD_AGAIN, channel: incarnation.channel },
    });
    announced.catch(() => {}); // the kernel has died, of which everybody hears
    this.waiting = waiting = { driver, life, incarnation, announced, taken: false };
  }

  /** @returns null where there is no thread, no channel or no kernel */
  private async prepare(
    driver: Driver,
    life: KernelLife,
    events: IncarnationEvents,
  ): Promise<Incarnation | null> {
    try {
      return await this.hands.prepare(driver, life, events);
    } catch (error) {
      if (error instanceof ModuleError || error instanceof MachineDied) return null;
      throw error;
    }
  }

  private possible(driver: Driver, life: KernelLife): boolean {
    const { incarnation, place, state, leaving, loaded } = driver;
    if (place !== 'worker' || state !== 'up' || leaving || life.dead) return false;
    if (!incarnation || incarnation.ended || incarnation.fenced || incarnation.life !== life) return false;
    const states = Array.from({ length: MAX_CHANNELS }, (_, channel) =>
      Atomics.load(life.words, wordOf(channel, S_STATE)),
    );
    const free = states.filter((held) => held === CHANNEL_FREE).length;
    return free > OTHERS && this.hands.foreseen(driver) && readRanges(life.memory, loaded.name) === null;
  }

  /** The successor of a driver that has died, which is its incarnation from now on; null where none waits. */
  take(driver: Driver, life: KernelLife): Successor | null {
    const { waiting } = this;
    if (waiting?.driver !== driver || waiting.life !== life) return null;
    this.waiting = null;
    waiting.taken = true;
    return waiting;
  }

  /** Nobody is to wait any more. Resolves when the kernel expects nobody. */
  async dismissed(): Promise<void> {
    await this.inTurn(() => this.dismiss());
  }

  private async dismiss(): Promise<void> {
    const { waiting } = this;
    if (!waiting) return;
    this.waiting = null;
    void this.hands.bury(waiting.incarnation);
    if (!waiting.life.dead) await waiting.life.control.methods.forgetHeir().catch(() => {}); // as above
  }

  /** The kernel is dead. */
  end(): void {
    const { waiting } = this;
    clearTimeout(this.timer);
    this.next = this.waiting = null;
    if (waiting) void this.hands.bury(waiting.incarnation);
  }

  private inTurn(act: () => Promise<void>): Promise<void> {
    return (this.work = this.work.then(act));
  }
}
