// A machine: a kernel, its drivers and its clients, and the supervisor that restarts them. It runs on a thread that never blocks
// and waits only for events.
//
// A driver's place (./shared/place.ts) says what its death leads to. In the kernel's domain the machine reboots; elsewhere the
// incarnation is fenced, ended and replaced (./supervisor/drivers.ts).
//
// The kernel decides about calls, files and devices. This decides which threads are started, ended and restarted.

import type { Fault } from '../domain/fault.ts';
import type { LoadedModule } from '../domain/loaded.ts';
import type { ThreadTransport } from '../ipc/transport.ts';
import { DEADLINE_MS, MIN_DEADLINE_MS } from '../../kernel/abi/limits.ts';
import { LOAD_FORCE } from '../../kernel/abi/module.ts';
import { checkMachine } from './inspect/check-machine.ts';
import { ClientThreads, consoleOf } from './supervisor/clients.ts';
import { MachineDied, ignoreMachineDied } from './shared/control.ts';
import { CoreDumps } from './supervisor/core-dumps.ts';
import { Demand } from './supervisor/demand.ts';
import type { MachineServices } from './supervisor/driver.ts';
import { Drivers } from './supervisor/drivers.ts';
import { readAccounting, readLog, readTaint } from './inspect/lists.ts';
import { slubDebugFlags } from './inspect/slub-debug.ts';
import type { MachineOptions } from './machine-options.ts';
import { KernelLife } from './supervisor/kernel-life.ts';
import { deviceInfos, moduleInfos } from './inspect/listing.ts';
import { readStatistics, readTrace } from './inspect/trace.ts';
import type { Thread } from './shared/platform.ts';
import type { Places } from './shared/place.ts';
import type { Images, Notice } from './shared/protocol.ts';
import type { Resources } from './supervisor/resources.ts';
import type {
  Accounting,
  Client,
  ClientThread,
  DetectedBy,
  DeviceInfo,
  LoadMode,
  LogView,
  Machine,
  MachineEvent,
  MachineStatus,
  Measured,
  MeasureSpec,
  ModuleInfo,
  Placement,
  UnloadReport,
} from './shared/types.ts';

/** A machine whose kernel dies so often in a row before it runs is not booted again. */
const MAX_BOOT_FAILURES = 3;

/** Boots a machine without drivers. Rejects when the kernel does not boot. */
export async function bootMachine(options: MachineOptions): Promise<Machine> {
  const machine = new SupervisedMachine(options);
  await machine.bootFirst();
  return machine;
}

class SupervisedMachine implements Machine, MachineServices {
  readonly placement: Placement;
  readonly places: Places;
  readonly deadlineMs: number;
  readonly images: Images;
  readonly resources: Resources;
  readonly transport: ThreadTransport;
  readonly coreDumps: CoreDumps;
  readonly hotStandby: boolean;
  readonly console: Client = consoleOf(
    () => this.alive(),
    (alias) => this.demand.request(alias),
  );
  deadKernelLog: LogView | null = null;
  deadKernelTrace: Machine['deadKernelTrace'] = null;
  private readonly panicOnOops: boolean;
  readonly slubDebug: number;
  private readonly cores: number;
  private readonly blacklist: string;
  private readonly drivers: Drivers;
  private readonly demand: Demand;
  private readonly clients: ClientThreads;
  private readonly listeners = new Set<(event: MachineEvent) => void>();
  private readonly settledWaiters: (() => void)[] = [];
  private readonly tracked = new Set<Promise<unknown>>();
  private life: KernelLife | null = null;
  private state: MachineStatus['state'] = 'booting';
  private boots = 0;
  private recoveries = 0;
  private rebooting: Promise<void> | null = null;

  constructor(options: MachineOptions) {
    const { placement, images, resources, deadlineMs, panicOnOops, slubDebug, blacklist } = options;
    this.placement = placement;
    this.places = options.places ?? new Map();
    this.images = images;
    this.resources = resources;
    this.coreDumps = new CoreDumps(this, options.onCore ?? null);
    this.transport = options.transport ?? 'ring';
    this.hotStandby = options.standby ?? true;
    this.deadlineMs = deadlineMs ?? DEADLINE_MS;
    this.panicOnOops = panicOnOops ?? false;
    this.slubDebug = slubDebugFlags(slubDebug);
    this.cores = options.cores ?? resources.platform.cores;
    this.blacklist = (blacklist ?? []).join(',');
    this.clients = new ClientThreads(resources, () => this.alive());
    this.drivers = new Drivers(this, options);
    this.demand = new Demand(
      {
        drivers: this.drivers,
        lsmod: () => this.lsmod(),
        running: () => (this.state === 'running' ? this.life : null),
        now: () => this.now(),
      },
      options.requestModule ?? null,
    );
    if (!(this.deadlineMs >= MIN_DEADLINE_MS)) {
      throw new RangeError(`a deadline is at least ${MIN_DEADLINE_MS} ms, not ${this.deadlineMs}`);
    }
  }

  // --- boot and death

  async bootFirst(): Promise<void> {
    await this.bringUp();
    if (this.state !== 'running') throw new MachineDied(`the ${this.placement} kernel does not boot`);
  }

  /** Boots a kernel and reloads the drivers. Tries again where it dies, up to MAX_BOOT_FAILURES times. */
  private async bringUp(): Promise<void> {
    for (let attempt = 0; attempt < MAX_BOOT_FAILURES && this.state !== 'off'; attempt++) {
      try {
        await this.bootOnce();
        return;
      } catch (error) {
        if (!(error instanceof MachineDied)) throw error;
      }
    }
    if (this.state !== 'off') this.setState('dead');
  }

  private async bootOnce(): Promise<void> {
    const { placement, images, deadlineMs, panicOnOops, slubDebug, cores, blacklist } = this;
    const requests = this.demand.enabled;
    const number = ++this.boots;
    const life = await KernelLife.boot(
      this.resources,
      { placement, images, number, deadlineMs, panicOnOops, slubDebug, cores, blacklist, requests },
      {
        notice: (notice) => this.onNotice(notice),
        died: (by, fault) => this.onKernelDeath(number, by, fault),
      },
    );
    this.replaceLife(life);
    if (this.state === 'off') {
      this.replaceLife(null);
      throw new MachineDied('the machine was shut down while it booted');
    }
    await this.drivers.reload();
    await this.clients.reattachAll(life);
    if (life.dead) throw new MachineDied('the kernel died while it was booted');
    this.setState('running');
  }

  /** Replaces the kernel. The one before is ended, and its memory is given back when no thread can write to it. */
  private replaceLife(life: KernelLife | null): void {
    const before = this.life;
    this.life = life;
    if (!before) return;
    before.end('another kernel takes its place');
    this.track(before.release());
  }

  /** The kernel of a machine that runs. Throws MachineDied in any other state: a machine that boots may not be changed. */
  private runningLife(): KernelLife {
    if (this.state !== 'running') throw new MachineDied(`the machine is ${this.state}`);
    return this.alive();
  }

  alive(): KernelLife {
    if (!this.life || this.state === 'off') throw new MachineDied('the machine is off');
    return this.life;
  }

  private onKernelDeath(number: number, by: DetectedBy, fault: Fault | null): void {
    this.emit({ type: 'fault', at: this.now(), module: fault?.module ?? null, by, fault });
    const life = this.life;
    if (life?.number !== number) return; // it died before it was up, which bringUp handles
    this.deadKernelLog = readLog(life.memory);
    this.deadKernelTrace = readTrace(life.memory);
    this.drivers.end();
    // While a machine boots, bringUp sees the death and tries again.
    if (this.state !== 'running') return;
    if (this.drivers.panickedTooOften) this.setState('dead');
    else void this.bootAgain();
  }

  async reboot(): Promise<void> {
    if (this.rebooting) return this.rebooting;
    const life = this.runningLife();
    this.deadKernelLog = readLog(life.memory);
    this.deadKernelTrace = readTrace(life.memory);
    this.drivers.end();
    life.end('the machine is rebooted');
    await this.bootAgain();
  }

  /** Reboots. Calls while a reboot is under way share it. */
  private bootAgain(): Promise<void> {
    if (!this.rebooting) {
      this.setState('rebooting');
      this.rebooting = this.recover(() => this.bringUp()).finally(() => (this.rebooting = null));
    }
    return this.rebooting;
  }

  async recover(work: () => Promise<void>): Promise<void> {
    this.recoveries++;
    try {
      await work();
    } catch (error) {
      // After an unexpected error the machine must not look alive.
      if (this.state !== 'off') this.setState('dead');
      throw error;
    } finally {
      this.recoveries--;
      this.notifySettled();
    }
  }

  track(work: Promise<unknown>): void {
    this.tracked.add(work);
    void work.finally(() => {
      this.tracked.delete(work);
      this.notifySettled();
    });
  }

  private onNotice(notice: Notice): void {
    if (notice.type === 'complaint') this.drivers.complaint(notice);
    if (notice.type === 'request') void this.onRequest(notice);
    if (notice.type !== 'oops') return;
    const { fault } = notice;
    this.emit({ type: 'fault', at: this.now(), module: fault.module, by: 'trap', fault });
  }

  private async onRequest({ client, alias }: Extract<Notice, { type: 'request' }>): Promise<void> {
    const { life } = this;
    await this.demand.request(alias);
    if (life === this.life && life && !life.dead)
      await life.control.methods.requested(client).catch(ignoreMachineDied);
  }

  // --- modules, clients, calls

  async insmod(loaded: LoadedModule, parameters = '', { force = false }: LoadMode = {}): Promise<void> {
    this.runningLife();
    return this.drivers.insmod(loaded, parameters, force ? LOAD_FORCE : 0);
  }

  async update(loaded: LoadedModule, parameters?: string): Promise<void> {
    this.runningLife();
    return this.drivers.update(loaded, parameters ?? null);
  }

  async rmmod(name: string, { force = false }: LoadMode = {}): Promise<UnloadReport> {
    this.runningLife();
    return this.drivers.rmmod(name, force);
  }

  kill(name: string): void {
    if (this.drivers.placeOf(name) === 'kernel')
      throw new Error(`a driver in the kernel's domain has no thread that could be killed: ${name}`);
    this.drivers.kill(name);
  }

  attach(): Promise<ClientThread> {
    return this.clients.attach();
  }

  async measure(spec: MeasureSpec): Promise<Measured> {
    const life = this.runningLife();
    return life.withLongerDeadline(() => life.control.methods.measure(spec));
  }

  // --- seeing

  check(): string[] {
    return this.life ? checkMachine(this.life, this.drivers) : [];
  }

  dmesg(): LogView {
    return this.life ? readLog(this.life.memory) : { records: [], lost: 0 };
  }

  readonly trace = () => readTrace(this.life?.memory);
  readonly statistics = () => readStatistics(this.life?.memory);
  lsmod(): ModuleInfo[] {
    return this.life ? moduleInfos(this.life.memory, (name) => this.drivers.get(name)?.incarnation) : [];
  }

  accounting(): Accounting {
    return readAccounting(this.alive().memory);
  }

  status(): MachineStatus {
    return {
      placement: this.placement,
      state: this.state,
      boot: this.boots,
      taint: this.life ? readTaint(this.life.memory) : '',
      drivers: this.drivers.status(),
      zombies: this.drivers.zombies,
      standby: this.drivers.standby,
    };
  }

  devices(): DeviceInfo[] {
    return this.life ? deviceInfos(this.life.memory) : [];
  }

  threadOf(module: string | null): Thread {
    if (module === null) return this.alive().thread;
    const driver = this.drivers.get(module);
    const thread = driver?.place === 'kernel' ? this.life?.thread : driver?.incarnation?.thread;
    if (!driver || !thread) throw new Error(`module is not loaded: ${module}`);
    return thread;
  }

  subscribe(listener: (event: MachineEvent) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  private now(): number {
    return this.resources.platform.now();
  }

  emit(event: MachineEvent): void {
    for (const listener of this.listeners) {
      try {
        listener(event);
      } catch (error) {
        // A listener's error must reach neither the other listeners nor the caller.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }

  private setState(state: MachineStatus['state']): void {
    this.state = state;
    this.emit({ type: 'state', at: this.now(), state });
  }

  async settled(): Promise<void> {
    while (this.unsettled) await new Promise<void>((resolve) => this.settledWaiters.push(resolve));
    if (this.state !== 'running') throw new MachineDied(`the machine is ${this.state}`);
    await this.life?.logged;
  }

  async ready(): Promise<void> {
    await this.life?.control.methods.ready().catch(ignoreMachineDied);
    await this.drivers.prepareStandby();
    await this.resources.ready();
  }

  /** Whether something is being recovered, or a driver is dead whose death was not reported yet. */
  private get unsettled(): boolean {
    if (this.recoveries > 0) return true;
    const { life } = this;
    return life !== null && !life.dead && [...this.drivers].some(({ incarnation }) => incarnation?.ending);
  }

  private notifySettled(): void {
    if (this.unsettled) return;
    for (const resolve of this.settledWaiters.splice(0)) resolve();
  }

  async shutdown(): Promise<void> {
    if (this.state === 'off') return;
    this.setState('off');
    this.demand.end();
    this.drivers.end();
    this.life?.end('the machine is shut down');
    await this.clients.stop();
    this.replaceLife(null);
    if (this.rebooting) await Promise.allSettled([this.rebooting]);
    while (this.tracked.size > 0) await Promise.allSettled([...this.tracked]);
    this.notifySettled();
  }
}
