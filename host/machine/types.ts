// What a machine is to those above it: the lab, the shell, the page. Types alone; ./machine.ts makes one.
//
// A result below zero is a negative errno, as a system call's; a promise is rejected only when the machine itself
// could not answer (MachineDied), when the calling client was ended in the call (Killed), or for a usage error.

import type { DirectoryEntry, FileStat } from '../ipc/names.ts';
import type { LoadedModule } from '../domain/loaded.ts';
import type { Fault } from '../domain/fault.ts';
import type { Thread } from './platform.ts';

export type { DirectoryEntry, FileStat, FileType } from '../ipc/names.ts';

export type Placement = 'monolithic' | 'microkernel';

/** A client of the kernel: system calls with errnos. Buffers are copied. At most USER_SIZE bytes a call. */
export interface Client {
  open(path: string, flags: number): Promise<number>;
  close(fd: number): Promise<number>;
  /** The bytes read (empty for a negative result) and the raw result, which a lying driver may have forged. */
  read(fd: number, count: number): Promise<{ result: number; data: Uint8Array }>;
  write(fd: number, data: Uint8Array): Promise<number>;
  lseek(fd: number, offset: number, whence: number): Promise<number>;
  ioctl(fd: number, command: number, argument: number): Promise<number>;
  /** What a path names; `stat` is there where the result is 0. */
  stat(path: string): Promise<{ result: number; stat?: FileStat }>;
  /** The names in a directory, as the kernel lists them; empty for a negative result. */
  readdir(path: string): Promise<{ result: number; entries: DirectoryEntry[] }>;
  /**
   * Makes a name in /dev for a character device.
   * @param mode permissions, as 0o666
   * @returns 0, -EEXIST, -EINVAL (a number out of range), -EPERM (not in /dev) …
   */
  mknod(path: string, mode: number, major: number, minor: number): Promise<number>;
  /** Takes a name out of /dev; the device stays. */
  unlink(path: string): Promise<number>;
}

/** A client in a worker of its own. */
export interface ClientThread extends Client {
  /**
   * Reads 64 bytes of a device again and again on a schedule of one call each `periodMs`, reopening it after a failure,
   * until stopReading. Latency is measured from the intended start of each call.
   */
  startReading(path: string, periodMs: number): Promise<void>;
  stopReading(): Promise<ReadingReport>;
  /** Closes its files, gives its slot back and ends the thread. */
  end(): Promise<void>;
}

export interface ReadingReport {
  calls: number;
  failed: number;
  worstMs: number;
  /** The first few failures in words. */
  failures: string[];
}

export interface ModuleInfo {
  name: string;
  state: 'live' | 'coming' | 'going' | 'unformed';
  size: number;
  references: number;
  base: number;
  /** Bytes it holds from kmalloc; in a domain of its own the domain's count. */
  bytes: number;
  /** Modules that use its symbols, the latest first. */
  usedBy: string[];
  /** Letters of the taints that it gave the kernel. */
  taint: string;
}

/** A character device. */
export interface DeviceInfo {
  path: string;
  major: number;
  /** The module that registered it, empty where there is none. */
  module: string;
}

/** A driver as the supervisor sees it. */
export interface DriverStatus {
  name: string;
  sha256: string;
  /** `failed`: given up; `starting`: also while it is being restarted. */
  state: 'starting' | 'up' | 'failed';
  /** 0 in the kernel's own domain. */
  generation: number;
  restarts: number;
}

export interface MachineStatus {
  placement: Placement;
  state: 'booting' | 'running' | 'rebooting' | 'dead' | 'off';
  boot: number;
  taint: string;
  drivers: DriverStatus[];
  /** Threads given up whose end is not known yet. */
  zombies: number;
}

export interface LogRecord {
  sequence: number;
  /** Seconds since boot. */
  time: number;
  level: number;
  text: string;
}

/** What could be read of a log: whole records, and how many are damaged or overwritten. */
export interface LogView {
  records: LogRecord[];
  lost: number;
}

/** How much memory, table and symbols are in use: equal before insmod and after rmmod. */
export interface Accounting {
  pagesFree: number;
  slotsFree: number;
  bytesUsed: number;
  moduleBytes: number;
  symbols: number;
  modules: number;
}

export type DetectedBy =
  | 'trap' // an engine trap was caught
  | 'deadline' // a request was not answered in time
  | 'heartbeat' // the kernel did not answer the supervisor's ping in time
  | 'protocol' // a reply that no honest driver sends
  | 'thread ended' // the worker was gone
  | 'panic';

/** Times are the platform's clock in ms (performance.now of the supervisor's thread). */
export type MachineEvent =
  | { type: 'state'; at: number; state: MachineStatus['state'] }
  | { type: 'fault'; at: number; module: string | null; by: DetectedBy; fault: Fault | null }
  | { type: 'driver'; at: number; module: string; state: DriverStatus['state']; generation: number };

export interface MeasureSpec {
  /** A batch is of positioned reads, all in flight at once; its figures are per read. */
  operation: 'dispatch' | 'syscall' | 'read' | 'batch';
  path: string;
  /** Bytes of a read; 0 for dispatch and syscall. */
  bytes: number;
  /** Pairs of batches (floor, subject), taken alternately. */
  samples: number;
  /** Least time of a batch in ms. */
  batchMs: number;
}

export interface Measured {
  /** ns per operation, one figure a batch. */
  subject: number[];
  floor: number[];
  floorName:
    | 'indirect call'
    | 'wasm to JavaScript to wasm'
    | 'shared-memory round trip'
    | 'wait/notify round trip'
    | 'postMessage round trip'
    | 'bare ring'
    | 'memory copy';
  /** Pairs that were taken and not counted, because the floor was disturbed by somebody else. */
  dropped: number;
}

/** insmod -f, rmmod -f. */
export interface LoadMode {
  /** Versions are not looked at; a module in use is removed all the same. The kernel is tainted. */
  force?: boolean;
}

/** Takes a core (./core.ts) and its name, NAME.GENERATION. */
export type OnCore = (core: Uint8Array<ArrayBuffer>, name: string) => void;

export interface UnloadReport {
  name: string;
  leakedBytes: number;
  leakedObjects: number;
}

export interface Machine {
  readonly placement: Placement;
  readonly deadlineMs: number;
  /** The in-thread client of the kernel's thread. */
  readonly console: Client;
  /** Loads a driver; rejects with ModuleError (errno and Linux's words) and leaves everything as it was. */
  insmod(module: LoadedModule, parameters?: string, mode?: LoadMode): Promise<void>;
  /** Unloads a driver; rejects with ModuleError, which names those that use it. */
  rmmod(name: string, mode?: LoadMode): Promise<UnloadReport>;
  /** Ends the thread of a driver from outside, as an operator does; throws in the monolith, where it has none. */
  kill(name: string): void;
  /** A client in a worker of its own. */
  attach(): Promise<ClientThread>;
  measure(spec: MeasureSpec): Promise<Measured>;
  /** Inconsistencies found in the memories of kernel and drivers, one sentence each; read from outside, so also of the dead. */
  check(): string[];
  /** The log, read out of the kernel's memory. While a machine reboots, and until the new kernel has started, the dead one's. */
  dmesg(): LogView;
  /** The log of the last kernel that died on this machine, as it was read out of its memory. */
  readonly lastWords: LogView | null;
  lsmod(): ModuleInfo[];
  accounting(): Accounting;
  status(): MachineStatus;
  /** The names of the character devices that a module registered, as paths (`/dev/ramdisk`). */
  devices(): DeviceInfo[];
  subscribe(listener: (event: MachineEvent) => void): () => void;
  /** Resolves when nothing is being recovered: the machine runs and each driver is up or given up; rejects if off. */
  settled(): Promise<void>;
  /** Ends the kernel's life by hand and boots it anew with the same modules. */
  reboot(): Promise<void>;
  /** The thread a driver runs on (the kernel's in the monolith): for experiments that kill it behind the supervisor's back. */
  threadOf(module: string): Thread;
  shutdown(): Promise<void>;
}
