// A hot standby: one driver of a machine has its successor ready before it dies, or one pool has those of all of its drivers,
// which die together. A successor is fully formed on another thread, in its own domain, behind its own channel; its init waits
// until the kernel has heard of it, which happens the moment that the driver is fenced (../kernel/failover.ts). Who has died once is
// the likeliest to die next.
//
// There is one only where the policy would restart the driver at once, where it needs no other driver and has left nothing that
// its successor would have to take over. Where anything else changes in the machine, it goes first.

import type { Gate } from '../../domain/announce.ts';
import { ModuleError } from '../../domain/module-error.ts';
import { CHANNEL_FREE, S_STATE } from '../../../kernel/abi/channel.ts';
import { MAX_CHANNELS } from '../../../kernel/abi/limits.ts';
import { LOAD_AGAIN } from '../../../kernel/abi/module.ts';
import { wordOf } from '../shared/channel-words.ts';
import { MachineDied } from '../shared/control.ts';
import type { Driver } from './driver.ts';
import { refer } from '../shared/module-files.ts';
import type { Incarnation, IncarnationEvents } from './incarnation.ts';
import { readRanges } from '../shared/store-entries.ts';
import type { KernelLife } from './kernel-life.ts';
import type { Answer } from '../shared/protocol.ts';

/** Channels that are left to others. */
const OTHERS = 4;
/** ms after a restart in which nobody who recovers is disturbed. */
const AFTER_MS = 50;

/** How an incarnation died, as it says itself. */
type DeathReport = Parameters<IncarnationEvents['died']>;

export interface Successor {
  readonly incarnation: Incarnation;
  /** How the kernel has taken it; null where it has not, and the driver has to be loaded anew. */
  readonly announced: Promise<Answer<Gate[]> | null>;
  /** How it has died already; null while it lives. Its memory is kept until then. */
  death: DeathReport | null;
}

export interface StandbyCallbacks {
  /** Takes a channel and a driver host for a driver; throws ModuleError, MachineDied. */
  prepare(driver: Driver, life: KernelLife, events: IncarnationEvents): Promise<Incarnation>;
  events(driver: Driver, life: KernelLife): IncarnationEvents;
  begin(driver: Driver, incarnation: Incarnation): void;
  /** @param clean none of its code has run */
  endIncarnation(incarnation: Incarnation, clean: boolean): void;
  keepMemory(memory: WebAssembly.Memory): void;
  releaseMemory(memory: WebAssembly.Memory): void;
  /** Something that a shutdown waits for. */
  track(work: Promise<unknown>): void;
  /** Those who die with a driver, itself among them. */
  together(driver: Driver): readonly Driver[];
  /** Whether a driver needs nobody for a restart. */
  alone(driver: Driver): boolean;
  /** Whether a driver that dies now is restarted at once. */
  atOnce(driver: Driver): boolean;
}

interface WaitingSuccessor extends Successor {
  readonly driver: Driver;
  readonly life: KernelLife;
  /** Whose end it waits for. */
  readonly before: Incarnation;
  /** Whether it has become the driver's incarnation. */
  taken: boolean;
}

export class Standby {
  private readonly callbacks: StandbyCallbacks;
  private readonly waiting = new Map<Driver, WaitingSuccessor>();
  /** For whom, and for those who die with it, a successor is to be made ready. */
  private next: { driver: Driver; life: KernelLife } | null = null;
  private timer: unknown = null;
  /** What is being made ready, one after the other. */
  private work: Promise<void> = Promise.resolve();
  /** How often a kernel has died: what was begun before is not wanted. */
  private ends = 0;
  /** Those who change something in the machine, during which nobody is made ready. */
  private changes = 0;

  constructor(callbacks: StandbyCallbacks) {
    this.callbacks = callbacks;
  }

  /** Those that wait, or that serve already and nobody has taken yet, and whose successors they are. */
  [Symbol.iterator](): Iterator<{ readonly driver: Driver; readonly incarnation: Incarnation }> {
    return this.waiting.values();
  }

  /** A driver has been restarted: some time later a successor of it stands ready, if ever its policy allows one. */
  later(driver: Driver, life: KernelLife): void {
    if (!this.hoped(driver)) return;
    clearTimeout(this.timer);
    this.next = { driver, life };
    const ms = this.callbacks.atOnce(driver) ? AFTER_MS : driver.policy.backoff.stableMs + AFTER_MS;
    this.timer = setTimeout(() => void this.ready(), ms);
  }

  /** Whether there may be a successor of a driver some time. */
  private hoped(driver: Driver): boolean {
    return driver.state === 'up' && driver.policy.restart === 'permanent' && this.callbacks.alone(driver);
  }

  /** Makes that successor ready now, where there can be one; resolves when nothing of the kind is under way. */
  async ready(): Promise<void> {
    clearTimeout(this.timer);
    const { next } = this;
    this.next = null;
    if (!next) return this.work;
    const { driver, life } = next;
    const armed = this.work.then(() => this.armAll(this.callbacks.together(driver), life));
    this.work = armed.catch(() => {}); // who asked is told
    this.callbacks.track(this.work);
    await armed;
    const young = this.callbacks
      .together(driver)
      .find((each) => this.hoped(each) && each.incarnation?.life === life && !this.callbacks.atOnce(each));
    if (young && !this.next) this.later(young, life);
  }

  private async armAll(drivers: readonly Driver[], life: KernelLife): Promise<void> {
    if (!drivers.some((driver) => this.possible(driver, life))) return;
    const others = [...this.waiting.values()].filter(({ driver }) => !drivers.includes(driver));
    await this.dismiss(others);
    if (others.some(({ driver }) => this.waiting.has(driver))) return; // one that is about to be taken
    for (const driver of drivers) await this.arm(driver, life);
  }

  private async arm(driver: Driver, life: KernelLife): Promise<void> {
    const { ends } = this;
    const before = driver.incarnation;
    if (this.waiting.has(driver) || !before || !this.possible(driver, life)) return;
    let waiting: WaitingSuccessor | null = null;
    const events = this.callbacks.events(driver, life);
    const incarnation = await this.prepare(driver, life, {
      ...events,
      died: (...death) => {
        if (waiting?.taken) events.died(...death);
        else if (waiting && waiting === this.waiting.get(driver)) this.died(waiting, death);
      },
    });
    if (!incarnation) return;
    const still = driver.incarnation === before && this.possible(driver, life) && !incarnation.ended;
    if (!still || ends !== this.ends) return this.callbacks.endIncarnation(incarnation, true);
    const { channel, generation } = incarnation;
    const announced = life.control.methods.expectSuccessor({
      ...{ of: { channel: before.channel, generation: before.generation }, channel, generation },
      ...{ name: driver.loaded.name, file: refer(life.thread, driver.loaded) },
      flags: driver.options.flags | LOAD_AGAIN,
    });
    announced.catch(() => {}); // the kernel has died, of which everybody hears
    this.callbacks.begin(driver, incarnation); // behind that: the kernel's thread does not load whom nobody expects
    waiting = { driver, life, before, incarnation, announced, death: null, taken: false };
    this.waiting.set(driver, waiting);
  }

  /** A successor has died before anybody took it. */
  private died(waiting: WaitingSuccessor, death: DeathReport): void {
    // It was announced, or may have been: that is one death more of its driver, who is about to be known to be dead.
    if (!waiting.before.fenced) return void this.drop(waiting);
    waiting.death = death;
    this.callbacks.keepMemory(waiting.incarnation.memory);
  }

  /** @returns null where there is no thread, no channel or no kernel */
  private async prepare(
    driver: Driver,
    life: KernelLife,
    events: IncarnationEvents,
  ): Promise<Incarnation | null> {
    try {
      return await this.callbacks.prepare(driver, life, events);
    } catch (error) {
      if (error instanceof ModuleError || error instanceof MachineDied) return null;
      throw error;
    }
  }

  private possible(driver: Driver, life: KernelLife): boolean {
    const { incarnation, state, leaving, loaded } = driver;
    if (this.changes > 0 || state !== 'up' || leaving || life.dead) return false;
    if (!incarnation || incarnation.doomed || incarnation.life !== life) return false;
    const states = Array.from({ length: MAX_CHANNELS }, (_, channel) =>
      Atomics.load(life.words, wordOf(channel, S_STATE)),
    );
    if (states.filter((held) => held === CHANNEL_FREE).length <= OTHERS) return false;
    return (
      this.callbacks.alone(driver) && this.callbacks.atOnce(driver) && !readRanges(life.memory, loaded.name)
    );
  }

  /** The successor of a driver that has died, which is its incarnation from now on; null where none waits. */
  take(driver: Driver, life: KernelLife): Successor | null {
    const waiting = this.waiting.get(driver);
    if (waiting?.life !== life) return null;
    this.waiting.delete(driver);
    waiting.taken = true;
    return waiting;
  }

  /** What was kept of a successor that had died when it was taken is not needed any more. */
  settle({ death, incarnation }: Successor): void {
    if (death) this.callbacks.releaseMemory(incarnation.memory);
  }

  /**
   * Does something while nobody waits.
   * @param driver its successor goes even where it may serve already; that of another is left to who is about to take it
   */
  async without<T>(driver: Driver | undefined, act: () => Promise<T>): Promise<T> {
    this.changes++;
    try {
      await this.dismiss([...this.waiting.values()], driver);
      return await act();
    } finally {
      this.changes--;
    }
  }

  /** Sends those away who are not about to be taken, and in any case that of `driver`. */
  private async dismiss(all: readonly WaitingSuccessor[], driver?: Driver): Promise<void> {
    const gone = all.filter(({ before, driver: of }) => !before.fenced || of === driver);
    await Promise.all(gone.map((waiting) => this.drop(waiting)));
  }

  /** Resolves when the kernel expects it no longer. */
  private async drop(waiting: WaitingSuccessor): Promise<void> {
    const { driver, life, before, incarnation } = waiting;
    this.waiting.delete(driver);
    this.settle(waiting);
    const forgotten = life.dead ? null : life.control.methods.forgetSuccessor(incarnation.channel);
    this.callbacks.endIncarnation(incarnation, !before.fenced);
    await forgotten?.catch(() => {}); // as above
  }

  /** A driver was given up, or is gone. */
  lost(driver: Driver): void {
    const waiting = this.waiting.get(driver);
    if (waiting) void this.drop(waiting);
  }

  /** The kernel is dead. */
  end(): void {
    clearTimeout(this.timer);
    this.ends++;
    this.next = null;
    for (const waiting of this.waiting.values()) void this.drop(waiting);
  }
}
