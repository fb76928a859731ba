// A machine: one life of a kernel after the other, and the supervisor that keeps it going. It runs on a thread that never
// blocks, and waits for nothing but events.
//
//   monolithic    every driver is loaded by the kernel's thread into the kernel's domain; if that dies, all are booted anew
//   microkernel   every driver has an incarnation of its own; if one dies it is fenced, ended and replaced
//
// The kernel decides about calls, files and devices; this decides about threads: who is started, ended, restarted.

import type { Fault } from '../domain/fault.ts';
import { formatOops } from '../domain/fault.ts';
import type { LoadedModule } from '../domain/loaded.ts';
import { insmodError, ModuleError, rmmodError } from '../domain/module-error.ts';
import { EAGAIN, EEXIST, ENOENT, ENOEXEC, EIO } from '../../kernel/abi/errno.ts';
import { DEADLINE_MS, MIN_DEADLINE_MS } from '../../kernel/abi/limits.ts';
import { LEVEL_ALERT, LEVEL_NOTICE } from '../../kernel/abi/log.ts';
import { M_TAINT } from '../../kernel/abi/machine.ts';
import { MACHINE_BASE, MAX_CLIENTS } from '../../kernel/abi/map.ts';
import { COMPLAINT_PROTOCOL } from '../../kernel/abi/operation.ts';
import { checkMemory } from './check.ts';
import { consoleOf, MachineClient } from './clients.ts';
import { MachineDied, unwrap } from './control.ts';
import { Incarnation } from './incarnation.ts';
import { readAccounting, readDevices, readLog, readModules, taintLetters } from './inspect.ts';
import { KernelLife } from './life.ts';
import type { Thread } from './platform.ts';
import type { Images, Notice } from './protocol.ts';
import type { Resources } from './resources.ts';
import type {
  Accounting,
  Client,
  ClientThread,
  DetectedBy,
  DriverStatus,
  LogView,
  Machine,
  MachineEvent,
  MachineStatus,
  Measured,
  MeasureSpec,
  ModuleInfo,
  Placement,
  UnloadReport,
} from './types.ts';

export interface MachineOptions {
  placement: Placement;
  images: Images;
  resources: Resources;
  /** Time a call, a heartbeat or an initialisation may take, in ms; at least MIN_DEADLINE_MS. */
  deadlineMs?: number;
  /** Whether an oops stops the kernel; by default it goes on, as Linux does. */
  panicOnOops?: boolean;
}

interface Driver {
  loaded: LoadedModule;
  parameters: string;
  state: DriverStatus['state'];
  restarts: number;
  incarnation: Incarnation | null;
  leaked: { leakedBytes: number; leakedObjects: number };
}

const MODULE_STATES = ['live', 'coming', 'going', 'unformed'] as const;
/** A kernel that dies this often in a row before it runs is not booted again. */
const MAX_BOOT_FAILURES = 3;

/** Boots a machine without drivers. Rejects when the kernel does not come up. */
export async function bootMachine(options: MachineOptions): Promise<Machine> {
  const machine = new SupervisedMachine(options);
  await machine.bootFirst();
  return machine;
}

class SupervisedMachine implements Machine {
  readonly placement: Placement;
  readonly deadlineMs: number;
  readonly console: Client = consoleOf(() => this.alive());
  lastWords: LogView | null = null;
  private readonly options: MachineOptions;
  private readonly drivers = new Map<string, Driver>();
  private readonly clients = new Map<number, MachineClient>();
  private readonly listeners = new Set<(event: MachineEvent) => void>();
  private readonly settling: (() => void)[] = [];
  private readonly ending = new Set<Promise<unknown>>();
  private life: KernelLife | null = null;
  private state: MachineStatus['state'] = 'booting';
  private boots = 0;
  private recoveries = 0;
  private zombies = 0;

  constructor(options: MachineOptions) {
    this.options = options;
    this.placement = options.placement;
    this.deadlineMs = options.deadlineMs ?? DEADLINE_MS;
    if (!(this.deadlineMs >= MIN_DEADLINE_MS)) {
      throw new RangeError(`a deadline is at least ${MIN_DEADLINE_MS} ms, not ${this.deadlineMs}`);
    }
  }

  // --- boot and death

  async bootFirst(): Promise<void> {
    await this.bringUp();
    if (this.state !== 'running') throw new MachineDied(`the ${this.placement} kernel does not boot`);
  }

  /** Boots a kernel and loads what was loaded, until one stays alive or too many have died. */
  private async bringUp(): Promise<void> {
    for (let attempt = 0; attempt < MAX_BOOT_FAILURES && this.state !== 'off'; attempt++) {
      try {
        await this.bootOnce();
        return;
      } catch (error) {
        if (!(error instanceof MachineDied)) throw error;
      }
    }
    if (this.state !== 'off') this.become('dead');
  }

  private async bootOnce(): Promise<void> {
    const { placement, images, resources, panicOnOops = false } = this.options;
    const number = ++this.boots;
    const life = await KernelLife.boot(
      resources,
      { placement, images, number, deadlineMs: this.deadlineMs, panicOnOops },
      {
        notice: (notice) => this.heard(notice),
        died: (by, fault) => this.kernelDied(number, by, fault),
      },
    );
    const before = this.life;
    this.life = life;
    if (before) this.track(before.release());
    for (const driver of this.drivers.values()) await this.reload(driver);
    for (const client of this.clients.values()) await client.attach(life);
    if (life.dead) throw new MachineDied('the kernel died while it was booted');
    if (this.state !== 'off') this.become('running');
  }

  private async reload(driver: Driver): Promise<void> {
    driver.incarnation = null;
    this.driverBecomes(driver, 'starting');
    try {
      await this.load(driver);
      this.driverBecomes(driver, 'up');
    } catch (error) {
      if (!(error instanceof ModuleError)) throw error;
      this.driverBecomes(driver, 'failed');
    }
  }

  private alive(): KernelLife {
    if (!this.life || this.state === 'off') throw new MachineDied('the machine is off');
    return this.life;
  }

  private kernelDied(number: number, by: DetectedBy, fault: Fault | null): void {
    this.emit({ type: 'fault', at: this.now(), module: fault?.module ?? null, by, fault });
    const life = this.life;
    if (life?.number !== number) return; // it died before it was up; bringUp knows
    this.lastWords = readLog(life.memory);
    this.endIncarnations();
    // While a machine is brought up, bringUp itself sees the death and tries again.
    if (this.state === 'running') void this.recover(() => this.bringUp(), 'rebooting');
  }

  private endIncarnations(): void {
    for (const { incarnation } of this.drivers.values()) if (incarnation) this.bury(incarnation);
  }

  private bury(incarnation: Incarnation): void {
    this.zombies++;
    this.track(incarnation.end().then(() => void this.zombies--));
  }

  /** Something that shutdown waits for. */
  private track(work: Promise<unknown>): void {
    this.ending.add(work);
    void work.finally(() => this.ending.delete(work));
  }

  async reboot(): Promise<void> {
    const life = this.alive();
    this.lastWords = readLog(life.memory);
    this.endIncarnations();
    life.end('the machine is rebooted');
    await this.recover(() => this.bringUp(), 'rebooting');
  }

  private async recover(work: () => Promise<void>, state?: MachineStatus['state']): Promise<void> {
    this.recoveries++;
    if (state) this.become(state);
    try {
      await work();
    } catch (error) {
      // What nobody foresaw must not leave a machine that looks alive.
      if (this.state !== 'off') this.become('dead');
      throw error;
    } finally {
      this.recoveries--;
      this.settle();
    }
  }

  // --- notices of the kernel's thread

  private heard(notice: Notice): void {
    if (notice.type === 'oops') {
      this.emit({
        type: 'fault',
        at: this.now(),
        module: notice.fault.module,
        by: 'trap',
        fault: notice.fault,
      });
    } else if (notice.type === 'complaint') {
      for (const { incarnation } of this.drivers.values()) {
        if (incarnation?.channel !== notice.channel || incarnation.generation !== notice.generation) continue;
        incarnation.die(notice.reason === COMPLAINT_PROTOCOL ? 'protocol' : 'deadline', null);
      }
    }
  }

  // --- modules

  async insmod(loaded: LoadedModule, parameters = ''): Promise<void> {
    this.alive();
    const { name } = loaded;
    if (this.drivers.has(name)) throw insmodError(name, EEXIST);
    if (name === 'kernel' || name === 'domain')
      throw insmodError(name, ENOEXEC, `a driver cannot be called ${name}`);
    const driver: Driver = {
      ...{ loaded, parameters, state: 'starting', restarts: 0, incarnation: null },
      leaked: { leakedBytes: 0, leakedObjects: 0 },
    };
    this.drivers.set(name, driver);
    try {
      await this.load(driver);
    } catch (error) {
      this.drivers.delete(name);
      throw error;
    }
    this.driverBecomes(driver, 'up');
  }

  private async load(driver: Driver): Promise<void> {
    const life = this.alive();
    if (this.placement === 'monolithic') {
      life.statics = unwrap(await life.control.methods.insmod(driver.loaded, driver.parameters));
      return;
    }
    const incarnation = await Incarnation.prepare(life, this.options.resources, {
      died: (by, fault) => this.driverDied(driver, by, fault),
      unloaded: (leakedBytes, leakedObjects) => (driver.leaked = { leakedBytes, leakedObjects }),
    });
    driver.incarnation = incarnation;
    const timer = setTimeout(() => incarnation.die('deadline', null), this.deadlineMs);
    try {
      await incarnation.start(driver.loaded, driver.parameters, this.options.images, this.deadlineMs);
    } catch (error) {
      driver.incarnation = null;
      this.bury(incarnation);
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  private driverDied(driver: Driver, by: DetectedBy, fault: Fault | null): void {
    const { name } = driver.loaded;
    const { life } = this;
    this.emit({ type: 'fault', at: this.now(), module: name, by, fault });
    if (fault) this.logFault(name, fault);
    // One that dies while it is loaded is given up: `load` rejects.
    if (driver.state !== 'up' || !life || life.dead) return;
    void this.recover(() => this.restart(driver, by));
  }

  private async restart(driver: Driver, by: DetectedBy): Promise<void> {
    const { name } = driver.loaded;
    if (driver.incarnation) this.bury(driver.incarnation);
    driver.incarnation = null;
    driver.restarts++;
    this.driverBecomes(driver, 'starting');
    this.life?.log(LEVEL_NOTICE, [`supervisor: restarting ${name} (${by}), restart ${driver.restarts}`]);
    try {
      await this.load(driver);
      this.driverBecomes(driver, 'up');
    } catch (error) {
      if (error instanceof MachineDied) return; // the reboot loads it again
      if (!(error instanceof ModuleError)) throw error;
      this.driverBecomes(driver, 'failed');
      this.life?.log(LEVEL_ALERT, [`supervisor: giving ${name} up: ${error.message}`]);
    }
  }

  private logFault(name: string, fault: Fault): void {
    const life = this.life;
    if (!life || life.dead) return;
    const driver = this.drivers.get(name);
    const lines = formatOops(fault, {
      number: (driver?.restarts ?? 0) + 1,
      comm: name,
      taint: taintLetters(life.words[(MACHINE_BASE + M_TAINT) >> 2]!),
      modules: [name],
    });
    life.log(LEVEL_ALERT, lines);
  }

  async rmmod(name: string): Promise<UnloadReport> {
    const life = this.alive();
    const driver = this.drivers.get(name);
    if (!driver) throw rmmodError(name, ENOENT);
    if (driver.state === 'starting') throw rmmodError(name, EAGAIN);
    let leaked = driver.leaked;
    if (this.placement === 'monolithic') {
      leaked = unwrap(await life.control.methods.rmmod(name));
      life.statics = life.statics.filter((data) => data.name !== name);
    } else if (driver.incarnation) {
      const status = unwrap(await life.control.methods.deleteModule(name));
      if (status < 0) throw rmmodError(name, EIO);
      leaked = driver.leaked;
      const { incarnation } = driver;
      this.drivers.delete(name);
      this.zombies++;
      await incarnation.end().finally(() => this.zombies--);
    }
    this.drivers.delete(name);
    return { name, leakedBytes: leaked.leakedBytes, leakedObjects: leaked.leakedObjects };
  }

  // --- clients

  async attach(): Promise<ClientThread> {
    const life = this.alive();
    let index = 1;
    while (this.clients.has(index)) index++;
    if (index >= MAX_CLIENTS)
      throw new RangeError(`there are no more than ${MAX_CLIENTS - 1} client threads`);
    const thread = await this.options.resources.takeThread('client');
    const client = new MachineClient(index, thread, () => this.clients.delete(index));
    this.clients.set(index, client);
    await client.attach(life);
    return client;
  }

  measure(spec: MeasureSpec): Promise<Measured> {
    const life = this.alive();
    return life.unhurried(() => life.control.methods.measure(spec));
  }

  // --- seeing

  check(): string[] {
    const once = this.checkOnce();
    if (once.length === 0) return once;
    // What is true only for a moment, while somebody writes, is no damage.
    const twice = new Set(this.checkOnce());
    return once.filter((sentence) => twice.has(sentence));
  }

  private checkOnce(): string[] {
    if (!this.life) return [];
    const found = checkMemory(this.life.memory, this.life.statics, true);
    for (const [name, { state, incarnation }] of this.drivers) {
      if (state !== 'up' || !incarnation) continue;
      found.push(
        ...checkMemory(incarnation.memory, incarnation.statics, false).map(
          (each) => `${name}'s domain: ${each}`,
        ),
      );
    }
    return found;
  }

  dmesg(): LogView {
    return this.life ? readLog(this.life.memory) : { records: [], lost: 0 };
  }

  lsmod(): ModuleInfo[] {
    if (!this.life) return [];
    return readModules(this.life.memory).map(({ name, state, size, references, base, bytes }) => {
      const own = this.drivers.get(name)?.incarnation;
      const inside = own ? readModules(own.memory).find((mod) => mod.name === name) : undefined;
      return {
        ...{ name, size, references },
        state: MODULE_STATES[state] ?? 'unformed',
        base: inside?.base ?? base,
        bytes: inside?.bytes ?? bytes,
      };
    });
  }

  accounting(): Accounting {
    return readAccounting(this.alive().memory);
  }

  status(): MachineStatus {
    return {
      placement: this.placement,
      state: this.state,
      boot: this.boots,
      taint: this.life ? taintLetters(this.life.words[(MACHINE_BASE + M_TAINT) >> 2]!) : '',
      drivers: [...this.drivers.values()].map((driver) => ({
        name: driver.loaded.name,
        sha256: driver.loaded.sha256,
        state: driver.state,
        generation: this.placement === 'microkernel' ? driver.restarts + 1 : 0,
        restarts: driver.restarts,
      })),
      zombies: this.zombies,
    };
  }

  devices(): { path: string; major: number; module: string }[] {
    if (!this.life) return [];
    const modules = readModules(this.life.memory);
    return readDevices(this.life.memory).map(({ name, major, module }) => ({
      path: `/dev/${name}`,
      major,
      module: modules.find((mod) => mod.address === module)?.name ?? '',
    }));
  }

  threadOf(module: string): Thread {
    const driver = this.drivers.get(module);
    const thread = this.placement === 'monolithic' ? this.life?.thread : driver?.incarnation?.thread;
    if (!driver || !thread) throw new Error(`module is not loaded: ${module}`);
    return thread;
  }

  subscribe(listener: (event: MachineEvent) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  private now(): number {
    return this.options.resources.platform.now();
  }

  private emit(event: MachineEvent): void {
    for (const listener of this.listeners) listener(event);
  }

  private become(state: MachineStatus['state']): void {
    this.state = state;
    this.emit({ type: 'state', at: this.now(), state });
  }

  private driverBecomes(driver: Driver, state: DriverStatus['state']): void {
    driver.state = state;
    const { name } = driver.loaded;
    const generation = this.placement === 'microkernel' ? driver.restarts + 1 : 0;
    this.emit({ type: 'driver', at: this.now(), module: name, state, generation });
  }

  async settled(): Promise<void> {
    while (this.unsettled) await new Promise<void>((resolve) => this.settling.push(resolve));
    if (this.state !== 'running') throw new MachineDied(`the machine is ${this.state}`);
    await this.life?.logged;
  }

  /** Whether something is being recovered, or has died so recently that only the kernel knows. */
  private get unsettled(): boolean {
    if (this.recoveries > 0) return true;
    return [...this.drivers.values()].some(({ incarnation }) => incarnation?.fenced && !this.life?.dead);
  }

  private settle(): void {
    if (this.unsettled) return;
    for (const resolve of this.settling.splice(0)) resolve();
  }

  async shutdown(): Promise<void> {
    if (this.state === 'off') return;
    this.become('off');
    const life = this.life;
    this.endIncarnations();
    life?.end('the machine is shut down');
    await Promise.all([...this.clients.values()].map((client) => client.stop()));
    if (life) this.track(life.release());
    while (this.ending.size > 0) await Promise.allSettled([...this.ending]);
    this.life = null;
  }
}
