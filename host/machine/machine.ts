// A machine: one life of a kernel after the other, and the supervisor that keeps it going. It runs on a thread that never
// blocks, and waits for nothing but events.
//
// Where a driver lives, its place says (./shared/place.ts): in the kernel's domain, where all are booted anew if that dies; or as an
// incarnation of its own, which is fenced, ended and replaced if it dies (./supervisor/drivers.ts).
//
// The kernel decides about calls, files and devices; this decides about threads: who is started, ended, restarted.

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

/** A kernel that dies this often in a row before it runs is not booted again. */
const MAX_BOOT_FAILURES = 3;

/** Boots a machine without drivers. Rejects when the kernel does not come up. */
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
  lastTrace: Machine['lastTrace'] = null;
  private readonly panicOnOops: boolean;
  readonly slubDebug: number;
  private readonly cores: number;
  private readonly blacklist: string;
  private readonly drivers: Drivers;
  private readonly demand: Demand;
  private readonly clients: ClientThreads;
  private readonly listeners = new Set<(event: MachineEvent) => void>();
  private readonly settling: (() => void)[] = [];
  private readonly ending = new Set<Promise<unknown>>();
  private life: KernelLife | null = null;
  private state: MachineStatus['state'] = 'booting';
  private boots = 0;
  private recoveries = 0;
  private revival: Promise<void> | null = null;

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
    const { placement, images, deadlineMs, panicOnOops, slubDebug, cores, blacklist } = this;
    const requests = this.demand.enabled;
    const number = ++this.boots;
    const life = await KernelLife.boot(
      this.resources,
      { placement, images, number, deadlineMs, panicOnOops, slubDebug, cores, blacklist, requests },
      {
        notice: (notice) => this.heard(notice),
        died: (by, fault) => this.died(number, by, fault),
      },
    );
    this.replace(life);
    if (this.state === 'off') {
      this.replace(null);
      throw new MachineDied('the machine was shut down while it booted');
    }
    await this.drivers.reload();
    await this.clients.reattachAll(life);
    if (life.dead) throw new MachineDied('the kernel died while it was booted');
    this.become('running');
  }

  /** Takes the next life; the one before is over, and its memory goes back when nobody can write to it. */
  private replace(life: KernelLife | null): void {
    const before = this.life;
    this.life = life;
    if (!before) return;
    before.end('another kernel takes its place');
    this.track(before.release());
  }

  /** What changes a machine has to wait until it runs. */
  private running(): KernelLife {
    if (this.state !== 'running') throw new MachineDied(`the machine is ${this.state}`);
    return this.alive();
  }

  alive(): KernelLife {
    if (!this.life || this.state === 'off') throw new MachineDied('the machine is off');
    return this.life;
  }

  private died(number: number, by: DetectedBy, fault: Fault | null): void {
    this.emit({ type: 'fault', at: this.now(), module: fault?.module ?? null, by, fault });
    const life = this.life;
    if (life?.number !== number) return; // it died before it was up; bringUp knows
    this.deadKernelLog = readLog(life.memory);
    this.lastTrace = readTrace(life.memory);
    this.drivers.end();
    // While a machine is brought up, bringUp itself sees the death and tries again.
    if (this.state !== 'running') return;
    if (this.drivers.panickedTooOften) this.become('dead');
    else void this.reviveAfterDeath();
  }

  async reboot(): Promise<void> {
    if (this.revival) return this.revival;
    const life = this.running();
    this.deadKernelLog = readLog(life.memory);
    this.lastTrace = readTrace(life.memory);
    this.drivers.end();
    life.end('the machine is rebooted');
    await this.reviveAfterDeath();
  }

  /** Boots anew; whoever asks while that is under way waits for the same. */
  private reviveAfterDeath(): Promise<void> {
    if (!this.revival) {
      this.become('rebooting');
      this.revival = this.recover(() => this.bringUp()).finally(() => (this.revival = null));
    }
    return this.revival;
  }

  async recover(work: () => Promise<void>): Promise<void> {
    this.recoveries++;
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

  track(work: Promise<unknown>): void {
    this.ending.add(work);
    void work.finally(() => {
      this.ending.delete(work);
      this.settle();
    });
  }

  private heard(notice: Notice): void {
    if (notice.type === 'complaint') this.drivers.complaint(notice);
    if (notice.type === 'request') void this.requested(notice);
    if (notice.type !== 'oops') return;
    const { fault } = notice;
    this.emit({ type: 'fault', at: this.now(), module: fault.module, by: 'trap', fault });
  }

  private async requested({ client, alias }: Extract<Notice, { type: 'request' }>): Promise<void> {
    const { life } = this;
    await this.demand.request(alias);
    if (life === this.life && life && !life.dead)
      await life.control.methods.requested(client).catch(ignoreMachineDied);
  }

  // --- modules, clients, calls

  async insmod(loaded: LoadedModule, parameters = '', { force = false }: LoadMode = {}): Promise<void> {
    this.running();
    return this.drivers.insmod(loaded, parameters, force ? LOAD_FORCE : 0);
  }

  async update(loaded: LoadedModule, parameters?: string): Promise<void> {
    this.running();
    return this.drivers.update(loaded, parameters ?? null);
  }

  async rmmod(name: string, { force = false }: LoadMode = {}): Promise<UnloadReport> {
    this.running();
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
    const life = this.running();
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

  threadOf(module: string): Thread {
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
        // Its own affair: whoever else listens hears of it, and what is under way goes on.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }

  private become(state: MachineStatus['state']): void {
    this.state = state;
    this.emit({ type: 'state', at: this.now(), state });
  }

  async settled(): Promise<void> {
    while (this.unsettled) await new Promise<void>((resolve) => this.settling.push(resolve));
    if (this.state !== 'running') throw new MachineDied(`the machine is ${this.state}`);
    await this.life?.logged;
  }

  async ready(): Promise<void> {
    await this.life?.control.methods.ready().catch(ignoreMachineDied);
    await this.drivers.prepareStandby();
    await this.resources.ready();
  }

  /** Whether something is being recovered, or has died so recently that only the kernel knows, or its pool. */
  private get unsettled(): boolean {
    if (this.recoveries > 0) return true;
    const { life } = this;
    return life !== null && !life.dead && [...this.drivers].some(({ incarnation }) => incarnation?.ending);
  }

  private settle(): void {
    if (this.unsettled) return;
    for (const resolve of this.settling.splice(0)) resolve();
  }

  async shutdown(): Promise<void> {
    if (this.state === 'off') return;
    this.become('off');
    this.demand.end();
    this.drivers.end();
    this.life?.end('the machine is shut down');
    await this.clients.stop();
    this.replace(null);
    if (this.revival) await Promise.allSettled([this.revival]);
    while (this.ending.size > 0) await Promise.allSettled([...this.ending]);
    this.settle();
  }
}
