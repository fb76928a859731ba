// The transports: how a request gets from the kernel to a driver. Each carries the same 64-byte message of the same kernel to the
// same driver; they differ in how the two threads wait. Two of them follow from a driver's place: a driver in the kernel's domain
// is called directly, a driver in a sandbox through a gate.

import {
  TRANSPORT_GATE,
  TRANSPORT_POST,
  TRANSPORT_RING,
  TRANSPORT_SPIN,
  TRANSPORT_WAIT,
} from '../../kernel/abi/channel.ts';

/** Transports to a driver in a thread of its own. */
export type ThreadTransport = 'ring' | 'ring-spin' | 'wait' | 'postmessage' | 'comlink';
export type TransportName = 'direct' | 'gate' | ThreadTransport;

export interface Transport {
  readonly name: TransportName;
  /** Its TRANSPORT_ number in the channel. A direct call has no channel. */
  readonly word: number;
  /** One line for people. */
  readonly summary: string;
  /** Whether kernel and driver run on different threads, which needs shared memory. */
  readonly threads: boolean;
  /** Whether both ends need their event loops, so that no thread may block on a call. */
  readonly eventful: boolean;
}

export const TRANSPORTS: readonly Transport[] = [
  {
    ...{ name: 'direct', word: TRANSPORT_RING, threads: false, eventful: false },
    summary: 'an indirect call within the kernel’s domain',
  },
  {
    ...{ name: 'gate', word: TRANSPORT_GATE, threads: false, eventful: false },
    summary: 'a JavaScript frame that catches, into a domain on the same thread',
  },
  {
    ...{ name: 'ring-spin', word: TRANSPORT_SPIN, threads: true, eventful: false },
    summary: 'a ring in shared memory, both ends spin',
  },
  {
    ...{ name: 'ring', word: TRANSPORT_RING, threads: true, eventful: false },
    summary: 'the ring, both ends spin a while, then wait',
  },
  {
    ...{ name: 'wait', word: TRANSPORT_WAIT, threads: true, eventful: false },
    summary: 'the ring, both ends wait at once',
  },
  {
    ...{ name: 'postmessage', word: TRANSPORT_POST, threads: true, eventful: true },
    summary: 'postMessage over a MessagePort',
  },
  {
    ...{ name: 'comlink', word: TRANSPORT_POST, threads: true, eventful: true },
    summary: 'a Comlink call',
  },
];

export function transportOf(name: TransportName): Transport {
  const transport = TRANSPORTS.find((each) => each.name === name);
  if (!transport) throw new Error(`there is no such transport: ${name}`);
  return transport;
}

/** The abilities of a runtime. */
export interface Abilities {
  /** Shared memory that can be sent to another thread. */
  sharedMemory: boolean;
  /** Atomics.wait on the kernel's thread. */
  wait: boolean;
}

/** @returns why a transport is not available here, or null */
export function unavailable({ threads, name }: Transport, { sharedMemory, wait }: Abilities): string | null {
  if (threads && !sharedMemory) return 'memory cannot be shared with another thread here';
  return name === 'wait' && !wait ? 'this thread may not wait' : null;
}
