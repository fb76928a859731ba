// What the machines of one process or page share: memories, which a page may hold only 124 of and gets back late, and
// threads that stand ready, because starting one takes 10 to 25 ms. A spare thread for drivers has a domain prepared: the image of a
// domain has booted on it. One whose driver has trapped has nothing else to do and becomes the next spare, and its code is warm.

import { lean } from '../../domain/loaded.ts';
import { DOMAIN_MEMORY, WASM_PAGE } from '../../../kernel/abi/map.ts';
import type { Platform, Thread, ThreadKind } from '../shared/platform.ts';
import type { PrepareDomain, Images, DomainOptions } from '../shared/protocol.ts';
import { wipe } from '../shared/wipe.ts';

/** Wasm memories in all; a page of Chromium may hold 124. */
const MAX_MEMORIES = 96;
/** Threads for drivers that are spare at a time: one that was started for that, and one that has come back. */
const MAX_SPARES = 2;
/** ms after which is done what nobody waits for: not while somebody recovers, who needs the computer. */
const CHORES_AFTER_MS = 100;

/** A thread for a driver, and the memory of its domain, whose image boots on the thread or has done so. */
export interface PreparedThread {
  thread: Thread;
  memory: WebAssembly.Memory;
}

interface Spare {
  thread: Promise<Thread>;
  /** Its domain; null where nobody has asked for one. */
  prepared: Promise<PreparedDomain> | null;
}

interface PreparedDomain {
  memory: WebAssembly.Memory;
  options: DomainOptions;
}

export class Resources {
  readonly platform: Platform;
  /** By size, zeroed; and those that are still to be. */
  private readonly free = new Map<number, WebAssembly.Memory[]>();
  private readonly dirty: WebAssembly.Memory[] = [];
  /** Spares that are to stand ready when there is time for it. */
  private readonly wanted = new Map<ThreadKind, DomainOptions | null>();
  private readonly postponed: (() => void)[] = [];
  private chores: unknown = null;
  private readonly waiting: (() => void)[] = [];
  private readonly spares: Record<ThreadKind, Spare[]> = { kernel: [], driver: [], client: [] };
  /** The images that a thread has. */
  private readonly imagesOf = new WeakMap<Thread, Images>();
  /** How many keep a memory; and those memories that were given back meanwhile. */
  private readonly kept = new Map<WebAssembly.Memory, number>();
  private readonly given = new Set<WebAssembly.Memory>();
  private readonly used = new Set<Thread>();
  /** The ends, still to come, of threads that were given up. */
  private readonly leaving = new Set<Promise<unknown>>();
  private made = 0;
  private living = 0;
  private closed = false;

  constructor(platform: Platform) {
    this.platform = platform;
  }

  /** Memories made so far, for tests. */
  get memories(): number {
    return this.made;
  }

  /** Threads that are being started or were started here and are not known to have ended, the spare ones too. */
  get threads(): number {
    return this.living;
  }

  /** Those of them that somebody uses. */
  get threadsInUse(): number {
    return this.used.size;
  }

  private async spawn(kind: ThreadKind): Promise<Thread> {
    this.living++;
    const ended = (): void => void this.living--;
    try {
      const thread = await this.platform.spawn(kind);
      void thread.ended.then(ended);
      return thread;
    } catch (error) {
      ended();
      throw error;
    }
  }

  /** A zeroed shared memory of `bytes`. Waits while there are too many. */
  async takeMemory(bytes: number): Promise<WebAssembly.Memory> {
    for (;;) {
      const known = this.free.get(bytes)?.pop();
      if (known) return known;
      if (this.made < MAX_MEMORIES) {
        const pages = bytes / WASM_PAGE;
        const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
        this.made++;
        return memory;
      }
      if (this.dirty.length > 0) {
        this.clean();
        continue;
      }
      const spare = [...this.free.values()].find((memories) => memories.length > 0);
      if (spare) {
        spare.pop(); // of another size, and the engine's again
        this.made--;
        continue;
      }
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
  }

  /** Keeps a memory from others beyond its end, until `releaseMemory`: somebody still reads it. */
  keepMemory(memory: WebAssembly.Memory): void {
    this.kept.set(memory, (this.kept.get(memory) ?? 0) + 1);
  }

  releaseMemory(memory: WebAssembly.Memory): void {
    const keepers = (this.kept.get(memory) ?? 0) - 1;
    if (keepers > 0) this.kept.set(memory, keepers);
    else this.kept.delete(memory);
    if (keepers <= 0 && this.given.delete(memory)) this.giveMemory(memory);
  }

  /** Takes a memory back; no thread may write to it any longer. */
  giveMemory(memory: WebAssembly.Memory): void {
    if (this.kept.has(memory)) {
      this.given.add(memory);
      return;
    }
    this.dirty.push(memory);
    this.later();
    for (const resolve of this.waiting.splice(0)) resolve();
  }

  private clean(): void {
    clearTimeout(this.chores);
    for (const memory of this.dirty.splice(0)) {
      wipe(memory);
      const bytes = memory.buffer.byteLength;
      const known = this.free.get(bytes);
      if (known) known.push(memory);
      else this.free.set(bytes, [memory]);
    }
  }

  /** A thread that listens. */
  async takeThread(kind: ThreadKind): Promise<Thread> {
    return this.use(await (this.spares[kind].pop()?.thread ?? this.spawn(kind)));
  }

  private use(thread: Thread): Thread {
    this.used.add(thread);
    void thread.ended.then(() => this.used.delete(thread));
    return thread;
  }

  /** A thread for a driver, and its domain; where that does not stand ready, it boots before the thread hears anything else. */
  async takePreparedThread(options: DomainOptions): Promise<PreparedThread> {
    const { driver } = this.spares;
    const ready = driver.findIndex(({ prepared }) => prepared !== null);
    const [spare] = driver.splice(Math.max(ready, 0), 1);
    const thread = this.use(await (spare?.thread ?? this.spawn('driver')));
    try {
      const prepared = spare?.prepared ? await spare.prepared : null;
      if (prepared && alike(prepared.options, options)) return { thread, memory: prepared.memory };
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

  /** Takes back a thread whose driver has come to its end, and on which nothing of it runs. */
  giveThread(thread: Thread): void {
    this.used.delete(thread);
    const spare: Spare = { thread: Promise.resolve(thread), prepared: null };
    if (this.closed || this.spares.driver.length >= MAX_SPARES) return this.leave(retire(spare));
    this.spares.driver.push(spare);
    this.watch(thread, spare);
    this.later();
  }

  /** A thread that ends while it is spare is spare no more. */
  private watch(thread: Thread, spare: Spare): void {
    void thread.ended.then(() => {
      const spares = this.spares[thread.kind];
      const at = spares.indexOf(spare);
      if (at < 0) return;
      spares.splice(at, 1);
      spare.prepared?.then(
        ({ memory }) => this.giveMemory(memory),
        () => {}, // it has none
      );
    });
  }

  /** Sees to it that a spare thread stands ready; one for drivers with a domain. */
  prepare(kind: ThreadKind, options: DomainOptions | null = null): void {
    if (this.closed) return;
    const [spare = this.spare(kind)] = this.spares[kind];
    if (options) spare.prepared ??= spare.thread.then((thread) => this.prepareDomain(thread, options));
    spare.prepared?.catch(() => {}); // it says the same as its thread
  }

  /** The same, when there is time for it. */
  prepareLater(kind: ThreadKind, options: DomainOptions | null = null): void {
    this.wanted.set(kind, options);
    this.later();
  }

  /** Does something of somebody else's when there is time for it; not where it is closed before. */
  whenIdle(work: () => void): void {
    this.postponed.push(work);
    this.later();
  }

  private later(): void {
    if (!this.closed) this.chores ??= setTimeout(() => this.doChores(), CHORES_AFTER_MS);
  }

  private doChores(): void {
    clearTimeout(this.chores);
    this.chores = null;
    this.clean();
    for (const spare of this.spares.driver.splice(1))
      this.leave(retire(spare).then((left) => left && this.giveMemory(left)));
    for (const [kind, options] of this.wanted) this.prepare(kind, options);
    this.wanted.clear();
    for (const work of this.postponed.splice(0)) work();
  }

  /** Ends a thread that was taken, and takes back its memory. */
  dismiss(thread: Thread, memory?: WebAssembly.Memory): void {
    thread.terminate();
    this.leave(thread.ended.then(() => memory && this.giveMemory(memory)));
  }

  private leave(retired: Promise<unknown>): void {
    this.leaving.add(retired);
    void retired.then(() => this.leaving.delete(retired));
  }

  private spare(kind: ThreadKind): Spare {
    const spare: Spare = { thread: this.spawn(kind), prepared: null };
    this.spares[kind].push(spare);
    spare.thread.then(
      (thread) => this.watch(thread, spare),
      () => {}, // whoever takes it is told of the failure; until then nobody waits for it
    );
    return spare;
  }

  /** Does what there is to do, and resolves when the spare threads stand ready: for who measures. */
  async ready(): Promise<void> {
    this.doChores();
    const spares = Object.values(this.spares).flat();
    await Promise.allSettled(spares.map(({ thread, prepared }) => prepared ?? thread));
  }

  /** Ends the spare threads. Resolves when nobody's end is waited for. */
  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.chores);
    for (const spare of Object.values(this.spares).flatMap((spares) => spares.splice(0)))
      this.leave(retire(spare));
    while (this.leaving.size > 0) await Promise.all(this.leaving);
  }
}

/** Ends a spare. @returns the memory that it has left, null where it has none or could not be started */
async function retire({ thread, prepared }: Spare): Promise<WebAssembly.Memory | null> {
  const [started, domain] = await Promise.allSettled([thread, prepared]);
  if (started.status === 'rejected') return null;
  started.value.terminate();
  await started.value.ended;
  return domain.status === 'fulfilled' ? (domain.value?.memory ?? null) : null;
}

function alike(a: DomainOptions, b: DomainOptions): boolean {
  return a.images === b.images && a.deadlineMs === b.deadlineMs && a.slubDebug === b.slubDebug;
}

const leanImages = ({ kernel, domain, driverLoop, user }: Images): Images => ({
  ...{ kernel: lean(kernel), domain: lean(domain), driverLoop: lean(driverLoop), user: lean(user) },
});
