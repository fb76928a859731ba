// A channel by hand: what a driver's thread or the kernel would write on it, word by word.

import {
  C_ARGUMENT,
  C_DATA_LENGTH,
  C_GENERATION,
  C_OPERATION,
  C_SEQUENCE,
  A_SEQUENCE,
  A_STATUS,
  CHANNEL_ATTACHED,
  CHANNEL_DATA,
  CHANNEL_DATA_SIZE,
  CHANNEL_SIZE,
  D_COPYING,
  D_SLEEPING,
  K_GENERATION,
  K_RING,
  MESSAGE_SIZE,
  Q_SEQUENCE,
  R_GENERATION,
  R_HANDLE,
  R_POSITION,
  R_SEQUENCE,
  R_STATUS,
  R_TAG,
  RING_HALF,
  RING_SLOTS,
  RING_STRIDE,
  S_GENERATION,
  S_STATE,
  S_TRANSPORT,
  TRANSPORT_GATE,
} from '../../kernel/abi/channel.ts';
import { VERMAGIC } from '../../kernel/abi/version.ts';
import { LOAD_INTREE } from '../../kernel/abi/module.ts';
import { CALL_MODULE_LIVE, CALL_REGISTER_CHRDEV } from '../../kernel/abi/operation.ts';
import { CHANNELS_BASE, SLOTS_BASE, USER_BASE, USER_SIZE } from '../../kernel/abi/map.ts';
import {
  SLOT_ANSWER,
  SLOT_ARGUMENT,
  SLOT_ATTACHED,
  SLOT_NUMBER,
  SLOT_RESULT,
  SLOT_SEQUENCE,
  SLOT_SIZE,
} from '../../kernel/abi/syscall.ts';
import type { TestKernel } from './kernel.ts';

export class Channel {
  readonly base: number;
  private readonly words: Int32Array;
  private readonly bytes: Uint8Array;

  constructor(memory: WebAssembly.Memory, index: number) {
    this.words = new Int32Array(memory.buffer);
    this.bytes = new Uint8Array(memory.buffer);
    this.base = CHANNELS_BASE + index * CHANNEL_SIZE;
  }

  get(offset: number): number {
    return this.words[(this.base + offset) >> 2]!;
  }

  set(offset: number, value: number): void {
    this.words[(this.base + offset) >> 2] = value;
  }

  /** Address of the slot of a submission. */
  private slot(sequence: number): number {
    return this.get(K_RING) + (sequence & (RING_SLOTS - 1)) * RING_STRIDE;
  }

  /** Sequence of the last submission. */
  get sent(): number {
    let last = 0;
    for (let i = 0; i < RING_SLOTS; i++) last = Math.max(last, this.words[this.slot(i) >> 2]!);
    return last;
  }

  /** A word of a submission, the last one by default. */
  asked(offset: number, sequence = this.sent): number {
    return this.words[(this.slot(sequence) + offset) >> 2]!;
  }

  /** Writes a submission as the kernel does. */
  ask(words: Record<number, number>): void {
    const sequence = this.sent + 1;
    for (const [offset, value] of Object.entries(words))
      this.words[(this.slot(sequence) + Number(offset)) >> 2] = value;
    this.words[(this.slot(sequence) + Q_SEQUENCE) >> 2] = sequence;
  }

  /** A word of a completion. */
  answered(offset: number, sequence: number): number {
    return this.words[(this.slot(sequence) + RING_HALF + offset) >> 2]!;
  }

  /** Writes a completion as the driver loop does. */
  answer(sequence: number, words: Record<number, number>): void {
    const at = this.slot(sequence) + RING_HALF;
    for (const [offset, value] of Object.entries(words)) this.words[(at + Number(offset)) >> 2] = value;
    this.words[(at + R_SEQUENCE) >> 2] = sequence;
  }

  /** Where a driver's thread writes, and nobody else: address of the first byte, and of the one behind the last. */
  get driversWords(): [number, number][] {
    const { base } = this;
    const completions = this.get(K_RING) + RING_HALF;
    return [
      [completions, completions + RING_HALF],
      [base + MESSAGE_SIZE, base + 2 * MESSAGE_SIZE],
      [base + C_SEQUENCE, base + C_SEQUENCE + MESSAGE_SIZE],
      [base + D_SLEEPING, base + D_SLEEPING + MESSAGE_SIZE],
      [base + D_COPYING, base + D_COPYING + MESSAGE_SIZE],
      [base + CHANNEL_DATA, base + CHANNEL_DATA + CHANNEL_DATA_SIZE],
    ];
  }

  data(text: string): number {
    const encoded = new TextEncoder().encode(text);
    this.bytes.set(encoded, this.base + CHANNEL_DATA);
    return encoded.length;
  }
}

interface ForgedReply {
  generation?: number;
  tag?: number;
  position?: bigint;
}

/** A driver behind a channel of a kernel that runs in the test's own thread: nothing happens but what the test does. */
export class HandmadeDriver {
  readonly channel: Channel;
  readonly generation: number;
  /** Its struct module. */
  readonly mod: number;
  private readonly kernel: TestKernel;
  private calls = 0;

  /**
   * @param flags FOP_ of its device
   * @param how   LOAD_ flags beside LOAD_INTREE
   * @param live  whether its init has come to its end
   * @param here  whether it is on the kernel's thread
   */
  constructor(
    kernel: TestKernel,
    index: number,
    name: string,
    flags = 0,
    how = 0,
    live = true,
    here = false,
  ) {
    this.kernel = kernel;
    this.channel = new Channel(kernel.memory, index);
    this.calls = this.channel.get(C_SEQUENCE);
    this.generation = this.channel.get(K_GENERATION);
    this.channel.set(S_GENERATION, this.generation);
    if (here) this.channel.set(S_TRANSPORT, TRANSPORT_GATE);
    this.channel.set(S_STATE, CHANNEL_ATTACHED);
    kernel.exports.poll();
    const { domain, exports } = kernel;
    const text = (each: string): number => domain.text(each);
    const mod = exports.module_begin(text(name), text(VERMAGIC), text('GPL'), LOAD_INTREE | how, index + 1);
    if (mod < 0) throw new Error(`cannot be loaded: ${name}`);
    this.mod = mod;
    if (exports.module_announce(mod, 100, 1, 1) < 0) {
      exports.module_gone(mod);
      throw new Error(`cannot be announced: ${name}`);
    }
    if ((this.call(CALL_REGISTER_CHRDEV, 0, name, {}, flags) ?? -1) < 0)
      throw new Error(`cannot be registered: ${name}`);
    if (live && this.call(CALL_MODULE_LIVE) !== 0) throw new Error(`cannot be live: ${name}`);
  }

  /** A call to the kernel. @returns its status, or null where it was not answered */
  call(
    operation: number,
    a = 0,
    text = '',
    forged: { generation?: number; length?: number } = {},
    b = 0,
  ): number | null {
    const { channel } = this;
    channel.set(C_GENERATION, forged.generation ?? this.generation);
    channel.set(C_OPERATION, operation);
    channel.set(C_ARGUMENT, a);
    channel.set(C_ARGUMENT + 4, b);
    channel.set(C_DATA_LENGTH, forged.length ?? channel.data(text));
    channel.set(C_SEQUENCE, ++this.calls);
    this.kernel.exports.poll();
    return this.answer;
  }

  /** The answer to its last call, or null while there is none. */
  get answer(): number | null {
    return this.channel.get(A_SEQUENCE) === this.calls ? this.channel.get(A_STATUS) : null;
  }

  /** Completions so far. */
  private replies = 0;

  /** Answers a request, the oldest one by default. */
  reply(status: number, forged: ForgedReply = {}): void {
    this.write(status, forged);
    this.kernel.exports.poll();
  }

  /** The same while the kernel looks elsewhere, or before it has asked. */
  write(status: number, forged: ForgedReply = {}): void {
    const { channel } = this;
    const position = forged.position ?? 0n;
    channel.answer(++this.replies, {
      [R_GENERATION]: forged.generation ?? this.generation,
      [R_STATUS]: status,
      [R_HANDLE]: 0x1234,
      [R_POSITION]: Number(BigInt.asIntN(32, position)),
      [R_POSITION + 4]: Number(BigInt.asIntN(32, position >> 32n)),
      [R_TAG]: forged.tag ?? this.replies,
    });
  }
}

/** A client with a slot, by hand. */
export class HandmadeClient {
  readonly address: number;
  private readonly kernel: TestKernel;
  private readonly base: number;

  constructor(kernel: TestKernel, index: number) {
    this.kernel = kernel;
    this.base = (SLOTS_BASE + index * SLOT_SIZE) >> 2;
    this.address = USER_BASE + index * USER_SIZE;
    kernel.words[this.base + (SLOT_ATTACHED >> 2)] = 1;
  }

  /** Writes what is asked, which the kernel has not heard of yet. */
  ask(number: number, a = 0, b = 0, c = 0, d = 0): void {
    const { words } = this.kernel;
    words[this.base + (SLOT_NUMBER >> 2)] = number;
    words.set([a, b, c, d], this.base + (SLOT_ARGUMENT >> 2));
    words[this.base + (SLOT_SEQUENCE >> 2)]!++;
  }

  /** Asks. @returns the answer, or null while there is none */
  call(number: number, a = 0, b = 0, c = 0, d = 0): number | null {
    this.ask(number, a, b, c, d);
    this.kernel.exports.poll();
    return this.answer;
  }

  get answer(): number | null {
    const { words } = this.kernel;
    const answered = words[this.base + (SLOT_ANSWER >> 2)] === words[this.base + (SLOT_SEQUENCE >> 2)];
    return answered ? words[this.base + (SLOT_RESULT >> 2)]! : null;
  }

  text(text: string): number {
    this.kernel.domain.bytes.set(new TextEncoder().encode(`${text}\0`), this.address);
    return this.address;
  }
}
