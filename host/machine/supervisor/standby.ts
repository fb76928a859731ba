// A hot standby. One driver of a machine, or one pool with all of its drivers, has a successor that was prepared before the death.
// The successor is fully loaded on another thread, in a domain and with a channel of its own. Its init waits until the kernel
// announces it, at the moment when the driver is fenced (../kernel/failover.ts). The driver that has died last has the standby,
// because it is the likeliest to die next.
//
// There is a standby only where the policy restarts the driver at once, where the driver needs no other driver, and where it
// preserves no state. Any other change in the machine drops the standby first.

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

/** Free channels that a standby must leave to other drivers. */
const RESERVED_CHANNELS = 4;
/** ms from a restart to the preparation of a successor, so that it does not slow down a recovery. */
const DELAY_MS = 50;

/** How an incarnation died: the arguments of its `died` event. */
type DeathReport = Parameters<IncarnationEvents['died']>;

export interface Successor {
  readonly incarnation: Incarnation;
  /** The kernel's answer to its announcement; null where it was not announced, and the driver has to be loaded as usual. */
  readonly announced: Promise<Answer<Gate[]> | null>;
  /** How it has died; null while it lives. Its memory is kept until `releaseDead`. */
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
  /** Registers work that a shutdown waits for. */
  track(work: Promise<unknown>): void;
  /** The drivers in the same driver host, which die together; the driver is among them. */
  sharingHost(driver: Driver): readonly Driver[];
  /** Whether a driver can be restarted without other drivers. */
  independent(driver: Driver): boolean;
  /** Whether a driver that dies now is restarted at once. */
  restartsAtOnce(driver: Driver): boolean;
}

interface WaitingSuccessor extends Successor {
  readonly driver: Driver;
  readonly life: KernelLife;
  /** The incarnation that it takes over from. */
  readonly predecessor: Incarnation;
  /** Whether it has become the driver's incarnation. */
  taken: boolean;
}

export class Standby {
  private readonly callbacks: StandbyCallbacks;
  private readonly successors = new Map<Driver, WaitingSuccessor>();
  /** The driver for which successors are to be prepared next, and for the others in its driver host. */
  private next: { driver: Driver; life: KernelLife } | null = null;
  private timer: unknown = null;
  /** The preparations under way, which run one after the other. */
  private work: Promise<void> = Promise.resolve();
  /** How often a kernel has died: a preparation that began before a death is dropped. */
  private kernelDeaths = 0;
  /** How many changes of the machine are under way; none is prepared meanwhile. */
  private changes = 0;

  constructor(callbacks: StandbyCallbacks) {
    this.callbacks = callbacks;
  }

  /** The successors that wait, or that the kernel has announced and `take` has not returned yet; each with its driver. */
  [Symbol.iterator](): Iterator<{ readonly driver: Driver; readonly incarnation: Incarnation }> {
    return this.successors.values();
  }

  /** Schedules the preparation of a successor for a driver that was restarted, if its policy can ever allow one. */
  schedule(driver: Driver, life: KernelLife): void {
    if (!this.eligible(driver)) return;
    clearTimeout(this.timer);
    this.next = { driver, life };
    const ms = this.callbacks.restartsAtOnce(driver) ? DELAY_MS : driver.policy.backoff.stableMs + DELAY_MS;
    this.timer = setTimeout(() => void this.prepareNow(), ms);
  }

  /** Whether a driver can ever have a standby. */
  private eligible(driver: Driver): boolean {
    return (
      driver.state === 'up' && driver.policy.restart === 'permanent' && this.callbacks.independent(driver)
    );
  }

  /** Prepares the scheduled successor now, where there can be one. Resolves when no preparation is under way. */
  async prepareNow(): Promise<void> {
    clearTimeout(this.timer);
    const { next } = this;
    this.next = null;
    if (!next) return this.work;
    const { driver, life } = next;
    const prepared = this.work.then(() => this.prepareAll(this.callbacks.sharingHost(driver), life));
    this.work = prepared.catch(() => {}); // the caller gets the error
    this.callbacks.track(this.work);
    await prepared;
    const postponed = this.callbacks
      .sharingHost(driver)
      .find(
        (each) =>
          this.eligible(each) && each.incarnation?.life === life && !this.callbacks.restartsAtOnce(each),
      );
    if (postponed && !this.next) this.schedule(postponed, life);
  }

  private async prepareAll(drivers: readonly Driver[], life: KernelLife): Promise<void> {
    if (!drivers.some((driver) => this.canPrepare(driver, life))) return;
    const others = [...this.successors.values()].filter(({ driver }) => !drivers.includes(driver));
    await this.dismiss(others);
    if (others.some(({ driver }) => this.successors.has(driver))) return; // one that is about to be taken
    for (const driver of drivers) await this.prepareOne(driver, life);
  }

  private async prepareOne(driver: Driver, life: KernelLife): Promise<void> {
    const { kernelDeaths } = this;
    const predecessor = driver.incarnation;
    if (this.successors.has(driver) || !predecessor || !this.canPrepare(driver, life)) return;
    let waiting: WaitingSuccessor | null = null;
    const events = this.callbacks.events(driver, life);
    const incarnation = await this.openIncarnation(driver, life, {
      ...events,
      died: (...death) => {
        if (waiting?.taken) events.died(...death);
        else if (waiting && waiting === this.successors.get(driver)) this.died(waiting, death);
      },
    });
    if (!incarnation) return;
    const unchanged =
      driver.incarnation === predecessor && this.canPrepare(driver, life) && !incarnation.ended;
    if (!unchanged || kernelDeaths !== this.kernelDeaths)
      return this.callbacks.endIncarnation(incarnation, true);
    const { channel, generation } = incarnation;
    const announced = life.control.methods.expectSuccessor({
      ...{ of: { channel: predecessor.channel, generation: predecessor.generation }, channel, generation },
      ...{ name: driver.loaded.name, file: refer(life.thread, driver.loaded) },
      flags: driver.options.flags | LOAD_AGAIN,
    });
    announced.catch(() => {}); // the kernel has died, which is handled elsewhere
    this.callbacks.begin(driver, incarnation); // after expectSuccessor: the kernel's thread loads only what it expects
    waiting = { driver, life, predecessor, incarnation, announced, death: null, taken: false };
    this.successors.set(driver, waiting);
  }

  /** A successor has died before `take`. */
  private died(waiting: WaitingSuccessor, death: DeathReport): void {
    // Where the driver is fenced the successor may have been announced. Then this is one more death of the driver, which the
    // supervisor counts when it hears of the first.
    if (!waiting.predecessor.fenced) return void this.drop(waiting);
    waiting.death = death;
    this.callbacks.keepMemory(waiting.incarnation.memory);
  }

  /** @returns null where there is no thread, no channel or no kernel */
  private async openIncarnation(
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

  private canPrepare(driver: Driver, life: KernelLife): boolean {
    const { incarnation, state, unloading, loaded } = driver;
    if (this.changes > 0 || state !== 'up' || unloading || life.dead) return false;
    if (!incarnation || incarnation.ending || incarnation.life !== life) return false;
    const states = Array.from({ length: MAX_CHANNELS }, (_, channel) =>
      Atomics.load(life.words, wordOf(channel, S_STATE)),
    );
    if (states.filter((held) => held === CHANNEL_FREE).length <= RESERVED_CHANNELS) return false;
    return (
      this.callbacks.independent(driver) &&
      this.callbacks.restartsAtOnce(driver) &&
      !readRanges(life.memory, loaded.name)
    );
  }

  /** Takes the successor of a driver that has died, which is its incarnation from now on; null where there is none. */
  take(driver: Driver, life: KernelLife): Successor | null {
    const waiting = this.successors.get(driver);
    if (waiting?.life !== life) return null;
    this.successors.delete(driver);
    waiting.taken = true;
    return waiting;
  }

  /** Releases the memory of a successor that had died before it was taken. */
  releaseDead({ death, incarnation }: Successor): void {
    if (death) this.callbacks.releaseMemory(incarnation.memory);
  }

  /**
   * Changes the machine while there is no standby.
   * @param driver its successor is dropped even where it may be announced already; another driver's is kept in that case, because
   *   it is about to be taken
   */
  async withoutSuccessors<T>(driver: Driver | undefined, act: () => Promise<T>): Promise<T> {
    this.changes++;
    try {
      await this.dismiss([...this.successors.values()], driver);
      return await act();
    } finally {
      this.changes--;
    }
  }

  /** Drops the successors that are not about to be taken, and in any case that of `driver`. */
  private async dismiss(all: readonly WaitingSuccessor[], driver?: Driver): Promise<void> {
    const dismissed = all.filter(({ predecessor, driver: of }) => !predecessor.fenced || of === driver);
    await Promise.all(dismissed.map((waiting) => this.drop(waiting)));
  }

  /** Drops a successor. Resolves when the kernel does not expect it any longer. */
  private async drop(waiting: WaitingSuccessor): Promise<void> {
    const { driver, life, predecessor, incarnation } = waiting;
    this.successors.delete(driver);
    this.releaseDead(waiting);
    const forgotten = life.dead ? null : life.control.methods.forgetSuccessor(incarnation.channel);
    this.callbacks.endIncarnation(incarnation, !predecessor.fenced);
    await forgotten?.catch(() => {}); // the kernel has died
  }

  /** Drops the successor of a driver that was given up or unloaded. */
  forget(driver: Driver): void {
    const waiting = this.successors.get(driver);
    if (waiting) void this.drop(waiting);
  }

  /** The kernel is dead. */
  end(): void {
    clearTimeout(this.timer);
    this.kernelDeaths++;
    this.next = null;
    for (const waiting of this.successors.values()) void this.drop(waiting);
  }
}
