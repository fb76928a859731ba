// A driver whose owner dies while it is loaded: its load is repeated after the owner's restart, but not forever.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { LoadedModule } from '../../../host/domain/loaded.ts';
import { MAX_INIT_DEATHS, type Policy } from '../../../host/machine/supervisor/policy.ts';
import type { Machine, MachineEvent } from '../../../host/machine/shared/types.ts';
import { EIO, ENXIO } from '../../../kernel/abi/errno.ts';
import { O_RDONLY } from '../../../kernel/abi/operation.ts';
import { loadFixture } from '../../support/fixtures.ts';
import { isFault } from '../../support/machine.ts';
import { threadLab, type ThreadLab } from '../../support/threads.ts';

let lab: ThreadLab;
let machine: Machine;
let leaning: LoadedModule;
const events: MachineEvent[] = [];

beforeEach(async () => {
  lab = await threadLab();
  leaning = await loadFixture('leaning');
});
afterEach(async () => {
  await machine.shutdown();
  await lab.close();
  expect(lab.living()).toBe(0);
});

/** @param parameters of `brittle`, which leaning's init calls */
async function load(parameters: string, brittle: Partial<Policy> = {}): Promise<void> {
  machine = await lab.boot('microkernel', { policies: new Map([['brittle', brittle]]) });
  events.length = 0;
  machine.subscribe((event) => events.push(event));
  await machine.insmod(await loadFixture('tally'));
  await machine.insmod(await loadFixture('brittle'), parameters);
}

async function restart(): Promise<void> {
  machine.kill('leaning');
  await machine.settled();
}

const supervisorSaid = (): string[] =>
  machine
    .dmesg()
    .records.map(({ text }) => text)
    .filter((line) => line.startsWith('supervisor: '));
const status = (name: string) => machine.status().drivers.find((each) => each.name === name);
const faults = (): string[] => events.filter(isFault).map(({ by }) => by);

describe('a driver whose owner dies while it is loaded', () => {
  test('is loaded again behind the next: that is no death of its own', async () => {
    await load('good=1');
    await machine.insmod(leaning);
    await restart();
    expect(supervisorSaid().sort()).toEqual([
      'supervisor: restarting brittle (trap), restart 1',
      'supervisor: restarting leaning (brittle has died), restart 2',
      'supervisor: restarting leaning (operator), restart 1',
    ]);
    expect(faults()).toEqual(['operator', 'trap']);
    expect(status('leaning')).toMatchObject({ state: 'up', restarts: 2 });
    expect(machine.check()).toEqual([]);
  });

  test('is given up when that is, and the log says for what', async () => {
    await load('good=1', { restart: 'temporary' });
    await machine.insmod(leaning);
    const client = await machine.attach();
    const fd = await client.open('/dev/leaning', O_RDONLY);
    const settled = restart();
    expect((await client.read(fd, 1)).result).toBe(-EIO); // it waited for a successor
    await settled;
    expect(await client.open('/dev/leaning', O_RDONLY)).toBe(-ENXIO);
    expect(status('leaning')).toMatchObject({ state: 'failed' });
    expect(supervisorSaid().at(-1)).toBe(
      'supervisor: giving leaning up: brittle is gone, whose symbols it uses',
    );
  });

  test('again and again, because of its init: that comes to an end, even where its owner never tires', async () => {
    await load('good=1 bad=1000');
    await machine.insmod(leaning);
    await restart();
    expect(status('leaning')).toMatchObject({ state: 'failed', restarts: MAX_INIT_DEATHS });
    expect(status('brittle')).toMatchObject({ state: 'up' });
    expect(supervisorSaid()).toContain(
      `supervisor: giving leaning up: brittle died ${MAX_INIT_DEATHS} times in a row while it was loaded`,
    );
  });

  test('for the first time: insmod is refused, and nothing is left of it', async () => {
    await load('good=0');
    const before = machine.accounting();
    await expect(machine.insmod(leaning)).rejects.toMatchObject({ errno: EIO });
    await machine.settled();
    expect(status('leaning')).toBeUndefined();
    expect(machine.lsmod().map(({ name }) => name)).toEqual(['brittle', 'tally']);
    expect(machine.accounting()).toEqual(before);
    expect(machine.devices()).toEqual([]);
    await machine.insmod(leaning);
  });

  test('in a reboot: it comes up behind the next', async () => {
    await load('good=1');
    await machine.insmod(leaning);
    const second = { ...leaning, name: 'second' };
    await expect(machine.insmod(second, 'device=second')).rejects.toMatchObject({ errno: EIO });
    await machine.settled();
    await machine.insmod(second, 'device=second');
    await machine.reboot();
    await machine.settled();
    expect(faults()).toEqual(['trap', 'trap']);
    expect(status('second')).toMatchObject({ state: 'up' });
    expect(machine.check()).toEqual([]);
  });
});
