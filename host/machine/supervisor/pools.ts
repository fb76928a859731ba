// Pools: drivers that share a domain and a thread. The first opens the pool, the last that leaves closes it; when one dies all
// do, and each is started again in a new pool of that name. A pool has a channel of its own, for the bell of its thread.

import {
  CHANNEL_DRIVER_HOST,
  D_HEART,
  K_ANNOUNCED,
  S_ATTENTION,
  S_STATE,
  S_STOP,
  S_TRANSPORT,
} from '../../../kernel/abi/channel.ts';
import { ringDriver } from '../../ipc/driver-bell.ts';
import { transportOf, type ThreadTransport } from '../../ipc/transport.ts';
import { clearChannel, freeChannel, holdChannel } from './channels.ts';
import { wordOf } from '../shared/channel-words.ts';
import { MachineDied } from '../shared/control.ts';
import {
  onThreadEnd,
  onNotice,
  startMessage,
  type DriverHost,
  type DriverHostEvents,
} from './driver-host.ts';
import type { KernelLife } from './kernel-life.ts';
import type { Thread } from '../shared/platform.ts';
import type { DriverStart, DomainOptions } from '../shared/protocol.ts';
import type { Resources } from './resources.ts';
import { pause } from '../shared/task.ts';

/**
 * ms in which whose end it is comes back before those whom it has taken along: they are many, and the processors are few. Where
 * nobody knows whose it is, the busiest does.
 */
const HEAD_START_MS = 4;

class Pool {
  readonly thread: Thread;
  readonly memory: WebAssembly.Memory;
  readonly bell: number;
  /** TRANSPORT_ */
  readonly transport: number;
  readonly life: KernelLife;
  readonly members = new Set<PoolHost>();
  dead = false;
  /** One of its drivers has trapped: nothing runs on the thread, which can take another. */
  trapped = false;
  /** Resolves when nothing of it runs any more. */
  readonly over: Promise<void>;
  private left = (): void => {};
  /** Its members have heard of its end. */
  private notified: Promise<unknown> = Promise.resolve();
  private readonly resources: Resources;

  constructor(
    resources: Resources,
    life: KernelLife,
    { thread, memory, bell }: { thread: Thread; memory: WebAssembly.Memory; bell: number },
    transport: ThreadTransport,
  ) {
    const { word, eventful } = transportOf(transport);
    this.resources = resources;
    this.life = life;
    this.thread = thread;
    this.memory = memory;
    this.bell = bell;
    this.transport = eventful ? transportOf('ring').word : word;
    clearChannel(life, bell);
    life.words[wordOf(bell, S_TRANSPORT)] = this.transport;
    Atomics.store(life.words, wordOf(bell, S_STATE), CHANNEL_DRIVER_HOST);
    this.over = new Promise((resolve) => (this.left = resolve));
    life.usedUntil(this.over);
    const off = onThreadEnd(thread, () => {
      const known = this.dead;
      this.dead = true;
      if (!known) this.notified = this.notifyAll();
      this.left();
    });
    // What its members keep of the memory they keep when they hear of the end.
    const told = this.over.then(() => this.notified);
    void told.then(() => {
      off();
      resources.giveMemory(memory);
      freeChannel(life, bell);
    });
  }

  static async open(
    life: KernelLife,
    resources: Resources,
    options: DomainOptions,
    transport: ThreadTransport,
  ): Promise<Pool> {
    const bell = await holdChannel(life);
    const prepared = await resources.takePreparedThread(options).catch((error: unknown) => {
      freeChannel(life, bell);
      throw error;
    });
    if (life.dead) {
      resources.dismiss(prepared.thread, prepared.memory);
      throw new MachineDied('the kernel has died while a pool was being opened');
    }
    return new Pool(resources, life, { ...prepared, bell }, transport);
  }

  /** Its thread has ended, nobody knows over whom. */
  private async notifyAll(): Promise<void> {
    const [busiest, ...others] = [...this.members].sort((one, other) => other.done - one.done);
    if (!busiest) return;
    const told = busiest.ended(others.length > 0);
    await this.notifyOthers(busiest);
    await told;
  }

  /** Somebody's end is that of all. @param known has heard of it */
  private async notifyOthers(known: PoolHost | null = null): Promise<void> {
    // None of their code has run: they must not succeed anybody any more.
    const unannounced = [...this.members].filter((member) => member !== known && !member.announced);
    const notified = unannounced.map((member) => member.ended(true));
    await pause(HEAD_START_MS);
    const others = [...this.members].filter((member) => member !== known && !unannounced.includes(member));
    await Promise.all([...notified, ...others.map((member) => member.ended(true))]);
  }

  /** One of those who live in it has: it ends, and all of them. */
  end(): void {
    if (this.dead) return;
    this.dead = true;
    this.notified = this.notifyOthers();
    if (this.trapped) {
      this.resources.giveThread(this.thread);
      this.left();
    } else {
      // Chromium gives a thread that does not leave its loop two seconds.
      const { words } = this.life;
      Atomics.store(words, wordOf(this.bell, S_STOP), 1);
      ringDriver(words, this.bell);
      this.thread.terminate();
    }
  }
}

class PoolHost implements DriverHost {
  readonly memory: WebAssembly.Memory;
  readonly thread: Thread;
  readonly bell: number;
  readonly transport: number;
  readonly postedKind = null;
  /** Its pool has ended. Before it begins nobody hears of that: it is about to begin, or to end. */
  ended: DriverHostEvents['ended'] = () => new Promise((resolve) => (this.passed = resolve));
  private passed = (): void => {};
  private readonly pool: Pool;
  private start: DriverStart | null = null;
  /** Resolves when nothing of it runs any more while the pool goes on; null where it has not begun. */
  private left: Promise<void> | null = null;
  private stopListening = (): void => {};

  constructor(pool: Pool) {
    this.pool = pool;
    this.memory = pool.memory;
    this.thread = pool.thread;
    this.bell = pool.bell;
    this.transport = pool.transport;
    pool.members.add(this);
  }

  get ending(): boolean {
    return this.pool.dead;
  }

  private word(offset: number): number {
    return this.start ? Atomics.load(this.pool.life.words, wordOf(this.start.channel, offset)) : 0;
  }

  /** How much the host has done for its driver. */
  get done(): number {
    return this.word(D_HEART);
  }

  /** Whether the kernel knows of its driver. */
  get announced(): boolean {
    return this.word(K_ANNOUNCED) === this.start?.generation;
  }

  begin(start: DriverStart, { noticed, ended }: DriverHostEvents): void {
    const { thread, pool, bell } = this;
    const { words } = pool.life;
    this.ended = ended;
    this.start = start;
    if (pool.dead) return queueMicrotask(() => void ended(true).finally(this.passed));
    this.left = new Promise((resolve) => {
      this.stopListening = onNotice(thread, start, (notice) => {
        pool.trapped ||= notice.type === 'fault';
        noticed(notice);
        if (notice.type === 'left' || notice.type === 'refused') resolve();
      });
    });
    thread.port.postMessage(startMessage(thread, start));
    Atomics.add(words, wordOf(bell, S_ATTENTION), 1);
    ringDriver(words, bell);
  }

  async end(clean: boolean): Promise<void> {
    const { pool } = this;
    pool.members.delete(this);
    this.passed();
    if (!clean || pool.members.size === 0) pool.end();
    await (pool.dead ? pool.over : Promise.race([this.left, pool.over]));
    this.stopListening();
  }

  release(): void {} // the memory is the pool's
}

export class Pools {
  private readonly pools = new Map<string, Promise<Pool>>();
  /** Those that stand ready, with one driver in them, for the end of the pool of that name. */
  private readonly next = new Map<string, Promise<Pool>>();
  private readonly open: (life: KernelLife) => Promise<Pool>;

  constructor(resources: Resources, options: DomainOptions, transport: ThreadTransport) {
    this.open = (life) => Pool.open(life, resources, options, transport);
  }

  /**
   * A place in the pool of that name, which is opened where there is none.
   * @param ahead in the pool that comes after it
   */
  async join(name: string, life: KernelLife, ahead: boolean): Promise<DriverHost> {
    const pools = ahead ? this.next : this.pools;
    for (;;) {
      const current = await this.current(name, life);
      if (current && !ahead) return new PoolHost(current);
      const known = pools.get(name);
      const pool = await usable(known, life);
      if (pool) return new PoolHost(pool);
      if (known !== pools.get(name)) continue; // somebody has opened another meanwhile
      pools.set(name, this.open(life));
      return new PoolHost(await pools.get(name)!);
    }
  }

  /** The pool of that name: the next, where the last one has ended. */
  private async current(name: string, life: KernelLife): Promise<Pool | null> {
    const known = this.pools.get(name);
    const pool = await usable(known, life);
    const next = this.next.get(name);
    if (pool || !next || known !== this.pools.get(name)) return pool;
    this.next.delete(name);
    this.pools.set(name, next);
    return usable(next, life);
  }
}

/** @returns null where there is none that somebody could come into */
async function usable(opening: Promise<Pool> | undefined, life: KernelLife): Promise<Pool | null> {
  const pool = await opening?.catch(() => null);
  return pool && !pool.dead && pool.life === life ? pool : null;
}
