// The driver's end of a channel where the driver runs on the kernel's thread: a call of the kernel is a function call. The
// channel's line 0 is the submission in progress; the kernel writes its grant there.
//
// Before it enters the kernel it probes for a reserve of stack. So the driver traps where the stack is exhausted, not the kernel.

import { D_CURRENT, D_COPYING } from '../../kernel/abi/channel.ts';
import { DriverSide, Fenced, type PreviousMemory } from './driver-side.ts';

/** Calls the kernel's gate_call, and gate_wait where that does not answer at once. */
export type KernelCall = (channel: number, operation: number, a: number, b: number, length: number) => number;

/** Calls that the probe nests: 25 KiB of stack in V8, more than any call of the kernel takes (test/machine/kernel/sandbox-stack.test.ts). */
const RESERVE = 400;

/** Throws the engine's error where the stack has no room for so many calls. */
function probe(calls: number): number {
  return calls === 0 ? 0 : 1 + probe(calls - 1);
}

export class SandboxSide extends DriverSide {
  private readonly channel: number;
  private readonly enter: KernelCall;

  constructor(
    kernel: WebAssembly.Memory,
    domain: WebAssembly.Memory,
    channel: number,
    generation: number,
    enter: KernelCall,
    previous: PreviousMemory | null,
  ) {
    super(kernel, domain, channel, generation, previous);
    this.channel = channel;
    this.enter = enter;
    this.kernel[this.base + (D_CURRENT >> 2)] = this.base << 2;
  }

  override call(operation: number, a: number, b: number, data: number, length: number): number {
    if (this.fenced()) throw new Fenced();
    probe(RESERVE);
    const status = this.enter(this.channel, operation, a, b, this.putData(data, length));
    if (this.fenced()) throw new Fenced(); // it was given up meanwhile
    return status;
  }

  /** Ends the copy in progress, which a trap may have interrupted, so that a fence does not wait for it. */
  endCopy(): void {
    Atomics.store(this.kernel, this.base + (D_COPYING >> 2), 0);
  }
}
