// The driver's end of a channel (kernel/abi/channel.ts). It runs the driver loop, sleeps, calls the kernel, and copies to and from
// the range that the request in progress grants. It does this on behalf of a driver's wasm, which cannot reach the kernel's memory.
//
// It checks the fence after each step that may take long: an incarnation that was given up writes nothing more.

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

/** Thrown to unwind an incarnation that was given up. */
export class Fenced extends Error {
  override readonly name = 'Fenced';
}

/** A predecessor's memory, to which nothing writes any more: all of it, or a copy of a part. */
export interface PreviousMemory {
  bytes: Uint8Array;
  /** Address of the first byte. */
  from: number;
  /** The tag of the incarnation (ST_TAG_CHANNELS of kernel/abi/store.ts). */
  incarnation: number;
}

/** kernel/driver-loop.ts. */
export interface DriverLoop {
  turn(channel: number, ring: number, generation: number, taken: number, spins: number): number;
  has_submission(ring: number, taken: number): number;
  /** @param own bytes of the domain's memory @returns COPY_ */
  copy_out(channel: number, generation: number, own: number, to: number, from: number, count: number): number;
  copy_in(channel: number, generation: number, own: number, to: number, from: number, count: number): number;
}

/** The ms that the domain's image returns where there is no timer. */
const NEVER = 1e9;

/** ms between two checks of the fence while a call by the driver waits for the kernel. */
const FENCE_PERIOD = 100;

export class DriverSide {
  readonly generation: number;
  protected readonly kernel: Int32Array;
  /** The kernel's memory, for the buffers that the kernel has given to this incarnation. */
  readonly kernelBytes: Uint8Array;
  private readonly domainBytes: Uint8Array;
  /** Bytes of the domain's memory. */
  private readonly domainSize: number;
  private readonly previous: PreviousMemory | null;
  /** Index of the channel's first word. */
  protected readonly base: number;
  private readonly bell: DriverBell;
  /** Null before the driver is formed: it gets no request and no grant until then. */
  private loop: DriverLoop | null = null;
  private taken = 0;
  private callSequence = 0;

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
    this.domainSize = this.domainBytes.length;
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

  /** Sets the driver loop, which carries its requests and copies. */
  attach(loop: DriverLoop): void {
    this.loop = loop;
  }

  /**
   * Serves requests until the supervisor stops it or the kernel fences it; throws what a driver's trap throws.
   *
   * @param timers runs the timers that are due; returns the ms until the next, NEVER where there is none
   */
  run(timers: () => number = () => NEVER): void {
    while (!this.mustStop) {
      const worked = this.turn(this.bell.spins);
      const untilTimer = timers();
      if (!worked) this.bell.sleep(untilTimer, () => this.mustStop || this.hasWork());
    }
  }

  /** Whether this incarnation must stop serving. */
  get mustStop(): boolean {
    return this.stopped() || this.fenced();
  }

  /** Answers the supervisor's ping. @returns whether this incarnation is to go on */
  alive(): boolean {
    this.echo();
    return !this.mustStop;
  }

  private echo(): void {
    const { kernel, base } = this;
    const ping = Atomics.load(kernel, base + (S_PING >> 2));
    if (kernel[base + (D_PONG >> 2)] !== ping) Atomics.store(kernel, base + (D_PONG >> 2), ping);
  }

  /** Serves the requests that are there, or come within `spins` looks. @returns whether there were any */
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

  /** Whether there is a request to serve, or a ping to echo. */
  hasWork(): boolean {
    const { kernel, base, loop } = this;
    return (
      (loop !== null && loop.has_submission(kernel[base + (K_RING >> 2)]!, this.taken) !== 0) ||
      Atomics.load(kernel, base + (S_PING >> 2)) !== kernel[base + (D_PONG >> 2)]
    );
  }

  /** Counts a sign of life: a host call, a copy or a served request. */
  private beat(): void {
    this.kernel[this.base + (D_HEART >> 2)]!++;
  }

  /** Copies the data of a call into the channel. @returns how many bytes */
  protected putData(data: number, length: number): number {
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
    const size = this.putData(data, length);
    const sequence = (this.callSequence = (this.callSequence + 1) | 0);
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

  /** Whether the kernel has announced it. */
  get announced(): boolean {
    return Atomics.load(this.kernel, this.base + (K_ANNOUNCED >> 2)) === this.generation;
  }

  /** Waits until the kernel has announced it; throws Fenced. */
  awaitAnnounced(): void {
    const { kernel, generation } = this;
    const word = this.base + (K_ANNOUNCED >> 2);
    for (let seen = Atomics.load(kernel, word); seen !== generation; seen = Atomics.load(kernel, word)) {
      Atomics.wait(kernel, word, seen, FENCE_PERIOD);
      if (this.fenced()) throw new Fenced();
    }
  }

  /** A call that returns data: as many bytes as its status says, at most `size`. */
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

  /** Copies from the predecessor's memory. @returns 0, or 1 where the predecessor is another, or a range is out of bounds */
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
    const { loop, base, generation, domainSize } = this;
    return this.checkCopy(
      loop ? loop.copy_out(base << 2, generation, domainSize, to, from, count) : COPY_REFUSED,
    );
  }

  /** Copies out of the granted range into the domain. */
  copyIn(to: number, from: number, count: number): number {
    const { loop, base, generation, domainSize } = this;
    return this.checkCopy(
      loop ? loop.copy_in(base << 2, generation, domainSize, to, from, count) : COPY_REFUSED,
    );
  }

  private checkCopy(status: number): number {
    if (status === COPY_FENCED) throw new Fenced();
    return status;
  }

  /** The range that the request in progress grants; of length 0 where there is none. */
  grant(): { address: number; length: number } {
    const { kernel, base } = this;
    const current = kernel[base + (D_CURRENT >> 2)]! >> 2;
    if (current === 0) return { address: 0, length: 0 };
    return {
      address: kernel[current + (Q_GRANT_ADDRESS >> 2)]!,
      length: kernel[current + (Q_GRANT_LENGTH >> 2)]!,
    };
  }

  /** Does a copy for which a fence waits: sets the mark of a copy, checks the fence, copies, clears the mark. */
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

  /** Says that this incarnation is dead, so that the kernel answers its callers at once. */
  markDead(): void {
    // An exhausted stack may have interrupted a copy before it cleared the mark.
    Atomics.store(this.kernel, this.base + (D_COPYING >> 2), 0);
    Atomics.store(this.kernel, this.base + (D_GONE >> 2), this.generation);
    ring(this.kernel);
  }
}
