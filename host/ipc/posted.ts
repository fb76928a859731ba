// The two transports that post messages over a MessagePort instead of ringing a bell. They need the event loops of both threads.
// The kernel's submission is copied into a message, and the driver's end serves it from there, not from the ring. The kernel's end
// puts the reply into the ring, where the kernel checks it like any other. Bulk data goes by grants, as in the other transports.

import * as Comlink from 'comlink';
import {
  CHANNEL_SIZE,
  D_CURRENT,
  K_GENERATION,
  K_RING,
  MESSAGE_SIZE,
  Q_ARGUMENT0,
  Q_ARGUMENT1,
  Q_GENERATION,
  Q_GRANT_ADDRESS,
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
  R_TAG,
  RING_HALF,
  RING_SLOTS,
  RING_STRIDE,
} from '../../kernel/abi/channel.ts';
import { CHANNELS_BASE } from '../../kernel/abi/map.ts';
import { OP_IOCTL, OP_READ, OP_WRITE } from '../../kernel/abi/operation.ts';

/** The words of a message. */
type Message = Int32Array;
/** A message that is only echoed, which is the floor of the others. */
interface Echo {
  echo: Message;
}
type Posted = Message | Echo;

export type PostedKind = 'postmessage' | 'comlink';

const WORDS = MESSAGE_SIZE >> 2;
const isEcho = (data: unknown): data is Echo => typeof data === 'object' && data !== null && 'echo' in data;

interface Server {
  serve(message: Message): Message | null;
}

/** The kernel's end of one channel. */
export class PostedKernelEnd {
  private readonly kernel: Int32Array;
  private readonly port: MessagePort;
  private readonly remote: Comlink.Remote<Server> | null;
  private readonly rings: number;
  private readonly onReply: () => void;
  private replies = 0;
  private resolveEcho: () => void = () => {};

  /** @param onReply called when a reply is in the ring */
  constructor(kernel: Int32Array, channel: number, port: MessagePort, kind: PostedKind, onReply: () => void) {
    this.kernel = kernel;
    this.port = port;
    this.rings = kernel[(CHANNELS_BASE + channel * CHANNEL_SIZE + K_RING) >> 2]! >> 2;
    this.onReply = onReply;
    this.remote = kind === 'comlink' ? Comlink.wrap<Server>(port) : null;
    port.addEventListener('message', ({ data }: { data: unknown }) => {
      if (isEcho(data)) this.resolveEcho();
      else if (!this.remote) this.complete(data as Message);
    });
    port.start();
  }

  /** Sends the submission at an address. */
  send(submission: number): void {
    const message = this.kernel.slice(submission >> 2, (submission >> 2) + WORDS);
    if (!this.remote) this.port.postMessage(message satisfies Posted);
    else void this.remote.serve(message).then((reply) => reply && this.complete(reply));
  }

  private complete(reply: Message): void {
    const sequence = (this.replies = (this.replies + 1) | 0);
    const at = this.rings + ((RING_HALF + (sequence & (RING_SLOTS - 1)) * RING_STRIDE) >> 2);
    this.kernel.set(reply.subarray(1, WORDS), at + 1);
    Atomics.store(this.kernel, at + (R_SEQUENCE >> 2), sequence);
    this.onReply();
  }

  /** Resolves when a bare message was echoed. */
  echo(): Promise<void> {
    return new Promise((resolve) => {
      this.resolveEcho = resolve;
      this.port.postMessage({ echo: new Int32Array(WORDS) } satisfies Posted);
    });
  }

  close(): void {
    this.port.close();
  }
}

/** What serves the requests of a driver. */
export interface Served {
  serve(
    operation: number,
    handle: number,
    device: number,
    position: bigint,
    buffer: number,
    count: number,
  ): number;
  served_handle(): number;
  served_position(): bigint;
  special(operation: number, argument0: number, argument1: number): number;
}

/** The driver's end of one channel. It does with messages what the driver loop does in shared memory. */
export class PostedDriverEnd {
  private readonly kernel: Int32Array;
  private readonly base: number;
  private readonly generation: number;
  private readonly domain: Served;
  private readonly died: (thrown: unknown) => void;

  /** @param died called with what a driver's trap throws */
  constructor(
    kernel: Int32Array,
    channel: number,
    generation: number,
    domain: Served,
    died: (thrown: unknown) => void,
  ) {
    this.kernel = kernel;
    this.base = (CHANNELS_BASE + channel * CHANNEL_SIZE) >> 2;
    this.generation = generation;
    this.domain = domain;
    this.died = died;
  }

  listen(port: MessagePort, kind: PostedKind): void {
    port.addEventListener('message', ({ data }: { data: unknown }) => {
      if (isEcho(data)) return port.postMessage(data);
      if (kind === 'comlink') return;
      const reply = this.serve(data as Message);
      if (reply) port.postMessage(reply satisfies Posted);
    });
    const server: Server = { serve: (message) => this.serve(message) };
    if (kind === 'comlink') Comlink.expose(server, port);
    port.start();
  }

  /** @returns null where this incarnation was given up */
  private serve(message: Message): Message | null {
    const { kernel, base, generation, domain } = this;
    const word = (offset: number): number => message[offset >> 2]!;
    const fenced = (): boolean => Atomics.load(kernel, base + (K_GENERATION >> 2)) !== generation;
    if (word(Q_GENERATION) !== generation || fenced()) return null;
    const sequence = word(Q_SEQUENCE);
    const operation = word(Q_OPERATION);
    const [first, second] = [word(Q_ARGUMENT0), word(Q_ARGUMENT1)];
    const slot = kernel[base + (K_RING >> 2)]! + (sequence & (RING_SLOTS - 1)) * RING_STRIDE;
    kernel[base + (D_CURRENT >> 2)] = slot;
    let status: number;
    try {
      const transfer = operation === OP_READ || operation === OP_WRITE;
      const position = new BigInt64Array(message.buffer, message.byteOffset + Q_POSITION, 1)[0]!;
      const [buffer, count] = transfer ? [word(Q_GRANT_ADDRESS), first] : [first, second];
      status =
        operation > OP_IOCTL
          ? domain.special(operation, first, second)
          : domain.serve(operation, word(Q_HANDLE), word(Q_MINOR), position, buffer, count);
    } catch (thrown) {
      this.died(thrown);
      return null;
    } finally {
      kernel[base + (D_CURRENT >> 2)] = 0;
    }
    if (fenced()) return null;
    const reply = new Int32Array(WORDS);
    reply[R_GENERATION >> 2] = generation;
    reply[R_STATUS >> 2] = status;
    reply[R_HANDLE >> 2] = domain.served_handle();
    new BigInt64Array(reply.buffer, R_POSITION, 1)[0] = domain.served_position();
    reply[R_TAG >> 2] = sequence;
    return reply;
  }
}
