// Cores: what is written can be read, and the errors of files that are no core, or not a complete one.

import { beforeEach, describe, expect, test } from 'vitest';
import { snapshotForCore, BadCore, Core, packCore } from '../../../host/machine/inspect/core.ts';
import { seal } from '../../../host/machine/inspect/core-seal.ts';
import { gunzip, gzip } from '../../../host/machine/inspect/gzip.ts';
import { Random } from '../../../host/fault/random.ts';
import {
  CHANNEL_SIZE,
  K_RING,
  Q_ARGUMENT1,
  Q_GENERATION,
  Q_GRANT_ADDRESS,
  Q_GRANT_LENGTH,
  Q_HANDLE,
  Q_OPERATION,
  Q_POSITION,
  Q_SEQUENCE,
  R_GENERATION,
  R_SEQUENCE,
  R_STATUS,
  R_TAG,
  RING_HALF,
  RING_STRIDE,
} from '../../../kernel/abi/channel.ts';
import { CHANNELS_BASE, PAGE_SIZE, WASM_PAGE } from '../../../kernel/abi/map.ts';
import { OP_READ, OP_WRITE } from '../../../kernel/abi/operation.ts';
import { pattern } from '../../support/machine.ts';

const RING = 0x40000;
const CHANNEL = 3;
const INCARNATION = 5;

const shared = (pages: number): WebAssembly.Memory =>
  new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });

let kernel: WebAssembly.Memory;
let memory: WebAssembly.Memory;

beforeEach(() => {
  kernel = shared(5);
  memory = shared(2);
  put(CHANNELS_BASE + CHANNEL * CHANNEL_SIZE, { [K_RING]: RING });
});

function put(at: number, words: Record<number, number>): void {
  const view = new DataView(kernel.buffer);
  for (const [offset, value] of Object.entries(words)) view.setInt32(at + Number(offset), value, true);
}

function core(): Promise<Uint8Array<ArrayBuffer>> {
  const told = { driver: 'made', sha256: 'abc', generation: 2, placement: 'microkernel', boot: 1 } as const;
  const death = { by: 'trap', fault: null, oops: ['BUG: it was made to die'] } as const;
  const place = { kernel, memory, channel: CHANNEL, incarnation: INCARNATION };
  const { oops, ...fatal } = death;
  return packCore(snapshotForCore({ ...told, ...fatal, ...place }), [...oops], memory);
}

/** A core with another content. */
async function forged(change: (content: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>): Promise<Core> {
  return Core.read(await seal(await gzip([change(await gunzip(await core(), 1 << 20))])));
}

/** The content of a core with another header. */
function headed(content: Uint8Array, change: (header: object) => unknown): Uint8Array<ArrayBuffer> {
  const length = new DataView(content.buffer).getUint32(8, true);
  const header = JSON.parse(new TextDecoder().decode(content.subarray(12, 12 + length))) as object;
  const json = new TextEncoder().encode(JSON.stringify(change(header)));
  const bytes = new Uint8Array(12 + json.length);
  bytes.set(content.subarray(0, 8));
  new DataView(bytes.buffer).setUint32(8, json.length, true);
  bytes.set(json, 12);
  return bytes;
}

test('says who died, and of what', async () => {
  expect((await Core.read(await core())).header).toMatchObject({
    ...{ schema: 'isolab.core/2', driver: 'made', generation: 2, boot: 1, by: 'trap' },
    ...{ oops: ['BUG: it was made to die'], memory: 2 * WASM_PAGE, messages: [], log: [], modules: [] },
  });
});

test('has the memory, of which zeros take no room', async () => {
  const bytes = new Uint8Array(memory.buffer);
  bytes[PAGE_SIZE * 3 + 1] = 1;
  bytes[PAGE_SIZE * 4] = 2;
  bytes[bytes.length - 1] = 3;
  const made = await core();
  const read = await Core.read(made);
  expect(read.header.pages).toEqual([
    [3, 2],
    [31, 1],
  ]);
  expect(made.length).toBeLessThan(PAGE_SIZE);
  for (const [address, length] of [
    [0, bytes.length],
    [PAGE_SIZE * 3, 2],
    [PAGE_SIZE * 4 - 1, 2],
    [bytes.length - 5, 5],
    [100, 0],
  ] as const)
    expect(Buffer.from(read.read(address, length)).equals(bytes.slice(address, address + length))).toBe(true);
  expect(() => read.read(bytes.length - 5, 6)).toThrow(RangeError);
});

test('has the last requests of this incarnation, with their answers', async () => {
  const ask = (sequence: number, words: Record<number, number>): void =>
    put(RING + (sequence % 64) * RING_STRIDE, {
      ...{ [Q_SEQUENCE]: sequence, [Q_GENERATION]: INCARNATION },
      ...words,
    });
  ask(64, { [Q_OPERATION]: OP_WRITE, [Q_GENERATION]: INCARNATION - 1 });
  ask(65, { [Q_OPERATION]: OP_READ, [Q_GRANT_ADDRESS]: 0x100, [Q_GRANT_LENGTH]: 16, [Q_HANDLE]: 7 });
  ask(66, { [Q_OPERATION]: OP_WRITE, [Q_POSITION + 4]: 1, [Q_ARGUMENT1]: 9 });
  put(RING + RING_HALF + RING_STRIDE, {
    ...{ [R_SEQUENCE]: 1, [R_GENERATION]: INCARNATION, [R_TAG]: 65, [R_STATUS]: -5 },
  });
  expect((await Core.read(await core())).header.messages).toEqual([
    {
      ...{ sequence: 65, operation: OP_READ, handle: 7, minor: 0, position: 0, address: 0x100, length: 16 },
      ...{ arguments: [0, 0], status: -5 },
    },
    {
      ...{ sequence: 66, operation: OP_WRITE, handle: 0, minor: 0, position: 0x100000000, address: 0 },
      ...{ length: 0, arguments: [0, 9], status: null },
    },
  ]);
});

describe('what is no core', () => {
  test('is not taken for one', async () => {
    for (const text of ['', 'ISLCORE', '\u007fELF and so on', 'ISLCORE2....'])
      await expect(Core.read(new TextEncoder().encode(text))).rejects.toThrow(
        'it does not begin as a core does',
      );
    const other = await seal(await gzip([new TextEncoder().encode('something else')]));
    await expect(Core.read(other)).rejects.toThrow('it does not begin as a core does');
  });

  test('is refused wherever it is cut off', async () => {
    new Uint8Array(memory.buffer)[0] = 1;
    const whole = await core();
    for (let length = 2; length < whole.length; length += 7)
      await expect(Core.read(whole.slice(0, length))).rejects.toThrow(
        /^it is cut off: .* of which \d+ are there$|^its head is damaged$/,
      );
    await expect(Core.read(whole)).resolves.toBeInstanceOf(Core);
  });

  test('is refused wherever a byte of it has changed', async () => {
    new Uint8Array(memory.buffer).set(pattern(PAGE_SIZE));
    const whole = await core();
    const random = new Random(20261130);
    // Every byte of the head, and the last, of which some bits mean nothing to gzip; the others by a seed.
    const places = [
      ...Array.from({ length: 64 }, (_, at) => at),
      ...Array.from({ length: 64 }, (_, back) => whole.length - 1 - back),
      ...Array.from({ length: 200 }, () => random.below(whole.length)),
    ];
    for (const at of places) {
      const damaged = whole.slice();
      damaged[at]! ^= 1 << random.below(8);
      const read = await Core.read(damaged).catch((error: unknown) => error);
      expect(read, `byte ${at}`).toBeInstanceOf(BadCore);
    }
    await expect(Core.read(whole)).resolves.toBeInstanceOf(Core);
  });

  test('is refused with anything behind it, and without its seal', async () => {
    const whole = await core();
    await expect(Core.read(Uint8Array.of(...whole, 0))).rejects.toThrow(/^it is damaged: \d+ bytes follow/);
    await expect(Core.read(await gzip([await gunzip(whole, 1 << 20)]))).rejects.toThrow(
      'it has no checksum, which every core has',
    );
  });

  test('is not unpacked beyond what a core may have', async () => {
    const bomb = await seal(await gzip(Array.from({ length: 65 }, () => new Uint8Array(1 << 20))));
    await expect(Core.read(bomb)).rejects.toThrow('it has more than 67108864 bytes');
  });

  test.each([
    ['no object', () => 7, 'its header is no object'],
    ['another schema', (header: object) => ({ ...header, schema: 'isolab.core/1' }), 'its schema is not'],
    ['no driver', (header: object) => ({ ...header, driver: 1 }), 'its header has no good driver'],
    ['a run of nothing', (header: object) => ({ ...header, pages: [7] }), 'its header has no good pages'],
    [
      'pages beyond the memory',
      (header: object) => ({ ...header, pages: [[31, 2]] }),
      'more than its memory',
    ],
    [
      'pages that overlap',
      (header: object) => ({
        ...header,
        pages: [
          [3, 2],
          [4, 1],
        ],
      }),
      'its pages are not in order',
    ],
    [
      'pages that are not there',
      (header: object) => ({ ...header, pages: [[3, 1]] }),
      'its memory has 4096 bytes, of which 0 are there',
    ],
    ['a message of nothing', (header: object) => ({ ...header, messages: [{}] }), 'no good messages'],
  ])('%s', async (_, change, reason) => {
    await expect(forged((content) => headed(content, change))).rejects.toThrow(reason);
    await expect(forged((content) => headed(content, change))).rejects.toThrow(BadCore);
  });

  test('a header that is no JSON', async () => {
    const broken = forged((content) => content.fill(0, 12, 13));
    await expect(broken).rejects.toThrow('its header is no JSON');
  });

  test.each([
    [8, 'it ends after 8 bytes'],
    [20, /^its header has \d+ bytes, of which 8 are there$/],
  ])('one that is packed well and has but %d bytes', async (length, reason) => {
    await expect(forged((content) => content.slice(0, length))).rejects.toThrow(reason);
  });
});
