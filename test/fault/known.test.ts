// Damaged modules with a known end, each made by hand: who refuses it, or what it does where it is isolated and where it is
// not. One machine of each placement meets all of them, one after the other.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadModule } from '../../host/domain/load-file.ts';
import type { LoadedModule } from '../../host/domain/loaded.ts';
import { Bench } from '../../host/fault/bench.ts';
import { moduleFields, replaced, leb, sleb } from '../../host/fault/fields.ts';
import type { Kind, Outcome } from '../../host/fault/outcome.ts';
import { BadModule, ByteWriter } from '../../host/linker/wasm/bytes.ts';
import type { SidePlacement } from '../../host/machine/shared/types.ts';
import { MIN_DEADLINE_MS } from '../../kernel/abi/limits.ts';
import { custom, dylink, file, I32, type Part } from '../linker/handmade.ts';
import { loadFixture } from '../support/fixtures.ts';
import { PLACEMENTS } from '../support/machine.ts';
import { threadLab, type ThreadLab } from '../support/threads.ts';

/** Ending a hang takes a deadline and the end of a thread, on processors that others use too. */
const SOON = 6 * MIN_DEADLINE_MS;
const NAME = 'handmade';
const END = 0x0b;

const MEMORY_BASE = 0;
const IMPORTS: Part = [
  2,
  (to) => {
    to.u32(4).text('env').text('__memory_base').u8(3).u8(I32).u8(0);
    to.text('env').text('__table_base').u8(3).u8(I32).u8(0);
    to.text('env').text('memory').u8(2).u8(3).u32(1).u32(65536);
    to.text('env').text('__indirect_function_table').u8(1).u8(0x70).u8(0).u32(0);
  },
];
/** `() → ()` and `() → i32`. */
const TYPES: Part = [1, (to) => to.u32(2).u8(0x60).u32(0).u32(0).u8(0x60).u32(0).u32(1).u8(I32)];

interface Parts {
  /** Bodies without their end. */
  start?: number[];
  init?: number[];
  exit?: number[] | null;
  relocations?: number[];
  /** Offset expression of a data segment of four bytes. */
  data?: number[];
  /** Offset expression of an element segment of one slot. */
  slots?: number[];
  dylink?: Part;
  sections?: Part[];
}

const RETURN = (value: number): number[] => [0x41, ...sleb(value)];
const FOREVER = [0x03, 0x40, 0x0c, 0x00, END];
const TRAP = [0x00];
const STORE_AT_0 = [0x41, 0, 0x41, ...sleb(42), 0x36, 2, 0];

/** A module without a device: a start function, an init and an exit, as they are given. */
function handmade(parts: Parts = {}): Uint8Array<ArrayBuffer> {
  const { start, init = RETURN(0), exit = [], relocations, data, slots, sections = [] } = parts;
  const functions: { type: number; body: number[]; name?: string }[] = [
    { type: 1, body: init, name: 'init_module' },
    ...(exit ? [{ type: 0, body: exit, name: 'cleanup_module' }] : []),
    ...(relocations ? [{ type: 0, body: relocations, name: '__wasm_apply_data_relocs' }] : []),
    ...(start ? [{ type: 0, body: start }] : []),
  ];
  const named = functions.filter(({ name }) => name !== undefined);
  const all: Part[] = [
    parts.dylink ?? dylink(),
    TYPES,
    IMPORTS,
    [3, (to) => functions.forEach(({ type }) => to.u32(type), to.u32(functions.length))],
    [7, (to) => named.forEach(({ name }, i) => to.text(name!).u8(0).u32(i), to.u32(named.length))],
  ];
  if (start) all.push([8, (to) => to.u32(functions.length - 1)]);
  const expression = (of: number[]): Uint8Array => Uint8Array.from([...of, END]);
  if (slots) all.push([9, (to) => to.u32(1).u32(0).raw(expression(slots)).u32(1).u32(0)]);
  all.push([
    10,
    (to) => {
      to.u32(functions.length);
      for (const { body } of functions) to.block((part) => part.u8(0).raw(expression(body)));
    },
  ]);
  if (data)
    all.push([11, (to) => to.u32(1).u32(0).raw(expression(data)).u32(4).raw(new Uint8Array(4).fill(1))]);
  const whole = file(
    ...all,
    ...sections,
    custom('.modinfo', (to) => void strings(to, [`name=${NAME}`, 'license=GPL'])),
  );
  return Uint8Array.from(whole);
}

function strings(to: ByteWriter, texts: readonly string[]): void {
  for (const text of texts) to.raw(new TextEncoder().encode(`${text}\0`));
}

const symbol = (name: string): Part =>
  custom('__ksymtab', (to) => {
    for (let i = 0; i < 2; i++) {
      strings(to, [name, '']);
      to.u8(0).u32le(0);
    }
  });

describe('is refused by the reader:', () => {
  test.each<[string, Parts, RegExp]>([
    ['a segment outside of MEM_INFO', { data: [0x23, MEMORY_BASE, 0x41, 61, 0x6a] }, /outside of its memory/],
    ['a segment before its memory', { data: [0x23, MEMORY_BASE, 0x41, 0x7f, 0x6a] }, /outside of its memory/],
    ['a segment at a fixed address', { data: [0x41, 0] }, /does not lie at env.__memory_base/],
    ['a segment at the base of the table', { data: [0x23, 1] }, /does not lie at env.__memory_base/],
    ['table entries outside of their slots', { slots: [0x23, 1, 0x41, 4, 0x6a] }, /outside of its slots/],
    ['table entries at a fixed slot', { slots: [0x41, 0] }, /does not lie at env.__table_base/],
    ['MEM_INFO of 4 GiB', { dylink: dylink(0xffffffff) }, /wants too much memory: 4294967295/],
    ['an enormous table', { dylink: dylink(64, 0xffffffff) }, /wants too much of the table: 4294967295/],
    ['a symbol that is there twice', { sections: [symbol('init_module')] }, /stands twice in __ksymtab/],
    ['a symbol that it does not have', { sections: [symbol('printk')] }, /is no exported function/],
    [
      'a parameter outside of its memory',
      {
        sections: [
          custom('__param', (to) => (strings(to, ['far']), to.u8(2).u16le(0o444).u16le(1).u32le(61))),
        ],
      },
      /parameter far lies outside of its memory: 61/,
    ],
  ])('%s', async (_, parts, reason) => {
    const bytes = handmade(parts);
    const refusal: unknown = await loadModule(bytes, null, NAME).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(BadModule);
    expect((refusal as BadModule).message).toMatch(reason);
  });
});

/** What is tried, and how it ends in the kernel's domain and in one of its own. */
interface Known {
  what: string;
  module: () => Promise<LoadedModule>;
  monolithic: Kind;
  microkernel: Kind;
  /** Of the outcome in both placements. */
  detail?: RegExp;
}

const made = (parts: Parts) => () => loadModule(handmade(parts), null, NAME);

const KNOWN: readonly Known[] = [
  {
    what: 'the whole module',
    module: made({}),
    ...{ monolithic: 'same work', microkernel: 'same work' },
  },
  {
    what: 'more memory than there is for modules',
    module: made({ dylink: dylink(0x4000000) }),
    ...{ monolithic: 'load step', microkernel: 'load step' },
    detail: /Cannot allocate memory/,
  },
  {
    what: 'more slots than the table ever has',
    module: made({ dylink: dylink(64, 65536) }),
    ...{ monolithic: 'load step', microkernel: 'load step' },
    detail: /Cannot allocate memory/,
  },
  {
    what: 'a symbol that the kernel has',
    module: () => loadFixture('usurper'),
    ...{ monolithic: 'load step', microkernel: 'load step' },
    detail: /Invalid module format/,
  },
  {
    what: 'a table larger than the domain’s',
    module: async () => {
      const bytes = handmade();
      const field = moduleFields(bytes).find(({ what }) => what === 'import 3: minimum')!;
      return loadModule(replaced(bytes, field, leb(60000), field.within), null, NAME);
    },
    ...{ monolithic: 'load step', microkernel: 'load step' },
    detail: /table import/,
  },
  {
    what: 'an init that refuses',
    module: made({ init: RETURN(-16) }),
    ...{ monolithic: 'load step', microkernel: 'load step' },
    detail: /Device or resource busy/,
  },
  {
    what: 'an endless start function',
    module: made({ start: FOREVER }),
    ...{ monolithic: 'hang', microkernel: 'hang' },
  },
  {
    what: 'endless relocations',
    module: made({ relocations: FOREVER }),
    ...{ monolithic: 'hang', microkernel: 'hang' },
  },
  {
    what: 'an endless init',
    module: made({ init: [...FOREVER, ...RETURN(0)] }),
    ...{ monolithic: 'hang', microkernel: 'hang' },
  },
  {
    what: 'an endless exit',
    module: made({ exit: FOREVER }),
    ...{ monolithic: 'hang', microkernel: 'hang' },
  },
  {
    what: 'a start function that traps',
    module: made({ start: TRAP }),
    ...{ monolithic: 'trap', microkernel: 'trap' },
    detail: /trap: unreachable/,
  },
  {
    what: 'an init that traps',
    module: made({ init: TRAP }),
    ...{ monolithic: 'trap', microkernel: 'trap' },
    detail: /trap: unreachable.*\[handmade\]/,
  },
  {
    what: 'an exit that traps',
    module: made({ exit: TRAP }),
    ...{ monolithic: 'trap', microkernel: 'trap' },
  },
  {
    what: 'an init without an exit',
    module: made({ exit: null }),
    ...{ monolithic: 'stays', microkernel: 'stays' },
    detail: /could not remove module handmade: Device or resource busy/,
  },
  {
    what: 'a start function that writes at address 0',
    module: made({ start: STORE_AT_0 }),
    ...{ monolithic: 'silent damage', microkernel: 'same work' },
  },
  {
    what: 'relocations that write at address 0',
    module: made({ relocations: STORE_AT_0 }),
    ...{ monolithic: 'silent damage', microkernel: 'same work' },
  },
  {
    what: 'an init that writes at address 0 and refuses',
    module: made({ init: [...STORE_AT_0, ...RETURN(-16)] }),
    ...{ monolithic: 'silent damage', microkernel: 'load step' },
  },
];

describe.each(PLACEMENTS)('on a %s machine', (placement: SidePlacement) => {
  let lab: ThreadLab;
  let bench: Bench;
  beforeAll(async () => {
    lab = await threadLab();
    const module = await loadModule(handmade(), null, NAME);
    const bystanders = await Promise.all(['zero', 'ramdisk'].map((name) => lab.modules.load(name)));
    bench = new Bench(
      placement,
      { module },
      {
        boot: (each, { deadlineMs }) => lab.boot(each, { deadlineMs }),
        ...{ deadlineMs: MIN_DEADLINE_MS, bystanders },
        threads: () => lab.resources.threadsInUse,
      },
    );
  });
  afterAll(async () => {
    await bench.end();
    await lab.close();
    expect(lab.living()).toBe(0);
  });

  test.each(KNOWN)('$what', async ({ module, [placement]: kind, detail }) => {
    const outcome: Outcome = await bench.try(await module(), true);
    expect(outcome.failure).toBeNull();
    expect(outcome.kind, `${outcome.detail} ${outcome.changed.join('; ')}`).toBe(kind);
    if (detail) expect(outcome.detail).toMatch(detail);
    if (placement === 'microkernel' || outcome.class === 'refused') expect(outcome.survived).toBe(true);
    expect(bench.slowestLoadMs).toBeLessThan(SOON);
  });

  test('what was written at address 0 is told by the check', async () => {
    const { changed } = await bench.try(await made({ start: STORE_AT_0 })(), true);
    if (placement === 'microkernel') expect(changed).toEqual([]);
    else expect(changed.join('\n')).toMatch(/damage: write through a null pointer/);
  });
});
