// What the machines of one process or page share: memories, which a page may hold only 124 of and gets back late, and
// threads that stand ready, because starting one takes 10 to 25 ms.

import { WASM_PAGE } from '../../kernel/abi/map.ts';
import type { Platform, Thread, ThreadKind } from './platform.ts';

/** Wasm memories in all; a page of Chromium may hold 124. */
const MAX_MEMORIES = 96;

export class Resources {
  readonly platform: Platform;
  private readonly free = new Map<number, WebAssembly.Memory[]>();
  private readonly waiting: (() => void)[] = [];
  private readonly spares = new Map<ThreadKind, Promise<Thread>>();
  /** How many keep a memory; and those memories that were given back meanwhile. */
  private readonly kept = new Map<WebAssembly.Memory, number>();
  private readonly given = new Set<WebAssembly.Memory>();
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
        this.made++;
        const pages = bytes / WASM_PAGE;
        return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
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
    new Uint8Array(memory.buffer).fill(0);
    const bytes = memory.buffer.byteLength;
    const known = this.free.get(bytes);
    if (known) known.push(memory);
    else this.free.set(bytes, [memory]);
    for (const resolve of this.waiting.splice(0)) resolve();
  }

  /** A thread that listens; another one is started for the next who asks. */
  async takeThread(kind: ThreadKind): Promise<Thread> {
    const spare = this.spares.get(kind) ?? this.spawn(kind);
    this.spares.delete(kind);
    const thread = await spare;
    if (kind !== 'client') this.prepare(kind);
    return thread;
  }

  /** Starts a spare thread. */
  prepare(kind: ThreadKind): void {
    if (this.closed || this.spares.has(kind)) return;
    const spare = this.spawn(kind);
    this.spares.set(kind, spare);
    // Whoever takes it is told of the failure; until then nobody waits for it.
    spare.catch(() => {});
  }

  /** Resolves when the spare threads that are being started stand ready: for who measures. */
  async ready(): Promise<void> {
    await Promise.allSettled([...this.spares.values()]);
  }

  /** Ends the spare threads. */
  async close(): Promise<void> {
    this.closed = true;
    const spares = [...this.spares.values()];
    this.spares.clear();
    for (const spare of await Promise.allSettled(spares)) {
      if (spare.status !== 'fulfilled') continue;
      spare.value.terminate();
      await spare.value.ended;
    }
  }
}
