// What a row means, in a sentence or two for somebody who has never seen a kernel. Made from the row's data alone: the
// same words for the same observation, whichever side it was made on.

import {
  pairs,
  PLACEMENTS,
  type CallRow,
  type CompareReport,
  type Detector,
  type FaultRow,
} from './report.ts';
import { count, milliseconds, times } from '../units.ts';

const DETECTORS: Record<Detector, string> = {
  trap: 'the trap was caught',
  deadline: 'a missed deadline gave it away',
  heartbeat: 'a missed heartbeat gave it away',
  protocol: 'an impossible reply gave it away',
  'thread ended': 'its thread was found gone',
  exit: 'it said that it leaves',
  oops: 'the kernel trapped in its call',
  complaint: 'a client complained about it',
  operator: 'somebody asked for its end',
  panic: 'the kernel panicked',
  'kernel log': 'the kernel complained in its log',
  'error number': 'the caller was told by an error number',
};

/** One fault on one side. */
export function verdictOfFault(row: FaultRow): string {
  return [...harm(row), bystanders(row)].join(' ');
}

function harm(row: FaultRow): string[] {
  const noticed = detection(row);
  switch (row.outcome) {
    case 'no effect seen':
      return row.detectedBy === null
        ? ['Nothing happened that anybody could see.']
        : [`It was noticed and did no harm: ${noticed}.`];
    case 'error returned':
      return [`The call failed (${noticed}), the driver went on, and nothing was found damaged.`];
    case 'damage found':
      return row.detectedBy === null
        ? [`Nobody noticed, yet the damage is there: ${damage(row)}.`]
        : [`Noticed (${noticed}), but the damage stayed: ${damage(row)}.`];
    case 'driver restarted':
      return [`Only the driver went down: ${noticed}${recovery(row)}.`, ...left(row)];
    case 'machine rebooted':
      return [`The whole machine went down: ${noticed}${recovery(row)}.`, ...left(row)];
    case 'not recovered':
      return [`The driver never answered again: ${noticed}.`, kernel(row), ...left(row)];
  }
}

function detection(row: FaultRow): string {
  if (row.detectedBy === null) return 'nobody noticed';
  const after = row.detectedAfterMs === null ? '' : ` after ${milliseconds(row.detectedAfterMs)}`;
  return `${DETECTORS[row.detectedBy]}${after}`;
}

function recovery(row: FaultRow): string {
  return row.recoveredAfterMs === null
    ? ', and it served on'
    : `, and it answered again after ${milliseconds(row.recoveredAfterMs)}`;
}

function damage(row: FaultRow): string {
  const [first = 'unknown', ...more] = row.damage;
  return more.length === 0 ? first : `${first} (and ${more.length} more)`;
}

function left(row: FaultRow): string[] {
  return row.damage.length === 0 ? [] : [`Left behind: ${damage(row)}.`];
}

function kernel(row: FaultRow): string {
  return row.kernelSurvived ? 'The kernel lives.' : 'The kernel is gone.';
}

function bystanders(row: FaultRow): string {
  const { bystanderCalls: calls, bystanderCallsFailed: failed, bystanderWorstMs: worst } = row;
  if (calls === 0) return 'No other program got a call through.';
  if (failed > 0) return `Another program lost ${failed} of ${count(calls, 'call')} to another driver.`;
  if (worst > row.deadlineMs / 4)
    return `Another program lost no call, but waited up to ${milliseconds(worst)}.`;
  return `Another program noticed nothing (${count(calls, 'call')}, the slowest ${milliseconds(worst)}).`;
}

const WORK: Record<CallRow['operation'], (bytes: number) => string> = {
  dispatch: () => 'An empty call from inside the kernel',
  syscall: () => 'An empty call from a program',
  read: (bytes) => `A read of ${bytes} bytes`,
};

/** One kind of call on both sides. */
export function verdictOfCalls(monolithic: CallRow, microkernel: CallRow): string {
  const work = WORK[monolithic.operation](monolithic.bytes);
  const price = microkernel.ns.median / monolithic.ns.median;
  const against = `${floors(monolithic)} here, ${floors(microkernel)} there`;
  if (overlap(monolithic, microkernel)) return `${work} costs about the same on both sides: ${against}.`;
  return price > 1
    ? `${work} costs ${times(price)} as much across the isolation: ${against}.`
    : `${work} is cheaper across the isolation, ${times(price)} the cost: ${against}.`;
}

function floors(row: CallRow): string {
  return `${times(row.ratio)} a bare ${row.floor.name}`;
}

/** Whether the middle halves of the samples overlap: no winner is named then. */
function overlap(a: CallRow, b: CallRow): boolean {
  return a.ns.q1 <= b.ns.q3 && b.ns.q1 <= a.ns.q3;
}

export interface Sum {
  of: string;
  text: string;
}

/** The sum of it, for and against each side, and the price. */
export function sumsOf({ call, faults }: Pick<CompareReport, 'call' | 'faults'>): Sum[] {
  const sides = PLACEMENTS.map((placement): Sum => {
    const own = faults.filter((row) => row.placement === placement);
    const survived = own.filter((row) => row.kernelSurvived).length;
    const silent = own.filter((row) => row.damage.length > 0 && row.detectedBy === null).length;
    const hurt = own.filter((row) => row.bystanderCallsFailed > 0).length;
    const longest = Math.max(0, ...own.map((row) => row.recoveredAfterMs ?? 0));
    const text =
      `kernel survived ${survived} of ${count(own.length, 'fault')}; another program lost calls in ${hurt}; ` +
      `unnoticed damage in ${silent}; longest recovery ${milliseconds(longest)}`;
    return { of: placement, text };
  });
  const prices = pairs(call, (a, b) => a.operation === b.operation && a.bytes === b.bytes).flatMap(
    ({ monolithic, microkernel }) =>
      monolithic === undefined || microkernel === undefined
        ? []
        : [microkernel.ns.median / monolithic.ns.median],
  );
  if (prices.length === 0) return sides;
  const range = `${times(Math.min(...prices))} to ${times(Math.max(...prices))}`;
  return [...sides, { of: 'the price', text: `${range} the monolith's time per call, as measured above` }];
}
