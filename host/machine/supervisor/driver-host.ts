// Driver hosts. A driver's domain runs on a thread of its own, on the kernel's thread (the sandbox), or on the thread of a pool
// (./pools.ts).

import { TRANSPORT_GATE } from '../../../kernel/abi/channel.ts';
import { DOMAIN_MEMORY } from '../../../kernel/abi/map.ts';
import type { PostedKind } from '../../ipc/posted.ts';
import { transportOf, type ThreadTransport } from '../../ipc/transport.ts';
import { listen } from '../shared/control.ts';
import { refer } from '../shared/module-files.ts';
import type { KernelLife } from './kernel-life.ts';
import type { Thread } from '../shared/platform.ts';
import type { DriverNotice, DriverStart, DomainOptions, DriverThreadStart } from '../shared/protocol.ts';
import type { Resources, PreparedThread } from './resources.ts';

export interface DriverHostEvents {
  noticed(notice: DriverNotice): void;
  /**
   * It has ended by itself.
   * @param withOthers others ended with it and may be the cause
   * @returns resolves when its death was handled
   */
  ended(withOthers: boolean): Promise<void>;
}

export interface DriverHost {
  readonly memory: WebAssembly.Memory;
  readonly thread: Thread;
  /** The channel whose bell wakes the thread; null: the driver's own. */
  readonly bell: number | null;
  /** TRANSPORT_ */
  readonly transport: number;
  /** How requests are posted; null where they lie in shared memory. */
  readonly postedKind: PostedKind | null;
  /** Whether it has ended or is about to end. The drivers of a pool are notified a little later. */
  readonly ending: boolean;
  begin(start: DriverStart, events: DriverHostEvents): void;
  /**
   * Ends the driver.
   * @param clean it has run its cleanup, or was refused; the other drivers of its pool stay
   * @returns resolves when nothing of it runs any more
   */
  end(clean: boolean): Promise<void>;
  /** Gives back what it holds, after it has ended. */
  release(): void;
}

/** The kernel's memory that a thread was sent last. */
const kernelOfThread = new WeakMap<Thread, WebAssembly.Memory>();

/** The message that starts a driver on its thread. */
export function startMessage(
  thread: Thread,
  { loaded, kernel, memory: _, ...start }: DriverStart,
): DriverThreadStart {
  const known = kernelOfThread.get(thread) === kernel;
  kernelOfThread.set(thread, kernel);
  return { ...start, file: refer(thread, loaded), kernel: known ? null : kernel };
}

type NoticeListener = (notice: DriverNotice) => void;

const noop = (): void => {};

/** By thread and incarnation: a thread may serve many drivers, one after the other. */
const listeners = new WeakMap<Thread, Map<string, NoticeListener>>();

const nameOf = ({ channel, generation }: { channel: number; generation: number }): string =>
  `${channel}.${generation}`;

/** Listens to a thread's notices of one incarnation. @returns stops it */
export function onNotice(thread: Thread, start: DriverStart, listener: NoticeListener): () => void {
  const known = listeners.get(thread);
  const all = known ?? new Map<string, NoticeListener>();
  if (!known) {
    listeners.set(thread, all);
    listen(thread.port, (notice) => {
      if (notice.type === 'driver') all.get(nameOf(notice))?.(notice.notice);
    });
  }
  const name = nameOf(start);
  all.set(name, listener);
  return () => void all.delete(name);
}

/** Calls `act` when a thread ends. @returns cancels that, and drops the reference to `act`: the thread may live longer */
export function onThreadEnd(thread: Thread, act: () => void): () => void {
  const handler = { act };
  void thread.ended.then(() => handler.act());
  return () => void (handler.act = noop);
}

export class WorkerHost implements DriverHost {
  readonly ending = false;
  readonly memory: WebAssembly.Memory;
  readonly thread: Thread;
  readonly bell = null;
  readonly transport: number;
  readonly postedKind: PostedKind | null;
  private readonly resources: Resources;
  /** Its driver has trapped: nothing of it runs on the thread, which can be reused. */
  private trapped = false;
  private stopListening = (): void => {};

  private constructor(resources: Resources, { thread, memory }: PreparedThread, transport: ThreadTransport) {
    const { word, eventful } = transportOf(transport);
    this.resources = resources;
    this.thread = thread;
    this.memory = memory;
    this.transport = word;
    this.postedKind = eventful ? (transport as PostedKind) : null;
  }

  static async open(
    resources: Resources,
    options: DomainOptions,
    transport: ThreadTransport,
  ): Promise<WorkerHost> {
    return new WorkerHost(resources, await resources.takePreparedThread(options), transport);
  }

  begin(start: DriverStart, { noticed, ended }: DriverHostEvents): void {
    const { thread } = this;
    const stop = onNotice(thread, start, (notice) => {
      this.trapped ||= notice.type === 'fault' && !this.postedKind;
      noticed(notice);
    });
    const off = onThreadEnd(thread, () => void ended(false));
    this.stopListening = () => {
      stop();
      off();
    };
    thread.port.postMessage(startMessage(thread, start), start.link ? [start.link.port] : []);
  }

  end(): Promise<void> {
    const { thread } = this;
    if (this.trapped) {
      this.stopListening();
      this.resources.giveThread(thread);
      return Promise.resolve();
    }
    thread.terminate();
    return thread.ended; // its notices are heard until then
  }

  release(): void {
    this.resources.giveMemory(this.memory);
  }
}

export class SandboxHost implements DriverHost {
  readonly ending = false;
  readonly memory: WebAssembly.Memory;
  readonly thread: Thread;
  readonly bell = null;
  readonly transport = TRANSPORT_GATE;
  readonly postedKind = null;
  private readonly resources: Resources;
  private readonly life: KernelLife;
  private start: DriverStart | null = null;
  private stopListening = (): void => {};

  private constructor(resources: Resources, life: KernelLife, memory: WebAssembly.Memory) {
    this.resources = resources;
    this.life = life;
    this.memory = memory;
    this.thread = life.thread;
  }

  static async open(resources: Resources, life: KernelLife): Promise<SandboxHost> {
    return new SandboxHost(resources, life, await resources.takeMemory(DOMAIN_MEMORY));
  }

  begin(start: DriverStart, { noticed, ended }: DriverHostEvents): void {
    this.start = start;
    this.stopListening = onNotice(this.thread, start, noticed);
    const { loaded, kernel: _, ...rest } = start;
    this.life.control.methods
      .startSandbox({ ...rest, file: refer(this.thread, loaded) })
      .catch(() => ended(false));
  }

  async end(): Promise<void> {
    const { life, start } = this;
    if (start && !life.dead) {
      const { channel, generation } = start;
      await life.control.methods.endSandbox(channel, generation).catch(() => {});
    }
    if (start && life.dead) await life.thread.ended;
    this.stopListening();
  }

  release(): void {
    this.resources.giveMemory(this.memory);
  }
}
