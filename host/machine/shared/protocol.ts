// What the threads of a machine say to each other. Types alone. System calls and requests do not go this way: they go
// through the kernel's memory (host/ipc). Methods are called through Comlink (./control.ts), notices are plain messages.

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

/** What a runtime gives to the code of a thread. */
export interface ThreadRuntime {
  readonly port: Port;
  copies(kernel: WebAssembly.Memory, domain: WebAssembly.Memory): Copies;
  /** Ends this thread. */
  exit(code: number): void;
  /** Where it shares the event loop of others, which it may not block: resolves when it has to end. */
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
  /** Cores of this computer: with one nobody spins. */
  cores: number;
  /** Names of modules that are not loaded, separated by commas. */
  blacklist: string;
  /** Whether anybody can load a module that the kernel asks for. */
  requests: boolean;
}

/** Errors keep neither class nor fields on their way through Comlink, so results say what happened. */
export type Answer<T> =
  | { ok: true; value: T }
  | { ok: false; why: 'refused'; errno: number; message: string }
  | { ok: false; why: 'killed' };

/** At once, or where a call waits for a message later. */
export type MaybePromise<T> = T | Promise<T>;

export interface SystemCallResult {
  result: number;
  /** Of an open by the in-thread client: the alias of the module that it has missed. */
  wanted?: string;
  /** The bytes of a read. */
  data: Uint8Array | null;
}

/** System calls that a client makes for its owner, with what they need in the client's memory. */
export interface CallMethods {
  open(path: string, flags: number): MaybePromise<Answer<SystemCallResult>>;
  read(fd: number, count: number): MaybePromise<Answer<SystemCallResult>>;
  write(fd: number, data: Uint8Array): MaybePromise<Answer<SystemCallResult>>;
  /** Its argument is the address of these bytes; its data is what they are afterwards. */
  ioctl(fd: number, command: number, buffer: Uint8Array): MaybePromise<Answer<SystemCallResult>>;
  call(number: number, a: number, b: number, c: number, d?: number): MaybePromise<Answer<SystemCallResult>>;
  /** A call whose first argument is a path. */
  callPath(number: number, path: string, b: number, c: number): MaybePromise<Answer<SystemCallResult>>;
  /** Its data is a struct stat. */
  stat(path: string): MaybePromise<Answer<SystemCallResult>>;
  /** The next entries of a directory that is open. */
  entries(fd: number): MaybePromise<Answer<SystemCallResult>>;
}

/** A driver that waits for the end of another, of the same name. */
export interface ExpectedSuccessor {
  /** The channel of the other, and the generation under which that runs. */
  of: { channel: number; generation: number };
  name: string;
  file: FileRef;
  /** LOAD_ */
  flags: number;
  /** Its own. */
  channel: number;
  generation: number;
}

/** Methods of the kernel's thread. */
export interface KernelMethods extends CallMethods {
  boot(boot: KernelBoot): StaticData[];
  /** Does what is otherwise done when there is time for it. */
  ready(): void;
  insmod(loaded: LoadedModule, options: LoadOptions): Answer<StaticData[]>;
  rmmod(name: string, force: boolean): Answer<Unloaded>;
  /** Makes a module known that the domain behind `channel` will load. */
  announce(file: FileRef, flags: number, channel: number): Answer<Gate[]>;
  /** The same, as soon as another driver is at its end; null where it is not wanted any more, or cannot take its place. */
  expectSuccessor(successor: ExpectedSuccessor): Promise<Answer<Gate[]> | null>;
  /** Nobody waits behind that channel for the end of another any more. */
  forgetSuccessor(channel: number): void;
  /** A module was asked for in the name of a client that waits; it may look again. */
  requested(client: number): Answer<null>;
  /** Unloads a module that lives in a domain of its own for a successor, which takes over its devices and open files. */
  replaceModule(name: string): Promise<Answer<number>>;
  /**
   * Nobody comes after the incarnations of a driver that have died on some channels: what waits for a successor is answered,
   * and the driver's part of the data store goes; where it is unloaded, its names in /dev and /proc as well.
   */
  cancelRequests(name: string, channels: number[], unloaded: boolean): Answer<null>;
  /** Unloads a module that lives in a domain of its own. */
  deleteModule(name: string, force: boolean): MaybePromise<Answer<number>>;
  measure(spec: MeasureSpec): Promise<Measured>;
  /** Loads a driver into a sandbox on this thread; what comes of it is said in notices. */
  startSandbox(start: SandboxStart): void;
  /** Drops the sandbox of an incarnation that is at its end. */
  endSandbox(channel: number, generation: number): void;
  /** The driver on a channel is reached by messages over a port. */
  connect(channel: number, port: MessagePort, kind: PostedKind): void;
}

/** The driver's end of a transport by messages. */
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
  /** Closes what is open and gives the slot back. */
  leave(): MaybePromise<void>;
}

/** What a domain is booted with, before anybody knows which drivers it will have. */
export interface DomainOptions {
  images: Images;
  deadlineMs: number;
  /** SLUB_… of kernel/abi/heap.ts. */
  slubDebug: number;
}

/** Has a driver's thread boot a domain, in which the drivers are loaded that are started next. */
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
  /** The channel with the bell of the thread that it lives on. */
  hostChannel: number;
  loaded: LoadedModule;
  options: LoadOptions;
  /** Its imports that lie in other drivers' domains. */
  gates: Gate[];
  /** Whether the static data of the domain's image is wanted: it is the same in all. */
  statics: boolean;
  /** What its predecessor has left of its memory, where ranges lie in that. */
  previous: PreviousMemory | null;
  /** Where requests come by messages. */
  link: PostedLink | null;
}

/** A start on its way to the kernel's thread, for a sandbox. */
export type SandboxStart = Omit<DriverStart, 'loaded' | 'kernel'> & { file: FileRef };

/** A start on its way to a driver's thread, which has a memory already. */
export interface DriverThreadStart extends Omit<SandboxStart, 'memory'> {
  /** Null where the thread has it. */
  kernel: WebAssembly.Memory | null;
}

/** What becomes of a driver, said by whoever runs it. */
export type DriverNotice =
  | { type: 'live'; statics: StaticData[] }
  | { type: 'refused'; errno: number; message: string }
  /** Before it runs its cleanup for a successor; null where it refuses to go. */
  | { type: 'preserved'; previous: PreviousMemory | null }
  | ({ type: 'unloaded' } & Unloaded)
  | { type: 'warning'; caught: Caught }
  /** @see clock for `at` */
  | { type: 'fault'; caught: Caught; at: number }
  /** It has called do_exit. */
  | { type: 'exit'; code: number }
  /** The kernel has trapped in a call by it, and it was unwound with that. */
  | { type: 'oops' }
  /** Nothing of it runs any more, while others on its thread go on. */
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
