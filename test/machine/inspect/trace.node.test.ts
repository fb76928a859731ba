// The traces of machines: read while the kernel writes, after its death, and exported. Of calls in a row on the kernel's own thread one
// in TRACE_STRIDE is a sample, which has that weight.

import { describe, expect, test } from 'vitest';
import { nodeLab } from '../../../host/cli/machines.ts';
import { chromeTrace } from '../../../host/machine/inspect/chrome-trace.ts';
import type { TraceRecord } from '../../../host/machine/shared/types.ts';
import { EIO } from '../../../kernel/abi/errno.ts';
import { O_RDONLY, O_RDWR } from '../../../kernel/abi/operation.ts';
import { TRACE_RECORDS } from '../../../kernel/abi/trace.ts';
import { loadFixture } from '../../support/fixtures.ts';
import { driverIs, nextEvent, withMachine } from '../../support/machine.ts';

const bench = (placement: 'monolithic' | 'microkernel') => ({
  ...{ name: placement, placement, openLab: nodeLab, fixture: loadFixture },
});

describe('an isolated driver', () => {
  const at = withMachine(bench('microkernel'), { null: '', zero: '', lkdtm: '' });
  const about = (name: string) => at.machine.statistics().channels.findLast(({ driver }) => driver === name)!;

  test('is traced by its name, for the client that called', async () => {
    const client = await at.machine.attach();
    const fd = await client.open('/dev/zero', O_RDONLY);
    expect((await client.read(fd, 48)).result).toBe(48);
    const { records } = at.machine.trace();
    const mine = records.filter(({ caller }) => caller === 'client 1');
    expect(mine).toMatchObject([
      { driver: 'zero', operation: 'open', status: 0 },
      { driver: 'zero', operation: 'read', status: 48 },
    ]);
    await client.end();
  });

  test('the records that are read while the kernel writes are whole', async () => {
    const before = about('null').calls;
    // A measurement that fails because this computer is busy does not matter: the calls were made.
    const measured = at.machine
      .measure({ operation: 'dispatch', path: '/dev/null', bytes: 0, samples: 4, batchMs: 20 })
      .catch(() => null);
    let running = true;
    void measured.finally(() => (running = false));
    let seen = 0;
    while (running) {
      const { records } = at.machine.trace();
      seen += records.length;
      let last: TraceRecord | undefined;
      for (const record of records) {
        // The ring has wrapped around while it was read: its records are in order and consistent.
        if (last) expect(record.sequence).toBeGreaterThan(last.sequence);
        if (last) expect(record.endNs).toBeGreaterThanOrEqual(last.endNs);
        if (record.driver === 'null') expect(record.status).toBe(0);
        last = record;
      }
      expect(records.length).toBeLessThanOrEqual(TRACE_RECORDS);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await measured;
    expect(seen).toBeGreaterThan(0);
    const { calls, samples } = about('null');
    expect(calls - before).toBeGreaterThan(10_000);
    const weight = samples.reduce((sum, each) => sum + each, 0);
    expect(Math.abs(weight / calls - 1)).toBeLessThan(0.15);
  });

  test('the dead are named, their successors begin anew', async () => {
    const fd = await at.console.open('/dev/lkdtm', O_RDWR);
    const back = nextEvent(at.machine, driverIs('lkdtm', 'up'));
    const died = about('lkdtm');
    expect(await at.console.write(fd, new TextEncoder().encode('BUG'))).toBe(-EIO);
    expect(at.machine.trace().records.at(-1)).toMatchObject({
      ...{ caller: 'console', driver: 'lkdtm', operation: 'write', status: -EIO },
      ...{ channel: died.channel, generation: died.generation },
    });
    await back;
    const next = about('lkdtm');
    expect(next.sinceNs).toBeGreaterThan(died.sinceNs);
    expect(next).toMatchObject({ calls: 0, errors: 0 });
    await at.console.close(fd);
  });

  test('what the kernel has written is kept when it is rebooted', async () => {
    expect(at.machine.deadKernelTrace).toBeNull();
    const { records } = at.machine.trace();
    await at.machine.reboot();
    expect(at.machine.deadKernelTrace!.records.slice(-records.length)).toEqual(records);
    expect(at.machine.trace().records.length).toBeLessThan(records.length);
  });
});

test('a driver that calls another: the arrow leads from the call that it served', async () => {
  const lab = await nodeLab();
  const machine = await lab.boot('microkernel');
  try {
    for (const name of ['base', 'stacked']) await machine.insmod(await lab.modules.load(name));
    const fd = await machine.console.open('/dev/stacked', O_RDONLY);
    await machine.console.read(fd, 4);
    const { records } = machine.trace();
    expect(
      records.slice(-2).map(({ caller, driver, operation }) => `${caller} ${driver} ${operation}`),
    ).toEqual(['stacked base symbol', 'console stacked read']);
    const { traceEvents } = chromeTrace(machine.trace());
    const arrows = traceEvents.filter((event) => event.ph === 's' || event.ph === 'f');
    expect(arrows.length % 2).toBe(0);
    expect(arrows.slice(-2).map(({ ph }) => ph)).toEqual(['s', 'f']);
  } finally {
    await machine.shutdown();
    await lab.close();
  }
});

describe('in the monolith', () => {
  const at = withMachine(bench('monolithic'), { zero: '' });

  test('no call crosses domains, and none is traced', async () => {
    const fd = await at.open('/dev/zero', O_RDONLY);
    await at.console.read(fd, 8);
    expect(at.machine.trace()).toEqual({ records: [], lost: 0, level: 1 });
    expect(at.machine.statistics().channels).toEqual([]);
  });
});
