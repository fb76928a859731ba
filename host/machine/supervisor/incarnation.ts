// One incarnation of a driver in a domain, from start to end: a channel and a driver host (./driver-host.ts). It is ended by a
// fence, then a kill. The kernel is told, raises the generation and answers the callers; then the driver host ends the driver.
// While anything of it may still run it is a zombie, and its channel and memory are not reused.

import type { Gate } from '../../domain/announce.ts';
import type { StaticData } from '../../domain/domain.ts';
import type { Image } from '../../domain/image.ts';
import { located, type Caught, type Fault } from '../../domain/fault.ts';
import type { LoadedModule } from '../../domain/loaded.ts';
import type { LoadOptions, Unloaded } from '../../domain/loader.ts';
import { ModuleError } from '../../domain/module-error.ts';
import {
  CHANNEL_ATTACHED,
  CHANNEL_ZOMBIE,
  D_COPYING,
  K_EXCUSES,
  K_GATE,
  K_GENERATION,
  S_GENERATION,
  S_DRIVER_HOST,
  S_EXIT_NOTICE,
  S_STATE,
  S_STOP,
  S_TRANSPORT,
} from '../../../kernel/abi/channel.ts';
import { EAGAIN, EIO } from '../../../kernel/abi/errno.ts';
import { ringDriver } from '../../ipc/driver-bell.ts';
import type { PreviousMemory } from '../../ipc/driver-side.ts';
import type { PostedKind } from '../../ipc/posted.ts';
import { CHANNEL_PERIOD, clearChannel, freeChannel, holdChannel } from './channels.ts';
import { wordOf } from '../shared/channel-words.ts';
import { MachineDied, transfer } from '../shared/control.ts';
import type { DriverHost } from './driver-host.ts';
import { symbolsOf } from '../shared/file-symbols.ts';
import type { ModuleEntry } from '../inspect/lists.ts';
import type { KernelLife } from './kernel-life.ts';
import type { Thread } from '../shared/platform.ts';
import type { DriverNotice, DriverStart, Images, PostedLink } from '../shared/protocol.ts';
import { HeartbeatMonitor } from './heartbeat.ts';
import { nextTask, pause } from '../shared/task.ts';
import type { DetectedBy } from '../shared/types.ts';

export interface IncarnationEvents {
  /** It died by itself; called at most once, and not after `end`. */
  died(by: DetectedBy, fault: Fault | null, caughtAt: number | null): void;
  /** Files of the drivers in a memory: a driver may trap in another one's code. */
  files(memory: WebAssembly.Memory): readonly LoadedModule[];
  /** It has asked for a warning, and goes on. */
  warned(fault: Fault): void;
  /** It has run its cleanup. The report says what it had not freed itself. */
  unloaded(report: Unloaded): void;
}

/** Static data of a domain's image, which is at the same address in every domain. */
const imageStatics = new WeakMap<Image, StaticData>();

export class Incarnation {
  readonly channel: number;
  /** The channel's generation under which it runs. */
  readonly generation: number;
  /** The thread that it runs on. */
  readonly thread: Thread;
  readonly memory: WebAssembly.Memory;
  statics: StaticData[] = [];
  /** Its module as the kernel lists it, for the oops: the kernel drops it when the driver dies. */
  entries: ModuleEntry[] = [];
  ended = false;
  /** Its driver host has ended together with the other drivers in it. */
  diedWithPool = false;
  private link: PostedLink | null = null;
  /** The code that it gave do_exit; null where it did not exit. */
  exitCode: number | null = null;
  readonly life: KernelLife;
  /** The state that it preserves for its successor, where it is unloaded for one. */
  preserved: PreviousMemory | null = null;
  private readonly driverHost: DriverHost;
  private readonly events: IncarnationEvents;
  private outcome: Promise<void> = Promise.resolve();
  private succeed: (statics: StaticData[]) => void = () => {};
  /** Its own file and the images that its traces may name. */
  private files: readonly LoadedModule[] = [];
  private readonly heartbeat: HeartbeatMonitor;
  /** Rejects the load, where one is under way. */
  private fail: (why: () => Error) => void = () => {};
  /** It went live in this task. */
  private justLive = false;
  private freed: Promise<void> | null = null;
  /** Says that nothing of it can write to the kernel's memory any more. */
  private releaseKernel: () => void = () => {};

  private constructor(life: KernelLife, channel: number, host: DriverHost, events: IncarnationEvents) {
    this.life = life;
    this.channel = channel;
    this.driverHost = host;
    this.memory = host.memory;
    this.thread = host.thread;
    this.events = events;
    this.generation = Atomics.load(life.words, wordOf(channel, K_GENERATION));
    this.heartbeat = new HeartbeatMonitor(life.words, channel);
    life.usedUntil(new Promise<void>((resolve) => (this.releaseKernel = resolve)));
  }

  /**
   * Takes a channel and a driver host. Throws ModuleError when every channel is in use or no thread can be started, MachineDied when
   * the kernel dies meanwhile.
   */
  static async prepare(
    life: KernelLife,
    events: IncarnationEvents,
    open: () => Promise<DriverHost>,
  ): Promise<Incarnation> {
    const channel = await holdChannel(life);
    const host = await open().catch((error: unknown) => {
      freeChannel(life, channel);
      if (error instanceof ModuleError || error instanceof MachineDied) throw error;
      throw new ModuleError(EAGAIN, `no thread can be started for a driver: ${String(error)}`);
    });
    if (life.dead) {
      await host.end(false);
      host.release();
      throw new MachineDied('the kernel has died while a driver was being started');
    }
    const incarnation = new Incarnation(life, channel, host, events);
    const { words } = life;
    clearChannel(life, channel);
    words[wordOf(channel, S_TRANSPORT)] = host.transport;
    words[wordOf(channel, S_DRIVER_HOST)] = host.bell === null ? 0 : host.bell + 1;
    if (host.postedKind) {
      await incarnation.connect(host.postedKind).catch(async (error: unknown) => {
        await incarnation.end();
        throw error;
      });
    }
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
  private word(offset: number): number {
    return Atomics.load(this.life.words, wordOf(this.channel, offset));
  }

  /** Whether the kernel has given it up. The supervisor may not have heard of that yet. */
  get fenced(): boolean {
    return this.word(K_GENERATION) !== this.generation;
  }

  /** Whether it is dead or about to be ended, also where the supervisor has not handled that yet. */
  get ending(): boolean {
    return this.ended || this.fenced || this.driverHost.ending;
  }

  /** Starts to load the driver. Its init waits until the kernel has announced it. */
  begin(
    loaded: LoadedModule,
    options: LoadOptions,
    gates: Gate[],
    images: Images,
    previous: PreviousMemory | null,
  ): void {
    const { life, channel, generation, memory } = this;
    this.files = [loaded, images.domain, images.driverLoop];
    const common = imageStatics.get(images.domain);
    this.outcome = new Promise<void>((resolve, reject) => {
      this.fail = (why) => reject(why());
      this.succeed = (statics) => {
        this.statics = common ? [common, ...statics] : statics;
        imageStatics.set(images.domain, this.statics[0]!);
        this.fail = () => {};
        resolve();
      };
    });
    this.outcome.catch(() => {}); // handled by `untilLive`, where that was called
    this.life.ring();
    const start: DriverStart = {
      ...{ type: 'start', kernel: life.memory, memory, channel, generation, hostChannel: this.bell },
      ...{ loaded, options, gates, previous, link: this.link, statics: common === undefined },
    };
    this.driverHost.begin(start, {
      noticed: (notice) => this.onNotice(notice),
      ended: (withOthers) =>
        this.afterLive(() => {
          this.diedWithPool = withOthers;
          this.die('thread ended', null);
        }),
    });
  }

  /** Resolves when it is live; throws ModuleError when it was refused. @param deadlineMs ms that its init may take from now */
  untilLive(deadlineMs: number): Promise<void> {
    return this.outcome.finally(this.startDeadline(deadlineMs));
  }

  /**
   * Handles a death. The notices of a thread that exits arrive in one task: whoever awaits `untilLive` runs before the death.
   */
  private async afterLive(act: () => void): Promise<void> {
    if (this.justLive) await nextTask();
    act();
  }

  private onNotice(notice: DriverNotice): void {
    if (notice.type === 'live') {
      this.justLive = true;
      void nextTask().then(() => (this.justLive = false));
      this.succeed(notice.statics);
    } else if (notice.type === 'refused') {
      this.fail(() => new ModuleError(notice.errno, notice.message));
    } else if (notice.type === 'unloaded') {
      this.events.unloaded(notice);
    } else if (notice.type === 'preserved') {
      this.preserved = notice.previous;
    } else if (notice.type === 'warning') {
      if (!this.ended) this.events.warned(this.located(notice.caught));
    } else if (notice.type !== 'left') {
      void this.afterLive(() => this.onDeath(notice));
    }
  }

  private onDeath(notice: Extract<DriverNotice, { type: 'fault' | 'exit' | 'oops' }>): void {
    if (notice.type === 'fault') {
      this.die('trap', this.located(notice.caught), notice.at);
    } else if (notice.type === 'exit') {
      this.exitCode = notice.code;
      this.die('exit', null);
    } else {
      this.die('oops', null);
    }
  }

  /** The fault with its module and function. Frames of the kernel that has called a sandbox are left out. */
  private located(thrown: Caught): Fault {
    const symbols = symbolsOf([...this.files, ...this.events.files(this.memory)]);
    return located(thrown, symbols, 'kernel');
  }

  /** The channel whose bell wakes its thread. */
  get bell(): number {
    return this.driverHost.bell ?? this.channel;
  }

  /** Checks whether its thread still answers; to be called periodically while it is up. */
  checkHeartbeat(): void {
    if (!this.ended && !this.heartbeat.check()) this.die('heartbeat', null);
  }

  /** It has died. @param by how that was detected */
  die(by: DetectedBy, fault: Fault | null, caughtAt: number | null = null): void {
    if (this.ended) return;
    this.events.died(by, fault, caughtAt);
    // Before `end`, which would reject the load with another reason.
    const why = `it died while it was loaded (${by}${fault ? `: ${fault.kind}` : ''})`;
    this.fail(() => new ModuleError(EIO, why));
    void this.end();
  }

  /**
   * Ends it, whatever it is doing.
   * @param clean it has run its cleanup, or was refused
   * @returns resolves when nothing of it runs any more and its channel and memory are free
   */
  end(clean = false): Promise<void> {
    const { life, channel } = this;
    const { words } = life;
    if (!this.ended) {
      this.ended = true;
      this.fail(() => new MachineDied('the driver was ended while it was loaded'));
      Atomics.store(words, wordOf(channel, S_STATE), CHANNEL_ZOMBIE);
      Atomics.store(words, wordOf(channel, S_EXIT_NOTICE), this.generation);
      Atomics.store(words, wordOf(channel, S_STOP), 1);
      ringDriver(words, this.bell);
      life.ring();
    }
    return (this.freed ??= this.free(clean));
  }

  /** Ends it when its init takes too long. The time of a driver that it called and that hung does not count. @returns stops it */
  private startDeadline(ms: number): () => void {
    let timer: ReturnType<typeof setTimeout>;
    const arm = (excuses: number): void => {
      timer = setTimeout(() => {
        const now = this.word(K_EXCUSES);
        if (now !== excuses || this.word(K_GATE) !== 0) arm(now);
        else this.die('deadline', null);
      }, ms);
    };
    arm(this.word(K_EXCUSES));
    return () => clearTimeout(timer);
  }

  private async free(clean: boolean): Promise<void> {
    const { life, channel, driverHost } = this;
    await driverHost.end(clean);
    this.releaseKernel();
    // Its thread cannot clear this any more.
    Atomics.store(life.words, wordOf(channel, D_COPYING), 0);
    life.ring();
    driverHost.release();
    // The kernel raises the generation when it has answered the callers. A successor on this channel must not have the same
    // generation, nor take the answer to this incarnation's call of another driver.
    while (!life.dead && (this.word(K_GATE) !== 0 || this.word(K_GENERATION) === this.generation)) {
      await pause(CHANNEL_PERIOD);
    }
    freeChannel(life, channel);
  }
}
