// The ladder that its user interrupts: rungs that were measured have figures, all others have none.

import { expect, test } from 'vitest';
import { ladder } from '../../host/lab/ladder/ladder.ts';
import { renderLadder } from '../../host/lab/ladder/ladder-table.ts';
import { FakeMachine, fakeModule } from './fake-machine.ts';

test('interrupted, it has whole rungs, says how far it came, and ends every machine', async () => {
  const controller = new AbortController();
  const machines: FakeMachine[] = [];
  const report = await ladder(
    {
      ...{
        boots: 2,
        samples: 2,
        abilities: { sharedMemory: true, wait: true },
        driver: fakeModule('ramdisk'),
      },
      environment: { runtime: 'test', cores: 2, clockStepNs: 1, crossOriginIsolated: true, version: '0.0.0' },
      boot: async () => machines[machines.push(new FakeMachine('microkernel', {})) - 1]!,
      signal: controller.signal,
    },
    (text) => {
      if (text.startsWith('ring-spin')) controller.abort();
    },
  );
  expect(machines.map(({ state }) => state)).toEqual(['off', 'off']);
  expect(report).toMatchObject({ interrupted: true, extent: [{ what: 'boots of a rung', done: 2, of: 14 }] });
  for (const { transport, ratio, reason } of report.rungs) {
    const measured = transport === 'direct' || transport === 'gate';
    expect([transport, ratio !== null]).toEqual([transport, measured]);
    expect(reason).toBe(measured ? null : 'interrupted before it was measured');
  }
  expect(renderLadder(report)).toMatch(/\ninterrupted, ended before its time: 2 of 14 boots of a rung\n$/);
});
