// Every fault that lkdtm can provoke, and what must come of it on each placement: data for faults.ts. Like LKDTM's own
// tests, each names the line that must be in the log; a fault that leaves none says so.

import type { DetectedBy, Placement, SidePlacement } from '../../../host/machine/shared/types.ts';
import { EIO, ENOMEM, ETIMEDOUT } from '../../../kernel/abi/errno.ts';

export interface FaultOutcome {
  /** What the provoking write answers: a number (`all` its length), or the end of the client or of the machine. */
  answer: number | 'all' | 'killed' | 'machine died' | 'anything';
  /** Who noticed; null where nobody did. */
  detectedBy: DetectedBy | null;
  /** Lines that must be in the log of the kernel that saw it. */
  lines: RegExp[];
  /** What the integrity check says afterwards, one pattern a sentence; empty where it finds nothing. */
  damage: RegExp[];
  taint: string;
  /** What came back: nothing, the driver as another incarnation, the machine as another boot. */
  restarted: 'nothing' | 'driver' | 'machine';
  /** Bytes that the call held and that the driver still holds; null where that says nothing. */
  held: number | null;
}

const OOPS = [
  /^Oops: /,
  /^RIP: 0010:\w+\+0x[0-9a-f]+\/0x[0-9a-f]+ \[lkdtm\]$/,
  /^ {2}at drivers\/lkdtm\.ts:\d+:\d+$/,
];
const UNREACHABLE = /^BUG: unreachable executed at drivers\/lkdtm\.ts:\d+:\d+$/;
const GAVE_UP = /^lkdtm: driver died, generation 1$/;
const restarting = (by: DetectedBy): RegExp =>
  new RegExp(`^supervisor: restarting lkdtm \\(${by}( \\d+)?\\), restart 1$`);

/** Nobody notices, nothing is restarted. */
const survived = (outcome: Partial<FaultOutcome>): FaultOutcome => ({
  ...{ answer: 'all', detectedBy: null, lines: [], damage: [], taint: '', restarted: 'nothing', held: 0 },
  ...outcome,
});

/** The monolith's oops: the client is ended, what the call held stays held. */
const oopsed = (lines: RegExp[]): FaultOutcome =>
  survived({ answer: 'killed', detectedBy: 'trap', lines: [...OOPS, ...lines], taint: 'D', held: 256 });

/** The microkernel's way: an errno for the caller, a new incarnation for everybody else. */
const replaced = (by: DetectedBy, lines: RegExp[], answer: number = -EIO): FaultOutcome =>
  survived({ answer, detectedBy: by, lines: [...lines, GAVE_UP, restarting(by)], restarted: 'driver' });

const inDomain = (pattern: RegExp): RegExp => new RegExp(`^lkdtm's domain: ${pattern.source}`);
const NULL_WRITE = /write through a null pointer: 0x0$/;
const NO_MEMORY = /no memory left: \d+ bytes handed out$/;
const USE_AFTER_FREE = /write to freed memory: 0x[0-9a-f]+$/;
const DOUBLE_FREE = /^BUG kmalloc-64 \(Not tainted\): Object already free$/;

/** Where nothing else is said, the same comes of it in a sandbox as in a worker. */
export const FAULTS: Record<string, Record<SidePlacement, FaultOutcome> & { sandbox?: FaultOutcome }> = {
  BUG: {
    monolithic: oopsed([UNREACHABLE]),
    microkernel: replaced('trap', [...OOPS, UNREACHABLE]),
  },
  ACCESS_NULL: {
    monolithic: survived({ damage: [NULL_WRITE] }),
    microkernel: survived({ damage: [inDomain(NULL_WRITE)] }),
  },
  WILD_WRITE: {
    monolithic: survived({ answer: 'anything', damage: [/write through a null pointer/], held: null }),
    microkernel: survived({ damage: [inDomain(/write through a null pointer/)], held: null }),
  },
  LOOP: {
    monolithic: survived({ answer: 'machine died', detectedBy: 'heartbeat', restarted: 'machine' }),
    sandbox: survived({ answer: 'machine died', detectedBy: 'heartbeat', restarted: 'machine' }),
    microkernel: replaced('deadline', [/^lkdtm: no reply to operation 4 in \d+ ms$/], -ETIMEDOUT),
  },
  EXHAUST_STACK: {
    monolithic: oopsed([
      /^Oops: stack exhausted: 0000 \[#1\] SMP$/,
      /^ {2}\.\.\. \d+ more$|^ \.\.\. \d+ more$/,
    ]),
    microkernel: replaced('trap', [...OOPS, /^Oops: stack exhausted: 0000 \[#1\] SMP$/]),
  },
  EXHAUST_HEAP: {
    monolithic: survived({ answer: -ENOMEM, damage: [NO_MEMORY], held: null }),
    microkernel: survived({ answer: -ENOMEM, damage: [inDomain(NO_MEMORY)], held: null }),
  },
  SLAB_FREE_DOUBLE: {
    monolithic: survived({ lines: [DOUBLE_FREE], taint: 'B' }),
    microkernel: survived({ lines: [DOUBLE_FREE] }),
  },
  WRITE_AFTER_FREE: {
    monolithic: survived({ damage: [USE_AFTER_FREE] }),
    microkernel: survived({ damage: [inDomain(USE_AFTER_FREE)] }),
  },
  LIE_LENGTH: {
    monolithic: survived({ answer: 'LIE_LENGTH'.length + 4096 }),
    microkernel: replaced('protocol', [
      /^lkdtm: bad reply to operation 4: status 4106, at most 10 was asked for$/,
    ]),
  },
  LIE_STATUS: {
    monolithic: survived({ answer: -77777 }),
    microkernel: replaced('protocol', [/^lkdtm: bad reply to operation 4: status -77777, at most 10 was/]),
  },
  EXIT: {
    monolithic: survived({ answer: 'killed', held: 256 }),
    microkernel: replaced('exit', []),
  },
};

export function outcomeOf(fault: string, placement: Placement): FaultOutcome {
  const outcomes = FAULTS[fault]!;
  return (
    (placement === 'monolithic' ? outcomes.monolithic : null) ??
    (placement === 'sandbox' ? outcomes.sandbox : null) ??
    outcomes.microkernel
  );
}
