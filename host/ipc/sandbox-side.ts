// The driver's end of a channel where the driver lives on the kernel's thread: a call of the kernel is a call. Its line 0 is
// the submission in progress, for which the kernel writes the grant.
//
// Before the kernel is entered, a reserve of stack is looked for: where there is none, the driver has trapped, not the kernel.

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
    const status = this.enter(this.channel, operation, a, b, this.carry(data, length));
    if (this.fenced()) throw new Fenced(); // it was given up meanwhile
    return status;
  }

  /** It copies nothing any more: a trap may have left it in the middle. */
  left(): void {
    Atomics.store(this.kernel, this.base + (D_COPYING >> 2), 0);
  }
}
