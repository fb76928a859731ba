// The drivers of a machine: loading, unloading, and the notice of a death. A driver whose place is the kernel is a module of
// the kernel's domain; everywhere else it has an incarnation. ./supervise.ts restarts a driver that has died.

import type { Fault } from '../../domain/fault.ts';
import { formatOops, type OopsContext } from '../../domain/oops.ts';
import type { LoadedModule } from '../../domain/loaded.ts';
import type { Persistent, Unloaded } from '../../domain/loader.ts';
import { asInsmod, insmodError, ModuleError, rmmodError } from '../../domain/module-error.ts';
import { keyOf } from '../../linker/module/alias.ts';
import { EBUSY, EEXIST, EIO, ENOENT, ENOEXEC, ETIMEDOUT } from '../../../kernel/abi/errno.ts';
import { LEVEL_ALERT } from '../../../kernel/abi/log.ts';
import { Killed, MachineDied, ignoreMachineDied, unwrap } from '../shared/control.ts';
import { DriverHosts } from './driver-hosts.ts';
import type { Driver, MachineServices } from './driver.ts';
import { detectedByComplaint, deathContext, snapshotDomain } from './driver-death.ts';
import { PreservedStates } from './preserved-states.ts';
import { readSymbols } from '../shared/file-symbols.ts';
import type { Incarnation } from './incarnation.ts';
import type { KernelLife } from './kernel-life.ts';
import { Loading } from './loading.ts';
import { ownersFirst, ownersOf } from './symbol-owners.ts';
import { defaultPlace, type Place } from '../shared/place.ts';
import type { Answer, Notice } from '../shared/protocol.ts';
import { Registry } from './registration.ts';
import { Supervisor, type SupervisorCallbacks, type SupervisorOptions } from './supervise.ts';
import { nextTask, pause } from '../shared/task.ts';
import type { DetectedBy, DriverStatus, UnloadReport } from '../shared/types.ts';
import { updateDriver } from './update.ts';

/** Names of the kernel's own images, which no module may have: the frames of a fault are told apart by name. */
const IMAGE_NAMES = new Set(['kernel', 'domain', 'driver-loop', 'user'].map(keyOf));

/** The most ms from a death to the text of its oops. The text takes longer than a restart, so the restart is done first. */
const OOPS_DELAY_MS = 10;

const NOTHING_LEAKED: Unloaded = { leakedBytes: 0, leakedObjects: 0, persistent: new Map() };

export class Drivers {
  /** Incarnations that were given up and whose thread is not known to have ended. */
  zombies = 0;
  private readonly services: MachineServices;
  private readonly byKey = new Map<string, Driver>();
  private readonly registry: Registry;
  private readonly driverHosts: DriverHosts;
  private lastUnloaded: string | null = null;
  /** Values of persistent parameters of unloaded modules. */
  private readonly persistent = new Map<string, Persistent>();
  private readonly supervisor: Supervisor<Driver>;
  private readonly callbacks: SupervisorCallbacks<Driver>;
  /** Checks the drivers' heartbeats while there is a kernel. */
  private heartbeatTimer: unknown = null;

  /** The preserved states of drivers that have died. */
  private readonly preservedStates: PreservedStates;
  private readonly loading: Loading;

  constructor(services: MachineServices, options: SupervisorOptions) {
    const { resources } = services;
    this.services = services;
    this.driverHosts = new DriverHosts(services);
    this.registry = new Registry(this, services.images.domain);
    this.preservedStates = new PreservedStates(services);
    this.callbacks = {
      drivers: this,
      now: () => resources.platform.now(),
      setState: (driver, state) => this.setState(driver, state),
      endIncarnation: (driver) => {
        if (driver.incarnation) {
          driver.deadChannels.add(driver.incarnation.channel);
          void this.endIncarnation(driver.incarnation);
        }
        driver.incarnation = null;
      },
      cancelRequests: (driver, life) => void services.recover(() => this.cancelRequests(driver, life)),
      load: (driver) => this.load(driver),
      recover: (work) => services.recover(work),
    };
    this.supervisor = new Supervisor<Driver>(this.callbacks, options);
    this.loading = new Loading(services, this, this.registry, this.driverHosts, this.preservedStates, {
      died: (driver, ...death) => this.died(driver, ...death),
      context: (driver, life, fault) => this.context(driver, life, fault),
      endIncarnation: (incarnation, clean) => this.endIncarnation(incarnation, clean),
      restartsAtOnce: (driver) => this.supervisor.restartsAtOnce(driver),
    });
  }

  [Symbol.iterator](): Iterator<Driver> {
    return this.byKey.values();
  }

  /** Whether the machine has panicked too often for the loss of one to be booted again. */
  get panickedTooOften(): boolean {
    return this.supervisor.panickedTooOften;
  }

  /** The drivers whose successors stand ready. */
  get standby(): string[] {
    return [...this.loading.standby].map(({ driver }) => driver.loaded.name);
  }

  get(name: string): Driver | undefined {
    return this.byKey.get(keyOf(name));
  }

  status(): DriverStatus[] {
    return [...this].map((driver) => ({
      name: driver.loaded.name,
      sha256: driver.loaded.sha256,
      place: driver.place,
      state: driver.state,
      generation: this.generation(driver),
      restarts: driver.restarts,
    }));
  }

  private generation(driver: Driver): number {
    return driver.place === 'kernel' ? 0 : driver.restarts + 1;
  }

  private setState(driver: Driver, state: DriverStatus['state']): void {
    driver.state = state;
    if (state === 'up') this.driverHosts.prepare(driver.place, false);
    if (state === 'up' || state === 'failed') this.preservedStates.release(driver.loaded.name);
    if (state === 'up') driver.deadChannels.clear();
    const { incarnation } = driver;
    const { standby } = this.loading;
    // A driver that has died is the likeliest to die next.
    if (state === 'up' && driver.restarts > 0 && incarnation) standby.schedule(driver, incarnation.life);
    if (state === 'failed' || state === 'ended') standby.forget(driver);
    this.registry.changed();
    const at = this.services.resources.platform.now();
    const { name } = driver.loaded;
    this.services.emit({ type: 'driver', at, module: name, state, generation: this.generation(driver) });
  }

  async insmod(loaded: LoadedModule, parameters: string, flags: number): Promise<void> {
    const life = this.services.alive();
    const { name } = loaded;
    const known = this.get(name);
    // A driver that was given up, has ended or waits for its restart is loaded nowhere.
    if (known && (known.state === 'starting' || known.state === 'up')) throw insmodError(name, EEXIST);
    if (IMAGE_NAMES.has(keyOf(name)))
      throw insmodError(name, ENOEXEC, `the name is the kernel's own: ${name}`);
    known?.recovery?.cancel();
    const persistent = this.persistent.get(keyOf(name)) ?? new Map<string, string>();
    const place = this.placeOf(name);
    const driver: Driver = {
      ...{ place, loaded, options: { parameters, flags, persistent }, state: 'starting', restarts: 0 },
      ...{ incarnation: null, unloaded: NOTHING_LEAKED, unloading: null, deadChannels: new Set<number>() },
      ...{ policy: this.supervisor.policyOf(loaded, life), deaths: [], upSince: 0 },
      ...{ cause: null, diedWithPool: false, lostOwner: null, recovery: null },
    };
    this.byKey.set(keyOf(name), driver);
    try {
      await this.load(driver);
    } catch (error) {
      const cancelled = known ? this.cancelRequests(known, life, true) : null;
      this.forget(name);
      await cancelled;
      throw error;
    }
    driver.upSince = this.services.resources.platform.now();
    this.setState(driver, 'up');
    const { images, resources } = this.services;
    if (place !== 'kernel') resources.whenIdle(() => readSymbols([loaded, images.domain, images.driverLoop]));
  }

  /** The place of a module of that name, loaded or not. */
  placeOf(name: string): Place {
    return this.services.places.get(keyOf(name)) ?? defaultPlace(this.services.placement);
  }

  /** Dead incarnations have no successor: the kernel answers the requests that wait for one and drops the preserved state. */
  private async cancelRequests(
    { deadChannels, loaded, place }: Driver,
    life: KernelLife,
    unloaded = false,
  ): Promise<void> {
    const channels = [...deadChannels];
    deadChannels.clear();
    if (place === 'kernel' || life.dead) return;
    await life.control.methods.cancelRequests(loaded.name, channels, unloaded).catch(ignoreMachineDied);
  }

  private forget(name: string): void {
    const driver = this.get(name);
    if (driver) this.loading.standby.forget(driver);
    this.byKey.delete(keyOf(name));
    this.preservedStates.release(name);
    this.registry.changed();
  }

  /** Loads every driver into a kernel that has just booted. A driver that is refused is given up; one that dies is restarted. */
  async reload(): Promise<void> {
    for (const driver of this) {
      driver.incarnation = null; // it ended with its kernel
      driver.deadChannels.clear();
    }
    for (const driver of ownersFirst(this)) {
      this.setState(driver, 'starting');
      driver.deaths = [];
      // Where an owner is being restarted only its user waits for it, not the drivers after that.
      const ownerRecovers = ownersOf(driver.loaded, this).some(({ recovery }) => recovery);
      const loaded = this.supervisor.reload(driver, this.services.alive());
      if (!ownerRecovers) await loaded;
      else void this.services.recover(() => loaded.catch(ignoreMachineDied));
    }
  }

  private async load(driver: Driver): Promise<void> {
    try {
      if (driver.place === 'kernel') return await this.loadIntoKernel(driver);
      this.startHeartbeats();
      await this.loading.load(driver);
    } catch (error) {
      throw asInsmod(driver.loaded.name, error);
    }
  }

  private async loadIntoKernel({ loaded, options }: Driver): Promise<void> {
    const life = this.services.alive();
    try {
      life.statics = unwrap(await life.control.methods.insmod(loaded, options));
    } catch (error) {
      if (!(error instanceof Killed)) throw error;
      throw insmodError(loaded.name, EIO, 'it died while it was loaded');
    }
  }

  /** @param clean the driver has run its cleanup, or was refused */
  private endIncarnation(incarnation: Incarnation, clean = false): Promise<void> {
    this.zombies++;
    const freed = incarnation.end(clean).finally(() => this.zombies--);
    this.services.track(freed);
    return freed;
  }

  /** Checks each driver's heartbeat once per deadline. */
  private startHeartbeats(): void {
    this.heartbeatTimer ??= setInterval(() => {
      for (const { state, incarnation } of this) if (state === 'up') incarnation?.checkHeartbeat();
    }, this.services.deadlineMs);
  }

  /** Makes a successor ready, where the policy allows one. */
  prepareStandby(): Promise<void> {
    return this.loading.standby.prepareNow();
  }

  /** The kernel is dead: ends every incarnation and cancels every recovery. */
  end(): void {
    clearInterval(this.heartbeatTimer);
    this.heartbeatTimer = null;
    this.registry.changed();
    this.preservedStates.releaseAll();
    this.loading.standby.end();
    for (const { incarnation, unloading, recovery } of this) {
      recovery?.cancel();
      if (incarnation) void this.endIncarnation(incarnation);
      unloading?.();
    }
  }

  /** The kernel has given up an incarnation. */
  complaint({ channel, generation, reason }: Extract<Notice, { type: 'complaint' }>): void {
    const owner = [...this.loading.standby, ...this].find(
      ({ incarnation }) => incarnation?.channel === channel && incarnation.generation === generation,
    );
    owner?.incarnation?.die(detectedByComplaint(reason), null);
  }

  /** Gives up a driver at once, without waiting for the end of its thread. Throws where it has no incarnation. */
  kill(name: string): void {
    const incarnation = this.get(name)?.incarnation;
    if (!incarnation) throw new Error(`module is not loaded: ${name}`);
    incarnation.die('operator', null);
  }

  private died(driver: Driver, by: DetectedBy, fault: Fault | null, caughtAt: number | null): void {
    const { name } = driver.loaded;
    const code = by === 'exit' ? (driver.incarnation?.exitCode ?? null) : null;
    driver.diedWithPool = driver.incarnation?.diedWithPool === true;
    const inInit = driver.state === 'starting' && !driver.diedWithPool;
    const cause = { by, code, inInit };
    driver.cause = cause;
    const at = this.services.resources.platform.now();
    this.services.emit({ type: 'fault', at, module: name, by, fault, caughtAt });
    const life = driver.incarnation?.life;
    if (!life || life.dead) return;
    const dead = { ...driver };
    const snapshot = snapshotDomain(driver, life, this);
    let onHandled = (): void => {};
    const handled = new Promise<void>((resolve) => (onHandled = resolve));
    const oops = Promise.race([handled, pause(OOPS_DELAY_MS)])
      .then(nextTask)
      .then(() => (fault ? formatOops(fault, this.context(dead, life, fault, snapshot)) : []));
    life.log(LEVEL_ALERT, oops);
    this.services.coreDumps.dump(dead, { by, fault }, oops);
    if (driver.incarnation) this.preservedStates.keep(name, driver.incarnation);
    // Where the driver is still being loaded, `load` rejects.
    if (driver.state === 'up' && this.get(name) === driver && !driver.unloading)
      return void this.services.recover(() => this.supervisor.died(driver, life, cause)).finally(onHandled);
    driver.unloading?.();
    onHandled();
  }

  private context(
    driver: Driver,
    life: KernelLife,
    fault: Fault,
    snapshot = snapshotDomain(driver, life, this),
  ): OopsContext {
    return deathContext(this.services, driver, life, fault, snapshot, [...this], this.lastUnloaded);
  }

  /**
   * Has the kernel unload a driver. A driver that dies in its cleanup is unloaded as well, and is not restarted.
   * @throws ModuleError, also where the driver is being unloaded already, or has just died
   */
  private async unload(driver: Driver, life: KernelLife, ask: () => Promise<Answer<number>>): Promise<void> {
    if (driver.unloading || driver.incarnation?.ended) throw rmmodError(driver.loaded.name, EBUSY);
    let died = false;
    const death = new Promise<void>((resolve) => {
      driver.unloading = () => resolve(void (died = true));
    });
    try {
      unwrap(await ask());
    } catch (error) {
      if (!(error instanceof ModuleError)) throw error;
      const inCleanup = error.errno === EIO || error.errno === ETIMEDOUT;
      if (!inCleanup || !driver.incarnation?.fenced) {
        const { cause } = driver;
        if (died && cause) void this.services.recover(() => this.supervisor.died(driver, life, cause));
        throw error;
      }
      await death; // the kernel hears of it before the supervisor
      if (life.dead) throw new MachineDied('the kernel has died while a driver was unloaded');
    } finally {
      driver.unloading = null;
    }
  }

  /** Puts another binary in a driver's place. @throws ModuleError */
  async update(next: LoadedModule, parameters: string | null): Promise<void> {
    await this.loading.standby.withoutSuccessors(this.get(next.name), () => this.updateNow(next, parameters));
  }

  private async updateNow(next: LoadedModule, parameters: string | null): Promise<void> {
    const life = this.services.alive();
    const retire = async (driver: Driver): Promise<void> => {
      await this.unload(driver, life, () => life.control.methods.replaceModule(driver.loaded.name));
      const { incarnation } = driver;
      if (!incarnation || incarnation.ended) return; // it died in its cleanup
      await this.endIncarnation(incarnation, true); // its `preserved` notice has arrived by then
      if (incarnation.preserved) this.preservedStates.keepCopy(driver.loaded.name, incarnation.preserved);
    };
    const isolated = this.placeOf(next.name) !== 'kernel';
    const callbacks = {
      ...this.callbacks,
      isolated,
      retire,
      giveUp: this.supervisor.giveUp.bind(this.supervisor),
    };
    await updateDriver(callbacks, this.get(next.name), life, next, parameters);
  }

  /** @throws ModuleError */
  async rmmod(asked: string, force: boolean): Promise<UnloadReport> {
    return this.loading.standby.withoutSuccessors(this.get(asked), () => this.rmmodNow(asked, force));
  }

  private async rmmodNow(asked: string, force: boolean): Promise<UnloadReport> {
    const life = this.services.alive();
    const driver = this.byKey.get(keyOf(asked));
    const name = driver?.loaded.name ?? asked;
    if (driver?.state === 'starting') throw rmmodError(name, EBUSY); // not live
    const { methods } = life.control;
    let report = NOTHING_LEAKED;
    if (driver ? driver.place === 'kernel' : this.placeOf(name) === 'kernel') {
      // The kernel is asked in any case: it keeps a module whose init died, which is no driver here.
      report = unwrap(await methods.rmmod(name, force));
      life.statics = life.statics.filter((data) => data.name !== name);
    } else if (!driver) {
      throw rmmodError(name, ENOENT);
    } else if (driver.incarnation) {
      await this.unload(driver, life, () => methods.deleteModule(name, force));
    }
    driver?.recovery?.cancel();
    const cancelled = driver ? this.cancelRequests(driver, life, true) : null;
    this.forget(name);
    this.lastUnloaded = name;
    if (driver?.incarnation) {
      await this.endIncarnation(driver.incarnation, true); // its `unloaded` notice has arrived by then
      report = driver.unloaded;
    }
    await cancelled;
    if (report.persistent.size > 0) this.persistent.set(keyOf(name), report.persistent);
    return { name, leakedBytes: report.leakedBytes, leakedObjects: report.leakedObjects };
  }
}
