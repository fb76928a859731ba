// The messages between the threads of a machine. Types only. System calls and requests go through the kernel's memory instead
// (host/ipc). Methods are called through Comlink (./control.ts); notices are plain messages.

import type { Gate } from '../../domain/announce.ts';
import type { StaticData } from '../../domain/domain.ts';
import type { Caught, Fault } from '../../domain/fault.ts';
import type { Image } from '../../domain/image.ts';
import type { LoadedModule } from '../../domain/loaded.ts';
import type { LoadOptions, Unloaded } from '../../domain/loader.ts';
import type { Copies } from '../../ipc/copy.ts';
import type { PreviousMemory } from '../../ipc/driver-side.ts';
import type { PostedKind } from '../../ipc/posted.ts';
import type { FileRef } from './module-files.ts';
import type { Measured, MeasureSpec, RecoveryProbe, Placement, ReadingReport } from './types.ts';
import type { Port } from './platform.ts';

export interface Images {
  kernel: Image;
  domain: Image;
  driverLoop: Image;
  user: Image;
}

/** What a runtime provides to the code of a thread. */
export interface ThreadRuntime {
  readonly port: Port;
  copies(kernel: WebAssembly.Memory, domain: WebAssembly.Memory): Copies;
  /** Ends this thread. */
  exit(code: number): void;
  /** Given where it shares an event loop, which it may not block; resolves when it has to end. */
  readonly ended?: Promise<void>;
}

export interface KernelBoot {
  placement: Placement;
  memory: WebAssembly.Memory;
  images: Images;
  /** Counted from 1. */
  number: number;
  deadlineMs: number;
  panicOnOops: boolean;
  slubDebug: number;
  /** Cores of this computer. With one core no thread spins. */
  cores: number;
  /** Names of modules that are not loaded, separated by commas. */
  blacklist: string;
  /** Whether modules can be loaded on demand. */
  requests: boolean;
}

/** The result of a method that may be refused: errors lose their class and fields on their way through Comlink. */
export type Answer<T> =
  | { ok: true; value: T }
  | { ok: false; why: 'refused'; errno: number; message: string }
  | { ok: false; why: 'killed' };

/** A value, or a promise where the call waits for a message. */
export type MaybePromise<T> = T | Promise<T>;

export interface SystemCallResult {
  result: number;
  /** Of an open by the in-thread client: the alias of the module that it needs. */
  wanted?: string;
  /** The bytes of a read. */
  data: Uint8Array | null;
}

/** System calls that a client's thread makes, with their buffers copied to and from the client's memory. */
export interface CallMethods {
  open(path: string, flags: number): MaybePromise<Answer<SystemCallResult>>;
  read(fd: number, count: number): MaybePromise<Answer<SystemCallResult>>;
  write(fd: number, data: Uint8Array): MaybePromise<Answer<SystemCallResult>>;
  /** Passes the address of these bytes; `data` holds the bytes after the call. */
  ioctl(fd: number, command: number, buffer: Uint8Array): MaybePromise<Answer<SystemCallResult>>;
  call(number: number, a: number, b: number, c: number, d?: number): MaybePromise<Answer<SystemCallResult>>;
  /** A call whose first argument is a path. */
  callPath(number: number, path: string, b: number, c: number): MaybePromise<Answer<SystemCallResult>>;
  /** `data` is a struct stat. */
  stat(path: string): MaybePromise<Answer<SystemCallResult>>;
  /** The next entries of an open directory. */
  entries(fd: number): MaybePromise<Answer<SystemCallResult>>;
}

/** A standby: a driver that waits for the end of its predecessor, of the same name. */
export interface ExpectedSuccessor {
  /** The predecessor's channel, and the generation under which it runs. */
  of: { channel: number; generation: number };
  name: string;
  file: FileRef;
  /** LOAD_ */
  flags: number;
  /** The successor's own. */
  channel: number;
  generation: number;
}

/** Methods of the kernel's thread. */
export interface KernelMethods extends CallMethods {
  boot(boot: KernelBoot): StaticData[];
  /** Does the idle work now. */
  ready(): void;
  insmod(loaded: LoadedModule, options: LoadOptions): Answer<StaticData[]>;
  rmmod(name: string, force: boolean): Answer<Unloaded>;
  /** Announces a module that the domain behind `channel` will load. */
  announce(file: FileRef, flags: number, channel: number): Answer<Gate[]>;
  /** Announces a successor when its predecessor is fenced; null where it was forgotten or cannot take over. */
  expectSuccessor(successor: ExpectedSuccessor): Promise<Answer<Gate[]> | null>;
  /** The successor on that channel does not wait any more. */
  forgetSuccessor(channel: number): void;
  /** The request for a module was handled, for which a client waits: the client goes on. */
  requested(client: number): Answer<null>;
  /** Unloads a module in a domain of its own for a successor, which takes over its devices and open files. */
  replaceModule(name: string): Promise<Answer<number>>;
  /**
   * The incarnations of a driver that have died on these channels have no successor. Answers the requests that wait for one, and
   * drops the driver's part of the data store; where it is unloaded, its names in /dev and /proc as well.
   */
  cancelRequests(name: string, channels: number[], unloaded: boolean): Answer<null>;
  /** Unloads a module in a domain of its own. */
  deleteModule(name: string, force: boolean): MaybePromise<Answer<number>>;
  measure(spec: MeasureSpec): Promise<Measured>;
  /** Loads a driver into a sandbox on this thread; notices say how that ended. */
  startSandbox(start: SandboxStart): void;
  /** Drops the sandbox of an incarnation that has ended. */
  endSandbox(channel: number, generation: number): void;
  /** Connects a channel whose transport posts messages. */
  connect(channel: number, port: MessagePort, kind: PostedKind): void;
}

/** The driver's end of a transport that posts messages. */
export interface PostedLink {
  port: MessagePort;
  kind: PostedKind;
}

/** Methods of a client's thread. */
export interface ClientMethods extends CallMethods {
  attach(memory: WebAssembly.Memory, client: number): void;
  startReading(path: string, periodMs: number): void;
  stopReading(): Promise<ReadingReport>;
  probeRecovery(path: string, order: Uint8Array, bytes: number, patienceMs: number): Promise<RecoveryProbe>;
  /** Closes its files and gives the slot back. */
  leave(): MaybePromise<void>;
}

/** The options of a domain, which is booted before its drivers are chosen. */
export interface DomainOptions {
  images: Images;
  deadlineMs: number;
  /** SLUB_… of kernel/abi/heap.ts. */
  slubDebug: number;
}

/** Has a driver's thread boot a domain. The drivers that are started next are loaded there. */
export interface PrepareDomain extends Omit<DomainOptions, 'images'> {
  type: 'prepare';
  memory: WebAssembly.Memory;
  /** Whether another domain has booted in that memory, on that thread. */
  used: boolean;
  /** Null where the thread has them. */
  images: Images | null;
}

export interface DriverStart {
  type: 'start';
  kernel: WebAssembly.Memory;
  memory: WebAssembly.Memory;
  channel: number;
  generation: number;
  /** The channel with the bell of its thread. */
  hostChannel: number;
  loaded: LoadedModule;
  options: LoadOptions;
  /** Its imports from other drivers' domains. */
  gates: Gate[];
  /** Whether the `live` notice is to have the static data of the domain's image, which is the same in every domain. */
  statics: boolean;
  /** The predecessor's memory, where that preserves ranges. */
  previous: PreviousMemory | null;
  /** For a transport that posts messages. */
  link: PostedLink | null;
}

/** A start on its way to the kernel's thread, for a sandbox. */
export type SandboxStart = Omit<DriverStart, 'loaded' | 'kernel'> & { file: FileRef };

/** A start on its way to a driver's thread, which has a memory already. */
export interface DriverThreadStart extends Omit<SandboxStart, 'memory'> {
  /** Null where the thread has it. */
  kernel: WebAssembly.Memory | null;
}

/** Notices of a driver, posted by the thread that it runs on. */
export type DriverNotice =
  | { type: 'live'; statics: StaticData[] }
  | { type: 'refused'; errno: number; message: string }
  /** Before it runs its cleanup for a successor; null where it then refuses to be unloaded. */
  | { type: 'preserved'; previous: PreviousMemory | null }
  | ({ type: 'unloaded' } & Unloaded)
  | { type: 'warning'; caught: Caught }
  /** @see clock for `at` */
  | { type: 'fault'; caught: Caught; at: number }
  /** It has called do_exit. */
  | { type: 'exit'; code: number }
  /** The kernel has trapped in a call by it, which has unwound it too. */
  | { type: 'oops' }
  /** Nothing of it runs any more; other drivers on its thread go on. */
  | { type: 'left' };

export type Notice =
  /** The code of the thread is loaded and listens. */
  | { type: 'ready' }
  // by the kernel's thread
  | { type: 'complaint'; channel: number; generation: number; reason: number }
  | { type: 'request'; client: number; alias: string }
  | { type: 'oops'; fault: Fault }
  | { type: 'halted'; by: 'panic' | 'trap'; fault: Fault | null }
  // by the thread of an incarnation of a driver
  | { type: 'driver'; channel: number; generation: number; notice: DriverNotice };
