// What runs a driver's domain: a thread of its own, the kernel's thread (the sandbox), or the thread of a pool (./pools.ts).

import { TRANSPORT_GATE } from '../../kernel/abi/channel.ts';
import { DOMAIN_MEMORY } from '../../kernel/abi/map.ts';
import type { PostedKind } from '../ipc/posted.ts';
import { transportOf, type ThreadTransport } from '../ipc/transport.ts';
import { listen } from './control.ts';
import { refer } from './files.ts';
import type { KernelLife } from './life.ts';
import type { Thread } from './platform.ts';
import type { DriverNotice, DriverStart, Interior, PostedStart } from './protocol.ts';
import type { Resources, Room } from './resources.ts';

export interface HomeEvents {
  heard(notice: DriverNotice): void;
  /** It has ended by itself. @param along with others, which may be why. @returns resolves when it is dead to all who keep its memory */
  lost(along: boolean): Promise<void>;
}

export interface Home {
  readonly memory: WebAssembly.Memory;
  readonly thread: Thread;
  /** The channel whose bell wakes the thread; null: the driver's own. */
  readonly bell: number | null;
  /** TRANSPORT_ */
  readonly transport: number;
  /** Where requests come by messages. */
  readonly posted: PostedKind | null;
  /** Whether it has ended, or is about to, with whoever lives in it: of a pool, of which its drivers hear a little later. */
  readonly ending: boolean;
  begin(start: DriverStart, events: HomeEvents): void;
  /**
   * Ends the driver.
   * @param clean it has run its cleanup, or was refused: those who live with it stay
   * @returns resolves when nothing of it runs any more
   */
  end(clean: boolean): Promise<void>;
  /** Gives back what it holds; it has ended. */
  release(): void;
}

/** The kernel's memory that a thread has. */
const kernels = new WeakMap<Thread, WebAssembly.Memory>();

/** A start as it goes to a driver's thread. */
export function posted(thread: Thread, { loaded, kernel, memory: _, ...start }: DriverStart): PostedStart {
  const known = kernels.get(thread) === kernel;
  kernels.set(thread, kernel);
  return { ...start, file: refer(thread, loaded), kernel: known ? null : kernel };
}

type Ear = (notice: DriverNotice) => void;

const NOTHING = (): void => {};

/** By thread and incarnation: a thread may outlive its driver by many others. */
const ears = new WeakMap<Thread, Map<string, Ear>>();

const nameOf = ({ channel, generation }: { channel: number; generation: number }): string =>
  `${channel}.${generation}`;

/** Hears what a thread says of one incarnation. @returns stops it */
export function hear(thread: Thread, start: DriverStart, heard: Ear): () => void {
  const known = ears.get(thread);
  const all = known ?? new Map<string, Ear>();
  if (!known) {
    ears.set(thread, all);
    listen(thread.port, (notice) => {
      if (notice.type === 'driver') all.get(nameOf(notice))?.(notice.notice);
    });
  }
  const name = nameOf(start);
  all.set(name, heard);
  return () => void all.delete(name);
}

/** Does something when a thread ends. @returns calls it off, and lets go of whom it concerns, whom the thread may outlive */
export function atEnd(thread: Thread, act: () => void): () => void {
  const waiting = { act };
  void thread.ended.then(() => waiting.act());
  return () => void (waiting.act = NOTHING);
}

export class WorkerHome implements Home {
  readonly ending = false;
  readonly memory: WebAssembly.Memory;
  readonly thread: Thread;
  readonly bell = null;
  readonly transport: number;
  readonly posted: PostedKind | null;
  private readonly resources: Resources;
  /** Its driver has trapped: nothing of it runs on the thread, which can take another. */
  private idle = false;
  private deaf = (): void => {};

  private constructor(resources: Resources, { thread, memory }: Room, transport: ThreadTransport) {
    const { word, eventful } = transportOf(transport);
    this.resources = resources;
    this.thread = thread;
    this.memory = memory;
    this.transport = word;
    this.posted = eventful ? (transport as PostedKind) : null;
  }

  static async open(
    resources: Resources,
    interior: Interior,
    transport: ThreadTransport,
  ): Promise<WorkerHome> {
    return new WorkerHome(resources, await resources.takeRoom(interior), transport);
  }

  begin(start: DriverStart, { heard, lost }: HomeEvents): void {
    const { thread } = this;
    const deaf = hear(thread, start, (notice) => {
      this.idle ||= notice.type === 'fault' && !this.posted;
      heard(notice);
    });
    const off = atEnd(thread, () => void lost(false));
    this.deaf = () => {
      deaf();
      off();
    };
    thread.port.postMessage(posted(thread, start), start.link ? [start.link.port] : []);
  }

  end(): Promise<void> {
    const { thread } = this;
    if (this.idle) {
      this.deaf();
      this.resources.giveThread(thread);
      return Promise.resolve();
    }
    thread.terminate();
    return thread.ended; // it may still have something to say
  }

  release(): void {
    this.resources.giveMemory(this.memory);
  }
}

export class SandboxHome implements Home {
  readonly ending = false;
  readonly memory: WebAssembly.Memory;
  readonly thread: Thread;
  readonly bell = null;
  readonly transport = TRANSPORT_GATE;
  readonly posted = null;
  private readonly resources: Resources;
  private readonly life: KernelLife;
  private start: DriverStart | null = null;
  private deaf = (): void => {};

  private constructor(resources: Resources, life: KernelLife, memory: WebAssembly.Memory) {
    this.resources = resources;
    this.life = life;
    this.memory = memory;
    this.thread = life.thread;
  }

  static async open(resources: Resources, life: KernelLife): Promise<SandboxHome> {
    return new SandboxHome(resources, life, await resources.takeMemory(DOMAIN_MEMORY));
  }

  begin(start: DriverStart, { heard, lost }: HomeEvents): void {
    this.start = start;
    this.deaf = hear(this.thread, start, heard);
    const { loaded, kernel: _, ...rest } = start;
    this.life.control.methods.place({ ...rest, file: refer(this.thread, loaded) }).catch(() => lost(false));
  }

  async end(): Promise<void> {
    const { life, start } = this;
    if (start && !life.dead) {
      const { channel, generation } = start;
      await life.control.methods.displace(channel, generation).catch(() => {});
    }
    if (start && life.dead) await life.thread.ended;
    this.deaf();
  }

  release(): void {
    this.resources.giveMemory(this.memory);
  }
}
