// Drivers written to break out, by name: each attack of the table is made while a client in a thread of its own reads another
// driver, and while a disk holds what nobody may touch. However it ends, nobody else has lost data, memory or more time
// than a call may take, and the log names the driver.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { LoadedModule } from '../../../host/domain/loaded.ts';
import type { Place } from '../../../host/machine/shared/place.ts';
import type { Accounting, ClientThread, Machine, MachineEvent } from '../../../host/machine/shared/types.ts';
import { EIO } from '../../../kernel/abi/errno.ts';
import { DRIVER_LOG_RATE } from '../../../kernel/abi/limits.ts';
import { O_RDWR } from '../../../kernel/abi/operation.ts';
import {
  bytes,
  driverIs,
  expectLine,
  isFault,
  nextEvent,
  pattern,
  text,
  type Bench,
  type Lab,
} from '../../support/machine.ts';
import { ATTACKS, floodLines, type Attack } from './hostile-table.ts';

/** What a bystander's call may take at most, too. Ten of these pass in hangs. */
const DEADLINE = 1000;
const DISK = 4096;
const SECRET = pattern(DISK, 7);
/** Attacks that one machine has to bear, one after the other; a log holds what they leave in it. */
const BORNE = 8;
/** Drivers of a pool are not isolated from each other: the innocent live elsewhere. */
const INNOCENT = ['zero', 'null', 'ramdisk', 'lkdtm'];
const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

/** @param share every so manieth attack alone */
export function hostile(bench: Bench, share = 1): void {
  describe(`hostile drivers on the ${bench.name}`, () => {
    let lab: Lab;
    let driver: LoadedModule;
    let machine: Machine;
    let bystander: ClientThread;
    let attacker: ClientThread;
    let before: Accounting;
    /** That it has borne; none where it has to be booted first. */
    let borne = BORNE;
    const events: MachineEvent[] = [];
    const log = (): string[] => machine.dmesg().records.map((record) => record.text);

    beforeAll(async () => {
      lab = await bench.openLab();
      driver = await bench.fixture('hostile');
    });
    afterAll(async () => {
      await machine.shutdown();
      await lab.close();
    });

    async function boot(): Promise<void> {
      await (machine as Machine | undefined)?.shutdown();
      const places = new Map(INNOCENT.map((name): [string, Place] => [name, 'worker']));
      const elsewhere = bench.placement === 'pooled' ? { places } : {};
      machine = await lab.boot(bench.placement, { deadlineMs: DEADLINE, ...elsewhere });
      for (const name of ['zero', 'null', 'ramdisk']) {
        const innocent = lab.drivers.find((each) => each.name === name)!;
        await machine.insmod(innocent, name === 'ramdisk' ? `size=${DISK}` : '');
      }
      const disk = await machine.console.open('/dev/ramdisk', O_RDWR);
      expect(await machine.console.write(disk, SECRET)).toBe(DISK);
      await machine.console.close(disk);
      bystander = await machine.attach();
      attacker = await machine.attach();
      before = machine.accounting();
      machine.subscribe((event) => events.push(event));
      borne = 0;
    }

    beforeEach(async () => {
      if (borne >= BORNE) await boot();
      events.length = 0;
      await bystander.startReading('/dev/zero', 2);
    });

    const order = (fd: number, { when, name }: Attack): Promise<number> =>
      attacker.write(fd, bytes(`${when} ${name}`));

    /** Makes an attack in a call. @returns what that answers */
    async function call(fd: number, attack: Attack): Promise<number | 'all'> {
      const { when, name } = attack;
      if (when === 'write') {
        const answer = await order(fd, attack);
        return answer === `write ${name}`.length ? 'all' : answer;
      }
      expect(await order(fd, attack)).toBe(`${when} ${name}`.length);
      if (when === 'read') {
        const { result } = await attacker.read(fd, 64);
        return result === 64 ? 'all' : result;
      }
      if (when === 'open') {
        const answer = await attacker.open('/dev/hostile', O_RDWR);
        if (answer >= 0) await attacker.close(answer);
        return answer >= 0 ? 'all' : answer;
      }
      if (when === 'release') return attacker.close(fd);
      return timer(fd, attack);
    }

    /** A timer expires when no call is in progress: the last one before it has granted a range to be written. */
    async function timer(fd: number, { answer, by }: Attack): Promise<number | 'all'> {
      const { result: before } = await attacker.read(fd, 8);
      if (by.includes('trap')) {
        expect([8, -EIO]).toContain(before); // on a busy computer the timer may be first
        while (events.filter(isFault).length === 0) await turn();
        return -EIO;
      }
      expect(before).toBe(8);
      if (by.length === 0) {
        while (!machine.devices().some(({ path }) => path === '/dev/burnt')) await turn();
        return 'all';
      }
      // Who calls a driver that hangs waits for it, until somebody has found it out.
      for (;;) {
        const { result } = await attacker.read(fd, 8);
        if (result < 0) return result === -EIO && answer !== 'anything' ? answer : result;
      }
    }

    /** Makes an attack in init or cleanup. */
    async function load({ when, name, by }: Attack): Promise<void> {
      const loading = machine.insmod(driver, `${when}=${name}`);
      if (when === 'init' && by.length > 0) {
        await expect(loading).rejects.toMatchObject({ name: 'ModuleError', errno: EIO });
        return machine.settled();
      }
      await loading;
      if (when === 'exit') expect(await machine.rmmod('hostile')).toMatchObject({ name: 'hostile' });
      await machine.settled();
    }

    async function make(attack: Attack): Promise<void> {
      if (attack.when === 'init' || attack.when === 'exit') return load(attack);
      await machine.insmod(driver);
      const fd = await attacker.open('/dev/hostile', O_RDWR);
      await attacker.read(fd, 8);
      const back = attack.by.length > 0 ? nextEvent(machine, driverIs('hostile', 'up')) : null;
      const answer = await call(fd, attack);
      if (attack.answer !== 'anything') expect(answer).toBe(attack.answer);
      await back;
      await machine.settled();
      // It serves again, and says that nothing has got through.
      const again = await attacker.open('/dev/hostile', O_RDWR);
      expect(text((await attacker.read(again, 8)).data)).toBe('00000000');
      for (const each of [fd, again]) await attacker.close(each);
    }

    const damage = (): string[] =>
      machine.check().filter((sentence) => !sentence.startsWith("hostile's domain: "));

    test.each(
      ATTACKS.filter((_, i) => i % share === 0).map(
        (attack) => [`${attack.when} ${attack.name}`, attack] as const,
      ),
    )('%s', async (_, attack) => {
      const reason = attack.cannot?.[bench.placement];
      if (reason !== undefined) {
        expect(reason).toMatch(/sandbox/);
        await bystander.stopReading();
        return;
      }
      const attacks = borne;
      borne = BORNE; // unless it bears this one
      await make(attack);
      while (machine.status().zombies > 0) await turn();
      const faults = events.filter(isFault);
      expect(faults.length).toBe(attack.by.length > 0 ? 1 : 0);
      for (const { module, by } of faults) {
        expect(module).toBe('hostile');
        expect(attack.by).toContain(by);
      }
      if (attack.line) expectLine(log(), attack.line);
      if (attack.by.length > 0) expectLine(log(), /hostile/);
      // Nobody else's lines were pushed out.
      expect(log()[0]).toBe('isolab kernel, boot 1, 32768 KiB');

      // Nobody else's memory, and no others' drivers.
      expect(damage()).toEqual([]);
      const others = machine.status().drivers.filter(({ name }) => name !== 'hostile');
      expect(others.map(({ name, state, restarts }) => `${name} ${state} ${restarts}`)).toEqual([
        ...['zero up 0', 'null up 0', 'ramdisk up 0'],
      ]);
      expect(machine.status()).toMatchObject({ state: 'running', boot: 1, taint: '' });
      // Nobody else's time: no call has taken longer than a call may take, and none has failed.
      const report = await bystander.stopReading();
      expect(report).toMatchObject({ failed: 0, failures: [] });
      expect(report.worstMs).toBeLessThanOrEqual(DEADLINE);
      // Nobody else's data.
      const disk = await machine.console.open('/dev/ramdisk', O_RDWR);
      expect((await machine.console.read(disk, DISK)).data).toEqual(SECRET);
      await machine.console.close(disk);

      // Others still find room, and all that it held is free again when it goes.
      await machine.insmod(lab.drivers.find(({ name }) => name === 'lkdtm')!);
      await machine.rmmod('lkdtm');
      if (machine.status().drivers.some(({ name }) => name === 'hostile')) await machine.rmmod('hostile');
      while (machine.status().zombies > 0) await turn();
      expect(machine.accounting()).toEqual(before);
      expect(machine.devices().filter(({ path }) => /hostile|stolen|forged|burnt/.test(path))).toEqual([]);
      expect(damage()).toEqual([]);
      borne = attacks + 1;
    });

    test('a flood leaves so many lines and no more', async () => {
      await machine.insmod(driver);
      const fd = await attacker.open('/dev/hostile', O_RDWR);
      const since = performance.now();
      expect(await attacker.write(fd, bytes('write LOG_FLOOD'))).toBe(15);
      const seconds = (performance.now() - since) / 1000;
      const lines = log().filter((line) => line.startsWith('hostile: flood'));
      expect(lines.slice(0, 3)).toEqual([0, 1, 2].map((i) => `hostile: flood ${i}`));
      expect(lines.length).toBeLessThanOrEqual(floodLines(seconds, DRIVER_LOG_RATE));
    });
  });
}
