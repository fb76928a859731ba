// The trace as Chrome's trace events, in the JSON object format: chrome://tracing and ui.perfetto.dev open it. Pure.
//
//   process    an incarnation of a driver: `ramdisk, channel 2, generation 1`
//   thread     whoever called it: `console`, `client 3`, a driver; a second lane of it where calls overlap
//   slice      a call (a complete event, `X`): its operation, with status and the like as arguments
//   flow       from the call that a driver served to the one that it made meanwhile (`s`, `f`)
//
// Format: "Trace Event Format", https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU.

import { MAX_CLIENTS } from '../../../kernel/abi/map.ts';
import type { TraceRecord, TraceView } from '../shared/types.ts';

/** Times are µs, with fractions. */
export type ChromeEvent =
  | {
      ph: 'M';
      name: 'process_name' | 'thread_name';
      cat: '__metadata';
      ts: 0;
      pid: number;
      tid: number;
      args: { name: string };
    }
  | {
      ph: 'X';
      name: string;
      cat: 'call' | 'failed';
      ts: number;
      dur: number;
      pid: number;
      tid: number;
      args: Record<string, string | number | boolean>;
    }
  | { ph: 's'; name: string; cat: 'flow'; id: number; ts: number; pid: number; tid: number }
  | { ph: 'f'; bp: 'e'; name: string; cat: 'flow'; id: number; ts: number; pid: number; tid: number };

export interface ChromeTrace {
  traceEvents: ChromeEvent[];
  displayTimeUnit: 'ns';
  otherData: Record<string, string | number>;
}

const NS_PER_US = 1000;

/** One row of slices: no two of them overlap. */
interface Lane {
  tid: number;
  name: string;
  who: number;
  /** ns */
  until: number;
}

/** An incarnation that was called. */
class Process {
  readonly pid: number;
  readonly name: string;
  readonly lanes: Lane[] = [];

  constructor(pid: number, { driver, channel, generation }: TraceRecord) {
    this.pid = pid;
    this.name = `${driver}, channel ${channel}, generation ${generation}`;
  }

  /** The caller's first lane that is free when the call begins; calls come by their beginnings. */
  lane({ who, caller, startNs, endNs }: TraceRecord): Lane {
    const own = this.lanes.filter((lane) => lane.who === who);
    let lane = own.find(({ until }) => until <= startNs);
    if (!lane) {
      const name = own.length > 0 ? `${caller} (${own.length + 1})` : caller;
      lane = { tid: this.lanes.length + 1, name, who, until: 0 };
      this.lanes.push(lane);
    }
    lane.until = endNs;
    return lane;
  }

  names(): ChromeEvent[] {
    // As Chrome writes them: there are readers that want a category and a time of every event.
    const common = { ph: 'M', cat: '__metadata', ts: 0, pid: this.pid } as const;
    return [
      { ...common, name: 'process_name', tid: 0, args: { name: this.name } },
      ...this.lanes.map(({ tid, name }): ChromeEvent => ({
        ...common,
        name: 'thread_name',
        tid,
        args: { name },
      })),
    ];
  }
}

/** A call and where it is drawn. */
interface Slice {
  record: TraceRecord;
  pid: number;
  tid: number;
}

/** @param about what else the file is to say of itself: machine, placement */
export function chromeTrace(
  { records, lost }: TraceView,
  about: Record<string, string | number> = {},
): ChromeTrace {
  const processes = new Map<string, Process>();
  const slices: Slice[] = [];
  for (const record of [...records].sort((a, b) => a.startNs - b.startNs || a.sequence - b.sequence)) {
    const key = `${record.channel} ${record.generation}`;
    const process = processes.get(key) ?? new Process(processes.size + 1, record);
    processes.set(key, process);
    slices.push({ record, pid: process.pid, tid: process.lane(record).tid });
  }
  return {
    traceEvents: [
      ...[...processes.values()].flatMap((process) => process.names()),
      ...slices.map(complete),
      ...slices.flatMap((slice, id) => flow(slice, id, slices)),
    ],
    displayTimeUnit: 'ns',
    otherData: { ...about, records: records.length, lost },
  };
}

function complete({ record, pid, tid }: Slice): ChromeEvent {
  const { sequence, operation, status, startNs, endNs, exact, caller, driver } = record;
  return {
    ...{ ph: 'X', name: operation, cat: status < 0 ? 'failed' : 'call', pid, tid },
    ts: startNs / NS_PER_US,
    dur: (endNs - startNs) / NS_PER_US,
    args: { sequence, caller, driver, status, exact },
  };
}

/** An arrow to a call that a driver made, from the one that it was serving; nothing where that is not in the trace. */
function flow({ record, pid, tid }: Slice, id: number, slices: readonly Slice[]): ChromeEvent[] {
  const channel = record.who - MAX_CLIENTS;
  if (channel < 0) return [];
  const from = slices.findLast(
    ({ record: { channel: served, startNs, endNs } }) =>
      served === channel && startNs <= record.startNs && endNs >= record.endNs,
  );
  if (!from) return [];
  const arrow = { name: 'calls', cat: 'flow', id, ts: record.startNs / NS_PER_US } as const;
  return [
    { ph: 's', ...arrow, pid: from.pid, tid: from.tid },
    { ph: 'f', bp: 'e', ...arrow, pid, tid },
  ];
}
