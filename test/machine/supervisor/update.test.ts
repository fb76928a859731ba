// Replaces a driver by another binary while clients have its device open; and names that no module may have.

import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { LoadedModule } from '../../../host/domain/loaded.ts';
import type { Machine } from '../../../host/machine/shared/types.ts';
import { EBUSY, EINVAL, EIO, ENOENT, ENOSYS } from '../../../kernel/abi/errno.ts';
import { O_RDWR } from '../../../kernel/abi/operation.ts';
import { loadFixture } from '../../support/fixtures.ts';
import { bytes, text } from '../../support/machine.ts';
import { threadLab, type ThreadLab } from '../../support/threads.ts';

let lab: ThreadLab;
let machine: Machine;
let before: LoadedModule;
let after: LoadedModule;

beforeAll(async () => {
  before = await loadFixture('doomed');
  after = await loadFixture('renewed', { name: 'doomed' });
});
beforeEach(async () => {
  lab = await threadLab();
  machine = await lab.boot('microkernel');
  await machine.insmod(before);
});
afterEach(async () => {
  await machine.shutdown();
  await lab.close();
  expect(lab.living()).toBe(0);
});

const status = () => machine.status().drivers.find(({ name }) => name === 'doomed');
const log = (): string =>
  machine
    .dmesg()
    .records.map((record) => record.text)
    .join('\n');

describe('a driver that is updated', () => {
  test('leaves its open files to its successor', async () => {
    const client = await machine.attach();
    const fd = await client.open('/dev/doomed', O_RDWR);
    expect((await client.read(fd, 4)).result).toBeLessThan(0); // the old one cannot be read
    await machine.update(after);
    await machine.settled();
    expect(text((await client.read(fd, 4)).data)).toBe('new!');
    expect(await client.close(fd)).toBe(0);
    expect(status()).toMatchObject({ state: 'up', sha256: after.sha256, generation: 2 });
    expect(log()).toContain('supervisor: doomed was updated from sha256:');
    await machine.update(before);
    expect(status()).toMatchObject({ state: 'up', sha256: before.sha256, generation: 3 });
    await machine.rmmod('doomed');
    expect(machine.check()).toEqual([]);
  });

  test('under load: no call of a client fails or is lost', async () => {
    await machine.update(after);
    const client = await machine.attach();
    const fd = await client.open('/dev/doomed', O_RDWR);
    expect(fd).toBeGreaterThanOrEqual(0);
    const answers: string[] = [];
    let over = false;
    const reading = (async () => {
      while (!over) {
        const { result, data } = await client.read(fd, 4);
        answers.push(result < 0 ? `errno ${-result}` : text(data));
      }
    })();
    for (let round = 0; round < 5; round++) await machine.update(after);
    over = true;
    await reading;
    expect(new Set(answers)).toEqual(new Set(['new!']));
  });

  test.each([
    ['ending=1', EBUSY],
    ['ending=2', EIO],
  ])('by one that does not come up (%s) is brought back', async (parameters, errno) => {
    const fd = await machine.console.open('/dev/doomed', O_RDWR);
    await expect(machine.update(after, parameters)).rejects.toMatchObject({ name: 'ModuleError', errno });
    await machine.settled();
    expect(status()).toMatchObject({ state: 'up', sha256: before.sha256 });
    expect(await machine.console.write(fd, bytes('0'))).toBe(1);
    expect(log()).toContain('supervisor: bringing doomed back: could not insert module doomed: ');
  });
});

test.each(['driver-loop', 'driver_loop', 'kernel'])('a module is refused that is called %s', async (name) => {
  await expect(machine.insmod({ ...before, name })).rejects.toThrow(`the name is the kernel's own: ${name}`);
  expect(machine.lsmod().map((each) => each.name)).toEqual(['doomed']);
});

describe('an update is refused', () => {
  test('of what is not loaded, or restarting', async () => {
    const tally = await loadFixture('tally');
    await expect(machine.update(tally)).rejects.toMatchObject({ errno: ENOENT });
  });

  test('where users would miss a symbol, or find another', async () => {
    const tally = await loadFixture('tally');
    await machine.insmod(tally);
    await machine.insmod(await loadFixture('stillborn'), 'lives=9');
    const file = { ...tally.file, symbols: tally.file.symbols.map((each) => ({ ...each, crc: 1 })) };
    await expect(machine.update({ ...tally, file })).rejects.toMatchObject({
      errno: EINVAL,
      message: 'could not update module tally: its users need another symbol tally_next',
    });
    await machine.update(tally); // its users go on
    expect(machine.lsmod().find(({ name }) => name === 'tally')?.usedBy).toEqual(['stillborn']);
  });

  test('in the kernel’s own memory', async () => {
    await machine.shutdown();
    machine = await lab.boot('monolithic');
    await machine.insmod(before);
    await expect(machine.update(after)).rejects.toMatchObject({ errno: ENOSYS });
  });
});
