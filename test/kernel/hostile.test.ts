// The host code around a driver, as a driver would write it that had got hold of it: whatever stands in the words of a channel
// that a driver's thread writes, the kernel checks before it uses it. Messages forged by name, thousands of random ones,
// and a thread that scribbles while the kernel reads. Beside it an honest driver serves an honest client.

import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Worker } from 'node:worker_threads';
import type { LoadedModule } from '../../host/domain/loaded.ts';
import { Random } from '../../host/fault/random.ts';
import { readDevices, readModules, readNodes } from '../../host/machine/inspect/lists.ts';
import { CHANNEL_DATA_SIZE, D_COPYING, D_GONE, GATE_MOST, K_GENERATION } from '../../kernel/abi/channel.ts';
import { EBUSY, EEXIST, EINVAL, EIO, ENOENT, ENOMEM, ENOSPC } from '../../kernel/abi/errno.ts';
import {
  DRIVER_LOG_BURST,
  DRIVER_LOG_RATE,
  MAX_DRIVER_DEVICES,
  MAX_DRIVER_NODES,
} from '../../kernel/abi/limits.ts';
import { LOG_RECORDS } from '../../kernel/abi/log.ts';
import { M_DOORBELL } from '../../kernel/abi/machine.ts';
import { MACHINE_BASE } from '../../kernel/abi/map.ts';
import {
  CALL_GATE_BUFFER,
  CALL_LOG,
  CALL_MODULE_ABORT,
  CALL_MODULE_LIVE,
  CALL_PROC_CREATE,
  CALL_PROC_REMOVE,
  CALL_REGISTER_CHRDEV,
  CALL_SYMBOL,
  CALL_UNREGISTER_CHRDEV,
  O_RDWR,
  SYS_CLOSE,
  SYS_IOCTL,
  SYS_OPEN,
  SYS_READ,
  SYS_WRITE,
} from '../../kernel/abi/operation.ts';
import { rounds } from '../long.ts';
import { HandmadeClient, HandmadeDriver } from '../support/channel.ts';
import { loadImage, TestKernel } from '../support/kernel.ts';

const [HONEST, HOSTILE] = [5, 6];
const DEADLINE = 2000;
const SEED = 20261126;

let image: LoadedModule;
let kernel: TestKernel;
let honest: HandmadeDriver;
let hostile: HandmadeDriver;
let client: HandmadeClient;
let victim: HandmadeClient;
let fd: number;

beforeAll(async () => {
  image = await loadImage('kernel.wasm');
});
beforeEach(() => {
  kernel = new TestKernel(image, DEADLINE);
  honest = new HandmadeDriver(kernel, HONEST, 'made');
  client = new HandmadeClient(kernel, 1);
  expect(client.call(SYS_OPEN, client.text('/dev/made'), O_RDWR)).toBe(null);
  honest.reply(0);
  fd = client.answer!;
  hostile = new HandmadeDriver(kernel, HOSTILE, 'hostile');
  victim = new HandmadeClient(kernel, 2);
});

const fenced = (driver: HandmadeDriver): boolean => driver.channel.get(K_GENERATION) !== driver.generation;

/** The honest client's call is answered by the honest driver, whatever the other does. */
function serves(): void {
  expect(client.call(SYS_READ, fd, client.address, 64)).toBe(null);
  honest.reply(17);
  expect(client.answer).toBe(17);
}

/** Nobody but the hostile driver has noticed anything. */
function unharmed(): void {
  serves();
  expect(kernel.check()).toEqual([]);
  expect(fenced(honest)).toBe(false);
  expect(readModules(kernel.memory).map(({ name }) => name)).toContain('made');
  expect(readDevices(kernel.memory).find(({ name }) => name === 'made')?.endpoint).toBe(HONEST + 1);
  expect(kernel.complaints.filter(([channel]) => channel !== HOSTILE)).toEqual([]);
  if (kernel.complaints.length > 0) expect(kernel.log().join('\n')).toMatch(/^hostile: bad reply/m);
}

/** The victim's call of the hostile driver is in flight. */
function asked(operation = SYS_READ): void {
  expect(victim.call(SYS_OPEN, victim.text('/dev/hostile'), O_RDWR)).toBe(null);
  hostile.reply(0);
  expect(victim.call(operation, victim.answer!, victim.address, 64)).toBe(null);
}

/** The next incarnation, as the supervisor starts it. */
function reborn(): void {
  hostile.channel.set(D_GONE, hostile.generation);
  kernel.exports.poll();
  hostile = new HandmadeDriver(kernel, HOSTILE, 'hostile');
}

const ATTACKS: Record<string, () => void> = {
  'a reply that nobody has asked for'() {
    for (const tag of [0, 1, 2, -1, 0x7fffffff]) hostile.reply(64, { tag });
  },
  'a reply out of turn'() {
    for (const turn of [-1, 1, 63, 64, 0x7fffffff]) {
      asked();
      hostile.reply(64, { tag: hostile.channel.sent + turn });
      expect(victim.answer).toBe(-EIO);
      expect(victim.call(SYS_CLOSE, 0)).toBe(0);
      hostile = new HandmadeDriver(kernel, HOSTILE, 'hostile');
    }
  },
  'a reply that is there before its request'() {
    asked();
    hostile.reply(64);
    hostile.reply(64);
    victim.call(SYS_READ, 0, victim.address, 8);
    kernel.exports.poll();
    expect(victim.answer).toBe(-EIO); // more than was asked for
  },
  'a reply given twice'() {
    asked();
    hostile.reply(64);
    hostile.reply(32, { tag: hostile.channel.sent });
    expect(victim.answer).toBe(64);
    victim.call(SYS_READ, 0, victim.address, 64);
    kernel.exports.poll();
    expect(victim.answer).toBe(-EIO);
  },
  'a reply of a stale generation'() {
    reborn();
    asked();
    hostile.reply(64, { generation: hostile.generation - 1 });
    expect(victim.answer).toBe(-EIO);
  },
  'a forged generation'() {
    for (const generation of [0, -1, hostile.generation + 1, honest.generation + 7])
      expect(hostile.call(CALL_REGISTER_CHRDEV, 0, 'forged', { generation })).toBe(null);
    expect(readDevices(kernel.memory).map(({ name }) => name)).not.toContain('forged');
  },
  'a length that overflows'() {
    for (const length of [CHANNEL_DATA_SIZE + 1, -1, 0x7fffffff, -0x80000000])
      for (const operation of [CALL_LOG, CALL_REGISTER_CHRDEV, CALL_PROC_CREATE, CALL_SYMBOL])
        expect(hostile.call(operation, 0, '', { length })).toBe(-EINVAL);
  },
  'what belongs to another'() {
    const number = readDevices(kernel.memory).find(({ name }) => name === 'made')!.major;
    expect(hostile.call(CALL_UNREGISTER_CHRDEV, number)).toBe(-ENOENT);
    expect(hostile.call(CALL_REGISTER_CHRDEV, number, 'mine')).toBe(-EBUSY);
    const file = honest.call(CALL_PROC_CREATE, 0, 'theirs')!;
    for (let node = -1; node <= file + 1; node++) expect(hostile.call(CALL_PROC_REMOVE, node)).toBe(-ENOENT);
    expect(hostile.call(CALL_PROC_CREATE, 0, 'theirs')).toBe(-EEXIST);
    expect(hostile.call(CALL_PROC_CREATE, file, 'below')).toBe(-EINVAL);
  },
  'the name of one that has died'() {
    const file = honest.call(CALL_PROC_CREATE, 0, 'theirs')!;
    expect(file).toBeGreaterThan(0);
    honest.channel.set(D_GONE, honest.generation);
    kernel.exports.poll();
    expect(hostile.call(CALL_REGISTER_CHRDEV, 0, 'made')).toBe(-EBUSY);
    expect(hostile.call(CALL_PROC_CREATE, 0, 'theirs')).toBe(-EEXIST);
    honest = new HandmadeDriver(kernel, HONEST, 'made');
    expect(honest.call(CALL_PROC_CREATE, 0, 'theirs')).toBe(file);
    expect(client.call(SYS_CLOSE, fd)).toBe(0);
    expect(client.call(SYS_OPEN, client.text('/dev/made'), O_RDWR)).toBe(null);
    honest.reply(0);
  },
  'devices without end'() {
    let count = 1;
    while (hostile.call(CALL_REGISTER_CHRDEV, 0, `more${count}`)! > 0) count++;
    expect(hostile.answer).toBe(-ENOSPC);
    expect(count).toBe(MAX_DRIVER_DEVICES);
    expect(honest.call(CALL_REGISTER_CHRDEV, 0, 'other')).toBeGreaterThan(0);
  },
  'devices without end, of one incarnation after the other'() {
    for (let count = 1; count < MAX_DRIVER_DEVICES; count++) {
      expect(hostile.call(CALL_REGISTER_CHRDEV, 0, `more${count}`)).toBeGreaterThan(0);
      reborn();
    }
    expect(hostile.call(CALL_REGISTER_CHRDEV, 0, 'one more')).toBe(-ENOSPC);
    expect(hostile.call(CALL_REGISTER_CHRDEV, 0, 'more1')).toBeGreaterThan(0); // is its own
  },
  'names without end'() {
    const before = readNodes(kernel.memory).length;
    let count = 0;
    while (hostile.call(CALL_PROC_CREATE, 0, `more${count}`)! > 0) count++;
    expect(hostile.answer).toBe(-ENOSPC);
    expect(count).toBe(MAX_DRIVER_NODES);
    reborn();
    expect(hostile.call(CALL_PROC_CREATE, 0, 'other')).toBe(-ENOSPC);
    expect(readNodes(kernel.memory).length).toBe(before + MAX_DRIVER_NODES);
    expect(honest.call(CALL_PROC_CREATE, 0, 'other')).toBeGreaterThan(0);
  },
  'memory of the kernel without end'() {
    expect(hostile.call(CALL_GATE_BUFFER, GATE_MOST + 1)).toBe(-ENOMEM);
    for (let length = 4096; length <= GATE_MOST; length += 4096)
      expect(hostile.call(CALL_GATE_BUFFER, length)).toBeGreaterThan(0);
    const { bytesUsed } = kernel.snapshot().accounting;
    reborn();
    expect(kernel.snapshot().accounting.bytesUsed).toBeLessThan(bytesUsed - GATE_MOST / 2);
  },
  'the log, full of its own lines'() {
    const since = performance.now();
    for (let i = 0; i < LOG_RECORDS * 4; i++) expect(hostile.call(CALL_LOG, i, `spam ${i}`)).toBe(0);
    const seconds = (performance.now() - since) / 1000;
    const spam = kernel.log().filter((line) => line.startsWith('spam'));
    expect(spam.length).toBeLessThanOrEqual(DRIVER_LOG_BURST + Math.ceil(seconds * DRIVER_LOG_RATE));
    expect(kernel.log()[0]).toMatch(/^isolab kernel/);
    expect(kernel.log()).toContain('hostile: logs too much, messages are suppressed');
  },
  'the log, full of what the kernel says of its calls'() {
    hostile.call(CALL_PROC_CREATE, 0, 'once');
    for (let i = 0; i < LOG_RECORDS * 4; i++) expect(hostile.call(CALL_PROC_CREATE, 0, 'once')).toBe(-EEXIST);
    expect(kernel.log()[0]).toMatch(/^isolab kernel/);
    expect(kernel.warnings).toEqual([]); // no warning of the kernel's, which could stop it
  },
  'a storm of calls'() {
    for (let i = 0; i < 200; i++) {
      hostile.call(CALL_REGISTER_CHRDEV, 512, 'storm');
      serves();
    }
  },
  'a storm on the doorbell'() {
    for (let i = 0; i < 200; i++) {
      kernel.words[(MACHINE_BASE + M_DOORBELL) >> 2]! += i * 7919;
      serves();
    }
  },
  'a copy that never ends'() {
    asked();
    hostile.channel.set(D_COPYING, 1);
    hostile.channel.set(D_GONE, hostile.generation);
    for (let i = 0; i < 10; i++) serves();
    expect(victim.answer).toBe(null);
    hostile.channel.set(D_COPYING, 0); // by the supervisor, once its thread has ended
    kernel.exports.poll();
    expect(victim.answer).toBe(-EIO);
  },
  'a bad reply in the middle of a copy'() {
    asked();
    hostile.channel.set(D_COPYING, 1);
    hostile.reply(65);
    for (let i = 0; i < 10; i++) serves();
    expect([fenced(hostile), victim.answer]).toEqual([true, null]);
    hostile.channel.set(D_COPYING, 0);
    kernel.exports.poll();
    expect(victim.answer).toBe(-EIO);
  },
  'to be unloaded, or live, once more'() {
    expect(hostile.call(CALL_MODULE_ABORT)).toBe(-EINVAL);
    expect(hostile.call(CALL_MODULE_LIVE)).toBe(-EINVAL);
    expect(readModules(kernel.memory).map(({ name }) => name)).toContain('hostile');
  },
};

describe('an attack', () => {
  test.each(Object.keys(ATTACKS))('%s', (name) => {
    ATTACKS[name]!();
    unharmed();
  });
});

/** Words that a check could get wrong. */
const WORDS = [0, 1, 2, -1, 64, 512, 513, 4096, 0x10000, 0x7fffffff, -0x80000000, -4096, -4095];
const NAMES = ['hostile', 'made', 'more', 'more/a', '', '../x', 'x'.repeat(56), 'version', 'sys/kernel'];
const CALLS = [
  ...[CALL_LOG, CALL_REGISTER_CHRDEV, CALL_UNREGISTER_CHRDEV, CALL_MODULE_LIVE, CALL_MODULE_ABORT],
  ...[CALL_PROC_CREATE, CALL_PROC_REMOVE, CALL_GATE_BUFFER, CALL_SYMBOL, 0, 99],
];

test(`random messages (seed ${SEED})`, () => {
  const random = new Random(SEED);
  const before = kernel.snapshot().accounting;
  let deaths = 0;
  const anything = (): number => (random.once(4) ? random.u32() | 0 : random.pick(WORDS));
  for (let round = 0; round < rounds(4000, 400_000); round++) {
    if (fenced(hostile)) {
      deaths++;
      hostile.channel.set(D_COPYING, 0);
      kernel.exports.poll();
      // As the supervisor does before it gives the channel to the next.
      for (const [from, to] of hostile.channel.driversWords) kernel.words.fill(0, from >> 2, to >> 2);
      hostile = new HandmadeDriver(kernel, HOSTILE, 'hostile');
    }
    const step = random.below(8);
    if (step < 2) {
      const [from, to] = random.pick(hostile.channel.driversWords);
      kernel.words[(from >> 2) + random.below((to - from) >> 2)] = anything();
      kernel.exports.poll();
    } else if (step < 5) {
      const argument = random.once(2) ? random.below(700) : anything();
      hostile.call(random.pick(CALLS), argument, random.pick(NAMES));
    } else if (step < 6) {
      const forged = random.once(3) ? { generation: anything() } : {};
      hostile.reply(random.once(2) ? random.below(64) : anything(), {
        ...forged,
        ...(random.once(3) ? { tag: anything() } : {}),
        ...(random.once(3) ? { position: BigInt(anything()) } : {}),
      });
    } else if (victim.answer !== null || round === 0) {
      const call = random.pick([SYS_OPEN, SYS_READ, SYS_WRITE, SYS_IOCTL, SYS_CLOSE]);
      if (call === SYS_OPEN) victim.call(call, victim.text('/dev/hostile'), O_RDWR);
      else victim.call(call, random.below(4), victim.address, random.below(100));
    }
    if (round % 16 === 0) serves();
    if (round % 500 === 0) expect(kernel.check()).toEqual([]);
  }
  expect(deaths).toBeGreaterThan(10);
  hostile.channel.set(D_COPYING, 0);
  hostile.channel.set(D_GONE, hostile.generation);
  kernel.exports.poll();
  for (let open = 0; open < 16; open++) victim.call(SYS_CLOSE, open);
  unharmed();
  const { bytesUsed, modules, ...after } = kernel.snapshot().accounting;
  expect(before).toMatchObject(after);
  expect(modules).toBe(before.modules - 1);
  expect(bytesUsed).toBeLessThan(before.bytesUsed);
});

test('a thread that scribbles on its words while the kernel reads them', async () => {
  const code = `
    const { parentPort, workerData: { memory, ranges, words, stop } } = require('node:worker_threads');
    const view = new Int32Array(memory.buffer);
    const end = new Int32Array(stop);
    let state = 0x9e3779b9;
    const next = (limit) => {
      state ^= state << 13; state ^= state >>> 17; state ^= state << 5;
      return (state >>> 0) % limit;
    };
    parentPort.postMessage('ready');
    while (Atomics.load(end, 0) === 0) {
      const [from, to] = ranges[next(ranges.length)];
      const at = (from >> 2) + next((to - from) >> 2);
      // Near what is there already, so that sequences come true.
      const value = next(3) ? view[at] + next(4) - 1 : words[next(words.length)];
      Atomics.store(view, at, value);
    }`;
  const stop = new SharedArrayBuffer(4);
  const workerData = { memory: kernel.memory, ranges: hostile.channel.driversWords, words: WORDS, stop };
  const worker = new Worker(code, { eval: true, workerData });
  const ended = new Promise((resolve) => worker.once('exit', resolve));
  await new Promise((resolve) => worker.once('message', resolve));
  let deaths = 0;
  for (let round = 0; round < rounds(3000, 300_000); round++) {
    if (fenced(hostile)) {
      deaths++;
      // As long as it says that it copies, nobody can be started in its place; nor does everyone come up.
      try {
        hostile = new HandmadeDriver(kernel, HOSTILE, 'hostile');
      } catch (error) {
        expect(String(error)).toMatch(/cannot be (loaded|announced|registered|live)/);
        hostile.channel.set(D_COPYING, 0);
      }
    }
    kernel.exports.poll();
    if (victim.answer !== null || round === 0) victim.call(SYS_OPEN, victim.text('/dev/hostile'), O_RDWR);
    serves();
    if (round % 500 === 0) expect(kernel.check()).toEqual([]);
  }
  Atomics.store(new Int32Array(stop), 0, 1);
  await ended;
  expect(deaths).toBeGreaterThan(0);
  unharmed();
});
