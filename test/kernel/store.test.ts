// The data store, with drivers made by hand: what a key may hold, who sees it, and what becomes of it at the end of its driver.

import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { LoadedModule } from '../../host/domain/loaded.ts';
import { readAccounting } from '../../host/machine/inspect/lists.ts';
import { readStore } from '../../host/machine/shared/store-entries.ts';
import { CHANNEL_DATA, CHANNEL_DATA_SIZE, D_GONE } from '../../kernel/abi/channel.ts';
import { E2BIG, EINVAL, ENAMETOOLONG, ENOENT, ENOSPC } from '../../kernel/abi/errno.ts';
import { LOAD_AGAIN, LOAD_UPDATE } from '../../kernel/abi/module.ts';
import {
  CALL_MODULE_ABORT,
  CALL_MODULE_LIVE,
  CALL_STORE_DELETE,
  CALL_STORE_MODE,
  CALL_STORE_PUBLISH,
  CALL_STORE_RETRIEVE,
  CALL_STORE_VERSION,
  SYS_DELETE_MODULE,
  SYS_REPLACE_MODULE,
} from '../../kernel/abi/operation.ts';
import {
  INIT_FRESH,
  INIT_LIVE_UPDATE,
  INIT_RESTART,
  ST_TAG_CHANNELS,
  STORE_BYTES,
  STORE_BYTES_MAX,
  STORE_MAX,
  STORE_OWNER_MAX,
  STORE_RANGE,
  STORE_U32,
} from '../../kernel/abi/store.ts';
import { HandmadeClient, HandmadeDriver } from '../support/channel.ts';
import { loadImage, TestKernel } from '../support/kernel.ts';

let image: LoadedModule;
let kernel: TestKernel;

beforeAll(async () => {
  image = await loadImage('kernel.wasm');
});

beforeEach(() => {
  kernel = new TestKernel(image);
});

/** A driver's words about the store. */
class Keeper {
  readonly driver: HandmadeDriver;
  private readonly index: number;

  constructor(index: number, name = 'keeper', how = 0, live = true) {
    this.index = index;
    this.driver = new HandmadeDriver(kernel, index, name, 0, how, live);
  }

  /** Its incarnation in one word. */
  get tag(): number {
    return this.driver.generation * ST_TAG_CHANNELS + this.index + 1;
  }

  private get data(): number {
    return this.driver.channel.base + CHANNEL_DATA;
  }

  raw(operation: number, a: number, b: number, data: Uint8Array): number {
    kernel.domain.bytes.set(data, this.data);
    return this.driver.call(operation, a, '', { length: data.length }, b)!;
  }

  publish(key: string, type: number, value: Uint8Array, length = value.length): number {
    const data = Uint8Array.from([...new TextEncoder().encode(`${key}\0`), ...value]);
    return this.raw(CALL_STORE_PUBLISH, type, length, data);
  }

  number(key: string, value: number): number {
    return this.publish(key, STORE_U32, words(value));
  }

  range(key: string, address: number, length: number): number {
    return this.publish(key, STORE_RANGE, words(address, length));
  }

  /** The value of a key: its bytes, or an errno. */
  retrieve(key: string, type: number, size = CHANNEL_DATA_SIZE): Uint8Array | number {
    const length = this.raw(CALL_STORE_RETRIEVE, type, size, new TextEncoder().encode(key));
    return length < 0 ? length : kernel.domain.bytes.slice(this.data, this.data + length);
  }

  ask(operation: number, key = ''): number {
    return this.raw(operation, 0, 0, new TextEncoder().encode(key));
  }

  dies(): void {
    this.driver.channel.set(D_GONE, this.driver.generation);
    kernel.exports.poll();
  }
}

const words = (...values: number[]): Uint8Array => new Uint8Array(Uint32Array.from(values).buffer);
const bytes = (count: number): Uint8Array => Uint8Array.from({ length: count }, (_, i) => i * 7);

/** A successor whose init still runs. */
const successor = (index: number, how = LOAD_AGAIN): Keeper => new Keeper(index, 'keeper', how, false);

/** A range as it is retrieved. */
const rangeOf = (address: number, length: number, of?: Keeper): Uint8Array =>
  words(address, length, of?.tag ?? 0);

describe('a value', () => {
  let keeper: Keeper;
  beforeEach(() => (keeper = new Keeper(2)));

  test('is there under its key, the latest alone', () => {
    expect(keeper.number('count', 7)).toBe(0);
    expect(keeper.number('count', 0xfffffff0)).toBe(0);
    expect(keeper.retrieve('count', STORE_U32)).toEqual(words(0xfffffff0));
    expect(keeper.ask(CALL_STORE_VERSION, 'count')).toBe(2);
    expect(keeper.publish('text', STORE_BYTES, bytes(STORE_BYTES_MAX))).toBe(0);
    expect(keeper.retrieve('text', STORE_BYTES)).toEqual(bytes(STORE_BYTES_MAX));
    expect(keeper.publish('text', STORE_BYTES, bytes(0))).toBe(0);
    expect(keeper.retrieve('text', STORE_BYTES)).toEqual(bytes(0));
    expect(keeper.range('disk', 0x90000, 4096)).toBe(0);
    expect(keeper.retrieve('disk', STORE_RANGE)).toEqual(rangeOf(0x90000, 4096));
    expect(readStore(kernel.memory)).toMatchObject([
      { owner: 'keeper', key: 'count', type: STORE_U32, version: 2, length: 4 },
      { owner: 'keeper', key: 'text', type: STORE_BYTES, version: 2, length: 0 },
      { owner: 'keeper', key: 'disk', type: STORE_RANGE, version: 1, length: 4096 },
    ]);
    expect(kernel.check()).toEqual([]);
  });

  test('may change its type', () => {
    keeper.publish('x', STORE_BYTES, bytes(100));
    keeper.number('x', 1);
    expect(keeper.retrieve('x', STORE_BYTES)).toBe(-EINVAL);
    expect(keeper.retrieve('x', STORE_U32)).toEqual(words(1));
  });

  test('is deleted, and holds nothing then', () => {
    const before = readAccounting(kernel.memory);
    keeper.publish('x', STORE_BYTES, bytes(100));
    expect(keeper.ask(CALL_STORE_DELETE, 'x')).toBe(0);
    expect(keeper.ask(CALL_STORE_DELETE, 'x')).toBe(-ENOENT);
    expect(keeper.ask(CALL_STORE_VERSION, 'x')).toBe(-ENOENT);
    expect(keeper.retrieve('x', STORE_BYTES)).toBe(-ENOENT);
    expect(readAccounting(kernel.memory).bytesUsed).toBe(before.bytesUsed);
  });

  test('is not retrieved where there is no room for it', () => {
    keeper.publish('x', STORE_BYTES, bytes(100));
    expect(keeper.retrieve('x', STORE_BYTES, 99)).toBe(-E2BIG);
    expect(keeper.retrieve('x', STORE_BYTES, 100)).toEqual(bytes(100));
  });

  test.each([
    ['no key', '', STORE_U32, words(1), undefined, -EINVAL],
    ['a key of 32 bytes', 'k'.repeat(32), STORE_U32, words(1), undefined, -ENAMETOOLONG],
    ['a type that there is not', 'x', 4, words(1), undefined, -EINVAL],
    ['half a number', 'x', STORE_U32, bytes(3), undefined, -EINVAL],
    ['half a range', 'x', STORE_RANGE, bytes(7), undefined, -EINVAL],
    ['an empty range', 'x', STORE_RANGE, words(4096, 0), undefined, -EINVAL],
    ['a range around the end', 'x', STORE_RANGE, words(0xfffff000, 0x2000), undefined, -EINVAL],
    ['bytes that are not there', 'x', STORE_BYTES, bytes(8), 9, -EINVAL],
    ['bytes up to the end of all addresses', 'x', STORE_BYTES, bytes(8), -1, -EINVAL],
    ['481 bytes', 'x', STORE_BYTES, bytes(481), undefined, -E2BIG],
  ] as const)('%s is refused', (_, key, type, value, length, status) => {
    expect(keeper.publish(key, type, value, length)).toBe(status);
    expect(readStore(kernel.memory)).toEqual([]);
  });

  test('without an end of its key is refused', () => {
    const raw = new Uint8Array(CHANNEL_DATA_SIZE).fill(65);
    expect(keeper.raw(CALL_STORE_PUBLISH, STORE_BYTES, 0, raw)).toBe(-EINVAL);
  });

  test('is one of 64 of its owner, and of 512 in all', () => {
    for (let i = 0; i < STORE_OWNER_MAX; i++) expect(keeper.number(`key${i}`, i)).toBe(0);
    expect(keeper.number('one more', 1)).toBe(-ENOSPC);
    expect(keeper.number('key3', 9)).toBe(0);
    for (let i = 1; i < STORE_MAX / STORE_OWNER_MAX; i++) {
      const other = new Keeper(2 + i, `other${i}`);
      for (let k = 0; k < STORE_OWNER_MAX; k++) expect(other.number(`key${k}`, k)).toBe(0);
    }
    expect(new Keeper(20, 'late').number('key', 1)).toBe(-ENOSPC);
    keeper.ask(CALL_STORE_DELETE, 'key0');
    expect(new Keeper(21, 'later').number('key', 1)).toBe(0);
    expect(kernel.check()).toEqual([]);
  });

  test('is its owner’s alone', () => {
    keeper.number('x', 1);
    const other = new Keeper(3, 'other');
    expect(other.retrieve('x', STORE_U32)).toBe(-ENOENT);
    expect(other.ask(CALL_STORE_DELETE, 'x')).toBe(-ENOENT);
    other.number('x', 2);
    expect(keeper.retrieve('x', STORE_U32)).toEqual(words(1));
  });
});

describe('when its driver has died', () => {
  let keeper: Keeper;
  beforeEach(() => {
    keeper = new Keeper(2);
    keeper.number('count', 7);
    keeper.range('disk', 0x90000, 4096);
    keeper.dies();
  });

  test('the successor has its values, and its ranges until it is live', () => {
    const next = successor(3);
    expect(next.ask(CALL_STORE_MODE)).toBe(INIT_RESTART);
    expect(next.retrieve('count', STORE_U32)).toEqual(words(7));
    expect(next.range('disk', 0xa0000, 100)).toBe(0);
    expect(next.retrieve('disk', STORE_RANGE)).toEqual(rangeOf(0x90000, 4096, keeper));
    expect(next.driver.call(CALL_MODULE_LIVE)).toBe(0);
    expect(next.retrieve('disk', STORE_RANGE)).toEqual(rangeOf(0xa0000, 100));
    next.dies();
    expect(successor(4).retrieve('disk', STORE_RANGE)).toEqual(rangeOf(0xa0000, 100, next));
  });

  test('a range that the successor does not publish is gone when it is live', () => {
    const next = successor(3);
    next.driver.call(CALL_MODULE_LIVE);
    expect(next.retrieve('disk', STORE_RANGE)).toBe(-ENOENT);
    expect(next.retrieve('count', STORE_U32)).toEqual(words(7));
  });

  test.each(['dies', 'refuses'] as const)('a successor that %s in its init leaves all to the next', (how) => {
    const next = successor(3);
    next.range('disk', 0xa0000, 100);
    next.range('other', 0xb0000, 100);
    if (how === 'dies') next.dies();
    else next.driver.call(CALL_MODULE_ABORT);
    const last = successor(4);
    expect(last.retrieve('disk', STORE_RANGE)).toEqual(rangeOf(0x90000, 4096, keeper));
    expect(last.retrieve('other', STORE_RANGE)).toBe(-ENOENT);
  });

  test('one that is loaded afresh finds nothing', () => {
    const next = new Keeper(3);
    expect(next.ask(CALL_STORE_MODE)).toBe(INIT_FRESH);
    expect(readStore(kernel.memory)).toEqual([]);
  });
});

describe('when its driver is unloaded', () => {
  let keeper: Keeper;
  const unloads = (number: number): void => {
    const client = new HandmadeClient(kernel, 1);
    expect(client.call(number, client.text('keeper'), 0)).toBe(null);
    keeper.driver.reply(0);
    expect(client.answer).toBe(0);
  };
  beforeEach(() => {
    keeper = new Keeper(2);
    keeper.number('count', 7);
    keeper.range('disk', 0x90000, 4096);
  });

  test('nothing is left', () => {
    unloads(SYS_DELETE_MODULE);
    expect(readStore(kernel.memory)).toEqual([]);
    expect(kernel.check()).toEqual([]);
  });

  test('for a successor, that has everything', () => {
    unloads(SYS_REPLACE_MODULE);
    const next = successor(3, LOAD_AGAIN | LOAD_UPDATE);
    expect(next.ask(CALL_STORE_MODE)).toBe(INIT_LIVE_UPDATE);
    expect(next.retrieve('count', STORE_U32)).toEqual(words(7));
    expect(next.retrieve('disk', STORE_RANGE)).toEqual(rangeOf(0x90000, 4096, keeper));
  });

  test('a first one that dies in its init leaves nothing', () => {
    unloads(SYS_DELETE_MODULE);
    const first = successor(3, 0);
    first.number('count', 1);
    first.dies();
    expect(readStore(kernel.memory)).toEqual([]);
  });
});
