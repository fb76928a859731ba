// WARN: a driver warns and goes on; the log has the call trace.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { nodeLab } from '../../../host/cli/machines.ts';
import { MachineDied } from '../../../host/machine/shared/control.ts';
import { findOopses } from '../../../host/domain/saved-oops.ts';
import { O_WRONLY } from '../../../kernel/abi/operation.ts';
import { loadFixture } from '../../support/fixtures.ts';
import { bytes, machineIs, nextEvent, PLACEMENTS, Setting } from '../../support/machine.ts';

describe.each(PLACEMENTS)('a driver of the %s machine that warns', (placement) => {
  const at = new Setting();
  let fd: number;
  beforeAll(async () => {
    at.lab = await nodeLab();
    at.machine = await at.lab.boot(placement);
    await at.machine.insmod(await loadFixture('warner'));
    fd = await at.console.open('/dev/warner', O_WRONLY);
  });
  afterAll(async () => {
    await at.machine.shutdown();
    await at.lab.close();
  });

  /** The log of one write, when it has `ends` warnings. */
  async function logOf(count: number, ends: number): Promise<string[]> {
    const start = at.logged;
    expect(await at.console.write(fd, new Uint8Array(count))).toBe(count);
    await expect
      .poll(() => at.log(start).filter((line) => line.startsWith('---[ end trace')).length)
      .toBe(ends);
    return at.log(start);
  }

  test('with a text', async () => {
    const lines = await logOf(1, 1);
    const monolithic = placement === 'monolithic';
    expect(lines.slice(0, 2)).toEqual([
      '------------[ cut here ]------------',
      'warner: one byte is not enough',
    ]);
    const place = String.raw`test/fixtures/warner\.ts:\d+:\d+`;
    const symbol = String.raw`warner_write\+0x[0-9a-f]+/0x[0-9a-f]+ \[warner\]`;
    expect(lines[2]).toMatch(
      new RegExp(
        `^WARNING: CPU: ${monolithic ? 0 : '\\d+'} PID: ${monolithic ? 1 : 2} at ${place} ${symbol}$`,
      ),
    );
    expect(lines[3]).toMatch(/^Modules linked in: warner(\(O\))?$/);
    expect(lines[4]).toMatch(/^CPU: \d+ PID: [12] Comm: (console|warner) /);
    expect(lines[5]).toMatch(new RegExp(`^RIP: 0010:${symbol}$`));
    expect(lines).toContain('Call Trace:');
    expect(lines.join('\n')).not.toContain('warn_slowpath');
    const [saved] = findOopses(lines.join('\n'));
    expect(saved).toMatchObject({ kind: 'warning', complete: true, number: null, line: 1 });
    expect(saved?.cause).toMatch(/: warner: one byte is not enough$/);
    expect(saved?.frames[0]?.symbol?.name).toBe('warner_write');
  });

  test('without one, and it goes on', async () => {
    const lines = await logOf(2, 1);
    expect(lines[1]).toMatch(/^WARNING: /);
    expect(at.machine.status().drivers).toMatchObject([{ state: 'up', restarts: 0 }]);
    expect(at.machine.status().taint.includes('W')).toBe(placement === 'monolithic');
  });

  test('in a loop, reaches the log so often and no more where it has a domain of its own', async () => {
    const lines = await logOf(21, placement === 'monolithic' ? 20 : 14);
    expect(lines.length).toBeGreaterThan(14 * 8);
    expect(await at.console.write(fd, new Uint8Array(1))).toBe(1);
  });
});

describe('panic_on_warn', () => {
  test.each(PLACEMENTS)('ends the %s machine, if the warning is its own', async (placement) => {
    const lab = await nodeLab();
    const machine = await lab.boot(placement);
    try {
      await machine.insmod(await loadFixture('warner'));
      const setting = await machine.console.open('/proc/sys/kernel/panic_on_warn', O_WRONLY);
      expect(await machine.console.write(setting, bytes('1'))).toBe(1);
      const fd = await machine.console.open('/dev/warner', O_WRONLY);
      const again = nextEvent(machine, machineIs('running'));
      const written = machine.console.write(fd, new Uint8Array(1));
      if (placement === 'microkernel') {
        expect(await written).toBe(1);
        expect(machine.status().boot).toBe(1);
      } else {
        await expect(written).rejects.toThrow(MachineDied);
        await again;
        const words = machine.deadKernelLog!.records.map(({ text }) => text);
        expect(words.at(-1)).toBe('Kernel panic - not syncing: kernel: panic_on_warn set ...');
        expect(words).toContain('warner: one byte is not enough');
      }
    } finally {
      await machine.shutdown();
      await lab.close();
    }
  });
});
