// What the threads of a machine do: who runs, and how often and how fast each driver is called, since it began or since the last
// look. What ps -l, top and the terminal's commands of these names show.
//
// Only calls that cross domains are counted: of a driver in the kernel's own domain nothing is known, and a dash is shown.

import { cleanText } from '../linker/wasm/bytes.ts';
import { latencyMean, latencyQuantile, since, together } from '../machine/inspect/latency.ts';
import { nanoseconds } from '../machine/inspect/nanoseconds.ts';
import type { ChannelStatistics, Machine } from '../machine/shared/types.ts';
import { processes, type Process } from './processes.ts';

/** How a driver was called. */
export interface CallActivity {
  calls: number;
  /** That ended with an errno. */
  errors: number;
  /** Calls a second. */
  rate: number;
  /** Sampled latencies in ns: null without a sample. */
  p50: number | null;
  p99: number | null;
  mean: number | null;
}

export interface Activity extends Process {
  /** null for the kernel, and for drivers in its domain. */
  called: CallActivity | null;
}

export interface Frame {
  placement: string;
  state: string;
  boot: number;
  /** Since boot, in seconds; as the kernel's clock was when it last looked. */
  up: number;
  /** What the figures are for, in seconds; null: since each incarnation began. */
  interval: number | null;
  /** The finest that the kernel's clock can tell, in ns. */
  step: number;
  /** Calls across domains in that time, and those of them that failed, a second. */
  rate: number;
  failing: number;
  processes: Activity[];
}

const NS_PER_S = 1e9;

/** Looks at a machine again and again. */
export class ActivityMeter {
  private readonly machine: Machine;
  private before: { at: number; boot: number; channels: ChannelStatistics[] } | null = null;

  constructor(machine: Machine) {
    this.machine = machine;
  }

  /** What was done since the last frame; since the beginning for the first, and after a reboot. */
  frame(): Frame {
    const { machine } = this;
    const { placement, state, boot } = machine.status();
    const { clockNs, stepNs, channels } = machine.statistics();
    const at = performance.now();
    const before = this.before?.boot === boot ? this.before : null;
    const interval = before ? (at - before.at) / 1000 : null;
    this.before = { at, boot, channels };
    const done = channels.map((now) =>
      since(
        now,
        before?.channels.find(({ channel }) => channel === now.channel),
      ),
    );
    const called = (name: string): CallActivity | null => {
      const own = done.filter(({ driver }) => driver === name).sort((a, b) => a.sinceNs - b.sinceNs);
      const last = own.at(-1);
      if (!last) return null;
      // An incarnation that has died since the last frame lies on another channel than its successor.
      const all = before ? own.reduce(together) : last;
      const seconds = interval ?? Math.max(0, clockNs - last.sinceNs) / NS_PER_S;
      return {
        ...{ calls: all.calls, errors: all.errors, rate: perSecond(all.calls, seconds) },
        p50: latencyQuantile(all.samples, 0.5),
        p99: latencyQuantile(all.samples, 0.99),
        mean: latencyMean(all),
      };
    };
    const seconds = interval ?? clockNs / NS_PER_S;
    const sum = (of: (each: ChannelStatistics) => number): number =>
      done.reduce((total, each) => total + of(each), 0);
    return {
      ...{ placement, state, boot, up: clockNs / NS_PER_S, interval, step: stepNs },
      rate: perSecond(
        sum(({ calls }) => calls),
        seconds,
      ),
      failing: perSecond(
        sum(({ errors }) => errors),
        seconds,
      ),
      processes: processes(machine).map((each, i) => ({
        ...each,
        called: i === 0 ? null : called(each.name),
      })),
    };
  }
}

const perSecond = (count: number, seconds: number): number => (seconds > 0 ? count / seconds : 0);

const HEAD = ['PID', 'DOMAIN', 'STATE', 'GEN', 'RESTARTS', 'HELD'];
const CALLED_HEAD = ['CALLS', 'ERRORS', 'CALLS/S', 'P50', 'P99'];
/** Characters, negative to the left. The same for every machine: what is alike looks alike. */
const WIDTHS = [5, -12, -8, 4, 8, 9];
const CALLED_WIDTHS = [9, 7, 9, 9, 9];

/** The rows of ps. */
export function processTable(all: readonly Process[]): string {
  return table(WIDTHS, [HEAD, ...all.map(cellsOf)], ['COMMAND', ...all.map(({ name }) => name)]);
}

/** The rows of ps -l and of top. @param step in ns: what is shorter cannot be told */
export function activityTable(all: readonly Activity[], step: number): string {
  const rows = all.map((each) => [...cellsOf(each), ...calledCells(each.called, step)]);
  const names = ['COMMAND', ...all.map(({ name }) => name)];
  return table([...WIDTHS, ...CALLED_WIDTHS], [[...HEAD, ...CALLED_HEAD], ...rows], names);
}

/** The lines of a frame: two of the whole machine, then everybody. */
export function frameText({
  placement,
  state,
  boot,
  up,
  step,
  rate,
  failing,
  processes: all,
}: Frame): string {
  const drivers = all.length - 1;
  return [
    `top - ${placement}, ${state}, boot ${boot}, up ${up.toFixed(1)} s, ${drivers} driver${drivers === 1 ? '' : 's'}`,
    `calls across domains: ${rate.toFixed(0)}/s, failing: ${failing.toFixed(1)}/s`,
    '',
    activityTable(all, step),
  ].join('\n');
}

function table(widths: readonly number[], rows: readonly string[][], names: readonly string[]): string {
  return rows
    .map((cells, row) => [...cells.map((cell, i) => pad(cell, widths[i] ?? 0)), names[row] ?? ''].join(' '))
    .map((line) => `${cleanText(line)}\n`)
    .join('');
}

const pad = (text: string, width: number): string => (width > 0 ? text.padStart(width) : text.padEnd(-width));

function cellsOf({ pid, domain, state, generation, restarts, held }: Process): string[] {
  return [
    ...[String(pid), domain, state, generation === 0 ? '-' : String(generation)],
    ...[String(restarts), String(held)],
  ];
}

function calledCells(called: CallActivity | null, step: number): string[] {
  if (!called) return CALLED_HEAD.map(() => '-');
  const time = (ns: number | null): string => {
    if (ns === null) return '-';
    return ns < step ? `<${nanoseconds(step)}` : nanoseconds(ns);
  };
  return [
    ...[String(called.calls), String(called.errors), called.rate.toFixed(called.rate < 10 ? 1 : 0)],
    ...[time(called.p50), time(called.p99)],
  ];
}
