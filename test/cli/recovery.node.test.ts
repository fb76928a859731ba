// `isolab recovery` on real machines: every cause on every placement, a few times. What it takes is no test's affair.

import { describe, expect, test } from 'vitest';
import { runProgram } from '../../host/cli/program.ts';
import { ISOLATING } from '../../host/lab/isolating.ts';
import { CAUSES, type RecoveryReport } from '../../host/lab/recovery/recovery.ts';
import { rounds } from '../long.ts';

/** @param interrupt what it says when Ctrl-C comes */
async function interrupted(interrupt: string, ...argv: string[]) {
  const controller = new AbortController();
  const seen = { out: '', progress: '' };
  const io = {
    out: (text: string) => void (seen.out += text),
    progress: (line: string) => {
      seen.progress += `${line}\n`;
      if (line.includes(interrupt)) controller.abort('SIGINT');
    },
    signal: controller.signal,
  };
  return { code: await runProgram(['recovery', ...argv], io), ...seen };
}

const isolab = (...argv: string[]) => interrupted('never', ...argv);

describe('isolab recovery', () => {
  test('--json has a row for each cause on each placement', async () => {
    const count = rounds(1, 20);
    const { code, out } = await isolab('--count', String(count), '--json');
    const report = JSON.parse(out) as RecoveryReport;
    expect(code).toBe(0);
    expect(report).toMatchObject({ schema: 'isolab.recovery/1', count, standby: true });
    const rows = [...ISOLATING, 'monolithic'].flatMap((placement) =>
      CAUSES.map((cause) => `${placement} ${cause}`),
    );
    expect(report.rows.map(({ placement, cause }) => `${placement} ${cause}`)).toEqual(rows);
    for (const { ms, floor, lost, cause, deadlineMs, detectedAfterMs } of report.rows) {
      expect([ms.n, floor.ms.n, lost]).toEqual([count, count, 0]);
      expect(floor.ms.min).toBeGreaterThan(0);
      expect(ms.min).toBeGreaterThan(floor.ms.min);
      if (cause === 'hang') expect(detectedAfterMs).toBeGreaterThan(deadlineMs / 2);
    }
  });

  test('--runtime chromium measures on the page', async () => {
    const one = ['--placement', 'microkernel', '--cause', 'trap'];
    const { code, out } = await isolab(
      '--runtime',
      'chromium',
      '--no-standby',
      '--count',
      '2',
      '--json',
      ...one,
    );
    const report = JSON.parse(out) as RecoveryReport;
    expect(code).toBe(0);
    expect(report.standby).toBe(false);
    expect(report.environment.runtime).toMatch(/^chromium /);
    expect(report.rows).toMatchObject([{ placement: 'microkernel', cause: 'trap', lost: 0, ms: { n: 2 } }]);
  });

  test.each(['node', 'chromium'])('interrupted, it has the faults until then, in %s', async (runtime) => {
    const one = ['--placement', 'microkernel', '--cause', 'trap', '--count', '2000', '--json'];
    const { code, out } = await interrupted('trap: 10 of', '--runtime', runtime, ...one);
    const report = JSON.parse(out) as RecoveryReport;
    expect(code).toBe(130);
    const [row] = report.rows;
    const done = row!.ms.n + row!.lost;
    expect(report).toMatchObject({ interrupted: true, extent: [{ what: 'faults', done, of: 2000 }] });
    expect(done).toBeGreaterThanOrEqual(10);
    expect(done).toBeLessThan(2000);
  });

  test.each([
    [['--count', '0'], /a whole number/],
    [['--cause', 'rust'], /rust/],
    [['--placement', 'nowhere'], /nowhere/],
  ] as const)('%s is not understood', async (argv, sentence) => {
    const { code, progress } = await isolab(...argv);
    expect(code).toBe(2);
    expect(progress).toMatch(sentence);
  });
});
