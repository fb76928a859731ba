// Many rounds: modules are loaded and unloaded, drivers restarted; in the end the accounting is as at the beginning. For any lab.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Accounting, Machine } from '../../host/machine/shared/types.ts';
import { EIO } from '../../kernel/abi/errno.ts';
import { O_RDONLY, O_RDWR } from '../../kernel/abi/operation.ts';
import { rounds } from '../long.ts';
import { bytes, driverIs, nextEvent, pattern, type Bench, type Lab } from '../support/machine.ts';

/** insmod/rmmod rounds, and restarts of a driver: a stated part of those of the long run. */
const LOADS = rounds(50, 1000);
const RESTARTS = rounds(30, 300);
const SEED = 20;

/** xorshift32 (Marsaglia 2003). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

interface Shape {
  accounting: Accounting;
  modules: string[];
  devices: string[];
}

const shape = (machine: Machine): Shape => ({
  accounting: machine.accounting(),
  modules: machine.lsmod().map(({ name, references, base }) => `${name} ${references} ${base}`),
  devices: machine.devices().map(({ path, major }) => `${path} ${major}`),
});

export function manyRounds(bench: Bench): void {
  describe(`many rounds on the ${bench.name}`, () => {
    let lab: Lab;
    let machine: Machine;
    beforeAll(async () => {
      lab = await bench.openLab();
      machine = await lab.boot(bench.placement);
      await machine.insmod(lab.drivers.find(({ name }) => name === 'zero')!);
    });
    afterAll(async () => {
      await machine.shutdown();
      await lab.close();
    });

    test(`${LOADS} rounds of insmod and rmmod`, async () => {
      const next = random(SEED);
      const others = lab.drivers.filter(({ name }) => name !== 'zero');
      const probe = await bench.fixture('probe');
      /** Loads a module, uses it and unloads it; sometimes one that is refused. */
      const round = async (): Promise<void> => {
        const module = [...others, probe][next() % (others.length + 1)]!;
        if (module === probe && next() % 2 === 0) {
          await expect(machine.insmod(probe, 'ending=4')).rejects.toThrow('Device or resource busy');
          return;
        }
        await machine.insmod(module, module.name === 'ramdisk' ? `size=${4096 + (next() % 65536)}` : '');
        const fd = await machine.console.open(`/dev/${module.name}`, O_RDWR);
        expect((await machine.console.read(fd, 8)).result).toBeGreaterThanOrEqual(0);
        expect(await machine.console.close(fd)).toBe(0);
        expect(await machine.rmmod(module.name)).toMatchObject({ leakedBytes: 0, leakedObjects: 0 });
      };
      // The slabs of small objects keep the pages of the first time.
      for (let i = 0; i < 10; i++) await round();
      const before = shape(machine);
      for (let i = 0; i < LOADS; i++) await round();
      expect(shape(machine)).toEqual(before);
      expect(machine.check()).toEqual([]);
      expect(machine.status()).toMatchObject({ boot: 1, taint: '' });
    });

    if (bench.placement === 'microkernel') {
      test(`${RESTARTS} restarts of a driver`, async () => {
        await machine.insmod(lab.drivers.find(({ name }) => name === 'lkdtm')!);
        const crash = async (): Promise<void> => {
          const up = nextEvent(machine, driverIs('lkdtm', 'up'));
          const fd = await machine.console.open('/dev/lkdtm', O_RDWR);
          expect(await machine.console.write(fd, bytes('BUG'))).toBe(-EIO);
          expect(await machine.console.close(fd)).toBe(0);
          await up;
          await machine.settled();
        };
        for (let i = 0; i < 3; i++) await crash();
        const before = shape(machine);
        for (let i = 0; i < RESTARTS; i++) await crash();
        expect(shape(machine)).toEqual(before);
        expect(machine.status().drivers.at(-1)).toMatchObject({ state: 'up', restarts: RESTARTS + 3 });
        expect(machine.check()).toEqual([]);
        const zero = await machine.console.open('/dev/zero', O_RDONLY);
        expect((await machine.console.read(zero, 8)).result).toBe(8);
        await machine.console.close(zero);
        await machine.rmmod('lkdtm');
      });
    }

    test(`${RESTARTS / 10} boots of the machine`, async () => {
      const ramdisk = lab.drivers.find(({ name }) => name === 'ramdisk')!;
      await machine.insmod(ramdisk, 'size=4096');
      const before = shape(machine);
      for (let i = 0; i < RESTARTS / 10; i++) {
        await machine.reboot();
        expect(shape(machine)).toEqual(before);
        const fd = await machine.console.open('/dev/ramdisk', O_RDWR);
        expect((await machine.console.read(fd, 16)).data).toEqual(new Uint8Array(16));
        expect(await machine.console.write(fd, pattern(16))).toBe(16);
        expect(await machine.console.close(fd)).toBe(0);
      }
      expect(machine.status().boot).toBe(1 + RESTARTS / 10);
    });
  });
}
