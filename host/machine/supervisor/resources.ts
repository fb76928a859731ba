// What the machines of one process or page share: memories and spare threads. A page may hold only 124 memories and gets them back
// late. Threads are started ahead, because a start takes 10 to 25 ms. A spare thread for drivers has a domain prepared: the image
// of a domain has booted on it. A thread whose driver has trapped becomes the next spare, because its code is warm.

import { lean } from '../../domain/loaded.ts';
import { DOMAIN_MEMORY, WASM_PAGE } from '../../../kernel/abi/map.ts';
import type { Platform, Thread, ThreadKind } from '../shared/platform.ts';
import type { PrepareDomain, Images, DomainOptions } from '../shared/protocol.ts';
import { wipe } from '../shared/wipe.ts';

/** Wasm memories in all; a page of Chromium may hold 124. */
const MAX_MEMORIES = 96;
/** The most spare threads for drivers: one that was started as a spare, and one that was given back. */
const MAX_SPARES = 2;
/** ms after which idle work is done, so that it does not take processor time from a recovery. */
const IDLE_WORK_DELAY_MS = 100;

/** A thread for a driver, and the memory of its domain. The domain's image has booted on the thread or is booting. */
export interface PreparedThread {
  thread: Thread;
  memory: WebAssembly.Memory;
}

interface Spare {
  thread: Promise<Thread>;
  /** Its domain; null where none was asked for. */
  prepared: Promise<PreparedDomain> | null;
}

interface PreparedDomain {
  memory: WebAssembly.Memory;
  options: DomainOptions;
}

export class Resources {
  readonly platform: Platform;
  /** Zeroed memories, by size. */
  private readonly free = new Map<number, WebAssembly.Memory[]>();
  /** Memories that are still to be zeroed. */
  private readonly dirty: WebAssembly.Memory[] = [];
  /** Spares that the next idle work prepares. */
  private readonly wantedSpares = new Map<ThreadKind, DomainOptions | null>();
  private readonly idleWork: (() => void)[] = [];
  private idleTimer: unknown = null;
  private readonly memoryWaiters: (() => void)[] = [];
  private readonly spares: Record<ThreadKind, Spare[]> = { kernel: [], driver: [], client: [] };
  /** The images that a thread was sent last. */
  private readonly imagesOf = new WeakMap<Thread, Images>();
  /** How many keep a memory. */
  private readonly keepers = new Map<WebAssembly.Memory, number>();
  /** Memories that were given back while they were kept. */
  private readonly returned = new Set<WebAssembly.Memory>();
  private readonly usedThreads = new Set<Thread>();
  /** Threads that were told to end; each resolves when it has. */
  private readonly exiting = new Set<Promise<unknown>>();
  private memoryCount = 0;
  private threadCount = 0;
  private closed = false;

  constructor(platform: Platform) {
    this.platform = platform;
  }

  /** Memories made so far, for tests. */
  get memories(): number {
    return this.memoryCount;
  }

  /** Threads that are being started or were started here and are not known to have ended, with the spares. */
  get threads(): number {
    return this.threadCount;
  }

  /** Those of them that are not spare. */
  get threadsInUse(): number {
    return this.usedThreads.size;
  }

  private async spawn(kind: ThreadKind): Promise<Thread> {
    this.threadCount++;
    const ended = (): void => void this.threadCount--;
    try {
      const thread = await this.platform.spawn(kind);
      void thread.ended.then(ended);
      return thread;
    } catch (error) {
      ended();
      throw error;
    }
  }

  /** Takes a zeroed shared memory of `bytes`. Waits while there are too many. */
  async takeMemory(bytes: number): Promise<WebAssembly.Memory> {
    for (;;) {
      const known = this.free.get(bytes)?.pop();
      if (known) return known;
      if (this.memoryCount < MAX_MEMORIES) {
        const pages = bytes / WASM_PAGE;
        const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
        this.memoryCount++;
        return memory;
      }
      if (this.dirty.length > 0) {
        this.clean();
        continue;
      }
      const spare = [...this.free.values()].find((memories) => memories.length > 0);
      if (spare) {
        spare.pop(); // of another size; the engine collects it
        this.memoryCount--;
        continue;
      }
      await new Promise<void>((resolve) => this.memoryWaiters.push(resolve));
    }
  }

  /** Keeps a memory from reuse until `releaseMemory`, also after it was given back: the caller still reads it. */
  keepMemory(memory: WebAssembly.Memory): void {
    this.keepers.set(memory, (this.keepers.get(memory) ?? 0) + 1);
  }

  releaseMemory(memory: WebAssembly.Memory): void {
    const remaining = (this.keepers.get(memory) ?? 0) - 1;
    if (remaining > 0) this.keepers.set(memory, remaining);
    else this.keepers.delete(memory);
    if (remaining <= 0 && this.returned.delete(memory)) this.giveMemory(memory);
  }

  /** Takes a memory back; no thread may write to it any longer. */
  giveMemory(memory: WebAssembly.Memory): void {
    if (this.keepers.has(memory)) {
      this.returned.add(memory);
      return;
    }
    this.dirty.push(memory);
    this.scheduleIdleWork();
    for (const resolve of this.memoryWaiters.splice(0)) resolve();
  }

  private clean(): void {
    clearTimeout(this.idleTimer);
    for (const memory of this.dirty.splice(0)) {
      wipe(memory);
      const bytes = memory.buffer.byteLength;
      const known = this.free.get(bytes);
      if (known) known.push(memory);
      else this.free.set(bytes, [memory]);
    }
  }

  /** Takes a thread that listens for messages. */
  async takeThread(kind: ThreadKind): Promise<Thread> {
    return this.markUsed(await (this.spares[kind].pop()?.thread ?? this.spawn(kind)));
  }

  private markUsed(thread: Thread): Thread {
    this.usedThreads.add(thread);
    void thread.ended.then(() => this.usedThreads.delete(thread));
    return thread;
  }

  /** Takes a thread for a driver, and its domain. Where that is not prepared it boots before the thread handles other messages. */
  async takePreparedThread(options: DomainOptions): Promise<PreparedThread> {
    const { driver } = this.spares;
    const ready = driver.findIndex(({ prepared }) => prepared !== null);
    const [spare] = driver.splice(Math.max(ready, 0), 1);
    const thread = this.markUsed(await (spare?.thread ?? this.spawn('driver')));
    try {
      const prepared = spare?.prepared ? await spare.prepared : null;
      if (prepared && sameOptions(prepared.options, options)) return { thread, memory: prepared.memory };
      const { memory } = await this.prepareDomain(thread, options, prepared?.memory);
      return { thread, memory };
    } catch (error) {
      this.dismiss(thread);
      throw error;
    }
  }

  /** @param used a memory in which another domain has booted on that thread */
  private async prepareDomain(
    thread: Thread,
    options: DomainOptions,
    used?: WebAssembly.Memory,
  ): Promise<PreparedDomain> {
    const { images, deadlineMs, slubDebug } = options;
    const memory = used ?? (await this.takeMemory(DOMAIN_MEMORY));
    const known = this.imagesOf.get(thread) === images;
    this.imagesOf.set(thread, images);
    const message: PrepareDomain = {
      ...{ type: 'prepare', memory, used: used !== undefined, deadlineMs, slubDebug },
      images: known ? null : leanImages(images),
    };
    thread.port.postMessage(message);
    return { memory, options: { images, deadlineMs, slubDebug } };
  }

  /** Takes back a thread whose driver has died and does not run any more. */
  giveThread(thread: Thread): void {
    this.usedThreads.delete(thread);
    const spare: Spare = { thread: Promise.resolve(thread), prepared: null };
    if (this.closed || this.spares.driver.length >= MAX_SPARES) return this.trackExit(endSpare(spare));
    this.spares.driver.push(spare);
    this.dropWhenEnded(thread, spare);
    this.scheduleIdleWork();
  }

  /** Drops a spare when its thread ends. */
  private dropWhenEnded(thread: Thread, spare: Spare): void {
    void thread.ended.then(() => {
      if (!this.drop(thread.kind, spare)) return;
      spare.prepared?.then(
        ({ memory }) => this.giveMemory(memory),
        () => {}, // it has none
      );
    });
  }

  /** @returns whether it was still spare */
  private drop(kind: ThreadKind, spare: Spare): boolean {
    const at = this.spares[kind].indexOf(spare);
    if (at >= 0) this.spares[kind].splice(at, 1);
    return at >= 0;
  }

  /** Prepares a spare thread, one for drivers with a domain. */
  prepare(kind: ThreadKind, options: DomainOptions | null = null): void {
    if (this.closed) return;
    const [spare = this.startSpare(kind)] = this.spares[kind];
    if (options) spare.prepared ??= spare.thread.then((thread) => this.prepareDomain(thread, options));
    spare.prepared?.catch(() => {}); // the thread's promise rejects as well
  }

  /** The same, as idle work. */
  prepareLater(kind: ThreadKind, options: DomainOptions | null = null): void {
    this.wantedSpares.set(kind, options);
    this.scheduleIdleWork();
  }

  /** Does some work of the caller as idle work; drops it where this is closed before. */
  whenIdle(work: () => void): void {
    this.idleWork.push(work);
    this.scheduleIdleWork();
  }

  private scheduleIdleWork(): void {
    if (!this.closed) this.idleTimer ??= setTimeout(() => this.doIdleWork(), IDLE_WORK_DELAY_MS);
  }

  private doIdleWork(): void {
    clearTimeout(this.idleTimer);
    this.idleTimer = null;
    this.clean();
    for (const spare of this.spares.driver.splice(1))
      this.trackExit(endSpare(spare).then((left) => left && this.giveMemory(left)));
    for (const [kind, options] of this.wantedSpares) this.prepare(kind, options);
    this.wantedSpares.clear();
    for (const work of this.idleWork.splice(0)) work();
  }

  /** Terminates a thread that was taken, and takes back its memory. */
  dismiss(thread: Thread, memory?: WebAssembly.Memory): void {
    thread.terminate();
    this.trackExit(thread.ended.then(() => memory && this.giveMemory(memory)));
  }

  private trackExit(retired: Promise<unknown>): void {
    this.exiting.add(retired);
    void retired.then(() => this.exiting.delete(retired));
  }

  private startSpare(kind: ThreadKind): Spare {
    const spare: Spare = { thread: this.spawn(kind), prepared: null };
    this.spares[kind].push(spare);
    spare.thread.then(
      (thread) => this.dropWhenEnded(thread, spare),
      () => this.drop(kind, spare), // a later call starts another; a call that waits for this one is told of the failure
    );
    return spare;
  }

  /** Does the idle work now. Resolves when the spare threads are ready: for measurements. */
  async ready(): Promise<void> {
    this.doIdleWork();
    const spares = Object.values(this.spares).flat();
    await Promise.allSettled(spares.map(({ thread, prepared }) => prepared ?? thread));
  }

  /** Ends the spare threads. Resolves when every thread that was told to end has ended. */
  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.idleTimer);
    for (const spare of Object.values(this.spares).flatMap((spares) => spares.splice(0)))
      this.trackExit(endSpare(spare));
    while (this.exiting.size > 0) await Promise.all(this.exiting);
  }
}

/** Ends a spare. @returns its memory, null where it has none or could not be started */
async function endSpare({ thread, prepared }: Spare): Promise<WebAssembly.Memory | null> {
  const [started, domain] = await Promise.allSettled([thread, prepared]);
  if (started.status === 'rejected') return null;
  started.value.terminate();
  await started.value.ended;
  return domain.status === 'fulfilled' ? (domain.value?.memory ?? null) : null;
}

function sameOptions(a: DomainOptions, b: DomainOptions): boolean {
  return a.images === b.images && a.deadlineMs === b.deadlineMs && a.slubDebug === b.slubDebug;
}

const leanImages = ({ kernel, domain, driverLoop, user }: Images): Images => ({
  ...{ kernel: lean(kernel), domain: lean(domain), driverLoop: lean(driverLoop), user: lean(user) },
});
