// A soak of some seconds on each of the placements that isolate, by a seed; in the long run longer ones, by several. And its
// command line.

import { describe, expect, test } from 'vitest';
import { runProgram } from '../../host/cli/program.ts';
import { ISOLATING } from '../../host/lab/isolating.ts';
import type { SoakReport } from '../../host/lab/soak/soak.ts';
import { LONG, rounds } from '../long.ts';

const SEEDS = LONG ? [20261126, 1, 2, 3, 4] : [20261126];
const SECONDS = rounds(15, 300);

async function isolab(argv: readonly string[], signal = new AbortController().signal) {
  const seen = { out: '', progress: '' };
  const io = {
    out: (text: string) => void (seen.out += text),
    progress: (line: string) => void (seen.progress += `${line}\n`),
    signal,
  };
  return { code: await runProgram(['soak', ...argv], io), ...seen };
}

describe('isolab soak', () => {
  test.each(SEEDS)('seed %i: nothing is lost, stuck, damaged or killed without a reason', async (seed) => {
    const { code, out, progress } = await isolab([
      ...['--seconds', String(Math.ceil(SECONDS / ISOLATING.length)), '--seed', String(seed), '--json'],
    ]);
    const report = JSON.parse(out) as SoakReport;
    expect(
      report.rows.flatMap(({ placement, violations }) => violations.map((v) => `${placement}: ${v}`)),
    ).toEqual([]);
    expect(code).toBe(0);
    expect(report).toMatchObject({ schema: 'isolab.soak/1', seed, interrupted: false });
    expect(progress).toContain(`seed ${seed}\n`);
    expect(report.rows.map(({ placement }) => placement)).toEqual([...ISOLATING]);
    for (const row of report.rows) {
      expect(row.falseKills).toBe(0);
      expect(row.restarts).toBeGreaterThan(0);
      expect(row.writes.acknowledged).toBeGreaterThan(0);
      expect(Object.keys(row.faults).length).toBeGreaterThan(3);
    }
  });

  test('that is interrupted ends with the summary so far', async () => {
    const controller = new AbortController();
    setTimeout(() => controller.abort('SIGINT'), 1500);
    const { code, out } = await isolab(['--seconds', '600', '--seed', '7'], controller.signal);
    expect(code).toBe(130);
    expect(out).toMatch(/seed 7;[^]*\ninterrupted, ended before its time: \d+ of 1800 seconds\n/);
  });

  test.each([
    [['--seconds', '0'], /a whole number/],
    [['--seed', 'x'], /a whole number/],
    [['--placement', 'monolithic'], /monolithic/],
  ] as const)('%s is not understood', async (argv, sentence) => {
    const { code, progress } = await isolab(argv);
    expect(code).toBe(2);
    expect(progress).toMatch(sentence);
  });
});
