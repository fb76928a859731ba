// A client's end of its system-call slot (kernel/abi/syscall.ts). It submits a call, spins, then sleeps until the answer is there
// or the machine was given up. A thread that may not block waits in its event loop.

import { M_ABANDONED } from '../../kernel/abi/machine.ts';
import { MACHINE_BASE, SLOTS_BASE, USER_BASE, USER_SIZE } from '../../kernel/abi/map.ts';
import { EIO } from '../../kernel/abi/errno.ts';
import { CALL_SPINS } from '../../kernel/abi/limits.ts';
import { SYS_EXIT } from '../../kernel/abi/operation.ts';
import {
  SLOT_ANSWER,
  SLOT_ARGUMENT,
  SLOT_ATTACHED,
  SLOT_KILLED,
  SLOT_NUMBER,
  SLOT_RESULT,
  SLOT_SEQUENCE,
  SLOT_SIZE,
  SLOT_SLEEPING,
} from '../../kernel/abi/syscall.ts';
import { ring } from './doorbell.ts';

const ABANDONED = (MACHINE_BASE + M_ABANDONED) >> 2;
/** ms between two checks whether the machine was given up, which does not change the word on which a client sleeps. */
const ABANDONED_PERIOD = 100;

export interface CallResult {
  result: number;
  /** The client was ended in the call. */
  killed: boolean;
}

export class ClientSide {
  /** The client's part of the user area. */
  readonly buffer: Uint8Array;
  /** Its address. */
  readonly address: number;
  private readonly kernel: Int32Array;
  private readonly base: number;
  private cancelled = false;

  constructor(memory: WebAssembly.Memory, client: number) {
    this.kernel = new Int32Array(memory.buffer);
    this.base = (SLOTS_BASE + client * SLOT_SIZE) >> 2;
    this.address = USER_BASE + client * USER_SIZE;
    this.buffer = new Uint8Array(memory.buffer, this.address, USER_SIZE);
    Atomics.store(this.kernel, this.base + (SLOT_ATTACHED >> 2), 1);
  }

  /** Whether the supervisor has given up this kernel, or this end was cancelled. */
  get abandoned(): boolean {
    return this.cancelled || Atomics.load(this.kernel, ABANDONED) !== 0;
  }

  /** Writes a path to the beginning of the buffer. */
  putPath(path: string): void {
    this.buffer.set(new TextEncoder().encode(`${path}\0`).subarray(0, USER_SIZE));
  }

  /** Ends a call in progress. The slot and the memory may be reused from now on. */
  cancel(): void {
    this.cancelled = true;
  }

  /** Puts a system call into the slot. @returns its sequence number */
  private submit(number: number, a: number, b: number, c: number, d: number): number {
    const { kernel, base } = this;
    const sequence = (Atomics.load(kernel, base + (SLOT_SEQUENCE >> 2)) + 1) | 0;
    kernel[base + (SLOT_NUMBER >> 2)] = number;
    kernel[base + (SLOT_ARGUMENT >> 2)] = a;
    kernel[base + (SLOT_ARGUMENT >> 2) + 1] = b;
    kernel[base + (SLOT_ARGUMENT >> 2) + 2] = c;
    kernel[base + (SLOT_ARGUMENT >> 2) + 3] = d;
    Atomics.store(kernel, base + (SLOT_SEQUENCE >> 2), sequence);
    ring(kernel);
    return sequence;
  }

  /**
   * One system call.
   *
   * @returns its result; -EIO with `killed` when the client was ended in it, -EIO when the machine died meanwhile
   */
  call(number: number, a = 0, b = 0, c = 0, d = 0): CallResult {
    const { kernel, base } = this;
    const answer = base + (SLOT_ANSWER >> 2);
    const sequence = this.submit(number, a, b, c, d);
    for (let spins = 0; spins < CALL_SPINS; spins++) {
      if (Atomics.load(kernel, answer) === sequence) return this.answer();
    }
    for (;;) {
      Atomics.store(kernel, base + (SLOT_SLEEPING >> 2), 1);
      const seen = Atomics.load(kernel, answer);
      if (seen !== sequence && !this.abandoned) Atomics.wait(kernel, answer, seen, ABANDONED_PERIOD);
      Atomics.store(kernel, base + (SLOT_SLEEPING >> 2), 0);
      if (Atomics.load(kernel, answer) === sequence) return this.answer();
      if (this.abandoned) return { result: -EIO, killed: false };
    }
  }

  /** The same without blocking; until it has resolved no other call may be made. */
  async callAsync(number: number, a = 0, b = 0, c = 0, d = 0): Promise<CallResult> {
    const { kernel, base } = this;
    const answer = base + (SLOT_ANSWER >> 2);
    const sequence = this.submit(number, a, b, c, d);
    Atomics.store(kernel, base + (SLOT_SLEEPING >> 2), 1);
    for (;;) {
      const seen = Atomics.load(kernel, answer);
      if (this.cancelled || (seen !== sequence && this.abandoned)) return { result: -EIO, killed: false };
      if (seen === sequence) break;
      const answered = Atomics.waitAsync(kernel, answer, seen, ABANDONED_PERIOD);
      if (answered.async) await answered.value;
    }
    Atomics.store(kernel, base + (SLOT_SLEEPING >> 2), 0);
    return this.answer();
  }

  private answer(): CallResult {
    const { kernel, base } = this;
    return {
      result: kernel[base + (SLOT_RESULT >> 2)]!,
      killed: kernel[base + (SLOT_KILLED >> 2)] !== 0,
    };
  }

  /** Gives the slot back; the client must have closed its files. */
  detach(): void {
    Atomics.store(this.kernel, this.base + (SLOT_ATTACHED >> 2), 0);
  }
}

/** Wakes every client of a kernel that was given up. */
export function abandon(memory: WebAssembly.Memory, clients: number): void {
  const kernel = new Int32Array(memory.buffer);
  Atomics.store(kernel, ABANDONED, 1);
  for (let client = 0; client < clients; client++) {
    Atomics.notify(kernel, (SLOTS_BASE + client * SLOT_SIZE + SLOT_ANSWER) >> 2);
  }
}

/** Exits a client whose thread has ended: closes its files, then frees its slot. Does not block. */
export async function exitFor(memory: WebAssembly.Memory, client: number): Promise<void> {
  const kernel = new Int32Array(memory.buffer);
  const base = (SLOTS_BASE + client * SLOT_SIZE) >> 2;
  const answer = base + (SLOT_ANSWER >> 2);
  if (Atomics.load(kernel, base + (SLOT_ATTACHED >> 2)) === 0) return;
  // A call in progress that the kernel has taken is answered first; one that it has not taken is replaced by this one.
  const sequence = (Atomics.load(kernel, base + (SLOT_SEQUENCE >> 2)) + 1) | 0;
  kernel[base + (SLOT_NUMBER >> 2)] = SYS_EXIT;
  Atomics.store(kernel, base + (SLOT_SLEEPING >> 2), 1);
  Atomics.store(kernel, base + (SLOT_SEQUENCE >> 2), sequence);
  ring(kernel);
  for (;;) {
    const seen = Atomics.load(kernel, answer);
    if (seen === sequence || Atomics.load(kernel, ABANDONED) !== 0) break;
    const answered = Atomics.waitAsync(kernel, answer, seen, ABANDONED_PERIOD);
    if (answered.async) await answered.value;
  }
  Atomics.store(kernel, base + (SLOT_SLEEPING >> 2), 0);
  Atomics.store(kernel, base + (SLOT_ATTACHED >> 2), 0);
}
