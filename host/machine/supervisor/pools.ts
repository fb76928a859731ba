// Pools: drivers that share a domain and a thread. The first driver opens the pool, the last that is unloaded closes it. When one
// dies all die, and each is restarted in a new pool of that name. A pool has a channel of its own, for the bell of its thread.

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
 * ms from the notice of the driver that died to that of the other members. It is restarted first, because the processors are
 * few. Where it is not known which driver died, the busiest is notified first.
 */
const OTHERS_DELAY_MS = 4;

class Pool {
  readonly thread: Thread;
  readonly memory: WebAssembly.Memory;
  readonly bell: number;
  /** TRANSPORT_ */
  readonly transport: number;
  readonly life: KernelLife;
  readonly members = new Set<PoolHost>();
  dead = false;
  /** One of its drivers has trapped: nothing runs on the thread, which can be reused. */
  trapped = false;
  /** Resolves when nothing of it runs any more. */
  readonly ended: Promise<void>;
  private resolveEnded = (): void => {};
  /** Resolves when its members have been notified of its end. */
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
    this.ended = new Promise((resolve) => (this.resolveEnded = resolve));
    life.usedUntil(this.ended);
    const off = onThreadEnd(thread, () => {
      const known = this.dead;
      this.dead = true;
      if (!known) this.notified = this.notifyAll();
      this.resolveEnded();
    });
    // The memory is given back after the notices: a member keeps it, for a core or a preserved state, when it is notified.
    const membersNotified = this.ended.then(() => this.notified);
    void membersNotified.then(() => {
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

  /** Its thread has ended, and it is not known which driver was the cause. */
  private async notifyAll(): Promise<void> {
    const [busiest, ...others] = [...this.members].sort((one, other) => other.activity - one.activity);
    if (!busiest) return;
    const notified = busiest.onEnd(others.length > 0);
    await this.notifyOthers(busiest);
    await notified;
  }

  /** Notifies the members of the pool's end. @param known a member that has been notified already */
  private async notifyOthers(known: PoolHost | null = null): Promise<void> {
    // First the successors that the kernel has not announced: they must not take over any more.
    const unannounced = [...this.members].filter((member) => member !== known && !member.announced);
    const notified = unannounced.map((member) => member.onEnd(true));
    await pause(OTHERS_DELAY_MS);
    const others = [...this.members].filter((member) => member !== known && !unannounced.includes(member));
    await Promise.all([...notified, ...others.map((member) => member.onEnd(true))]);
  }

  /** One of its drivers has died: the thread ends, and with it every member. */
  end(): void {
    if (this.dead) return;
    this.dead = true;
    this.notified = this.notifyOthers();
    if (this.trapped) {
      this.resources.giveThread(this.thread);
      this.resolveEnded();
    } else {
      // Chromium waits two seconds for a thread that does not leave its loop.
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
  /** Called when its pool has ended. Before `begin` it has no listener: `begin` or `end` follows soon. */
  onEnd: DriverHostEvents['ended'] = () => new Promise((resolve) => (this.resolveNotified = resolve));
  private resolveNotified = (): void => {};
  private readonly pool: Pool;
  private start: DriverStart | null = null;
  /** Resolves when nothing of its driver runs any more while the pool goes on; null where it has not begun. */
  private driverEnded: Promise<void> | null = null;
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

  /** How many calls the host has served for its driver. */
  get activity(): number {
    return this.word(D_HEART);
  }

  /** Whether the kernel knows of its driver. */
  get announced(): boolean {
    return this.word(K_ANNOUNCED) === this.start?.generation;
  }

  begin(start: DriverStart, { noticed, ended }: DriverHostEvents): void {
    const { thread, pool, bell } = this;
    const { words } = pool.life;
    this.onEnd = ended;
    this.start = start;
    if (pool.dead) return queueMicrotask(() => void ended(true).finally(this.resolveNotified));
    this.driverEnded = new Promise((resolve) => {
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
    this.resolveNotified();
    if (!clean || pool.members.size === 0) pool.end();
    await (pool.dead ? pool.ended : Promise.race([this.driverEnded, pool.ended]));
    this.stopListening();
  }

  release(): void {} // the memory is the pool's
}

export class Pools {
  private readonly pools = new Map<string, Promise<Pool>>();
  /** Standby pools by name: each takes the place of the pool of that name when that ends. */
  private readonly standbyPools = new Map<string, Promise<Pool>>();
  private readonly open: (life: KernelLife) => Promise<Pool>;

  constructor(resources: Resources, options: DomainOptions, transport: ThreadTransport) {
    this.open = (life) => Pool.open(life, resources, options, transport);
  }

  /**
   * A driver host in the pool of that name, which is opened where there is none.
   * @param ahead in its standby pool
   */
  async join(name: string, life: KernelLife, ahead: boolean): Promise<DriverHost> {
    const pools = ahead ? this.standbyPools : this.pools;
    for (;;) {
      const current = await this.current(name, life);
      if (current && !ahead) return new PoolHost(current);
      const known = pools.get(name);
      const pool = await usable(known, life);
      if (pool) return new PoolHost(pool);
      if (known !== pools.get(name)) continue; // another call has opened one meanwhile
      pools.set(name, this.open(life));
      return new PoolHost(await pools.get(name)!);
    }
  }

  /** The pool of that name: its standby pool, where it has ended. */
  private async current(name: string, life: KernelLife): Promise<Pool | null> {
    const known = this.pools.get(name);
    const pool = await usable(known, life);
    const next = this.standbyPools.get(name);
    if (pool || !next || known !== this.pools.get(name)) return pool;
    this.standbyPools.delete(name);
    this.pools.set(name, next);
    return usable(next, life);
  }
}

/** @returns null where there is none that a driver could join */
async function usable(opening: Promise<Pool> | undefined, life: KernelLife): Promise<Pool | null> {
  const pool = await opening?.catch(() => null);
  return pool && !pool.dead && pool.life === life ? pool : null;
}
