// The driver's end of a channel (kernel/abi/channel.ts): takes requests, answers them, calls the kernel, copies to and from
// what the request in progress grants. All of it on behalf of a driver's wasm, which cannot reach the kernel's memory.
//
// After each step that may have taken long the fence is checked: an incarnation that was given up writes nothing more.

import {
  A_SEQUENCE,
  A_STATUS,
  C_ARGUMENT,
  C_DATA_LENGTH,
  C_GENERATION,
  C_OPERATION,
  C_SEQUENCE,
  CHANNEL_DATA,
  CHANNEL_DATA_SIZE,
  CHANNEL_SIZE,
  D_COPYING,
  D_GONE,
  D_SLEEPING,
  GRANT_READ,
  GRANT_WRITE,
  K_GENERATION,
  Q_ARGUMENT0,
  Q_ARGUMENT1,
  Q_GENERATION,
  Q_GRANT_ADDRESS,
  Q_GRANT_LENGTH,
  Q_GRANT_RIGHTS,
  Q_HANDLE,
  Q_MINOR,
  Q_OPERATION,
  Q_POSITION,
  Q_SEQUENCE,
  R_GENERATION,
  R_HANDLE,
  R_POSITION,
  R_SEQUENCE,
  R_STATUS,
  S_STOP,
} from '../../kernel/abi/channel.ts';
import { DRIVER_SPINS } from '../../kernel/abi/limits.ts';
import { M_REPLY_HANDLE, M_REPLY_POSITION } from '../../kernel/abi/machine.ts';
import { CHANNELS_BASE, MACHINE_BASE } from '../../kernel/abi/map.ts';
import { OP_IOCTL } from '../../kernel/abi/operation.ts';
import type { Copies } from './copy.ts';
import { ring, ringIfAsleep } from './doorbell.ts';

/** Thrown into an incarnation that was given up: it leaves whatever it was doing. */
export class Fenced extends Error {
  override readonly name = 'Fenced';
}

/** Runs one request in the domain; kernel/ipc/serve.ts explains the arguments. */
export type Serve = (
  operation: number,
  handle: number,
  device: number,
  low: number,
  high: number,
  buffer: number,
  count: number,
) => number;

/** ms between two looks at the fence while a call by the driver waits for the kernel. */
const FENCE_PERIOD = 100;

const REPLY_HANDLE = (MACHINE_BASE + M_REPLY_HANDLE) >> 2;
const REPLY_POSITION = (MACHINE_BASE + M_REPLY_POSITION) >> 2;

export class DriverSide {
  readonly generation: number;
  private readonly kernel: Int32Array;
  private readonly kernelBytes: Uint8Array;
  private readonly domain: Int32Array;
  private readonly domainBytes: Uint8Array;
  private readonly copies: Copies;
  /** Index of the channel's first word. */
  private readonly base: number;
  private taken = 0;
  private called = 0;
  private grantAddress = 0;
  private grantLength = 0;
  private grantRights = 0;

  constructor(
    kernel: WebAssembly.Memory,
    domain: WebAssembly.Memory,
    channel: number,
    generation: number,
    copies: Copies,
  ) {
    this.kernel = new Int32Array(kernel.buffer);
    this.kernelBytes = new Uint8Array(kernel.buffer);
    this.domain = new Int32Array(domain.buffer);
    this.domainBytes = new Uint8Array(domain.buffer);
    this.generation = generation;
    this.copies = copies;
    this.base = (CHANNELS_BASE + channel * CHANNEL_SIZE) >> 2;
  }

  private fenced(): boolean {
    return Atomics.load(this.kernel, this.base + (K_GENERATION >> 2)) !== this.generation;
  }

  private stopped(): boolean {
    return Atomics.load(this.kernel, this.base + (S_STOP >> 2)) !== 0;
  }

  /**
   * Serves requests until the supervisor says stop, the fence goes up or `serve` throws.
   *
   * @param special runs the operations that are not the device's
   */
  run(serve: Serve, special: (operation: number, argument0: number, argument1: number) => number): void {
    while (this.receive()) {
      const { kernel, base } = this;
      if (kernel[base + (Q_GENERATION >> 2)] !== this.generation) return;
      const operation = kernel[base + (Q_OPERATION >> 2)]!;
      const argument0 = kernel[base + (Q_ARGUMENT0 >> 2)]!;
      const argument1 = kernel[base + (Q_ARGUMENT1 >> 2)]!;
      const address = kernel[base + (Q_GRANT_ADDRESS >> 2)]!;
      this.grantAddress = address;
      this.grantLength = kernel[base + (Q_GRANT_LENGTH >> 2)]!;
      this.grantRights = kernel[base + (Q_GRANT_RIGHTS >> 2)]!;
      let status;
      if (operation > OP_IOCTL) {
        status = special(operation, argument0, argument1);
      } else {
        status = serve(
          operation,
          kernel[base + (Q_HANDLE >> 2)]!,
          kernel[base + (Q_MINOR >> 2)]!,
          kernel[base + (Q_POSITION >> 2)]!,
          kernel[base + (Q_POSITION >> 2) + 1]!,
          this.grantRights === 0 ? argument0 : address,
          this.grantRights === 0 ? argument1 : argument0,
        );
      }
      this.grantRights = 0;
      if (this.fenced()) return;
      this.reply(status);
    }
  }

  /** Waits for the next request: spins, then sleeps. @returns false when there will be none */
  private receive(): boolean {
    const { kernel, base } = this;
    const doorbell = base + (Q_SEQUENCE >> 2);
    for (;;) {
      for (let spins = 0; spins < DRIVER_SPINS; spins++) {
        const sequence = Atomics.load(kernel, doorbell);
        if (sequence === this.taken) continue;
        this.taken = sequence;
        return true;
      }
      if (this.stopped() || this.fenced()) return false;
      Atomics.store(kernel, base + (D_SLEEPING >> 2), 1);
      if (Atomics.load(kernel, doorbell) === this.taken && !this.stopped()) {
        Atomics.wait(kernel, doorbell, this.taken);
      }
      Atomics.store(kernel, base + (D_SLEEPING >> 2), 0);
      if (this.stopped() || this.fenced()) return false;
    }
  }

  private reply(status: number): void {
    const { kernel, base, domain } = this;
    kernel[base + (R_GENERATION >> 2)] = this.generation;
    kernel[base + (R_STATUS >> 2)] = status;
    kernel[base + (R_HANDLE >> 2)] = domain[REPLY_HANDLE]!;
    kernel[base + (R_POSITION >> 2)] = domain[REPLY_POSITION]!;
    kernel[base + (R_POSITION >> 2) + 1] = domain[REPLY_POSITION + 1]!;
    Atomics.store(kernel, base + (R_SEQUENCE >> 2), this.taken);
    ringIfAsleep(kernel);
  }

  /** A call by the driver's domain to the kernel; throws Fenced. */
  call(operation: number, a: number, b: number, data: number, length: number): number {
    const { kernel, base } = this;
    if (this.fenced()) throw new Fenced();
    const size = Math.min(length, CHANNEL_DATA_SIZE, this.domainBytes.length - data);
    if (size > 0) {
      const at = (base << 2) + CHANNEL_DATA;
      this.kernelBytes.set(this.domainBytes.subarray(data, data + size), at);
    }
    const sequence = (this.called = (this.called + 1) | 0);
    kernel[base + (C_GENERATION >> 2)] = this.generation;
    kernel[base + (C_OPERATION >> 2)] = operation;
    kernel[base + (C_ARGUMENT >> 2)] = a;
    kernel[base + (C_ARGUMENT >> 2) + 1] = b;
    kernel[base + (C_DATA_LENGTH >> 2)] = Math.max(size, 0);
    Atomics.store(kernel, base + (C_SEQUENCE >> 2), sequence);
    ring(kernel);
    const answer = base + (A_SEQUENCE >> 2);
    for (let spins = 0; spins < DRIVER_SPINS; spins++) {
      if (Atomics.load(kernel, answer) === sequence) return kernel[base + (A_STATUS >> 2)]!;
    }
    for (let seen = Atomics.load(kernel, answer); seen !== sequence; seen = Atomics.load(kernel, answer)) {
      Atomics.wait(kernel, answer, seen, FENCE_PERIOD);
      if (this.fenced()) throw new Fenced();
    }
    return kernel[base + (A_STATUS >> 2)]!;
  }

  /** Copies into the granted range. @returns 0, or 1 when the grant does not allow it; throws Fenced */
  copyOut(to: number, from: number, count: number): number {
    if (!this.granted(to, from, count, GRANT_WRITE)) return 1;
    return this.bracket(() => this.copies.out(to >>> 0, from >>> 0, count >>> 0));
  }

  /** Copies out of the granted range into the domain. */
  copyIn(to: number, from: number, count: number): number {
    if (!this.granted(from, to, count, GRANT_READ)) return 1;
    return this.bracket(() => this.copies.in(to >>> 0, from >>> 0, count >>> 0));
  }

  private granted(user: number, own: number, count: number, right: number): boolean {
    if (this.grantRights !== right) return false;
    const offset = (user - this.grantAddress) >>> 0;
    const length = count >>> 0;
    return offset + length <= this.grantLength && (own >>> 0) + length <= this.domainBytes.length;
  }

  /** A copy that a fence waits for: announced, then the fence is looked at, then done. */
  private bracket(copy: () => void): number {
    const copying = this.base + (D_COPYING >> 2);
    Atomics.store(this.kernel, copying, 1);
    if (this.fenced()) {
      Atomics.store(this.kernel, copying, 0);
      throw new Fenced();
    }
    copy();
    Atomics.store(this.kernel, copying, 0);
    return 0;
  }

  /** Says that this incarnation is at its end, so that the kernel answers its callers at once. */
  gone(): void {
    Atomics.store(this.kernel, this.base + (D_GONE >> 2), this.generation);
    ring(this.kernel);
  }
}
