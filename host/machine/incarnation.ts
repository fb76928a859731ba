// One incarnation of a driver in a domain of its own: a channel, a memory and a thread, from start to end. Ending one is a
// fence, then a kill: the kernel is told, which raises the generation and answers the callers; then the thread is told
// to stop and terminated. Until the thread is known to have ended it is a zombie, and its channel and memory go to
// nobody.

import type { Gate } from '../domain/announce.ts';
import type { StaticData } from '../domain/domain.ts';
import type { Fault } from '../domain/fault.ts';
import type { LoadedModule } from '../domain/loaded.ts';
import type { LoadOptions, Unloaded } from '../domain/loader.ts';
import { ModuleError } from '../domain/module-error.ts';
import {
  CHANNEL_ATTACHED,
  CHANNEL_DATA,
  CHANNEL_FREE,
  CHANNEL_SIZE,
  CHANNEL_ZOMBIE,
  D_COPYING,
  K_EXCUSES,
  K_GATE,
  K_GENERATION,
  K_RING,
  S_GENERATION,
  S_OBITUARY,
  S_STATE,
  S_STOP,
  S_TRANSPORT,
} from '../../kernel/abi/channel.ts';
import { MAX_CHANNELS } from '../../kernel/abi/limits.ts';
import { CHANNELS_BASE, DOMAIN_MEMORY } from '../../kernel/abi/map.ts';
import { EAGAIN, EIO, ENOSPC } from '../../kernel/abi/errno.ts';
import { ringDriver } from '../ipc/driver-bell.ts';
import type { Previous } from '../ipc/driver-side.ts';
import type { PostedKind } from '../ipc/posted.ts';
import { transportOf, type ThreadTransport } from '../ipc/transport.ts';
import { listen, MachineDied, transfer } from './control.ts';
import type { ModuleEntry } from './inspect.ts';
import type { KernelLife } from './life.ts';
import type { Thread } from './platform.ts';
import type { DriverStart, Images, PostedLink } from './protocol.ts';
import type { Resources } from './resources.ts';
import type { DetectedBy } from './types.ts';

/** ms between two looks at a channel that somebody still holds. */
const CHANNEL_PERIOD = 20;

const wordOf = (channel: number, offset: number): number =>
  (CHANNELS_BASE + channel * CHANNEL_SIZE + offset) >> 2;

export interface IncarnationEvents {
  /** It died by itself; called at most once, and not after `end`. */
  died(by: DetectedBy, fault: Fault | null): void;
  /** It has asked for a warning, and goes on. */
  warned(fault: Fault): void;
  /** It has run its cleanup; what it had not freed itself. */
  unloaded(report: Unloaded): void;
}

export class Incarnation {
  readonly channel: number;
  /** The channel's generation under which it runs. */
  readonly generation: number;
  readonly thread: Thread;
  readonly memory: WebAssembly.Memory;
  statics: StaticData[] = [];
  /** Its module as the kernel has it, for the oops: the kernel forgets it when it dies. */
  entries: ModuleEntry[] = [];
  ended = false;
  private link: PostedLink | null = null;
  readonly life: KernelLife;
  private readonly resources: Resources;
  private readonly events: IncarnationEvents;
  private fail: (error: Error) => void = () => {};
  private freeing: Promise<void> | null = null;

  private constructor(
    life: KernelLife,
    resources: Resources,
    channel: number,
    memory: WebAssembly.Memory,
    thread: Thread,
    events: IncarnationEvents,
  ) {
    this.life = life;
    this.resources = resources;
    this.channel = channel;
    this.memory = memory;
    this.thread = thread;
    this.events = events;
    this.generation = Atomics.load(life.words, wordOf(channel, K_GENERATION));
    life.usedUntil(thread.ended);
  }

  /**
   * Takes a channel, a thread and a memory. Throws ModuleError when every channel is in use or no thread can be started,
   * MachineDied when the kernel dies meanwhile.
   */
  static async prepare(
    life: KernelLife,
    resources: Resources,
    events: IncarnationEvents,
    transport: ThreadTransport,
  ): Promise<Incarnation> {
    const channel = await holdChannel(life);
    const thread = await resources.takeThread('driver').catch((error: unknown) => {
      if (!life.dead) Atomics.store(life.words, wordOf(channel, S_STATE), CHANNEL_FREE);
      throw new ModuleError(EAGAIN, `no thread can be started for a driver: ${String(error)}`);
    });
    const memory = await resources.takeMemory(DOMAIN_MEMORY);
    if (life.dead) {
      resources.giveMemory(memory);
      thread.terminate();
      throw new MachineDied('the kernel has died while a driver was being started');
    }
    const incarnation = new Incarnation(life, resources, channel, memory, thread, events);
    const { words } = life;
    const kept = new Set([wordOf(channel, K_GENERATION), wordOf(channel, K_RING)]);
    for (let at = wordOf(channel, 0); at < wordOf(channel, CHANNEL_DATA); at++)
      if (!kept.has(at)) words[at] = 0;
    const { word, eventful } = transportOf(transport);
    words[wordOf(channel, S_TRANSPORT)] = word;
    if (eventful) await incarnation.connect(transport as PostedKind);
    Atomics.store(words, wordOf(channel, S_GENERATION), incarnation.generation);
    Atomics.store(words, wordOf(channel, S_STATE), CHANNEL_ATTACHED);
    life.ring();
    return incarnation;
  }

  /** Gives both threads an end of a message channel. */
  private async connect(kind: PostedKind): Promise<void> {
    const { port1, port2 } = new MessageChannel();
    await this.life.control.methods.connect(this.channel, transfer(port1), kind);
    this.link = { port: port2, kind };
  }

  /** A word of its channel. */
  private held(offset: number): number {
    return Atomics.load(this.life.words, wordOf(this.channel, offset));
  }

  /** Whether the kernel has given it up, which the supervisor may not have heard of yet. */
  get fenced(): boolean {
    return this.held(K_GENERATION) !== this.generation;
  }

  /** Loads the driver, which the kernel knows already. Resolves when it is live, throws ModuleError when it was refused. */
  async start(
    loaded: LoadedModule,
    options: LoadOptions,
    gates: Gate[],
    images: Images,
    deadlineMs: number,
    previous: Previous | null,
  ): Promise<void> {
    const { thread, life, channel, generation, memory } = this;
    const outcome = new Promise<void>((resolve, reject) => {
      this.fail = reject;
      listen(thread.port, (notice) => {
        if (notice.type === 'live') {
          this.statics = notice.statics;
          resolve();
        } else if (notice.type === 'refused') {
          reject(new ModuleError(notice.errno, notice.message));
        } else if (notice.type === 'unloaded') {
          this.events.unloaded(notice);
        } else if (notice.type === 'warning') {
          if (!this.ended) this.events.warned(notice.fault);
        } else if (notice.type === 'fault') {
          this.die('trap', notice.fault);
        }
      });
    });
    void thread.ended.then(() => this.die('thread ended', null));
    this.life.ring();
    const start: DriverStart = {
      ...{
        type: 'start',
        kernel: life.memory,
        memory,
        channel,
        generation,
        deadlineMs,
        images,
        loaded,
        options,
        gates,
        previous,
        link: this.link,
      },
    };
    thread.port.postMessage(start, this.link ? [this.link.port] : []);
    const inTime = this.limit(deadlineMs);
    await outcome.finally(inTime);
  }

  /** It is dead, for a reason that somebody has detected. */
  die(by: DetectedBy, fault: Fault | null): void {
    if (this.ended) return;
    this.events.died(by, fault);
    // Before the end, which has a reason of its own for whoever loads it.
    this.fail(new ModuleError(EIO, `it died while it was loaded (${by}${fault ? `: ${fault.kind}` : ''})`));
    void this.end();
  }

  /** Ends it, whatever it is doing. @returns resolves when its thread has ended and all it held is free again */
  end(): Promise<void> {
    const { life, thread, channel } = this;
    const { words } = life;
    if (!this.ended) {
      this.ended = true;
      this.fail(new MachineDied('the driver was ended while it was loaded'));
      Atomics.store(words, wordOf(channel, S_STATE), CHANNEL_ZOMBIE);
      Atomics.store(words, wordOf(channel, S_OBITUARY), this.generation);
      Atomics.store(words, wordOf(channel, S_STOP), 1);
      ringDriver(words, channel);
      life.ring();
      thread.terminate();
    }
    return (this.freeing ??= this.free());
  }

  /** Ends it when its init has taken too long; time in which another driver hung that it had called is not its own. */
  private limit(ms: number): () => void {
    let timer: ReturnType<typeof setTimeout>;
    const arm = (excuses: number): void => {
      timer = setTimeout(() => {
        const now = this.held(K_EXCUSES);
        if (now !== excuses || this.held(K_GATE) !== 0) arm(now);
        else this.die('deadline', null);
      }, ms);
    };
    arm(this.held(K_EXCUSES));
    return () => clearTimeout(timer);
  }

  private async free(): Promise<void> {
    const { life, thread, channel } = this;
    await thread.ended;
    // The thread cannot say any more that its copy is done.
    Atomics.store(life.words, wordOf(channel, D_COPYING), 0);
    life.ring();
    this.resources.giveMemory(this.memory);
    // The kernel raises the generation when it has buried the incarnation; a successor must not share it. Nor may it have a
    // channel whose call of another driver is still to be answered.
    while (!life.dead && (this.held(K_GATE) !== 0 || this.held(K_GENERATION) === this.generation)) {
      await new Promise<void>((resolve) => setTimeout(resolve, CHANNEL_PERIOD));
    }
    // The memory of a dead kernel may be another's already.
    if (!life.dead) Atomics.store(life.words, wordOf(channel, S_STATE), CHANNEL_FREE);
  }
}

/** Finds a free channel and holds it; waits while the only ones are held by zombies. */
async function holdChannel(life: KernelLife): Promise<number> {
  for (;;) {
    let zombies = 0;
    for (let channel = 0; channel < MAX_CHANNELS; channel++) {
      const state = Atomics.load(life.words, wordOf(channel, S_STATE));
      if (state === CHANNEL_FREE) {
        Atomics.store(life.words, wordOf(channel, S_STATE), CHANNEL_ZOMBIE);
        return channel;
      }
      if (state === CHANNEL_ZOMBIE) zombies++;
    }
    if (zombies === 0)
      throw new ModuleError(ENOSPC, `there are no more than ${MAX_CHANNELS} channels to drivers`);
    await new Promise<void>((resolve) => setTimeout(resolve, CHANNEL_PERIOD));
  }
}
