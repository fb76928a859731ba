// The export in the JSON object form of Chrome's trace-event format: its required fields, and that no lane has overlapping slices.

import { expect, test } from 'vitest';
import { chromeTrace, type ChromeEvent } from '../../../host/machine/inspect/chrome-trace.ts';
import type { TraceRecord } from '../../../host/machine/shared/types.ts';
import { MAX_CLIENTS } from '../../../kernel/abi/map.ts';

let sequence = 0;
function record(from: number, to: number, rest: Partial<TraceRecord> = {}): TraceRecord {
  return {
    ...{ sequence: ++sequence, caller: 'client 1', who: 1, driver: 'zero', channel: 0, generation: 1 },
    ...{ operation: 'read', status: 64, startNs: from, endNs: to, exact: true },
    ...rest,
  };
}

const byDriver = { caller: 'stacked', who: MAX_CLIENTS + 3, driver: 'base', channel: 2, operation: 'symbol' };
const records = [
  record(1000, 2500),
  record(2500, 2500, { exact: false }),
  record(2600, 2700, { status: -5 }),
  record(1200, 9000, { caller: 'client 2', who: 2, driver: 'stacked', channel: 3 }),
  record(1300, 8000, byDriver),
  record(3000, 4000, { generation: 2 }),
  record(3500, 4500, { generation: 2 }), // the same caller, at the same time
];

/** The properties on which every reader of the format relies. */
function expectValid(events: readonly ChromeEvent[]): void {
  const named = new Set<string>();
  for (const event of events) {
    expect(Number.isInteger(event.pid) && event.pid > 0).toBe(true);
    expect(Number.isInteger(event.tid)).toBe(true);
    expect(typeof event.name).toBe('string');
    expect(event.cat.length).toBeGreaterThan(0);
    expect(Number.isFinite(event.ts) && event.ts >= 0).toBe(true);
    if (event.ph === 'M') {
      expect(typeof event.args.name).toBe('string');
      named.add(event.name === 'process_name' ? `${event.pid}` : `${event.pid} ${event.tid}`);
    }
  }
  const lanes = new Map<string, { ts: number; dur: number }[]>();
  for (const event of events) {
    if (event.ph !== 'X') continue;
    expect(Number.isFinite(event.dur) && event.dur >= 0).toBe(true);
    const lane = `${event.pid} ${event.tid}`;
    expect(named).toContain(lane);
    expect(named).toContain(`${event.pid}`);
    lanes.set(lane, [...(lanes.get(lane) ?? []), event]);
  }
  for (const slices of lanes.values()) {
    slices.sort((a, b) => a.ts - b.ts);
    slices.forEach(({ ts }, i) => {
      const before = slices[i - 1];
      if (before) expect(ts).toBeGreaterThanOrEqual(before.ts + before.dur);
    });
  }
  const arrows = new Map<number, string>();
  for (const event of events)
    if (event.ph === 's' || event.ph === 'f')
      arrows.set(event.id, `${arrows.get(event.id) ?? ''}${event.ph}`);
  expect([...arrows.values()].every((ends) => ends === 'sf')).toBe(true);
}

test('a file of traces is what the format asks for', () => {
  const file = chromeTrace({ records, lost: 7, level: 1 }, { placement: 'microkernel' });
  expect(JSON.parse(JSON.stringify(file))).toEqual(file);
  expect(Object.keys(file)).toEqual(['traceEvents', 'displayTimeUnit', 'otherData']);
  expect(file.otherData).toEqual({ placement: 'microkernel', records: 7, lost: 7 });
  expectValid(file.traceEvents);
  const processes = file.traceEvents.filter((event) => event.ph === 'M' && event.name === 'process_name');
  expect(processes.map((event) => event.ph === 'M' && event.args.name)).toEqual([
    'zero, channel 0, generation 1',
    'stacked, channel 3, generation 1',
    'base, channel 2, generation 1',
    'zero, channel 0, generation 2',
  ]);
});

test('a call is a complete event in µs', () => {
  const { traceEvents } = chromeTrace({ records: records.slice(0, 3), lost: 0, level: 1 });
  expect(traceEvents.filter((event) => event.ph === 'X')).toMatchObject([
    { name: 'read', cat: 'call', ts: 1, dur: 1.5, args: { caller: 'client 1', status: 64, exact: true } },
    { ts: 2.5, dur: 0, args: { exact: false } },
    { cat: 'failed', ts: 2.6, dur: 0.1, args: { status: -5 } },
  ]);
});

test('calls of one caller that overlap get lanes of their own', () => {
  const { traceEvents } = chromeTrace({ records: records.slice(5), lost: 0, level: 1 });
  const threads = traceEvents.filter((event) => event.ph === 'M' && event.name === 'thread_name');
  expect(threads.map((event) => event.ph === 'M' && event.args.name)).toEqual(['client 1', 'client 1 (2)']);
});

test('an arrow leads from the call that a driver served to the one that it made', () => {
  const { traceEvents } = chromeTrace({ records, lost: 0, level: 1 });
  const of = (channel: string): ChromeEvent =>
    traceEvents.find((event) => event.ph === 'X' && event.args['driver'] === channel)!;
  const arrows = traceEvents.filter((event) => event.ph === 's' || event.ph === 'f');
  expect(arrows).toMatchObject([
    { ph: 's', pid: of('stacked').pid, ts: 1.3 },
    { ph: 'f', bp: 'e', pid: of('base').pid, ts: 1.3 },
  ]);
  // The caller's own call is not in the trace.
  expect(
    chromeTrace({ records: [record(1, 2, byDriver)], lost: 0, level: 1 }).traceEvents.map(({ ph }) => ph),
  ).toEqual(['M', 'M', 'X']);
});

test('a trace without records is a file as well', () => {
  expect(chromeTrace({ records: [], lost: 0, level: 0 }).traceEvents).toEqual([]);
});
