// A scripted Machine: devices are arrays, a fault is a function. It keeps to the interface's promises and to nothing else,
// so that the lab is tested on what it may rely on.

import { EIO, ENODEV, ENOSPC } from '../../kernel/abi/errno.ts';
import type { LoadedModule } from '../../host/domain/loaded.ts';
import type {
  CallStatistics,
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
  SidePlacement,
  ReadingReport,
  TraceView,
} from '../../host/machine/shared/types.ts';
import type { Thread } from '../../host/machine/shared/platform.ts';

/** What writing a fault's name does; the number is the call's result. */
export type Script = (machine: FakeMachine, asked: number) => number | Promise<number>;

export class Killed extends Error {
  override readonly name = 'Killed';
}

export class MachineDied extends Error {
  override readonly name = 'MachineDied';
}

export function fakeModule(name: string): LoadedModule {
  const bytes = new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
  // The lab reads name, hash and parameters; the rest is the linker's.
  const file = {
    parameters: name === 'ramdisk' ? [{ name: 'size' }] : [],
  } as unknown as LoadedModule['file'];
  const module = new WebAssembly.Module(bytes);
  const names = new Uint8Array();
  return { name, bytes, sha256: `sha of ${name}`, map: null, file, declared: [], names, module, shifts: [] };
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export class FakeMachine implements Machine {
  readonly deadlineMs = 500;
  readonly placement: SidePlacement;
  readonly scripts: Record<string, Script>;
  disk = new Uint8Array(0);
  damage: string[] = [];
  /** Bytes that lkdtm has from kmalloc. */
  held = 0;
  deadKernelLog: LogView | null = null;
  readonly deadKernelTrace = null;
  reading: ReadingReport = { calls: 100, failed: 0, worstMs: 1.5, failures: [] };
  state: MachineStatus['state'] = 'running';
  boots = 1;
  taint = '';
  drivers: DriverStatus[] = [];
  /** What a device answers to open while it is not well. */
  sick: number | null = null;
  parameters: Record<string, string> = {};
  threads = 0;
  reboots = 0;
  #recovery: Promise<void> = Promise.resolve();
  #records: LogView['records'] = [];
  #listeners = new Set<(event: MachineEvent) => void>();
  #files = new Map<number, { path: string; position: number }>();
  #nextFd = 3;

  constructor(placement: SidePlacement, scripts: Record<string, Script>) {
    this.placement = placement;
    this.scripts = scripts;
  }

  readonly console: Client = {
    open: async (path) => {
      this.#alive();
      if (path === '/dev/lkdtm' && this.sick !== null) return this.sick;
      if (!this.devices().some((device) => device.path === path)) return -ENODEV;
      this.#files.set(this.#nextFd, { path, position: 0 });
      return this.#nextFd++;
    },
    close: async (fd) => (this.#files.delete(fd) ? 0 : -EIO),
    read: async (fd, count) => {
      this.#alive();
      const file = this.#files.get(fd);
      if (file === undefined) return { result: -EIO, data: new Uint8Array(0) };
      const data = this.#content(file.path).slice(file.position, file.position + count);
      file.position += data.length;
      return { result: data.length, data };
    },
    write: async (fd, data) => {
      this.#alive();
      const file = this.#files.get(fd);
      if (file === undefined) return -EIO;
      if (file.path === '/dev/lkdtm') {
        const script = this.scripts[new TextDecoder().decode(data)];
        return script === undefined ? -EIO : script(this, data.length);
      }
      if (file.path !== '/dev/ramdisk') return data.length;
      const room = Math.min(data.length, this.disk.length - file.position);
      if (room <= 0) return -ENOSPC;
      this.disk.set(data.subarray(0, room), file.position);
      file.position += room;
      return room;
    },
    lseek: async () => 0,
    ioctl: async () => 0,
    stat: async () => ({ result: -ENODEV }),
    readdir: async () => ({ result: -ENODEV, entries: [] }),
    mknod: async () => -ENODEV,
    unlink: async () => -ENODEV,
    complain: async () => -ENODEV,
  };

  async insmod(module: LoadedModule, parameters = ''): Promise<void> {
    this.parameters[module.name] = parameters;
    if (module.name === 'ramdisk') this.disk = new Uint8Array(Number(parameters.replace('size=', '')));
    const status: DriverStatus = {
      name: module.name,
      sha256: module.sha256,
      place: this.placement === 'monolithic' ? 'kernel' : 'worker',
      state: 'up',
      generation: 1,
      restarts: 0,
    };
    this.drivers.push(status);
  }

  async update(): Promise<void> {}

  async rmmod(name: string): Promise<{ name: string; leakedBytes: number; leakedObjects: number }> {
    return { name, leakedBytes: 0, leakedObjects: 0 };
  }

  async attach(): Promise<ClientThread> {
    this.threads++;
    return {
      ...this.console,
      startReading: async () => undefined,
      probeRecovery: async () => ({ calledAt: 0, failedAt: 1, goodAt: 2, tries: 1 }),
      stopReading: async () => this.reading,
      end: async () => void this.threads--,
    };
  }

  async measure({ operation, bytes, samples }: MeasureSpec): Promise<Measured> {
    const base = this.placement === 'monolithic' ? 4 : 300;
    const subject = Array.from({ length: samples }, (_, index) => base + bytes / 100 + index);
    const floorName = operation === 'read' ? 'memory copy' : this.#floor();
    return { subject, floor: subject.map(() => 2), floorName, dropped: 0 };
  }

  #floor(): Measured['floorName'] {
    return this.placement === 'monolithic' ? 'indirect call' : 'shared-memory round trip';
  }

  kill = (): void => {};
  check = (): string[] => [...this.damage];
  dmesg = (): LogView => ({ records: [...this.#records], lost: 0 });
  trace = (): TraceView => ({ records: [], lost: 0, level: 1 });
  statistics = (): CallStatistics => ({ clockNs: 0, stepNs: 0, channels: [] });
  lsmod = (): ReturnType<Machine['lsmod']> =>
    this.drivers.map(({ name }) => ({
      ...{ name, state: 'live', size: 0, references: 0, base: 0, kept: 0, usedBy: [], taint: '' },
      bytes: name === 'lkdtm' ? this.held : 0,
    }));
  accounting = (): ReturnType<Machine['accounting']> => ({
    ...{ pagesFree: 0, slotsFree: 0, bytesUsed: 0, moduleBytes: 0, symbols: 0, modules: 0 },
  });

  status(): MachineStatus {
    const { placement, state, boots, taint, drivers } = this;
    return {
      placement,
      state,
      boot: boots,
      taint,
      drivers: drivers.map((driver) => ({ ...driver })),
      zombies: 0,
      standby: [],
    };
  }

  devices(): { path: string; major: number; module: string }[] {
    return this.drivers.map(({ name }, index) => ({
      path: `/dev/${name}`,
      major: 240 + index,
      module: name,
    }));
  }

  subscribe(listener: (event: MachineEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  settled = (): Promise<void> => this.#recovery;
  ready = (): Promise<void> => Promise.resolve();

  async reboot(): Promise<void> {
    this.reboots++;
    this.restart();
    this.state = 'running';
  }

  threadOf(): Thread {
    throw new Error('a fake machine has no threads');
  }

  async shutdown(): Promise<void> {
    this.state = 'off';
  }

  // for scripts

  emit(event: MachineEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  fault(by: DetectedBy): void {
    this.emit({ type: 'fault', at: performance.now(), module: 'lkdtm', by, fault: null });
  }

  log(text: string, level = 6): void {
    this.#records.push({ sequence: (this.#records.at(-1)?.sequence ?? 0) + 1, time: 0, level, text });
  }

  /** A new kernel with the same modules: what they held is gone. */
  restart(): void {
    this.boots++;
    this.deadKernelLog = this.dmesg();
    this.#records = [];
    this.disk.fill(0);
    this.damage = [];
    this.held = 0;
    this.taint = '';
    this.sick = null;
    this.reading = { calls: 100, failed: 0, worstMs: 1.5, failures: [] };
  }

  /** Does `after` in a while; the machine counts as recovering until then. */
  recover(ms: number, after: () => void): void {
    this.#recovery = sleep(ms).then(after);
  }

  #alive(): void {
    if (this.state !== 'running') throw new MachineDied(`the machine is ${this.state}`);
  }

  #content(path: string): Uint8Array {
    if (path === '/dev/ramdisk') return this.disk;
    if (path === '/dev/lkdtm') return new TextEncoder().encode(`${Object.keys(this.scripts).join('\n')}\n`);
    return path === '/dev/zero' ? new Uint8Array(0x10000) : new Uint8Array(0);
  }
}
