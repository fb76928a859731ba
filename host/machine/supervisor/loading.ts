// How a driver comes into a domain of its own: by a successor that stood ready (./standby.ts), or by a new incarnation, which is
// announced to the kernel while it is loaded.

import type { Gate } from '../../domain/announce.ts';
import type { Fault } from '../../domain/fault.ts';
import { formatWarning, type OopsContext } from '../../domain/oops.ts';
import { ModuleError } from '../../domain/module-error.ts';
import { transportOf } from '../../ipc/transport.ts';
import { EIO } from '../../../kernel/abi/errno.ts';
import { LEVEL_WARNING } from '../../../kernel/abi/log.ts';
import { livingIn } from './driver-death.ts';
import type { Driver, MachineServices } from './driver.ts';
import type { PreservedStates } from './preserved-states.ts';
import type { DriverHosts } from './driver-hosts.ts';
import { Incarnation, type IncarnationEvents } from './incarnation.ts';
import type { KernelLife } from './kernel-life.ts';
import { watchOwners } from './symbol-owners.ts';
import { poolOf } from '../shared/place.ts';
import type { Registry } from './registration.ts';
import { Standby, type Successor } from './standby.ts';

/** What the drivers do for a load. */
export interface LoadingCallbacks {
  died(driver: Driver, ...death: Parameters<IncarnationEvents['died']>): void;
  context(driver: Driver, life: KernelLife, fault: Fault): OopsContext;
  /** @param clean it was refused */
  endIncarnation(incarnation: Incarnation, clean: boolean): Promise<void>;
  /** Whether a driver that dies now is restarted at once. */
  atOnce(driver: Driver): boolean;
}

export class Loading {
  readonly standby: Standby;
  private readonly services: MachineServices;
  private readonly drivers: Iterable<Driver>;
  private readonly registry: Registry;
  private readonly driverHosts: DriverHosts;
  private readonly preservedStates: PreservedStates;
  private readonly callbacks: LoadingCallbacks;

  constructor(
    host: MachineServices,
    drivers: Iterable<Driver>,
    registry: Registry,
    driverHosts: DriverHosts,
    preservedStates: PreservedStates,
    callbacks: LoadingCallbacks,
  ) {
    this.services = host;
    this.drivers = drivers;
    this.registry = registry;
    this.driverHosts = driverHosts;
    this.preservedStates = preservedStates;
    this.callbacks = callbacks;
    const standsBy = host.standsBy && !transportOf(host.transport).eventful;
    const { resources } = host;
    this.standby = new Standby({
      prepare: (driver, life, events) => this.prepare(driver, life, events, true),
      events: (driver, life) => this.eventsOf(driver, life),
      begin: ({ loaded, options, place }, incarnation) => {
        incarnation.begin(loaded, options, [], host.images, null);
        driverHosts.prepare(place, false); // it may have taken the spare
      },
      endIncarnation: (...words) => void callbacks.endIncarnation(...words),
      keepMemory: (memory) => resources.keepMemory(memory),
      releaseMemory: (memory) => resources.releaseMemory(memory),
      track: (work) => host.track(work),
      together: (driver) => {
        const pool = poolOf(driver.place);
        return pool === null ? [driver] : [...drivers].filter(({ place }) => poolOf(place) === pool);
      },
      alone: (driver) => standsBy && driver.place !== 'kernel' && registry.foreseen(driver),
      atOnce: (driver) => callbacks.atOnce(driver),
    });
  }

  /** Loads a driver. Throws ModuleError when it was refused or has died in its init, MachineDied. */
  async load(driver: Driver): Promise<void> {
    const life = this.services.alive();
    await this.registry.awaitOwners(driver, life); // before it takes a thread
    if (driver.restarts === 0) return this.standby.without(driver, () => this.loadAnew(driver, life)); // a channel is wanted
    if (!(await this.failOver(driver, life))) await this.loadAnew(driver, life);
  }

  private async loadAnew(driver: Driver, life: KernelLife): Promise<void> {
    const { loaded, options } = driver;
    const ownerThatDied = watchOwners(loaded, this.drivers);
    const { images, deadlineMs } = this.services;
    const incarnation = await this.prepare(driver, life, this.eventsOf(driver, life), false);
    if (driver.restarts === 0) this.driverHosts.prepare(driver.place, true);
    driver.incarnation = incarnation;
    try {
      const start = (gates: Gate[]): Promise<void> => {
        incarnation.begin(loaded, options, gates, images, this.preservedStates.of(loaded.name, life.memory));
        return incarnation.live(deadlineMs);
      };
      const foreseen = this.registry.foreseen(driver) && !this.preservedStates.has(loaded.name);
      const announced = this.registry.announce(driver, life, incarnation);
      const live = foreseen ? start([]) : announced.then(start);
      // Who is live was announced, whenever that answer comes; a death that is heard first would be nobody's.
      await Promise.race([live, announced.then(() => live)]);
    } catch (error) {
      driver.lostOwner = ownerThatDied();
      this.lose(driver, incarnation, error instanceof ModuleError);
      throw error;
    }
  }

  /** A successor that stood ready takes a driver's place. @returns whether there was one; throws where it has died in its init */
  private async failOver(driver: Driver, life: KernelLife): Promise<boolean> {
    const successor = this.standby.take(driver, life);
    if (!successor) return false;
    const { incarnation, announced, death } = successor;
    driver.incarnation = incarnation;
    let taken = false;
    try {
      if (death) this.callbacks.died(driver, ...death);
      else taken = await this.isTaken(incarnation, announced);
      if (incarnation.ended)
        throw new ModuleError(EIO, 'it died before the end of its predecessor was known');
      if (taken) incarnation.entries = this.registry.entriesOf(driver, life);
      return taken;
    } finally {
      // Where it was not announced, none of its code has run.
      if (!taken || incarnation.ended) this.lose(driver, incarnation, !death && !incarnation.ended);
      this.standby.settle(successor);
    }
  }

  /** Whether the kernel has taken a successor, which is live then; throws where that has died in its init. */
  private async isTaken(incarnation: Incarnation, announced: Successor['announced']): Promise<boolean> {
    const live = incarnation.live(this.services.deadlineMs).then((): 'live' => 'live');
    live.catch(() => {}); // where it was not announced nobody waits for it
    // Who is live was announced, whenever that answer comes.
    const answer = await Promise.race([announced, live]);
    if (answer !== 'live' && !answer?.ok) return false;
    await live;
    return true;
  }

  private prepare(
    driver: Driver,
    life: KernelLife,
    events: IncarnationEvents,
    ahead: boolean,
  ): Promise<Incarnation> {
    return Incarnation.prepare(life, events, () => this.driverHosts.open(driver.place, life, ahead));
  }

  private eventsOf(driver: Driver, life: KernelLife): IncarnationEvents {
    const { callbacks } = this;
    return {
      died: (...death) => callbacks.died(driver, ...death),
      files: (memory) => livingIn(memory, this.drivers).map(({ loaded }) => loaded),
      warned: (fault) =>
        life.log(LEVEL_WARNING, formatWarning(fault, callbacks.context(driver, life, fault))),
      unloaded: (report) => (driver.unloaded = report),
    };
  }

  /** An incarnation of a driver is none: it was refused, or has died while it was loaded. */
  private lose(driver: Driver, incarnation: Incarnation, clean: boolean): void {
    if (driver.incarnation === incarnation) driver.incarnation = null;
    driver.dead.add(incarnation.channel);
    void this.callbacks.endIncarnation(incarnation, clean);
  }
}
