// A soak: faults by a seed in drivers under load, for as long as anybody likes, on every placement that isolates. Clients open,
// read, write and close; one knows what the disk must hold; drivers crash, hang, lie and are killed meanwhile. At the end, when
// everything is quiet again, all must be as it was: judged by ./soak-judge.ts.

import type { LoadedModule } from '../../domain/loaded.ts';
import { Random } from '../../fault/random.ts';
import { poolOf, type Places } from '../../machine/shared/place.ts';
import type { Resources } from '../../machine/supervisor/resources.ts';
import type { DetectedBy, Machine, MachineEvent, Placement } from '../../machine/shared/types.ts';
import { DEADLINE_MS } from '../../../kernel/abi/limits.ts';
import type { Completion } from '../interruption.ts';
import type { BootOptions } from '../load.ts';
import type { Environment } from '../compare/report.ts';
import { BLOCK, roam, Tally, Verifier, type Target } from './soak-clients.ts';
import { Faults } from './soak-faults.ts';
import {
  BY_TIME,
  detections,
  excuses,
  falseKills,
  judge,
  type HeldResources,
  type SoakObserved,
} from './soak-judge.ts';
import { Waits } from './soak-waits.ts';
import { pass, within, type CancelSignal } from '../wait.ts';

export const SOAK_SCHEMA = 'isolab.soak/1';

export interface SoakRow {
  placement: Placement;
  /** How long it ran. */
  seconds: number;
  calls: number;
  failedCalls: number;
  /** How often each fault was provoked. */
  faults: Record<string, number>;
  detectedBy: Partial<Record<DetectedBy, number>>;
  restarts: number;
  writes: { acknowledged: number; verifiedReads: number; lost: number };
  stuckCalls: number;
  wrongAnswers: number;
  falseKills: number;
  /** Deaths by a deadline without a reason, a sentence each, of which the computer is the reason. */
  disturbed: string[];
  /** What is wrong, a sentence each. */
  violations: string[];
}

export interface SoakReport extends Completion {
  schema: typeof SOAK_SCHEMA;
  environment: Omit<Environment, 'clockStepNs'>;
  seed: number;
  /** Wanted of each placement. */
  seconds: number;
  rows: SoakRow[];
}

export interface SoakOptions {
  boot(placement: Placement, options?: BootOptions): Promise<Machine>;
  drivers: readonly LoadedModule[];
  resources: Resources;
  environment: Omit<Environment, 'clockStepNs'>;
  placements: readonly Placement[];
  seconds: number;
  seed: number;
  /** Handles that this process holds, where the runtime tells. */
  handles?: () => number;
  progress?: (text: string) => void;
  signal?: CancelSignal | undefined;
}

/** Clients that roam. */
const ROAMERS = 3;
const BLOCKS = 64;
/** Deadlines after which a call counts as one that never returns: a driver may be slow for eight. */
const PATIENCE = 12;
/** ms that recovery may take at the end. */
const SETTLE_MS = 30_000;
const STEP_MS = 200;

const zeros = (data: Uint8Array): boolean => data.every((byte) => byte === 0);
/** What /dev/stacked has `base` fill in: a byte of these for a read, as often as `base` has counted. */
const LETTERS = new Set(new TextEncoder().encode('stack'));
const filled = (data: Uint8Array): boolean => LETTERS.has(data[0]!) && data.every((byte) => byte === data[0]);
const TARGETS: readonly Target[] = [
  { path: '/dev/null', writable: true, good: (data) => data.length === 0 },
  { path: '/dev/zero', writable: true, good: (data, asked) => data.length === asked && zeros(data) },
  { path: '/dev/lkdtm', writable: false, good: () => true },
  { path: '/dev/stacked', writable: true, good: (data, asked) => data.length <= asked && filled(data) },
];

export async function soak(options: SoakOptions): Promise<SoakReport> {
  const { environment, seed, seconds, placements, signal } = options;
  const rows: SoakRow[] = [];
  for (const placement of placements) {
    if (signal?.aborted === true) break;
    rows.push(await soakOne(placement, options));
  }
  const interrupted = signal?.aborted === true;
  const ran = Math.floor(rows.reduce((sum, row) => sum + Math.min(row.seconds, seconds), 0));
  const extent = [{ what: 'seconds', done: ran, of: seconds * placements.length }];
  return { schema: SOAK_SCHEMA, environment, seed, seconds, interrupted, extent, rows };
}

async function soakOne(placement: Placement, options: SoakOptions): Promise<SoakRow> {
  const { drivers, resources, seconds, seed, signal, progress } = options;
  const { platform } = resources;
  const machine = await options.boot(placement, {
    deadlineMs: DEADLINE_MS / 2,
    places: PLACES[placement] ?? new Map(),
  });
  const events: MachineEvent[] = [];
  const waits = new Waits(machine, () => platform.now());
  const waited = new Map<MachineEvent, number>();
  try {
    for (const driver of drivers) await machine.insmod(driver, PARAMETERS.get(driver.name));
    const tally = new Tally(machine.deadlineMs * PATIENCE);
    const clients = await Promise.all(Array.from({ length: ROAMERS + 2 }, () => machine.attach()));
    const [writer, breaker, ...roamers] = clients;
    const before = await held(machine, options);
    machine.subscribe((event) => {
      events.push(event);
      const ms = event.type === 'fault' && BY_TIME.has(event.by) ? waits.lately(event.module) : null;
      if (ms !== null) waited.set(event, ms);
    });

    const began = platform.now();
    const until = began + seconds * 1000;
    const stopped = (): boolean => platform.now() >= until || signal?.aborted === true;
    const verifier = new Verifier(writer!, '/dev/ramdisk', BLOCKS, new Random(seed), tally);
    const faults = new Faults(machine, breaker!, new Random(seed + 1), tally, () => platform.now());
    const working = Promise.all([
      verifier.run(stopped),
      faults.run(stopped),
      ...roamers.map((client, i) => roam(client, TARGETS, new Random(seed + 2 + i), tally, stopped)),
    ]);
    const told = tell(placement, until, stopped, { tally, faults, platform }, progress);
    await working;
    await told;
    const ran = (platform.now() - began) / 1000;

    const down = await quieten(machine, faults);
    await verifier.finish();
    const after = await held(machine, options);
    const seen: SoakObserved = {
      ...{
        placement,
        events,
        waited,
        deadlineMs: machine.deadlineMs,
        provocations: faults.made,
        before,
        after,
        down,
      },
      ...{ stuck: tally.stuck, wrong: tally.wrong, acknowledged: tally.acknowledged, lost: tally.lost },
      ...{ domains: domainsOf(machine), checks: machine.check() },
      ...{ memories: resources.memories, memoriesAllowed: 2 * (drivers.length + 2) + SPARE_MEMORIES },
    };
    return rowOf(placement, ran, tally, seen);
  } finally {
    waits.end();
    await machine.shutdown();
  }
}

/** Damage goes through a pool: the driver that does it has one of its own. */
const PLACES: Partial<Record<Placement, Places>> = { pooled: new Map([['lkdtm', 'pool:faulty']]) };

/** By driver: its pool, or itself. */
function domainsOf(machine: Machine): Map<string, string> {
  return new Map(machine.status().drivers.map(({ name, place }) => [name, poolOf(place) ?? name]));
}

/** Memories of a successor and of the dead that are not yet known to have ended, at a time. */
const SPARE_MEMORIES = 4;

const PARAMETERS = new Map([
  ['ramdisk', `size=${BLOCKS * BLOCK}`],
  ['stacked', 'quiet=1'], // it would log each write
]);

/** Tells now and then how far it is. */
async function tell(
  placement: Placement,
  until: number,
  stopped: () => boolean,
  { tally, faults, platform }: { tally: Tally; faults: Faults; platform: { now(): number } },
  progress: ((text: string) => void) | undefined,
): Promise<void> {
  while (!stopped()) {
    const left = Math.max(0, until - platform.now()) / 1000;
    progress?.(
      `${placement}: ${faults.made.length} faults, ${tally.calls} calls, ${tally.failed} failed, ${left.toFixed(0)} s left`,
    );
    await pass(Math.min(STEP_MS * 5, left * 1000 + 1));
  }
}

/** Lets everything recover, and gives each driver that may be damaged a successor. @returns what does not serve */
async function quieten(machine: Machine, faults: Faults): Promise<string[]> {
  const settled = async (): Promise<boolean> =>
    await within(
      machine.settled().then(() => true),
      SETTLE_MS,
      false,
    );
  if (!(await settled())) return ['the machine, which does not settle'];
  await faults.heal();
  if (!(await settled())) return ['the machine, which does not settle'];
  for (let waited = 0; machine.status().zombies > 0 && waited < SETTLE_MS; waited += STEP_MS)
    await pass(STEP_MS);
  const { state, zombies, drivers } = machine.status();
  return [
    ...(state === 'running' ? [] : [`the machine, which is ${state}`]),
    ...(zombies === 0 ? [] : [`${zombies} threads that do not end`]),
    ...drivers
      .filter((driver) => driver.state !== 'up')
      .map(({ name, state: its }) => `${name}, which is ${its}`),
  ];
}

/** What is held when nothing is going on. */
async function held(machine: Machine, { resources, handles }: SoakOptions): Promise<HeldResources> {
  await machine.settled();
  await machine.ready();
  const { accounting, threads } = { accounting: machine.accounting(), threads: resources.threads };
  // Successors that stand ready, on one thread, are none of what was there before anything had died.
  const standing = machine.status().standby.length === 0 ? 0 : 1;
  const open = handles?.() ?? null;
  return { accounting, threads: threads - standing, handles: open === null ? null : open - standing };
}

function rowOf(placement: Placement, seconds: number, tally: Tally, seen: SoakObserved): SoakRow {
  const faults: Record<string, number> = {};
  for (const { kind } of seen.provocations) faults[kind] = (faults[kind] ?? 0) + 1;
  return {
    ...{ placement, seconds, calls: tally.calls, failedCalls: tally.failed, faults },
    detectedBy: detections(seen.events),
    restarts: seen.events.filter((event) => event.type === 'driver' && event.state === 'up').length,
    writes: { acknowledged: tally.acknowledged, verifiedReads: tally.verified, lost: tally.lost },
    stuckCalls: tally.stuck.length,
    wrongAnswers: [...tally.wrong.values()].reduce((sum, times) => sum + times, 0),
    falseKills: falseKills(seen).length,
    disturbed: excuses(seen),
    violations: judge(seen),
  };
}
