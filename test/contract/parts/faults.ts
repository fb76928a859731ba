// Faults: every one that lkdtm knows, by name, with what the table beside this file says must come of it. While it happens
// a client in a thread of its own keeps reading another driver's device.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Killed, MachineDied } from '../../../host/machine/shared/control.ts';
import type {
  Client,
  ClientThread,
  Machine,
  MachineEvent,
  ReadingReport,
} from '../../../host/machine/shared/types.ts';
import { EBADF, EIO, ETIMEDOUT } from '../../../kernel/abi/errno.ts';
import type { BootOptions } from '../../../host/lab/load.ts';
import { DEADLINE_MS } from '../../../kernel/abi/limits.ts';
import { O_RDONLY, O_RDWR } from '../../../kernel/abi/operation.ts';
import source from '../../../drivers/lkdtm.ts?raw';
import {
  bytes,
  driverIs,
  expectLine,
  isFault,
  machineIs,
  nextEvent,
  pattern,
  text,
  type Bench,
  type Lab,
} from '../../support/machine.ts';
import { FAULTS, outcomeOf, type FaultOutcome } from './fault-table.ts';

// The machine's own: on two cores a thread that spins delays others by up to 160 ms, so that a quarter of less proves nothing.
const DEADLINE = DEADLINE_MS;
const DRIVERS = ['null', 'zero', 'ramdisk', 'lkdtm'];

/** What a provoking write came to. */
async function provoke(client: Client, fd: number, fault: string): Promise<FaultOutcome['answer']> {
  try {
    const result = await client.write(fd, bytes(fault));
    return result === fault.length ? 'all' : result;
  } catch (error) {
    if (error instanceof Killed) return 'killed';
    if (error instanceof MachineDied) return 'machine died';
    throw error;
  }
}

/** Reads on a schedule until at least one call has been answered. */
async function reading(client: ClientThread): Promise<ReadingReport> {
  for (;;) {
    await client.startReading('/dev/zero', 2);
    const report = await client.stopReading();
    if (report.calls > 0) return report;
  }
}

export function faults(bench: Bench): void {
  describe(`faults of the ${bench.name}`, () => {
    let lab: Lab;
    let machine: Machine;
    let options: BootOptions = { deadlineMs: DEADLINE };
    const events: MachineEvent[] = [];
    const lines = (): string[] =>
      (machine.deadKernelLog ?? machine.dmesg()).records.map((record) => record.text);

    beforeAll(async () => {
      lab = await bench.openLab();
    });
    afterAll(() => lab.close());
    beforeEach(async () => {
      machine = await lab.boot(bench.placement, options);
      for (const name of DRIVERS) {
        await machine.insmod(
          lab.drivers.find((each) => each.name === name)!,
          name === 'ramdisk' ? 'size=4096' : '',
        );
      }
      events.length = 0;
      machine.subscribe((event) => events.push(event));
    });
    afterEach(() => machine.shutdown());

    /** Provokes a fault and waits, by events, for whatever must come back. */
    const provoked = async (client: Client, fd: number, fault: string, expected: FaultOutcome) => {
      const back =
        expected.restarted === 'driver'
          ? nextEvent(machine, driverIs('lkdtm', 'up'))
          : expected.restarted === 'machine'
            ? nextEvent(machine, machineIs('running'))
            : null;
      const answer = await provoke(client, fd, fault);
      await back;
      await machine.settled();
      return answer;
    };

    test.each(Object.keys(FAULTS))('%s', async (fault) => {
      const expected = outcomeOf(fault, bench.placement);
      const bystander = await machine.attach();
      expect((await reading(bystander)).failed).toBe(0);
      await bystander.startReading('/dev/zero', 2);
      const old = await machine.console.open('/dev/lkdtm', O_RDWR);

      const answer = await provoked(machine.console, old, fault, expected);

      if (expected.answer !== 'anything') expect(answer).toBe(expected.answer);
      expect(events.filter(isFault).map(({ by }) => by)).toEqual(
        expected.detectedBy ? [expected.detectedBy] : [],
      );
      expectLine(lines(), `lkdtm: Performing direct entry ${fault}`);
      for (const line of expected.lines) expectLine(lines(), line);
      const damage = machine.check();
      if (expected.damage.length === 0) expect(damage).toEqual([]);
      for (const sentence of expected.damage) expectLine(damage, sentence);
      if (fault === 'WILD_WRITE' && bench.placement === 'monolithic') return; // anything may happen from here on
      const kernelDamage = damage.filter((sentence) => !sentence.startsWith("lkdtm's domain: "));
      if (bench.placement !== 'monolithic') expect(kernelDamage).toEqual([]);

      const status = machine.status();
      expect(status).toMatchObject({ state: 'running', taint: expected.taint });
      expect(status.boot).toBe(expected.restarted === 'machine' ? 2 : 1);
      expect(status.drivers.map(({ state }) => state)).toEqual(DRIVERS.map(() => 'up'));
      expect(status.drivers.at(-1)?.restarts).toBe(expected.restarted === 'driver' ? 1 : 0);
      const held = machine.lsmod().find(({ name }) => name === 'lkdtm')?.bytes;
      if (expected.held !== null) expect(held).toBe(expected.held);

      // The kernel answers, the old file as its driver's fate wants it, and a reopened one works.
      const stale = { nothing: answer === 'killed' ? -EBADF : 4, driver: -EIO, machine: -EBADF };
      expect((await machine.console.read(old, 4)).result).toBe(stale[expected.restarted]);
      if (expected.restarted === 'driver') expect(await machine.console.close(old)).toBe(0);
      const fresh = await machine.console.open('/dev/lkdtm', O_RDONLY);
      expect(text((await machine.console.read(fresh, 1000)).data).split('\n')).toContain(fault);
      const disk = await machine.console.open('/dev/ramdisk', O_RDWR);
      expect(await machine.console.write(disk, pattern(512))).toBe(512);

      // The bystander has noticed nothing but the death of its machine, and reads on.
      const report = await bystander.stopReading();
      if (expected.restarted === 'machine') expect(report.failed).toBeGreaterThan(0);
      else expect(report).toMatchObject({ failed: 0, failures: [] });
      if (fault === 'LOOP' && bench.placement === 'microkernel') {
        expect(report.calls).toBeGreaterThan(10);
        expect(report.worstMs).toBeLessThanOrEqual(DEADLINE / 4);
      }
      expect(await reading(bystander)).toMatchObject({ failed: 0, failures: [] });
    });

    test('lkdtm knows no other faults than those of the table', async () => {
      const fd = await machine.console.open('/dev/lkdtm', O_RDONLY);
      const names = text((await machine.console.read(fd, 1000)).data)
        .trim()
        .split('\n');
      expect(names.sort()).toEqual(Object.keys(FAULTS).sort());
    });

    test.each([
      ['BUG', /unreachable\(\)/],
      ['EXHAUST_STACK', /sink = depth|recurse\(depth/],
    ])('the oops of %s names the source line', async (fault, code) => {
      const expected = outcomeOf(fault, bench.placement);
      await provoked(machine.console, await machine.console.open('/dev/lkdtm', O_RDWR), fault, expected);
      const line = lines().find((each) => each.startsWith('  at drivers/lkdtm.ts:'));
      expect(source.split('\n')[Number(line?.split(':')[1]) - 1]).toMatch(code);
      const seen = events.find(isFault)?.fault;
      expect(seen?.module).toBe('lkdtm');
      expect(seen?.frames[0]?.source?.file).toBe('drivers/lkdtm.ts');
    });

    test('a client in a thread of its own: the fault is its own, others go on', async () => {
      const [victim, other] = [await machine.attach(), await machine.attach()];
      const expected = outcomeOf('BUG', bench.placement);
      const fd = await victim.open('/dev/lkdtm', O_RDWR);
      const theirs = await other.open('/dev/lkdtm', O_RDONLY);
      expect(await provoked(victim, fd, 'BUG', expected)).toBe(expected.answer);
      expect((await other.read(theirs, 4)).result).toBe(expected.restarted === 'driver' ? -EIO : 4);
      expect(await victim.close(fd)).toBe(expected.answer === 'killed' ? -EBADF : 0);
      const again = await victim.open('/dev/lkdtm', O_RDONLY);
      expect((await victim.read(again, 4)).result).toBe(4);
    });

    test('a driver that dies again and again is there again and again', async () => {
      const expected = outcomeOf('BUG', bench.placement);
      for (let round = 1; round <= 3; round++) {
        const fd = await machine.console.open('/dev/lkdtm', O_RDWR);
        expect(await provoked(machine.console, fd, 'BUG', expected)).toBe(expected.answer);
      }
      const { restarts, generation } = machine.status().drivers.at(-1);
      expect({ restarts, generation }).toEqual(
        expected.restarted === 'driver' ? { restarts: 3, generation: 4 } : { restarts: 0, generation: 0 },
      );
      const held = machine.lsmod().find(({ name }) => name === 'lkdtm')?.bytes;
      expect(held).toBe(expected.held! * 3);
    });

    test('who waits behind a hang is answered', async () => {
      const expected = outcomeOf('LOOP', bench.placement);
      const clients = [await machine.attach(), await machine.attach()];
      const fds = await Promise.all(clients.map((client) => client.open('/dev/lkdtm', O_RDWR)));
      const [first, second] = await Promise.all([
        provoked(clients[0]!, fds[0]!, 'LOOP', expected),
        clients[1]!.read(fds[1]!, 4),
      ]);
      // Either of the two may be first in the driver; the one behind it gets its answer before, or when all is over.
      expect(first).toBe(expected.restarted === 'driver' ? -ETIMEDOUT : -EIO);
      expect([4, -EIO]).toContain(second.result);
    });

    test('a module whose call died can be unloaded, and what it held is told', async () => {
      const expected = outcomeOf('BUG', bench.placement);
      await provoked(machine.console, await machine.console.open('/dev/lkdtm', O_RDWR), 'BUG', expected);
      for (let fd = 0; fd < 16; fd++) await machine.console.close(fd);
      const { leakedBytes, leakedObjects } = await machine.rmmod('lkdtm');
      expect({ leakedBytes, leakedObjects }).toEqual({
        leakedBytes: expected.held,
        leakedObjects: expected.held! / 256,
      });
    });

    describe('with panic_on_oops', () => {
      beforeAll(() => (options = { deadlineMs: DEADLINE, panicOnOops: true }));
      afterAll(() => (options = { deadlineMs: DEADLINE }));

      test('an oops of the kernel is the end of it, and its last words can be read', async () => {
        const fd = await machine.console.open('/dev/lkdtm', O_RDWR);
        const monolithic = bench.placement === 'monolithic';
        const back = monolithic
          ? nextEvent(machine, machineIs('running'))
          : nextEvent(machine, driverIs('lkdtm', 'up'));
        expect(await provoke(machine.console, fd, 'BUG')).toBe(monolithic ? 'machine died' : -EIO);
        await back;
        await machine.settled();
        expect(machine.status()).toMatchObject({ state: 'running', boot: monolithic ? 2 : 1, taint: '' });
        expect(machine.status().drivers.map(({ state }) => state)).toEqual(DRIVERS.map(() => 'up'));
        expect(machine.deadKernelLog === null).toBe(!monolithic);
        for (const line of outcomeOf('BUG', bench.placement).lines) expectLine(lines(), line);
        if (monolithic) {
          expect(lines().at(-1)).toBe('Kernel panic - not syncing: Fatal exception');
          expect(machine.dmesg().records.map(({ text }) => text)).toContain(
            'isolab kernel, boot 2, 32768 KiB',
          );
        }
        const disk = await machine.console.open('/dev/ramdisk', O_RDWR);
        expect((await machine.console.read(disk, 4096)).data).toEqual(new Uint8Array(4096));
      });
    });
  });
}
