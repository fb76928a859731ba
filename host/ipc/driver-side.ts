// The driver's end of a channel (kernel/abi/channel.ts): lets the driver loop serve requests, sleeps, calls the kernel, copies to
// and from what the request in progress grants. All of it on behalf of a driver's wasm, which cannot reach the kernel's
// memory.
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
  COPY_FENCED,
  COPY_REFUSED,
  D_COPYING,
  D_CURRENT,
  D_GONE,
  D_HEART,
  D_PONG,
  K_ANNOUNCED,
  K_GENERATION,
  K_RING,
  Q_GRANT_ADDRESS,
  Q_GRANT_LENGTH,
  S_PING,
  S_STOP,
} from '../../kernel/abi/channel.ts';
import { CALL_SPINS } from '../../kernel/abi/limits.ts';
import { CHANNELS_BASE } from '../../kernel/abi/map.ts';
import { ring } from './doorbell.ts';
import { DriverBell } from './driver-bell.ts';

/** Thrown into an incarnation that was given up: it leaves whatever it was doing. */
export class Fenced extends Error {
  override readonly name = 'Fenced';
}

/** What a predecessor has left, which nobody writes to any more: the memory in which it died, or a copy of a part of it. */
export interface PreviousMemory {
  bytes: Uint8Array;
  /** Address of the first of them. */
  from: number;
  /** Which incarnation it was (ST_TAG_CHANNELS of kernel/abi/store.ts). */
  incarnation: number;
}

/** kernel/driver-loop.ts. */
export interface DriverLoop {
  turn(channel: number, ring: number, generation: number, taken: number, spins: number): number;
  waiting(ring: number, taken: number): number;
  /** @param own bytes of the domain's memory @returns COPY_ */
  copy_out(channel: number, generation: number, own: number, to: number, from: number, count: number): number;
  copy_in(channel: number, generation: number, own: number, to: number, from: number, count: number): number;
}

/** What the domain's image says instead of the time of the next timer where there is none, in ms. */
const NEVER = 1e9;

/** ms between two looks at the fence while a call by the driver waits for the kernel. */
const FENCE_PERIOD = 100;

export class DriverSide {
  readonly generation: number;
  protected readonly kernel: Int32Array;
  /** The kernel's memory, for what the kernel has given to this incarnation. */
  readonly kernelBytes: Uint8Array;
  private readonly domainBytes: Uint8Array;
  /** Bytes of the domain's memory. */
  private readonly own: number;
  private readonly previous: PreviousMemory | null;
  /** Index of the channel's first word. */
  protected readonly base: number;
  private readonly bell: DriverBell;
  /** Null before the driver is fully formed: nothing is asked of it, and it is granted nothing. */
  private loop: DriverLoop | null = null;
  private taken = 0;
  private called = 0;

  constructor(
    kernel: WebAssembly.Memory,
    domain: WebAssembly.Memory,
    channel: number,
    generation: number,
    previous: PreviousMemory | null = null,
  ) {
    this.kernel = new Int32Array(kernel.buffer);
    this.kernelBytes = new Uint8Array(kernel.buffer);
    this.domainBytes = new Uint8Array(domain.buffer);
    this.own = this.domainBytes.length;
    this.generation = generation;
    this.previous = previous;
    this.base = (CHANNELS_BASE + channel * CHANNEL_SIZE) >> 2;
    this.bell = new DriverBell(this.kernel, channel);
  }

  protected fenced(): boolean {
    return Atomics.load(this.kernel, this.base + (K_GENERATION >> 2)) !== this.generation;
  }

  private stopped(): boolean {
    return Atomics.load(this.kernel, this.base + (S_STOP >> 2)) !== 0;
  }

  /** What carries its requests and copies from now on. */
  attach(loop: DriverLoop): void {
    this.loop = loop;
  }

  /**
   * Serves requests until the supervisor says stop or the fence goes up; throws what a driver's trap throws.
   *
   * @param timers runs the timers that are due; ms until the next, NEVER where there is none
   */
  run(timers: () => number = () => NEVER): void {
    while (!this.over) {
      const worked = this.turn(this.bell.spins);
      const left = timers();
      if (!worked) this.bell.sleep(left, () => this.over || this.expected());
    }
  }

  /** Whether this incarnation is to serve no more. */
  get over(): boolean {
    return this.stopped() || this.fenced();
  }

  /** Answers the supervisor's ping. @returns whether this incarnation is to go on */
  alive(): boolean {
    this.echo();
    return !this.over;
  }

  private echo(): void {
    const { kernel, base } = this;
    const ping = Atomics.load(kernel, base + (S_PING >> 2));
    if (kernel[base + (D_PONG >> 2)] !== ping) Atomics.store(kernel, base + (D_PONG >> 2), ping);
  }

  /** Serves what is there, or comes within so many looks. @returns whether there was anything */
  turn(spins: number): boolean {
    const { kernel, base } = this;
    this.echo();
    const rings = kernel[base + (K_RING >> 2)]!;
    const taken = this.loop?.turn(base << 2, rings, this.generation, this.taken, spins) ?? this.taken;
    if (taken === this.taken) return false;
    this.taken = taken;
    this.beat();
    return true;
  }

  /** Whether something waits to be served: a request, or an echo for the supervisor. */
  expected(): boolean {
    const { kernel, base, loop } = this;
    return (
      (loop !== null && loop.waiting(kernel[base + (K_RING >> 2)]!, this.taken) !== 0) ||
      Atomics.load(kernel, base + (S_PING >> 2)) !== kernel[base + (D_PONG >> 2)]
    );
  }

  /** The driver has done something that its host sees: it is alive. */
  private beat(): void {
    this.kernel[this.base + (D_HEART >> 2)]!++;
  }

  /** Puts the data of a call into the channel. @returns how much of it */
  protected carry(data: number, length: number): number {
    const size = Math.min(length, CHANNEL_DATA_SIZE, this.domainBytes.length - data);
    if (size <= 0) return 0;
    const at = (this.base << 2) + CHANNEL_DATA;
    this.kernelBytes.set(this.domainBytes.subarray(data, data + size), at);
    return size;
  }

  /** A call by the driver's domain to the kernel; throws Fenced. */
  call(operation: number, a: number, b: number, data: number, length: number): number {
    const { kernel, base } = this;
    if (this.fenced()) throw new Fenced();
    this.beat();
    const size = this.carry(data, length);
    const sequence = (this.called = (this.called + 1) | 0);
    kernel[base + (C_GENERATION >> 2)] = this.generation;
    kernel[base + (C_OPERATION >> 2)] = operation;
    kernel[base + (C_ARGUMENT >> 2)] = a;
    kernel[base + (C_ARGUMENT >> 2) + 1] = b;
    kernel[base + (C_DATA_LENGTH >> 2)] = size;
    Atomics.store(kernel, base + (C_SEQUENCE >> 2), sequence);
    ring(kernel);
    const answer = base + (A_SEQUENCE >> 2);
    for (let spins = 0; spins < CALL_SPINS; spins++) {
      if (Atomics.load(kernel, answer) === sequence) return kernel[base + (A_STATUS >> 2)]!;
    }
    for (let seen = Atomics.load(kernel, answer); seen !== sequence; seen = Atomics.load(kernel, answer)) {
      Atomics.wait(kernel, answer, seen, FENCE_PERIOD);
      if (this.fenced()) throw new Fenced();
    }
    return kernel[base + (A_STATUS >> 2)]!;
  }

  /** Whether the kernel has heard of it, before which it may have been started. */
  get announced(): boolean {
    return Atomics.load(this.kernel, this.base + (K_ANNOUNCED >> 2)) === this.generation;
  }

  /** Waits until the kernel has heard of it; throws Fenced. */
  awaitAnnounced(): void {
    const { kernel, generation } = this;
    const word = this.base + (K_ANNOUNCED >> 2);
    for (let seen = Atomics.load(kernel, word); seen !== generation; seen = Atomics.load(kernel, word)) {
      Atomics.wait(kernel, word, seen, FENCE_PERIOD);
      if (this.fenced()) throw new Fenced();
    }
  }

  /** A call that brings something back: as many bytes as its status says, at most `size`. */
  callFor(
    operation: number,
    a: number,
    b: number,
    data: number,
    length: number,
    to: number,
    size: number,
  ): number {
    const status = this.call(operation, a, b, data, length);
    const count = Math.min(status, size >>> 0, CHANNEL_DATA_SIZE, this.domainBytes.length - (to >>> 0));
    if (count > 0) {
      const at = (this.base << 2) + CHANNEL_DATA;
      this.domainBytes.set(this.kernelBytes.subarray(at, at + count), to >>> 0);
    }
    return status;
  }

  /** Copies from the memory of the predecessor of that name. @returns 0, or 1 where it is another, or there is no such range */
  copyPrevious(to: number, from: number, count: number, incarnation: number): number {
    const { previous, domainBytes } = this;
    if (previous?.incarnation !== incarnation >>> 0) return 1;
    const { bytes } = previous;
    const [start, source, length] = [to >>> 0, (from >>> 0) - previous.from, count >>> 0];
    if (source < 0 || source + length > bytes.length || start + length > domainBytes.length) return 1;
    domainBytes.set(bytes.subarray(source, source + length), start);
    return 0;
  }

  /** Copies into the granted range. @returns 0, or 1 when the grant does not allow it; throws Fenced */
  copyOut(to: number, from: number, count: number): number {
    const { loop, base, generation, own } = this;
    return this.copied(loop ? loop.copy_out(base << 2, generation, own, to, from, count) : COPY_REFUSED);
  }

  /** Copies out of the granted range into the domain. */
  copyIn(to: number, from: number, count: number): number {
    const { loop, base, generation, own } = this;
    return this.copied(loop ? loop.copy_in(base << 2, generation, own, to, from, count) : COPY_REFUSED);
  }

  private copied(status: number): number {
    if (status === COPY_FENCED) throw new Fenced();
    return status;
  }

  /** The range that the request in progress grants; of no length where there is none. */
  grant(): { address: number; length: number } {
    const { kernel, base } = this;
    const current = kernel[base + (D_CURRENT >> 2)]! >> 2;
    if (current === 0) return { address: 0, length: 0 };
    return {
      address: kernel[current + (Q_GRANT_ADDRESS >> 2)]!,
      length: kernel[current + (Q_GRANT_LENGTH >> 2)]!,
    };
  }

  /** Something that a fence waits for, as for a copy: announced, then the fence is looked at, then done. */
  bracket(copy: () => void): number {
    const copying = this.base + (D_COPYING >> 2);
    Atomics.store(this.kernel, copying, 1);
    if (this.fenced()) {
      Atomics.store(this.kernel, copying, 0);
      throw new Fenced();
    }
    copy();
    this.beat();
    Atomics.store(this.kernel, copying, 0);
    return 0;
  }

  /** Says that this incarnation is at its end, so that the kernel answers its callers at once. */
  gone(): void {
    // An exhausted stack may have ended a copy before it could say so.
    Atomics.store(this.kernel, this.base + (D_COPYING >> 2), 0);
    Atomics.store(this.kernel, this.base + (D_GONE >> 2), this.generation);
    ring(this.kernel);
  }
}
