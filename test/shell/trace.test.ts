// ps -l, top and trace, on each placement: what is asked of a driver in another domain is counted and can be read; in the
// monolith there is nothing to count.

import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { nodeLab } from '../../host/cli/machines.ts';
import type { ChromeTrace } from '../../host/machine/inspect/chrome-trace.ts';
import type { Shell } from '../../host/shell/shell.ts';
import { loadFixture } from '../support/fixtures.ts';
import { PLACEMENTS, withMachine } from '../support/machine.ts';
import { run, shellOn, type ShellResult } from '../support/shell.ts';

describe.each(PLACEMENTS)('%s', (placement) => {
  const bench = { name: placement, placement, openLab: nodeLab, fixture: loadFixture };
  const at = withMachine(bench, { zero: '', lkdtm: '' });
  const traced = placement !== 'monolithic';
  let shell: Shell;
  beforeAll(() => (shell = shellOn(at.machine, at.lab)));
  afterEach(() => expect(at.machine.check()).toEqual([]));
  const sh = (text: string): Promise<ShellResult> => run(shell, text);
  const done = (out: string): ShellResult => ({ status: 0, out, err: '' });

  test('ps has the columns that it always had', async () => {
    const { out } = await sh('ps');
    expect(out.split('\n')[0]).toBe('  PID DOMAIN       STATE     GEN RESTARTS      HELD COMMAND');
  });

  test('ps -l counts calls', async () => {
    const row = async (name: string): Promise<string> => (await sh(`ps -l | grep ' ${name}$'`)).out;
    expect((await sh('ps -l')).out.split('\n')[0]).toMatch(/ CALLS +ERRORS +CALLS\/S +P50 +P99 COMMAND$/);
    expect(await row('kernel')).toMatch(/( +-){5} kernel\n$/);
    if (!traced) {
      expect(await row('zero')).toMatch(/( +-){5} zero\n$/);
      return;
    }
    const columns = / (\d+) +(\d+) +[\d.]+ +(-|<?[\d.]+ [nµm]s) +(-|<?[\d.]+ [nµm]s) zero\n$/;
    const before = columns.exec(await row('zero'))!;
    await sh('head -c 16 /dev/zero');
    const after = columns.exec(await row('zero'))!;
    expect(Number(after[1])).toBe(Number(before[1]) + 3); // open, read, close
    expect(after[2]).toBe(before[2]);
    expect(after[3]).not.toBe('-');
  });

  test('top shows frame after frame', async () => {
    const { out, err, status } = await sh('top -n 2 -d 0.05');
    expect({ err, status }).toEqual({ err: '', status: 0 });
    const heads = out.split('\n').filter((line) => line.startsWith('top - '));
    expect(heads).toHaveLength(2);
    expect(heads[0]).toMatch(new RegExp(`^top - ${placement}, running, boot 1, up \\d+\\.\\d s, 2 drivers$`));
    expect(await sh('top -n 0')).toEqual(done(''));
    expect((await sh('top -d soon')).err).toContain("top: invalid time interval 'soon'\n");
    expect((await sh('top -n many')).status).toBe(1);
  });

  test('top is ended by Ctrl-C', async () => {
    const stop = new AbortController();
    const ran = run(shell, 'top -n 1000 -d 0.02', {
      signal: stop.signal,
      heard: () => stop.abort(),
    });
    expect((await ran).status).toBe(130);
  });

  test('trace --text has a line for each call, trace a file for Perfetto', async () => {
    await sh('head -c 16 /dev/zero');
    const { out } = await sh('trace --text -n 3');
    if (!traced) {
      expect(out).toBe('');
    } else {
      expect(out).toMatch(
        new RegExp(
          ['open = 0', 'read = \\d+', 'release = 0']
            .map((what) => `\\[ *\\d+\\.\\d{6}\\] console -> zero/\\d+ ${what} \\(~?[\\d.]+ [nµm]s\\)\n`)
            .join(''),
        ),
      );
    }
    const file = JSON.parse((await sh('trace')).out) as ChromeTrace;
    expect(file.otherData).toMatchObject({ placement, boot: 1 });
    expect(file.traceEvents.some((event) => event.ph === 'X')).toBe(traced);
    expect(await sh('trace --last')).toMatchObject({
      ...{ status: 1, err: 'trace: no kernel has died on this machine\n' },
    });
    expect((await sh('trace now')).err).toContain("trace: unexpected argument 'now'\n");
  });

  test('kernel.trace stops it', async () => {
    expect(await sh('sysctl kernel.trace=0')).toEqual(done('kernel.trace = 0\n'));
    const before = await sh('trace --text');
    await sh('head -c 16 /dev/zero');
    expect(await sh('trace --text')).toEqual(before);
    await sh('sysctl kernel.trace=1');
    expect((await sh('sysctl kernel.trace=2')).status).toBe(1);
  });

  test('the last words of a kernel that was rebooted', async () => {
    const before = (await sh('trace --text')).out;
    await sh('reboot');
    expect((await sh('trace --text --last')).out).toContain(before);
  });
});
