// The ladder: what the same call of the same driver costs over each transport, from an indirect call up to Comlink, beside
// the cheapest thing of that kind in the same threads and batches. Each rung has machines of its own, several boots of them,
// and the rungs take turns, so that whatever slows this computer down for a while slows all of them.

import { unavailable, TRANSPORTS, type Abilities, type Transport } from '../../ipc/transport.ts';
import type { LoadedModule } from '../../domain/loaded.ts';
import type { Machine, Measured, MeasureSpec, Placement } from '../../machine/shared/types.ts';
import { wasInterrupted, type Completion } from '../interruption.ts';
import type { BootOptions } from '../load.ts';
import type { Environment } from '../compare/report.ts';
import { median, quantile, ratioOfMedians, summarize, type Summary } from '../statistics.ts';
import { measureOrReport, type ProblemListener } from '../tried.ts';
import { throwIfCancelled, within, type CancelSignal } from '../wait.ts';

export const LADDER_SCHEMA = 'isolab.ladder/1';

export interface Rung {
  transport: Transport['name'];
  available: boolean;
  /** Why it is not available, or could not be measured; null where there are figures. */
  reason: string | null;
  /** `call` is a read of no bytes by the kernel itself, with all its checks. */
  operation: 'call' | 'read';
  bytes: number;
  /** Requests in flight at once. */
  batch: number;
  /** ns per request, over batches of all boots; p99 of the batches. Null without figures. */
  ns: (Summary & { p99: number }) | null;
  floor: { name: Measured['floorName']; median: number } | null;
  /** Of medians. */
  ratio: number | null;
}

export interface LadderReport extends Completion {
  schema: typeof LADDER_SCHEMA;
  environment: Environment;
  rungs: Rung[];
}

/** What is measured on each rung. */
interface Step {
  operation: Rung['operation'];
  bytes: number;
  batch: number;
  spec: Pick<MeasureSpec, 'operation' | 'bytes'>;
  on(transport: Transport): boolean;
}

const STEPS: readonly Step[] = [
  {
    ...{ operation: 'call', bytes: 0, batch: 1, on: () => true },
    spec: { operation: 'dispatch', bytes: 0 },
  },
  {
    ...{ operation: 'read', bytes: 0, batch: 32 },
    spec: { operation: 'batch', bytes: 0 },
    on: ({ threads, eventful }) => threads && !eventful,
  },
  {
    ...{ operation: 'read', bytes: 65536, batch: 1, on: () => true },
    spec: { operation: 'read', bytes: 65536 },
  },
];

/** A measurement that takes so much longer than its batches is not coming any more. */
const PATIENCE_MS = 30_000;
/** A batch of calls of 50 µs has to be longer to be worth anything. */
const EVENTFUL_FACTOR = 4;

export interface LadderOptions extends ProblemListener {
  boot(placement: Placement, options: BootOptions): Promise<Machine>;
  /** The driver that is called; has to hold 64 KiB. */
  driver: LoadedModule;
  environment: Environment;
  abilities: Abilities;
  /** Boots of each rung; default 3. */
  boots?: number | undefined;
  /** Pairs of batches (floor, subject) a boot; default 15. */
  samples?: number | undefined;
  /** Least time of a batch in ms; default 3. */
  batchMs?: number | undefined;
  signal?: CancelSignal | undefined;
}

const placementOf = ({ name }: Transport): Placement =>
  name === 'direct' ? 'monolithic' : name === 'gate' ? 'sandbox' : 'microkernel';

/** Measures every rung; what cannot be measured, or was not before the signal came, is a rung with a reason. */
export async function ladder(
  options: LadderOptions,
  progress: (text: string) => void,
): Promise<LadderReport> {
  const { boots = 3, abilities, environment } = options;
  const taken = TRANSPORTS.map((transport) => ({
    transport,
    reason: unavailable(transport, abilities),
    steps: STEPS.filter((step) => step.on(transport)).map((step) => ({ step, measured: [] as Measured[] })),
  }));
  const problems = new Map<string, string>();
  let done = 0;
  const interrupted = await wasInterrupted(async () => {
    for (let boot = 1; boot <= boots; boot++) {
      for (const { transport, reason, steps } of taken) {
        if (reason !== null) continue;
        progress(`${transport.name}, boot ${boot} of ${boots}`);
        const problem = await climb(options, transport, steps);
        if (problem !== null) problems.set(transport.name, problem);
        done++;
      }
    }
  });
  const missing = interrupted ? 'interrupted before it was measured' : 'not measured';
  const rungs = taken.flatMap(({ transport, reason, steps }) =>
    steps.map(({ step, measured }) =>
      rungOf(transport, step, measured, reason, problems.get(transport.name) ?? missing),
    ),
  );
  const of = boots * taken.filter(({ reason }) => reason === null).length;
  const extent = [{ what: 'boots of a rung', done, of }];
  return { schema: LADDER_SCHEMA, environment, interrupted, extent, rungs };
}

/** One boot of one rung. @returns what could not be measured, or null */
async function climb(
  options: LadderOptions,
  transport: Transport,
  steps: readonly { step: Step; measured: Measured[] }[],
): Promise<string | null> {
  const { boot, driver, samples = 15, batchMs = 3, signal } = options;
  throwIfCancelled(signal);
  let problem: string | null = null;
  const told = {
    onProblem: (text: string): void => {
      problem = text;
      options.onProblem?.(text);
    },
  };
  const { name, threads, eventful } = transport;
  await measureOrReport(name, told, async () => {
    const machine = await boot(placementOf(transport), threads ? { transport: name as 'ring' } : {});
    try {
      await machine.insmod(driver);
      const path = machine.devices().find(({ module }) => module === driver.name)?.path ?? '';
      for (const { step, measured } of steps) {
        throwIfCancelled(signal);
        const spec = { ...step.spec, path, samples, batchMs: eventful ? batchMs * EVENTFUL_FACTOR : batchMs };
        const what = `${name}: ${step.operation} of ${step.bytes} bytes, ${step.batch} at once`;
        const result = await measureOrReport(what, told, () =>
          within(machine.measure(spec), PATIENCE_MS, null, signal),
        );
        if (result) measured.push(result);
      }
    } finally {
      await machine.shutdown();
    }
    return true;
  });
  return problem;
}

function rungOf(
  { name }: Transport,
  { operation, bytes, batch }: Step,
  measured: readonly Measured[],
  reason: string | null,
  problem: string,
): Rung {
  const head = { transport: name, available: reason === null, operation, bytes, batch };
  const [first] = measured;
  if (!first) return { ...head, reason: reason ?? problem, ns: null, floor: null, ratio: null };
  const subject = measured.flatMap((boot) => boot.subject);
  const floor = measured.flatMap((boot) => boot.floor);
  const p99 = quantile(
    [...subject].sort((a, b) => a - b),
    0.99,
  );
  return {
    ...head,
    reason: null,
    ns: { ...summarize(subject), p99 },
    floor: { name: first.floorName, median: median(floor) },
    ratio: ratioOfMedians(subject, floor),
  };
}
