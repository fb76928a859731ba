// Loads a driver into a domain outside the kernel: a hot standby takes over (./standby.ts), or a new incarnation is started and
// announced to the kernel while it is loaded.

import type { Gate } from '../../domain/announce.ts';
import type { Fault } from '../../domain/fault.ts';
import { formatWarning, type OopsContext } from '../../domain/oops.ts';
import { ModuleError } from '../../domain/module-error.ts';
import { transportOf } from '../../ipc/transport.ts';
import { EIO } from '../../../kernel/abi/errno.ts';
import { LEVEL_WARNING } from '../../../kernel/abi/log.ts';
import { driversIn } from './driver-death.ts';
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
  /** @param clean the driver was refused */
  endIncarnation(incarnation: Incarnation, clean: boolean): Promise<void>;
  /** Whether a driver that dies now is restarted at once. */
  restartsAtOnce(driver: Driver): boolean;
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
    services: MachineServices,
    drivers: Iterable<Driver>,
    registry: Registry,
    driverHosts: DriverHosts,
    preservedStates: PreservedStates,
    callbacks: LoadingCallbacks,
  ) {
    this.services = services;
    this.drivers = drivers;
    this.registry = registry;
    this.driverHosts = driverHosts;
    this.preservedStates = preservedStates;
    this.callbacks = callbacks;
    const standsBy = services.hotStandby && !transportOf(services.transport).eventful;
    const { resources } = services;
    this.standby = new Standby({
      prepare: (driver, life, events) => this.prepare(driver, life, events, true),
      events: (driver, life) => this.eventsOf(driver, life),
      begin: ({ loaded, options, place }, incarnation) => {
        incarnation.begin(loaded, options, [], services.images, null);
        driverHosts.prepare(place, false); // it may have taken the spare
      },
      endIncarnation: (...words) => void callbacks.endIncarnation(...words),
      keepMemory: (memory) => resources.keepMemory(memory),
      releaseMemory: (memory) => resources.releaseMemory(memory),
      track: (work) => services.track(work),
      sharingHost: (driver) => {
        const pool = poolOf(driver.place);
        return pool === null ? [driver] : [...drivers].filter(({ place }) => poolOf(place) === pool);
      },
      independent: (driver) => standsBy && driver.place !== 'kernel' && registry.answerIsKnown(driver),
      restartsAtOnce: (driver) => callbacks.restartsAtOnce(driver),
    });
  }

  /** Loads a driver. Throws ModuleError when it was refused or has died in its init, MachineDied. */
  async load(driver: Driver): Promise<void> {
    const life = this.services.alive();
    await this.registry.awaitOwners(driver, life); // before it takes a thread
    // A first load needs a channel, which a successor may hold.
    if (driver.restarts === 0)
      return this.standby.withoutSuccessors(driver, () => this.loadAnew(driver, life));
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
        return incarnation.untilLive(deadlineMs);
      };
      const answerIsKnown = this.registry.answerIsKnown(driver) && !this.preservedStates.has(loaded.name);
      const announced = this.registry.announce(driver, life, incarnation);
      const live = answerIsKnown ? start([]) : announced.then(start);
      // A driver that is live was announced, also where that answer comes later. A death before that answer would be lost
      // if this waited for it.
      await Promise.race([live, announced.then(() => live)]);
    } catch (error) {
      driver.lostOwner = ownerThatDied();
      this.discard(driver, incarnation, error instanceof ModuleError);
      throw error;
    }
  }

  /** Has a hot standby take over. @returns whether there was one; throws where it has died in its init */
  private async failOver(driver: Driver, life: KernelLife): Promise<boolean> {
    const successor = this.standby.take(driver, life);
    if (!successor) return false;
    const { incarnation, announced, death } = successor;
    driver.incarnation = incarnation;
    let taken = false;
    try {
      if (death) this.callbacks.died(driver, ...death);
      else taken = await this.awaitTakeover(incarnation, announced);
      if (incarnation.ended)
        throw new ModuleError(EIO, 'it died before the end of its predecessor was known');
      if (taken) incarnation.entries = this.registry.entriesOf(driver, life);
      return taken;
    } finally {
      // None of the code of a successor that was not announced has run.
      if (!taken || incarnation.ended) this.discard(driver, incarnation, !death && !incarnation.ended);
      this.standby.releaseDead(successor);
    }
  }

  /** Whether the kernel has announced a successor, which is live then; throws where that has died in its init. */
  private async awaitTakeover(incarnation: Incarnation, announced: Successor['announced']): Promise<boolean> {
    const live = incarnation.untilLive(this.services.deadlineMs).then((): 'live' => 'live');
    live.catch(() => {}); // unhandled where it was not announced
    // A successor that is live was announced, also where that answer comes later.
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
      files: (memory) => driversIn(memory, this.drivers).map(({ loaded }) => loaded),
      warned: (fault) =>
        life.log(LEVEL_WARNING, formatWarning(fault, callbacks.context(driver, life, fault))),
      unloaded: (report) => (driver.unloaded = report),
    };
  }

  /** Ends an incarnation that was refused, or has died while it was loaded. */
  private discard(driver: Driver, incarnation: Incarnation, clean: boolean): void {
    if (driver.incarnation === incarnation) driver.incarnation = null;
    driver.deadChannels.add(incarnation.channel);
    void this.callbacks.endIncarnation(incarnation, clean);
  }
}
