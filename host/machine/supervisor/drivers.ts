// The drivers of a machine: loading, unloading, noticing that one has died. A driver whose place is the kernel is a module of
// the kernel's domain; everywhere else it has an incarnation. What becomes of one that has died is ./supervise.ts' to do.

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
import { complaintOf, deathContext, sceneOf } from './driver-death.ts';
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

/** Names of the kernel's own images: frames of a fault are told apart by name. */
const OWN_NAMES = new Set(['kernel', 'domain', 'driver-loop', 'user'].map(keyOf));

/** ms from a death to the text of its oops at the latest: it takes longer than a restart, which goes before. */
const TEXT_AFTER_MS = 10;

const NOTHING: Unloaded = { leakedBytes: 0, leakedObjects: 0, persistent: new Map() };

export class Drivers {
  /** Given up, but not known to have ended. */
  zombies = 0;
  private readonly services: MachineServices;
  private readonly known = new Map<string, Driver>();
  private readonly registry: Registry;
  private readonly driverHosts: DriverHosts;
  private lastUnloaded: string | null = null;
  /** Values of persistent parameters of modules that were unloaded. */
  private readonly persistent = new Map<string, Persistent>();
  private readonly supervisor: Supervisor<Driver>;
  private readonly callbacks: SupervisorCallbacks<Driver>;
  /** Looks at the drivers' pulses while there is a kernel. */
  private watch: unknown = null;

  /** What those have left that have died. */
  private readonly preservedStates: PreservedStates;
  private readonly loading: Loading;

  constructor(host: MachineServices, options: SupervisorOptions) {
    this.services = host;
    this.driverHosts = new DriverHosts(host);
    this.registry = new Registry(this, host.images.domain);
    this.preservedStates = new PreservedStates(host);
    this.callbacks = {
      drivers: this,
      now: () => host.resources.platform.now(),
      become: (driver, state) => this.become(driver, state),
      endIncarnation: (driver) => {
        if (driver.incarnation) {
          driver.dead.add(driver.incarnation.channel);
          void this.endIncarnation(driver.incarnation);
        }
        driver.incarnation = null;
      },
      cancelRequests: (driver, life) => void host.recover(() => this.cancelRequests(driver, life)),
      load: (driver) => this.load(driver),
      recover: (work) => host.recover(work),
    };
    this.supervisor = new Supervisor<Driver>(this.callbacks, options);
    this.loading = new Loading(host, this, this.registry, this.driverHosts, this.preservedStates, {
      died: (driver, ...death) => this.died(driver, ...death),
      context: (driver, life, fault) => this.context(driver, life, fault),
      endIncarnation: (incarnation, clean) => this.endIncarnation(incarnation, clean),
      atOnce: (driver) => this.supervisor.atOnce(driver),
    });
  }

  [Symbol.iterator](): Iterator<Driver> {
    return this.known.values();
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
    return this.known.get(keyOf(name));
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

  private become(driver: Driver, state: DriverStatus['state']): void {
    driver.state = state;
    if (state === 'up') this.driverHosts.prepare(driver.place, false);
    if (state === 'up' || state === 'failed') this.preservedStates.release(driver.loaded.name);
    if (state === 'up') driver.dead.clear();
    const { incarnation } = driver;
    const { standby } = this.loading;
    // Who has died is the likeliest to die next.
    if (state === 'up' && driver.restarts > 0 && incarnation) standby.later(driver, incarnation.life);
    if (state === 'failed' || state === 'ended') standby.lost(driver);
    this.registry.changed();
    const at = this.services.resources.platform.now();
    const { name } = driver.loaded;
    this.services.emit({ type: 'driver', at, module: name, state, generation: this.generation(driver) });
  }

  async insmod(loaded: LoadedModule, parameters: string, flags: number): Promise<void> {
    const life = this.services.alive();
    const { name } = loaded;
    const known = this.get(name);
    // One that was given up, has left or waits to be restarted is loaded nowhere.
    if (known && (known.state === 'starting' || known.state === 'up')) throw insmodError(name, EEXIST);
    if (OWN_NAMES.has(keyOf(name))) throw insmodError(name, ENOEXEC, `the name is the kernel's own: ${name}`);
    known?.recovery?.callOff();
    const persistent = this.persistent.get(keyOf(name)) ?? new Map<string, string>();
    const place = this.placeOf(name);
    const driver: Driver = {
      ...{ place, loaded, options: { parameters, flags, persistent }, state: 'starting', restarts: 0 },
      ...{ incarnation: null, unloaded: NOTHING, leaving: null },
      ...{ policy: this.supervisor.policyOf(loaded, life), deaths: [], upSince: 0 },
      ...{ cause: null, diedWithPool: false, lostOwner: null, recovery: null, dead: new Set<number>() },
    };
    this.known.set(keyOf(name), driver);
    try {
      await this.load(driver);
    } catch (error) {
      const cancelled = known ? this.cancelRequests(known, life, true) : null;
      this.forget(name);
      await cancelled;
      throw error;
    }
    driver.upSince = this.services.resources.platform.now();
    this.become(driver, 'up');
    const { images, resources } = this.services;
    if (place !== 'kernel') resources.whenIdle(() => readSymbols([loaded, images.domain, images.driverLoop]));
  }

  /** Where a module of that name lives, or would. */
  placeOf(name: string): Place {
    return this.services.places.get(keyOf(name)) ?? defaultPlace(this.services.placement);
  }

  /** Nobody comes after those who have died: what waits for a successor is answered, what was left to one goes. */
  private async cancelRequests(
    { dead, loaded, place }: Driver,
    life: KernelLife,
    unloaded = false,
  ): Promise<void> {
    const channels = [...dead];
    dead.clear();
    if (place === 'kernel' || life.dead) return;
    await life.control.methods.cancelRequests(loaded.name, channels, unloaded).catch(ignoreMachineDied);
  }

  private forget(name: string): void {
    const driver = this.get(name);
    if (driver) this.loading.standby.lost(driver);
    this.known.delete(keyOf(name));
    this.preservedStates.release(name);
    this.registry.changed();
  }

  /** Loads every driver into a kernel that has just booted; one that is refused is given up, one that dies is restarted. */
  async reload(): Promise<void> {
    for (const driver of this) {
      driver.incarnation = null; // its life is over
      driver.dead.clear();
    }
    for (const driver of ownersFirst(this)) {
      this.become(driver, 'starting');
      driver.deaths = [];
      // Behind an owner that is being restarted nobody waits but its user.
      const late = ownersOf(driver.loaded, this).some(({ recovery }) => recovery);
      const loaded = this.supervisor.reload(driver, this.services.alive());
      if (!late) await loaded;
      else void this.services.recover(() => loaded.catch(ignoreMachineDied));
    }
  }

  private async load(driver: Driver): Promise<void> {
    try {
      if (driver.place === 'kernel') return await this.loadIntoKernel(driver);
      this.beginWatch();
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

  /** @param clean it has run its cleanup, or was refused */
  private endIncarnation(incarnation: Incarnation, clean = false): Promise<void> {
    this.zombies++;
    const freed = incarnation.end(clean).finally(() => this.zombies--);
    this.services.track(freed);
    return freed;
  }

  /** A look at each driver's pulse in every deadline. */
  private beginWatch(): void {
    this.watch ??= setInterval(() => {
      for (const { state, incarnation } of this) if (state === 'up') incarnation?.look();
    }, this.services.deadlineMs);
  }

  /** Has a successor stand ready, where there is to be one. */
  ready(): Promise<void> {
    return this.loading.standby.ready();
  }

  /** Ends every incarnation, and what is being done about dead ones: their kernel is dead. */
  end(): void {
    clearInterval(this.watch);
    this.watch = null;
    this.registry.changed();
    this.preservedStates.releaseAll();
    this.loading.standby.end();
    for (const { incarnation, leaving, recovery } of this) {
      recovery?.callOff();
      if (incarnation) void this.endIncarnation(incarnation);
      leaving?.();
    }
  }

  /** The kernel has given an incarnation up. */
  complaint({ channel, generation, reason }: Extract<Notice, { type: 'complaint' }>): void {
    const owner = [...this.loading.standby, ...this].find(
      ({ incarnation }) => incarnation?.channel === channel && incarnation.generation === generation,
    );
    owner?.incarnation?.die(complaintOf(reason), null);
  }

  /** Gives a driver up at once, whenever its thread will have ended. Throws where it has no incarnation. */
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
    const scene = sceneOf(driver, life, this);
    let dealtWith = (): void => {};
    const over = new Promise<void>((resolve) => (dealtWith = resolve));
    const oops = Promise.race([over, pause(TEXT_AFTER_MS)])
      .then(nextTask)
      .then(() => (fault ? formatOops(fault, this.context(dead, life, fault, scene)) : []));
    life.log(LEVEL_ALERT, oops);
    this.services.coreDumps.died(dead, { by, fault }, oops);
    if (driver.incarnation) this.preservedStates.keep(name, driver.incarnation);
    // Where it is still being loaded, `load` rejects.
    if (driver.state === 'up' && this.get(name) === driver && !driver.leaving)
      return void this.services.recover(() => this.supervisor.died(driver, life, cause)).finally(dealtWith);
    driver.leaving?.();
    dealtWith();
  }

  private context(
    driver: Driver,
    life: KernelLife,
    fault: Fault,
    scene = sceneOf(driver, life, this),
  ): OopsContext {
    return deathContext(this.services, driver, life, fault, scene, [...this], this.lastUnloaded);
  }

  /**
   * Has the kernel unload a driver. One that dies in its cleanup is gone as well: nobody has use for a successor.
   * @throws ModuleError, also where that is done already, or where it has just died
   */
  private async dismiss(driver: Driver, life: KernelLife, ask: () => Promise<Answer<number>>): Promise<void> {
    if (driver.leaving || driver.incarnation?.ended) throw rmmodError(driver.loaded.name, EBUSY);
    let gone = false;
    const death = new Promise<void>((resolve) => {
      driver.leaving = () => resolve(void (gone = true));
    });
    try {
      unwrap(await ask());
    } catch (error) {
      if (!(error instanceof ModuleError)) throw error;
      const inCleanup = error.errno === EIO || error.errno === ETIMEDOUT;
      if (!inCleanup || !driver.incarnation?.fenced) {
        const { cause } = driver;
        if (gone && cause) void this.services.recover(() => this.supervisor.died(driver, life, cause));
        throw error;
      }
      await death; // the kernel is told of it before the supervisor
      if (life.dead) throw new MachineDied('the kernel has died while a driver was unloaded');
    } finally {
      driver.leaving = null;
    }
  }

  /** Puts another binary in a driver's place. @throws ModuleError */
  async update(next: LoadedModule, parameters: string | null): Promise<void> {
    await this.loading.standby.without(this.get(next.name), () => this.updateNow(next, parameters));
  }

  private async updateNow(next: LoadedModule, parameters: string | null): Promise<void> {
    const life = this.services.alive();
    const retire = async (driver: Driver): Promise<void> => {
      await this.dismiss(driver, life, () => life.control.methods.replaceModule(driver.loaded.name));
      const { incarnation } = driver;
      if (!incarnation || incarnation.ended) return; // it has died over it
      await this.endIncarnation(incarnation, true); // by then it has said what it leaves
      if (incarnation.preserved) this.preservedStates.keepCopy(driver.loaded.name, incarnation.preserved);
    };
    const isolated = this.placeOf(next.name) !== 'kernel';
    const callbacks = {
      ...this.callbacks,
      isolated,
      retire,
      lost: this.supervisor.lost.bind(this.supervisor),
    };
    await updateDriver(callbacks, this.get(next.name), life, next, parameters);
  }

  /** @throws ModuleError */
  async rmmod(asked: string, force: boolean): Promise<UnloadReport> {
    return this.loading.standby.without(this.get(asked), () => this.rmmodNow(asked, force));
  }

  private async rmmodNow(asked: string, force: boolean): Promise<UnloadReport> {
    const life = this.services.alive();
    const driver = this.known.get(keyOf(asked));
    const name = driver?.loaded.name ?? asked;
    if (driver?.state === 'starting') throw rmmodError(name, EBUSY); // not live
    const { methods } = life.control;
    let report = NOTHING;
    if (driver ? driver.place === 'kernel' : this.placeOf(name) === 'kernel') {
      // The kernel is asked in any case: a module whose init died is there though nobody has loaded it.
      report = unwrap(await methods.rmmod(name, force));
      life.statics = life.statics.filter((data) => data.name !== name);
    } else if (!driver) {
      throw rmmodError(name, ENOENT);
    } else if (driver.incarnation) {
      await this.dismiss(driver, life, () => methods.deleteModule(name, force));
    }
    driver?.recovery?.callOff();
    const cancelled = driver ? this.cancelRequests(driver, life, true) : null;
    this.forget(name);
    this.lastUnloaded = name;
    if (driver?.incarnation) {
      await this.endIncarnation(driver.incarnation, true); // and it has said by then what it left
      report = driver.unloaded;
    }
    await cancelled;
    if (report.persistent.size > 0) this.persistent.set(keyOf(name), report.persistent);
    return { name, leakedBytes: report.leakedBytes, leakedObjects: report.leakedObjects };
  }
}
