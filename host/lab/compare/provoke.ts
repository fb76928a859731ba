// One fault on one side: provoked by writing its name to lkdtm, as to LKDTM's DIRECT file, while a
// client in a thread of its own keeps reading another driver. Observes from outside and fills one row of the report.

import { strerror } from '../../domain/strerror.ts';
import { O_RDONLY, O_RDWR } from '../../../kernel/abi/operation.ts';
import type { LogRecord, LogView, Machine, ReadingReport } from '../../machine/shared/types.ts';
import { attempt, type Attempt } from '../attempt.ts';
import { detectionOf, isLie, outcomeOf } from './outcome.ts';
import type { FaultRow } from './report.ts';
import type { Side } from './side.ts';
import { count } from '../units.ts';
import { pass, throwIfCancelled, type CancelSignal } from '../wait.ts';
import { isOutage, Watch } from './watch.ts';

/** Calls of the bystander; ms. */
const PERIOD_MS = 2;
/** The bystander reads alone before the fault, ms. */
const RUN_IN_MS = 40;
/** So long nothing more may happen before the fault counts as over, ms: a supervisor may notice after the caller. */
const QUIET_MS = 120;
/** Beyond the deadline: recovery on a slow machine, ms. */
const RECOVERY_MS = 8000;
/** Failed probes of a machine that says it has settled. */
const LAST_PROBES = 5;
const PROBE_PAUSE_MS = 10;

interface Service {
  /** When the driver answered well for the first time after the last trouble; null: never. */
  goodAt: number | null;
  failed: number;
  lies: string[];
}

export interface Faulty {
  path: string;
  module: string;
  /** What reading it gives when it is well: the names of its faults, one a line. */
  listing: Uint8Array;
}

/** The faults that the side's lkdtm lists. */
export async function readFaulty(machine: Machine, path: string): Promise<Faulty> {
  const fd = await opened(machine, path, O_RDONLY);
  const { result, data } = await machine.console.read(fd, 4096);
  await machine.console.close(fd);
  if (result <= 0) throw new Error(`${path} does not list its faults: ${result}`);
  const module = machine.devices().find((device) => device.path === path)?.module ?? '';
  return { path, module, listing: data };
}

async function opened(machine: Machine, path: string, flags: number): Promise<number> {
  const fd = await machine.console.open(path, flags);
  if (fd < 0) throw new Error(`${path} cannot be opened: ${strerror(fd)}`);
  return fd;
}

export function faultNames({ listing }: Faulty): string[] {
  return new TextDecoder()
    .decode(new Uint8Array(listing))
    .split('\n')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}

/** Does one fault to a clean machine of the side. Rejects when it could not be observed. */
export async function provokeClean(
  side: Side,
  faulty: Faulty,
  fault: string,
  signal?: CancelSignal,
): Promise<FaultRow> {
  await side.clean();
  return provoke(side, faulty, fault, signal);
}

/** Does one fault to the side's machine as it is. Rejects when it could not be observed. */
export async function provoke(
  side: Side,
  faulty: Faulty,
  fault: string,
  signal?: CancelSignal,
): Promise<FaultRow> {
  const { machine } = side;
  const deadlineMs = machine.deadlineMs;
  const patience = deadlineMs + RECOVERY_MS;
  // What nobody can read anyway would look like the fault's doing.
  await machine.console.close(await opened(machine, side.bystanders, O_RDONLY));
  const before = {
    boot: machine.status().boot,
    incarnations: incarnations(machine),
    damage: machine.check(),
    held: held(machine),
    content: await side.contentHash(),
    log: lastSequence(machine.dmesg()),
  };
  const bystander = await machine.attach();
  const watch = new Watch(machine);
  try {
    await bystander.startReading(side.bystanders, PERIOD_MS);
    await pass(RUN_IN_MS, signal);
    const fd = await opened(machine, faulty.path, O_RDWR);
    const order = new TextEncoder().encode(fault);

    const earlier = watch.events.length;
    const start = performance.now();
    const provoked = await attempt(() => machine.console.write(fd, order), patience, signal);
    const end = performance.now();
    const service = await untilAnswered(machine, watch, faulty, start + patience, signal);
    const events = watch.events.slice(earlier);

    const reading = await attempt(() => bystander.stopReading(), patience, signal);
    if (!reading.ok) throw new Error(`the bystander's report is lost: ${reading.failure}`);
    await attempt(() => machine.console.close(fd), patience, signal);
    const rebooted = machine.status().boot !== before.boot;
    const lies = lieOf(provoked, order.length);
    const found = rebooted ? [] : machine.check().filter((sentence) => !before.damage.includes(sentence));
    const damage = [
      ...lies,
      ...service.lies,
      ...found,
      // Of damaged lists no sum is to be believed.
      ...(rebooted || found.length > 0 ? [] : leaks(before.held, held(machine))),
      ...contentDamage(side.keeper, before.content, await side.contentHash(), rebooted),
    ];
    const callFailed = !provoked.ok || provoked.value < 0;
    const records = newRecords(rebooted ? machine.deadKernelLog : machine.dmesg(), before.log);
    const running = machine.status().state === 'running';
    const outages = events.filter(
      (event) => isOutage(event) && (event.type !== 'driver' || event.module === faulty.module),
    );
    const detection = detectionOf({
      ...{ events, records: records.records, faulty: faulty.module },
      provokedAt: start,
      refusedAt: provoked.ok && provoked.value < 0 && lies.length === 0 ? end : null,
    });
    return {
      fault,
      placement: side.placement,
      outcome: outcomeOf({
        ...{ rebooted, callFailed, damage },
        answers: service.goodAt !== null && running,
        restarted: incarnations(machine) !== before.incarnations,
      }),
      detectedBy: detection.by,
      deadlineMs,
      detectedAfterMs: detection.at === null ? null : Math.max(0, detection.at - start),
      recoveredAfterMs:
        service.goodAt !== null && (service.failed > 0 || outages.length > 0) ? service.goodAt - start : null,
      callsFailed: service.failed + (callFailed || lies.length > 0 ? 1 : 0),
      ...bystanderColumns(reading.value),
      kernelSurvived:
        !rebooted && running && !events.some((event) => event.type === 'state' && isOutage(event)),
      damage,
      log: [...records.records.map((record) => record.text), ...records.lost],
    };
  } finally {
    watch.end();
    // Its thread ends with its machine at the latest; a thread that will not be ended is the machine's matter.
    if (signal?.aborted !== true) await attempt(() => bystander.end(), patience);
  }
}

/** Opens and reads the driver until it answers well and nothing more goes wrong, or patience runs out. */
async function untilAnswered(
  machine: Machine,
  watch: Watch,
  faulty: Faulty,
  until: number,
  signal?: CancelSignal,
): Promise<Service> {
  const service: Service = { goodAt: null, failed: 0, lies: [] };
  let probesLeft = LAST_PROBES;
  while (performance.now() < until && probesLeft > 0) {
    throwIfCancelled(signal);
    const { troubles, returns } = watch;
    const good = await probe(machine, faulty, service, Math.max(1, until - performance.now()), signal);
    if (good) {
      service.goodAt = performance.now();
      if (watch.troubles === troubles && !(await watch.trouble(QUIET_MS, signal))) return service;
    } else {
      service.failed++;
    }
    // Only trouble or a bad answer leads here: it is looked again once somebody serves again, or nobody is going to.
    service.goodAt = null;
    if (good || watch.returns !== returns) continue;
    const settled = await attempt(
      () => Promise.race([machine.settled(), watch.returned()]),
      Math.max(1, until - performance.now()),
      signal,
    );
    if (!settled.ok) return service;
    if (watch.troubles !== troubles || watch.returns !== returns) continue;
    probesLeft--;
    if (probesLeft < LAST_PROBES - 1) await pass(PROBE_PAUSE_MS, signal);
  }
  return service;
}

async function probe(
  machine: Machine,
  faulty: Faulty,
  service: Service,
  patience: number,
  signal?: CancelSignal,
): Promise<boolean> {
  const { console } = machine;
  const answer = await attempt(
    async () => {
      const fd = await console.open(faulty.path, O_RDONLY);
      if (fd < 0) return false;
      const asked = faulty.listing.length;
      const { result, data } = await console.read(fd, asked);
      if (isLie(result, asked)) service.lies.push(told(result, asked));
      await console.close(fd);
      return result === asked && data.every((byte, index) => byte === faulty.listing[index]);
    },
    patience,
    signal,
  );
  return answer.ok && answer.value;
}

function told(result: number, asked: number): string {
  return `a caller that passed ${asked} bytes was told ${result}`;
}

function lieOf(provoked: Attempt<number>, asked: number): string[] {
  return provoked.ok && isLie(provoked.value, asked) ? [told(provoked.value, asked)] : [];
}

function contentDamage(
  keeper: string | null,
  before: string | null,
  after: string | null,
  rebooted: boolean,
): string[] {
  if (keeper === null || before === after) return [];
  if (rebooted) return [`${keeper} content lost with the machine`];
  return [after === null ? `${keeper} content cannot be read` : `${keeper} content changed`];
}

/** Bytes from kmalloc by module. */
function held(machine: Machine): Map<string, number> {
  return new Map(machine.lsmod().map(({ name, bytes }) => [name, bytes]));
}

/** What a module took and did not give back: a call that dies leaves it behind for ever. */
function leaks(before: Map<string, number>, after: Map<string, number>): string[] {
  return [...after].flatMap(([name, bytes]) => {
    const more = bytes - (before.get(name) ?? 0);
    return more > 0 ? [`${name} holds ${count(more, 'byte')} more than before`] : [];
  });
}

function incarnations(machine: Machine): string {
  return machine
    .status()
    .drivers.map((driver) => `${driver.name} ${driver.generation} ${driver.restarts}`)
    .join();
}

function lastSequence(view: LogView): number {
  return view.records.at(-1)?.sequence ?? 0;
}

/** What was logged after `sequence`, and in words how much of that is lost. */
function newRecords(view: LogView | null, sequence: number): { records: LogRecord[]; lost: string[] } {
  if (view === null) return { records: [], lost: ['(the log of the dead kernel is lost)'] };
  const records = view.records.filter((record) => record.sequence > sequence);
  const last = records.at(-1)?.sequence ?? sequence;
  const missing = last - sequence - records.length;
  return { records, lost: missing > 0 ? [`(${missing} records damaged or overwritten)`] : [] };
}

function bystanderColumns(
  reading: ReadingReport,
): Pick<FaultRow, 'bystanderCalls' | 'bystanderCallsFailed' | 'bystanderWorstMs'> {
  return {
    bystanderCalls: reading.calls,
    bystanderCallsFailed: reading.failed,
    bystanderWorstMs: reading.worstMs,
  };
}
