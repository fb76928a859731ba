// A live update of the ramdisk while a client writes: the new binary has the contents of the old one, and no block whose write was
// acknowledged is lost, in every place, and with and without poisoning of freed memory.

import { afterEach, beforeEach, expect, test } from 'vitest';
import { nodeLab, type NodeLab } from '../../../host/cli/machines.ts';
import type { Place } from '../../../host/machine/shared/place.ts';
import type { Client, Machine } from '../../../host/machine/shared/types.ts';
import { O_RDWR, SEEK_SET } from '../../../kernel/abi/operation.ts';
import { expectLine, pattern } from '../../support/machine.ts';

const BLOCK = 512;
/** Blocks that are written once before the update, and blocks that are written all the time. */
const STILL = 96;
const BUSY = 32;
const SIZE = BLOCK * (STILL + BUSY);
const UPDATES = 4;

let lab: NodeLab;
let machine: Machine;

beforeEach(async () => {
  lab = await nodeLab();
});
afterEach(async () => {
  await machine.shutdown();
  await lab.close();
});

async function write(client: Client, fd: number, at: number, data: Uint8Array): Promise<void> {
  expect(await client.lseek(fd, at, SEEK_SET)).toBe(at);
  expect(await client.write(fd, data)).toBe(data.length);
}

async function read(client: Client, fd: number, at: number, count: number): Promise<Uint8Array> {
  expect(await client.lseek(fd, at, SEEK_SET)).toBe(at);
  const { result, data } = await client.read(fd, count);
  expect(result).toBe(count);
  return data;
}

const PLACES: Place[] = ['worker', 'sandbox', 'pool:disks'];

test.each(PLACES.flatMap((place) => ['FZPU', '-'].map((slubDebug) => ({ place, slubDebug }))))(
  'a ramdisk in $place with slub_debug=$slubDebug',
  async ({ place, slubDebug }) => {
    // In a pool `zero` stays, and the domain with it.
    const places = new Map([
      ['ramdisk', place],
      ['zero', place],
    ]);
    machine = await lab.boot('microkernel', { places, slubDebug });
    const driver = (name: string) => lab.drivers.find((each) => each.name === name)!;
    await machine.insmod(driver('zero'));
    await machine.insmod(driver('ramdisk'), `size=${SIZE}`);
    const client = await machine.attach();
    const fd = await client.open('/dev/ramdisk', O_RDWR);
    expect(fd).toBeGreaterThanOrEqual(0);
    const content = pattern(SIZE);
    await write(client, fd, 0, content);

    let over = false;
    const writing = (async () => {
      for (let round = 0; !over || round < BUSY; round++) {
        const at = BLOCK * (STILL + (round % BUSY));
        const block = pattern(BLOCK, round);
        await write(client, fd, at, block);
        content.set(block, at);
      }
    })();
    const updating = (async () => {
      const still = BLOCK * STILL;
      const own = await machine.console.open('/dev/ramdisk', O_RDWR);
      for (let i = 0; i < UPDATES; i++) {
        await machine.update(driver('ramdisk'));
        expect(await read(machine.console, own, 0, still)).toEqual(content.slice(0, still));
      }
    })();
    await Promise.all([writing, updating.finally(() => (over = true))]);

    expect(await read(client, fd, 0, SIZE)).toEqual(content);
    expect(machine.status().drivers.find(({ name }) => name === 'ramdisk')).toMatchObject({
      state: 'up',
      generation: UPDATES + 1,
    });
    const lines = machine.dmesg().records.map(({ text }) => text);
    expectLine(lines, /^supervisor: ramdisk was updated/);
    expect(lines.filter((line) => /is lost|begins empty/.test(line))).toEqual([]);
    expect(machine.check()).toEqual([]);
  },
);
