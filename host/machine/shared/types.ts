// The interface of a machine for the lab, the shell and the page. Types only; ../machine.ts makes one.
//
// A result below zero is a negative errno, as of a system call. A promise is rejected only when the machine could not answer
// (MachineDied), when the calling client was ended in the call (Killed), or for a usage error.

import type { DirectoryEntry, FileStat } from '../../ipc/names.ts';
import type { LoadedModule } from '../../domain/loaded.ts';
import type { Fault } from '../../domain/fault.ts';
import type { Place, Placement } from './place.ts';
import type { Thread } from './platform.ts';

export type { DirectoryEntry, FileStat, FileType } from '../../ipc/names.ts';
export type { Placement, SidePlacement } from './place.ts';

/** A client of the kernel: system calls with errnos. Buffers are copied. At most USER_SIZE bytes a call. */
export interface Client {
  open(path: string, flags: number): Promise<number>;
  close(fd: number): Promise<number>;
  /** The bytes read (empty for a negative result) and the raw result, which a lying driver may have forged. */
  read(fd: number, count: number): Promise<{ result: number; data: Uint8Array }>;
  write(fd: number, data: Uint8Array): Promise<number>;
  lseek(fd: number, offset: number, whence: number): Promise<number>;
  /** @param argument a number, or a buffer whose address is passed and to which the driver may write */
  ioctl(fd: number, command: number, argument: number | Uint8Array): Promise<number>;
  /** The attributes of a path; `stat` is given where the result is 0. */
  stat(path: string): Promise<{ result: number; stat?: FileStat }>;
  /** The names in a directory, as the kernel lists them; empty for a negative result. */
  readdir(path: string): Promise<{ result: number; entries: DirectoryEntry[] }>;
  /**
   * Makes a name in /dev for a character device.
   * @param mode permissions, as 0o666
   * @returns 0, -EEXIST, -EINVAL (a number out of range), -EPERM (not in /dev) …
   */
  mknod(path: string, mode: number, major: number, minor: number): Promise<number>;
  /** Removes a name from /dev; the device stays. */
  unlink(path: string): Promise<number>;
  /**
   * Complains about the driver behind an open file. The message goes to the log, and the driver is ended and restarted as if it
   * had died by itself.
   * @returns 0, -EBADF, -EIO (it is dead already), -ENOSYS (it is in the kernel's own memory), -ENAMETOOLONG (256 bytes)
   */
  complain(fd: number, message: string): Promise<number>;
}

/** A client in a worker of its own. */
export interface ClientThread extends Client {
  /**
   * Reads 64 bytes of a device again and again on a schedule of one call each `periodMs`, reopening it after a failure,
   * until stopReading. Latency is measured from the intended start of each call.
   */
  startReading(path: string, periodMs: number): Promise<void>;
  stopReading(): Promise<ReadingReport>;
  /**
   * Writes `order` to a device, which provokes a fault; where `order` is empty the fault comes from elsewhere. Then opens and
   * reads the device until it has failed and is good again, with pauses so that the recovery has the processors. Ends without
   * that after `patienceMs`.
   * @param bytes the result of a good read
   */
  probeRecovery(path: string, order: Uint8Array, bytes: number, patienceMs: number): Promise<RecoveryProbe>;
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

/** What a client saw of a fault; ms since 1970. */
export interface RecoveryProbe {
  /** When it made its first call. */
  calledAt: number;
  /** When the first call failed; null where none did. */
  failedAt: number | null;
  /** When the first call after that succeeded. */
  goodAt: number | null;
  tries: number;
}

export interface ModuleInfo {
  name: string;
  state: 'live' | 'coming' | 'going' | 'unformed';
  size: number;
  references: number;
  base: number;
  /** Bytes it holds from kmalloc; in a domain of its own the domain's count. */
  bytes: number;
  /** Bytes of the kernel's memory for what its file declares: names, parameters, symbols. */
  kept: number;
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
  place: Place;
  /**
   * `starting`: also while it is being restarted; `waiting`: died, to be restarted after its back-off; `failed`: given up;
   * `ended`: has exited and is not restarted.
   */
  state: 'starting' | 'up' | 'waiting' | 'failed' | 'ended';
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
  /** Incarnations given up whose thread is not known to have ended. */
  zombies: number;
  /** The drivers that have a hot standby. */
  standby: string[];
}

export interface LogRecord {
  sequence: number;
  /** Seconds since boot. */
  time: number;
  level: number;
  text: string;
}

/** What could be read of a log: complete records, and how many are damaged or overwritten. */
export interface LogView {
  records: LogRecord[];
  lost: number;
}

/** A finished call of a driver in another domain. Times are ns since boot. */
export interface TraceRecord {
  /** Counted from 1. */
  sequence: number;
  /** The caller: `console`, `client 3`, the name of a driver, or `kernel`. */
  caller: string;
  /** The same as a number: the client, MAX_CLIENTS + the driver's channel, or TRACE_KERNEL. */
  who: number;
  /** The called driver's name, and the channel and its generation, which tell its incarnations apart. */
  driver: string;
  channel: number;
  generation: number;
  /** `read`, `symbol`, … */
  operation: string;
  /** A negative errno, or what the driver answered. */
  status: number;
  startNs: number;
  endNs: number;
  /** Whether both times were read from the clock for this call; else they are older, see docs/trace.md. */
  exact: boolean;
}

export interface TraceView {
  /** Oldest first. */
  records: TraceRecord[];
  /** How many were written since boot and are no longer there, or are being written or damaged. */
  lost: number;
  /** The setting kernel.trace: 0 where nothing is traced. */
  level: number;
}

/** The counters of a channel, for the incarnation that is on it or was the last there. */
export interface ChannelStatistics {
  driver: string;
  channel: number;
  generation: number;
  /** When the incarnation was attached, ns since boot. */
  sinceNs: number;
  /** Finished calls, and those of them that ended with an errno. */
  calls: number;
  errors: number;
  /** Sampled latencies: ns of all together, and weights by bucket (../inspect/latency.ts). */
  timeNs: number;
  samples: number[];
}

export interface CallStatistics {
  /** ns since boot when the kernel last looked at its clock. */
  clockNs: number;
  /** The smallest step of that clock that it has seen, in ns; 0 before it has seen one. */
  stepNs: number;
  channels: ChannelStatistics[];
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
  | 'thread ended' // the worker has ended
  | 'exit' // it has called do_exit
  | 'oops' // the kernel, on whose thread it was, trapped in a call by it
  | 'complaint' // a client has complained about it
  | 'operator' // the operator has killed it
  | 'panic';

/** The arguments of a recovery command. */
export interface RecoveryRequest {
  driver: string;
  cause: DetectedBy;
  /** The number of the incarnation that died, from 1. */
  incarnation: number;
  /** The command of its policy. */
  command: string;
}

/** Runs the recovery command of a driver's policy, before the driver is restarted. */
export type Recover = (request: RecoveryRequest) => Promise<'restart' | 'give up'>;

/** Times are the platform's clock in ms (performance.now of the supervisor's thread). */
export type MachineEvent =
  | { type: 'state'; at: number; state: MachineStatus['state'] }
  | {
      type: 'fault';
      at: number;
      module: string | null;
      by: DetectedBy;
      fault: Fault | null;
      /** When a driver's trap was caught, in ms since 1970; given where it was caught outside the kernel's domain. */
      caughtAt?: number | null;
    }
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
  /** Takes the same call without tracing as the floor, instead of the cheapest operation of its kind. */
  untraced?: boolean;
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
    | 'memory copy'
    | 'untraced call';
  /** Pairs that were not counted, because another process had disturbed the floor. */
  dropped: number;
}

/** insmod -f, rmmod -f. */
export interface LoadMode {
  /** insmod ignores versions; rmmod removes a module in use. The kernel is tainted. */
  force?: boolean;
}

/** Takes a core (../inspect/core.ts) and its name, NAME.GENERATION, which is not unique. The log says why it fails. */
export type OnCore = (core: Uint8Array<ArrayBuffer>, name: string) => void | Promise<void>;

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
  /**
   * Replaces a driver in a domain of its own by another binary of the same name, while clients use it. Their requests wait
   * meanwhile, and their files stay open. Rejects with ModuleError where the new driver is refused or dies in its init; then the
   * old one is loaded again.
   * @param parameters by default those of the old driver
   */
  update(module: LoadedModule, parameters?: string): Promise<void>;
  /** Ends a driver as the operator; throws where it is in the kernel's domain, where it cannot be ended alone. */
  kill(name: string): void;
  /** A client in a worker of its own. */
  attach(): Promise<ClientThread>;
  measure(spec: MeasureSpec): Promise<Measured>;
  /** Inconsistencies in the memories of kernel and drivers, one sentence each. They are read from outside, also after a death. */
  check(): string[];
  /** The log, read from the kernel's memory. While a machine reboots, and until the new kernel has started, the dead one's. */
  dmesg(): LogView;
  /** The log of the last kernel that died on this machine, read from its memory. */
  readonly deadKernelLog: LogView | null;
  /** The latest calls between domains, read as the log is. */
  trace(): TraceView;
  /** The same of the last kernel that died on this machine. */
  readonly deadKernelTrace: TraceView | null;
  /** Counts and latencies of calls, by channel. */
  statistics(): CallStatistics;
  lsmod(): ModuleInfo[];
  accounting(): Accounting;
  status(): MachineStatus;
  /** The names of the character devices that a module registered, as paths (`/dev/ramdisk`). */
  devices(): DeviceInfo[];
  subscribe(listener: (event: MachineEvent) => void): () => void;
  /** Resolves when nothing is being recovered: the machine runs and each driver is up or given up; rejects if off. */
  settled(): Promise<void>;
  /** Resolves when all is prepared that a fault finds long after the last one: for measurements. */
  ready(): Promise<void>;
  /** Ends the kernel and boots a new one with the same modules. */
  reboot(): Promise<void>;
  /**
   * The thread that a driver runs on (the kernel's where it lives there, and for null), for experiments that end it without the
   * supervisor.
   */
  threadOf(module: string | null): Thread;
  shutdown(): Promise<void>;
}
