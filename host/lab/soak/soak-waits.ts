// How long the threads of a machine have waited for a processor: on a busy computer a driver may miss its deadline though it hangs
// in nothing. Looks every so often, and remembers a deadline. Knows only what the runtime tells of its threads.

import type { Thread } from '../../machine/shared/platform.ts';
import type { Machine } from '../../machine/shared/types.ts';

/** ms between two looks. */
const LOOK_MS = 50;

/** By module, the kernel as null: its thread, and how long that had waited. */
type Look = Map<string | null, { thread: Thread; waited: number }>;

export class Waits {
  private readonly machine: Machine;
  private readonly now: () => number;
  /** Oldest first; the first is from before the deadline that is over now, once it has run so long. */
  private readonly looks: { at: number; look: Look }[] = [];
  private readonly timer: ReturnType<typeof setInterval>;

  constructor(machine: Machine, now: () => number) {
    this.machine = machine;
    this.now = now;
    this.look();
    this.timer = setInterval(() => this.look(), LOOK_MS);
  }

  /** Looks no more by itself. */
  end(): void {
    clearInterval(this.timer);
  }

  /**
   * ms that a module's thread and the kernel's have waited, together, in the deadline that is over now.
   * @param module null for the kernel alone
   * @returns null where the runtime does not tell
   */
  lately(module: string | null): number | null {
    const threads = new Set<Thread>();
    let sum: number | null = null;
    for (const name of [null, module]) {
      const thread = this.looks.at(-1)?.look.get(name)?.thread;
      const now = thread?.waitedMs?.() ?? null;
      const first = this.looks.find(({ look }) => look.get(name)?.thread === thread)?.look.get(name);
      if (!thread || now === null || !first || threads.has(thread)) continue;
      threads.add(thread);
      sum = (sum ?? 0) + now - first.waited;
    }
    return sum;
  }

  private threadOf(name: string | null): Thread | null {
    try {
      return this.machine.threadOf(name);
    } catch (error) {
      // It has died, and nobody has been told of it.
      if (error instanceof Error && error.message.startsWith('module is not loaded')) return null;
      throw error;
    }
  }

  look(): void {
    const { machine, looks } = this;
    const { state, drivers } = machine.status();
    if (state !== 'running') return;
    const at = this.now();
    const look: Look = new Map();
    for (const name of [null, ...drivers.filter((each) => each.state === 'up').map((each) => each.name)]) {
      const thread = this.threadOf(name);
      const waited = thread?.waitedMs?.() ?? null;
      if (thread && waited !== null) look.set(name, { thread, waited });
    }
    looks.push({ at, look });
    while (looks.length > 1 && looks[1]!.at <= at - machine.deadlineMs) looks.shift();
  }
}
