// The result of a comparison, schema isolab.compare/1: what `isolab compare --json` prints, and the rows that tables and
// verdicts are made of. Plain data. A change of meaning or shape is a new schema number.

import type { DetectedBy, Measured, MeasureSpec, SidePlacement } from '../../machine/shared/types.ts';
import type { Completion } from '../interruption.ts';
import { ratioOfMedians, median, summarize, type Summary } from '../statistics.ts';

export const SCHEMA = 'isolab.compare/1';

export const PLACEMENTS: readonly SidePlacement[] = ['monolithic', 'microkernel'];

export type PerSide<T> = Record<SidePlacement, T>;

export interface Environment {
  /** `node 20.20.2` */
  runtime: string;
  cores: number;
  clockStepNs: number;
  /** In Node true: shared memory and the fine clock are always there. */
  crossOriginIsolated: boolean;
  /** isolab's own. */
  version: string;
}

/** A batch is the ladder's. */
export type CallKind = Exclude<MeasureSpec['operation'], 'batch'>;

export interface CallRow {
  placement: SidePlacement;
  operation: CallKind;
  bytes: number;
  /** ns per operation, one sample a batch, all boots together. */
  ns: Summary;
  /** The cheapest thing of its kind, measured in the same batches and threads; ns. */
  floor: { name: Measured['floorName']; median: number };
  /** Of medians, subject to floor. */
  ratio: number;
}

export type Outcome =
  | 'no effect seen'
  | 'error returned'
  | 'damage found'
  | 'driver restarted'
  | 'machine rebooted'
  | 'not recovered';

/** What noticed the fault first: the supervisor, or without it the kernel (a complaint in its log) or the caller. */
export type Detector = DetectedBy | 'kernel log' | 'error number';

export interface FaultRow {
  fault: string;
  placement: SidePlacement;
  outcome: Outcome;
  /** null: nobody noticed while it ran. */
  detectedBy: Detector | null;
  deadlineMs: number;
  /** Times in ms since the call that provoked the fault. */
  detectedAfterMs: number | null;
  /** First good answer after reopening; null where service never stopped, or never came back. */
  recoveredAfterMs: number | null;
  /** The provoking call and those until the first good answer. */
  callsFailed: number;
  /** Calls of a client in a thread of its own, to another driver, meanwhile. */
  bystanderCalls: number;
  bystanderCallsFailed: number;
  bystanderWorstMs: number;
  kernelSurvived: boolean;
  /** What was found out of order afterwards and was in order before, one sentence each. */
  damage: string[];
  /** What the kernel logged; the dead kernel's log where it died. */
  log: string[];
}

export interface CompareReport extends Completion {
  schema: typeof SCHEMA;
  environment: Environment;
  /** null where it was interrupted before a machine had the driver. */
  driver: { name: string; sha256: PerSide<string | null> };
  /** `readBack` is null where the driver does not hold the image. */
  image: { sha256: string; readBack: PerSide<string | null> };
  call: CallRow[];
  faults: FaultRow[];
}

/** One row from the measurements of several boots. */
export function callRow(
  placement: SidePlacement,
  { operation, bytes }: { operation: CallKind; bytes: number },
  boots: readonly Measured[],
): CallRow {
  const [first] = boots;
  if (first === undefined) throw new RangeError(`no measurement of ${operation} ${bytes}`);
  const subject = boots.flatMap((boot) => boot.subject);
  const floor = boots.flatMap((boot) => boot.floor);
  return {
    placement,
    operation,
    bytes,
    ns: summarize(subject),
    floor: { name: first.floorName, median: median(floor) },
    ratio: ratioOfMedians(subject, floor),
  };
}

/** The rows of one kind on both sides, in the order in which the first side has them. */
export function pairs<Row extends { placement: SidePlacement }>(
  rows: readonly Row[],
  same: (a: Row, b: Row) => boolean,
): { monolithic: Row | undefined; microkernel: Row | undefined }[] {
  const groups: Row[][] = [];
  for (const row of rows) {
    const group = groups.find(([first]) => first !== undefined && same(first, row));
    if (group === undefined) groups.push([row]);
    else group.push(row);
  }
  return groups.map((group) => ({
    monolithic: group.find((row) => row.placement === 'monolithic'),
    microkernel: group.find((row) => row.placement === 'microkernel'),
  }));
}
