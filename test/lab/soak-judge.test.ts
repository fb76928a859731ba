// The judgement of a soak, on observations that are given: what is a violation, and what is not.

import { describe, expect, test } from 'vitest';
import {
  excuses,
  falseKills,
  judge,
  type Provocation,
  type SoakObserved,
} from '../../host/lab/soak/soak-judge.ts';
import { renderSoak } from '../../host/lab/soak/soak-table.ts';
import type { MachineEvent } from '../../host/machine/shared/types.ts';

const accounting = { pagesFree: 9, slotsFree: 8, bytesUsed: 7, moduleBytes: 6, symbols: 5, modules: 4 };
const held = { accounting, threads: 12, handles: 20 };
const fine: SoakObserved = {
  ...{
    placement: 'microkernel',
    events: [],
    provocations: [],
    stuck: [],
    wrong: new Map(),
    checks: [],
    down: [],
  },
  ...{ acknowledged: 100, lost: 0, domains: new Map(), before: held, after: held },
  ...{ memories: 5, memoriesAllowed: 5, waited: new Map(), deadlineMs: 1000 },
};
const fault = (module: string | null, at: number): MachineEvent => ({
  ...{ type: 'fault', at, module, by: 'deadline', fault: null },
});
const starting = (module: string, at: number): MachineEvent => ({
  ...{ type: 'driver', at, module, state: 'starting', generation: 1 },
});
const provoked = (driver: string, at: number, over: number | null = at): Provocation => ({
  ...{ driver, kind: 'kill', at, over },
});

test('a machine that has stood it has no violation', () => {
  expect(judge(fine)).toEqual([]);
});

test.each<[string, Partial<SoakObserved>, RegExp]>([
  ['a call that never returned', { stuck: ['read /dev/zero'] }, /never returned: read \/dev\/zero$/],
  ['a wrong answer', { wrong: new Map([['read /dev/zero: errno 22', 3]]) }, /^a wrong answer, 3 times: read/],
  ['writes that were lost', { lost: 3 }, /^3 of 100 acknowledged writes were lost$/],
  ['a thread more', { after: { ...held, threads: 13 } }, /^12 threads have become 13$/],
  ['a handle more', { after: { ...held, handles: 21 } }, /^20 handles have become 21$/],
  [
    'memory of the kernel',
    { after: { ...held, accounting: { ...accounting, bytesUsed: 71 } } },
    /^the kernel's bytesUsed was 7 and is 71$/,
  ],
  ['more memories than can be in use', { memories: 6 }, /^6 memories were made, 5 are enough$/],
  ['damage', { checks: ['module list broken'] }, /^found by the check: module list broken$/],
  ['a driver that does not serve', { down: ['zero, which is failed'] }, /at the end: zero/],
  ['the death of the kernel', { events: [fault(null, 5)] }, /without a reason .*: the kernel$/],
])('%s is one', (_, change, sentence) => {
  const found = judge({ ...fine, ...change });
  expect(found).toHaveLength(1);
  expect(found[0]).toMatch(sentence);
});

test('what nobody can tell, and a disk that promises nothing, are none', () => {
  expect(judge({ ...fine, after: { ...held, handles: null } })).toEqual([]);
  expect(judge({ ...fine, after: { ...held, threads: 11 } })).toEqual([]);
});

const DOMAINS = new Map([
  ['ram', 'pool'],
  ['disk', 'pool'],
]);

describe('a driver was killed without a reason', () => {
  const of = (events: MachineEvent[], provocations: Provocation[]): string[] =>
    falseKills({ ...fine, events, provocations, domains: DOMAINS }).map(
      ({ module, at }) => `${module} ${at}`,
    );

  test.each<[string, MachineEvent[], Provocation[], string[]]>([
    ['when nothing was provoked', [fault('zero', 10)], [], ['zero 10']],
    ['when something was provoked in another', [fault('zero', 10)], [provoked('null', 9)], ['zero 10']],
    ['not when it was provoked in its pool', [fault('ram', 10)], [provoked('disk', 9)], []],
    ['when that came later', [fault('zero', 10)], [provoked('zero', 11)], ['zero 10']],
    [
      'when that was done to its predecessor',
      [fault('zero', 10), starting('zero', 11), fault('zero', 20)],
      [provoked('zero', 9)],
      ['zero 20'],
    ],
  ])('%s', (_, events, provocations, expected) => {
    expect(of(events, provocations)).toEqual(expected);
  });

  test.each<[string, MachineEvent[], Provocation[]]>([
    ['it was killed', [fault('zero', 10)], [provoked('zero', 10)]],
    ['damage was done to it long before', [starting('zero', 5), fault('zero', 900)], [provoked('zero', 6)]],
    [
      'what was begun before its birth is still going on',
      [fault('zero', 10), starting('zero', 11), fault('zero', 12)],
      [provoked('zero', 9, null)],
    ],
  ])('but not when %s', (_, events, provocations) => {
    expect(of(events, provocations)).toEqual([]);
  });
});

describe('a deadline that was missed on a busy computer', () => {
  const late = fault('zero', 1500);
  const seen = (event: MachineEvent, ms: number | null): SoakObserved => ({
    ...fine,
    events: [event],
    waited: new Map(ms === null ? [] : [[event, ms]]),
  });

  test('is told, and is no violation, when threads waited for a processor for half of it', () => {
    const busy = seen(late, 500);
    expect(judge(busy)).toEqual([]);
    expect(falseKills(busy)).toEqual([]);
    expect(excuses(busy)).toEqual([
      'threads waited 500 ms for a processor before the deadline of 1000 ms was missed at 1500 ms: zero',
    ]);
    expect(excuses(seen(fault(null, 3), 999))[0]).toMatch(/: the kernel$/);
  });

  test.each<[string, SoakObserved]>([
    ['they waited less', seen(late, 499)],
    ['nobody can tell', seen(late, null)],
    ['it was no deadline', seen({ ...late, by: 'trap' } as MachineEvent, 1000)],
    ['another waited', { ...seen(late, null), waited: new Map([[fault('null', 1500), 1000]]) }],
  ])('is a violation when %s', (_, observed) => {
    expect(judge(observed)).toHaveLength(1);
    expect(falseKills(observed)).toHaveLength(1);
    expect(excuses(observed)).toEqual([]);
  });

  test('is no excuse where something was provoked', () => {
    const provocations = [provoked('zero', 1400)];
    expect(excuses({ ...seen(late, 1000), provocations })).toEqual([]);
  });
});

test('the summary says everything that is wrong, and how to repeat it', () => {
  const row = {
    ...{ placement: 'microkernel' as const, seconds: 9.6, calls: 3, failedCalls: 1, restarts: 2 },
    ...{
      faults: { BUG: 2, kill: 1 },
      detectedBy: { trap: 2 },
      stuckCalls: 0,
      wrongAnswers: 0,
      falseKills: 0,
      disturbed: [],
    },
    writes: { acknowledged: 5, verifiedReads: 4, lost: 1 },
  };
  const report = (violations: string[]) =>
    renderSoak({
      ...{ schema: 'isolab.soak/1', seed: 4711, seconds: 10, interrupted: true },
      extent: [{ what: 'seconds', done: 9, of: 10 }],
      environment: { runtime: 'node 20', cores: 2, crossOriginIsolated: true, version: '1' },
      rows: [{ ...row, violations }],
    });
  expect(report([])).toContain('seed 4711');
  expect(report([])).toContain('faults    BUG 2, kill 1\n');
  expect(report([])).toMatch(/ended before its time: 9 of 10 seconds\nnothing was lost.*\n$/);
  const busy = { ...row, violations: [], disturbed: ['threads waited 900 ms: zero'] };
  const table = renderSoak({
    ...{ schema: 'isolab.soak/1', seed: 4711, seconds: 10, interrupted: false, extent: [] },
    ...{
      environment: { runtime: 'node 20', cores: 2, crossOriginIsolated: true, version: '1' },
      rows: [busy],
    },
  });
  expect(table).toMatch(/falseKills: 0, disturbed 1\n {2}disturbed threads waited 900 ms: zero\n/);
  expect(table).toContain('1 missed deadline because the computer was too busy\n');
  expect(report(['a call never returned: x'])).toMatch(
    /VIOLATION a call never returned: x[^]*\n1 violation\n$/,
  );
});
