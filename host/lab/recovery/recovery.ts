// How long a fault keeps a device from answering: from the fault to the first good answer of a client in a thread of its own,
// for each cause, many times over, with what cannot be undercut measured in the same run. On placements that isolate a
// driver is replaced; in the monolith the machine boots anew.
//
//   trap         the trap is caught; the call, in the monolith    beyond: bare instantiation
//   hang         the call that never returns is made              beyond: its deadline
//   worker gone  the thread is ended behind the supervisor's back beyond: its detection
//
// Every sample begins when spare threads stand ready again and nothing is being recovered: single faults are measured, not
// avalanches of them.

import type { LoadedModule } from '../../domain/loaded.ts';
import type { Images } from '../../machine/shared/protocol.ts';
import { clock } from '../../machine/shared/task.ts';
import type {
  ClientThread,
  Machine,
  MachineEvent,
  RecoveryProbe,
  Placement,
} from '../../machine/shared/types.ts';
import { DEADLINE_MS, MIN_DEADLINE_MS } from '../../../kernel/abi/limits.ts';
import { BareStart } from './bare-start.ts';
import { wasInterrupted, type Completion } from '../interruption.ts';
import { ISOLATING } from '../isolating.ts';
import type { BootOptions } from '../load.ts';
import type { Environment } from '../compare/report.ts';
import { summarize, type Summary } from '../statistics.ts';
import { pass, throwIfCancelled, within, type CancelSignal } from '../wait.ts';

export const RECOVERY_SCHEMA = 'isolab.recovery/1';
export const CAUSES = ['trap', 'hang', 'worker gone'] as const;
export type RecoveryCause = (typeof CAUSES)[number];
/** Where recovery is measured, in that order. */
export const RECOVERING: readonly Placement[] = [...ISOLATING, 'monolithic'];

export interface RecoveryRow {
  placement: Placement;
  cause: RecoveryCause;
  /** What comes back: a driver, or the machine with all of them. */
  recovered: 'driver' | 'machine';
  deadlineMs: number;
  /** From the fault to the first good answer, in ms. */
  ms: Summary;
  /** Medians of ms since the fault: when the supervisor knew of it, and when what it started was up. */
  detectedAfterMs: number;
  upAfterMs: number;
  floor: { name: string; ms: Summary };
  /** What is left of `ms` without what cannot be undercut. */
  beyond: { of: 'bare instantiation' | 'deadline' | 'detection'; ms: Summary };
  /** Samples in which no good answer came in time. */
  lost: number;
}

export interface RecoveryReport extends Completion {
  schema: typeof RECOVERY_SCHEMA;
  environment: Omit<Environment, 'clockStepNs'>;
  /** Samples wanted of each row. */
  count: number;
  /** Whether the driver that died last has a successor ready. */
  standby: boolean;
  rows: RecoveryRow[];
}

export interface RecoveryOptions {
  boot(placement: Placement, options?: BootOptions): Promise<Machine>;
  drivers: readonly LoadedModule[];
  images: Images;
  environment: Omit<Environment, 'clockStepNs'>;
  placements: readonly Placement[];
  causes?: readonly RecoveryCause[];
  count: number;
  standby?: boolean;
  progress?: (text: string) => void;
  /** Told in a sentence why a row is missing. */
  onProblem?: (text: string) => void;
  signal?: CancelSignal | undefined;
}

/** One fault; ms since 1970. */
interface Sample {
  faultAt: number;
  detectedAt: number;
  upAt: number;
  goodAt: number;
  /** ms */
  floor: number;
}

const FAULTY = 'lkdtm';
const PATH = '/dev/lkdtm';
const ORDERS: Record<RecoveryCause, string> = { trap: 'BUG', hang: 'LOOP', 'worker gone': '' };
/** A good read of the device. */
const BYTES = 4;
/** ms beyond the deadline after which a sample is lost. */
const PATIENCE_MS = 10_000;
/** ms in which a client has begun to read. */
const RUN_IN_MS = 3;
const DISK = 'size=65536';

const FLOOR = 'an instance of the image and of what is loaded into it';

export async function measureRecovery(options: RecoveryOptions): Promise<RecoveryReport> {
  const { environment, count, placements, causes = CAUSES, standby = true } = options;
  const rows: RecoveryRow[] = [];
  let done = 0;
  const interrupted = await wasInterrupted(async () => {
    for (const placement of placements) {
      for (const cause of causes) {
        const taken: Taken = { deadlineMs: 0, samples: [], lost: 0 };
        try {
          await take(placement, cause, options, taken);
        } finally {
          done += taken.samples.length + taken.lost;
          if (taken.samples.length > 0)
            rows.push(rowOf(placement, cause, taken.deadlineMs, taken.samples, taken.lost));
        }
        if (taken.samples.length === 0)
          options.onProblem?.(`no good answer came in time: ${placement}, ${cause}`);
      }
    }
  });
  const extent = [{ what: 'faults', done, of: count * placements.length * causes.length }];
  return { schema: RECOVERY_SCHEMA, environment, count, standby, interrupted, extent, rows };
}

/** What has been measured of a row so far. */
interface Taken {
  deadlineMs: number;
  samples: Sample[];
  lost: number;
}

async function take(
  placement: Placement,
  cause: RecoveryCause,
  { boot, drivers, images, count, standby = true, progress, signal }: RecoveryOptions,
  taken: Taken,
): Promise<void> {
  const monolithic = placement === 'monolithic';
  const bare = monolithic
    ? new BareStart(images.kernel, drivers)
    : new BareStart(
        images.domain,
        drivers.filter(({ name }) => name === FAULTY),
      );
  // Only a hang has to wait for it: on a busy computer a short one condemns drivers that merely start.
  const deadlineMs = cause === 'hang' ? MIN_DEADLINE_MS : DEADLINE_MS;
  const machine = await boot(placement, { deadlineMs, panicOnOops: monolithic, standby });
  taken.deadlineMs = machine.deadlineMs;
  try {
    for (const driver of drivers) await machine.insmod(driver, driver.name === 'ramdisk' ? DISK : '');
    const client = await machine.attach();
    for (let i = 0; i < count; i++) {
      throwIfCancelled(signal);
      if (i % 10 === 0) progress?.(`${placement}, ${cause}: ${i} of ${count}`);
      await within(quiet(machine, signal), Infinity, null, signal);
      const sample = await one(machine, client, cause, bare, signal);
      if (sample) taken.samples.push(sample);
      else taken.lost++;
    }
  } finally {
    await machine.shutdown();
  }
}

/** Waits until a fault finds everything as it is long after the last one; a driver that was given up begins anew. */
async function quiet(machine: Machine, signal: CancelSignal | undefined): Promise<void> {
  await machine.settled();
  if (machine.status().drivers.some(({ state }) => state !== 'up')) await machine.reboot();
  while (machine.status().zombies > 0) await pass(1, signal);
  await machine.ready();
}

async function one(
  machine: Machine,
  client: ClientThread,
  cause: RecoveryCause,
  bare: BareStart,
  signal: CancelSignal | undefined,
): Promise<Sample | null> {
  const floor = bare.sample();
  const events: MachineEvent[] = [];
  const stop = machine.subscribe((event) => events.push(event));
  try {
    const order = new TextEncoder().encode(ORDERS[cause]);
    const patience = machine.deadlineMs + PATIENCE_MS;
    const probing = within(client.probeRecovery(PATH, order, BYTES, patience), 2 * patience, null, signal);
    let provokedAt: number | null = null;
    if (cause === 'worker gone') {
      await pass(RUN_IN_MS);
      provokedAt = clock();
      machine.threadOf(FAULTY).terminate();
    }
    const seen = await probing;
    if (seen === null) return null;
    await within(machine.settled(), Infinity, null, signal);
    return sampleOf(events, seen, provokedAt ?? seen.calledAt, floor);
  } finally {
    stop();
  }
}

/**
 * @param began when the fault was provoked, in ms since 1970; it begins with a trap where that was seen
 * @returns null where the client had no good answer, or nobody has noticed a fault
 */
function sampleOf(
  events: readonly MachineEvent[],
  { goodAt }: RecoveryProbe,
  began: number,
  floor: number,
): Sample | null {
  const fault = events.find((event) => event.type === 'fault');
  const up = events.findLast(
    (event) =>
      (event.type === 'driver' && event.module === FAULTY && event.state === 'up') ||
      (event.type === 'state' && event.state === 'running'),
  );
  if (goodAt === null || !fault || !up) return null;
  const { timeOrigin } = performance;
  const faultAt = fault.caughtAt ?? began;
  return { faultAt, detectedAt: timeOrigin + fault.at, upAt: timeOrigin + up.at, goodAt, floor };
}

/** Pure: the row that samples make. @throws RangeError where there is none */
export function rowOf(
  placement: Placement,
  cause: RecoveryCause,
  deadlineMs: number,
  samples: readonly Sample[],
  lost: number,
): RecoveryRow {
  const of = (value: (sample: Sample) => number): Summary => summarize(samples.map(value));
  const floor = of((sample) => sample.floor);
  const beyond: Record<RecoveryCause, RecoveryRow['beyond']> = {
    trap: {
      of: 'bare instantiation',
      ms: of(({ faultAt, goodAt }) => goodAt - faultAt - floor.median),
    },
    hang: { of: 'deadline', ms: of(({ faultAt, goodAt }) => goodAt - faultAt - deadlineMs) },
    'worker gone': { of: 'detection', ms: of(({ detectedAt, goodAt }) => goodAt - detectedAt) },
  };
  return {
    ...{ placement, cause, deadlineMs, lost },
    // What hangs on the kernel's thread, or ends it, takes the kernel along.
    recovered:
      placement === 'monolithic' || (placement === 'sandbox' && cause !== 'trap') ? 'machine' : 'driver',
    ms: of(({ faultAt, goodAt }) => goodAt - faultAt),
    detectedAfterMs: of(({ faultAt, detectedAt }) => detectedAt - faultAt).median,
    upAfterMs: of(({ faultAt, upAt }) => upAt - faultAt).median,
    floor: { name: FLOOR, ms: floor },
    beyond: beyond[cause],
  };
}
