// How an oops reads: golden texts, line for line.

import { describe, expect, test } from 'vitest';
import {
  toFault,
  type Fault,
  type FaultKind,
  type FaultSymbols,
  type Frame,
} from '../../host/domain/fault.ts';
import { printTainted, formatOops, type OopsContext } from '../../host/domain/oops.ts';
import { FRAME_LIMIT, installStackCapture } from '../../host/domain/stack.ts';
import { findOopses } from '../../host/domain/saved-oops.ts';
import { RECURSION, thrownBy, UNREACHABLE } from './handmade.ts';

const frame = (module: string | null, name: string, offset: number, at: Partial<Frame> = {}): Frame => ({
  ...{ module, function: name, index: 7, offset, source: null },
  text: `${name}+0x1c/0x80 [${module ?? 'unnamed module'}]`,
  ...at,
});

const ramdisk = frame('ramdisk', 'ramdisk_write', 0x1234, {
  source: { file: 'drivers/ramdisk.ts', line: 58, column: 3 },
});
const fault = (kind: FaultKind, message: string, frames: Frame[] = [ramdisk]): Fault => ({
  ...{ kind, message, frames, module: frames[0]?.module ?? null, stackPointer: 0x90000 },
});

const context: OopsContext = {
  ...{ number: 2, cpu: 0, pid: 3, comm: 'client2', taint: 'OD', boot: 4 },
  modules: [
    { name: 'lkdtm', flags: 'O' },
    { name: 'ramdisk', flags: '' },
    { name: 'late', flags: '+' },
  ],
  lastUnloaded: 'zero',
  texts: [
    { name: 'kernel', base: 0x80000000, size: 0x9000, sha256: '00112233445566778899' },
    { name: 'ramdisk', base: 0x90010000, size: 0x2000, sha256: 'aabbccddeeff00112233' },
    { name: 'lkdtm', base: 0x90000000, size: 0x2000, sha256: 'ffffffffffffffffffff' },
  ],
  registers: { stackPointer: 0x90000, memoryBase: 0x92010, tableBase: 0x41 },
};

describe('an oops', () => {
  test("has Linux's layout", () => {
    const kernel = frame('kernel', 'system_call', 0x161e, {
      source: { file: 'kernel/fs/operations.ts', line: 40, column: 22 },
    });
    expect(formatOops(fault('unreachable', 'unreachable', [ramdisk, kernel]), context)).toEqual([
      'BUG: unreachable executed at drivers/ramdisk.ts:58:3',
      'Oops: unreachable: 0000 [#2] SMP',
      'CPU: 0 PID: 3 Comm: client2 Tainted: G      D    O       0.1.0 #4',
      'RIP: 0010:ramdisk_write+0x1c/0x80 [ramdisk]',
      '  at drivers/ramdisk.ts:58:3',
      'RSP: 0018:00090000 MEMORY_BASE: 00092010 TABLE_BASE: 00000041',
      'Call Trace:',
      ' [<90011234>] ramdisk_write+0x1c/0x80 [ramdisk]  drivers/ramdisk.ts:58:3',
      ' [<8000161e>] system_call+0x1c/0x80  kernel/fs/operations.ts:40:22',
      'Modules linked in: lkdtm(O) ramdisk late(+) [last unloaded: zero]',
      'Text: kernel 80000000-80009000 sha256:0011223344556677',
      'Text: ramdisk 90010000-90012000 sha256:aabbccddeeff0011',
      '---[ end trace 194d81c23f884e89 ]---',
    ]);
  });

  test('says what is known and nothing else', () => {
    const nameless = frame(null, 'f', 9, { text: 'wasm-function[7] [unnamed module]', offset: null });
    expect(
      formatOops(fault('memory out of bounds', 'index out of bounds', [nameless]), {
        ...{ number: 1, cpu: 3, pid: 19, comm: 'null', taint: '', boot: 1 },
        ...{ modules: [], lastUnloaded: null, texts: [], registers: null },
      }),
    ).toEqual([
      'BUG: unable to handle page fault: index out of bounds',
      'Oops: memory out of bounds: 0000 [#1] SMP',
      'CPU: 3 PID: 19 Comm: null Not tainted 0.1.0 #1',
      'RIP: 0010:wasm-function?7? [unnamed]',
      'Call Trace:',
      ' wasm-function?7? [unnamed]',
      'Modules linked in:',
      expect.stringMatching(/^---\[ end trace [0-9a-f]{16} \]---$/),
    ]);
  });

  test.each<[FaultKind, string, string]>([
    ['divide by zero', 'divide by zero', 'divide error: divide by zero'],
    ['integer overflow', 'divide result unrepresentable', 'divide error: divide result unrepresentable'],
    [
      'stack exhausted',
      'RangeError: Maximum call stack size exceeded',
      'Thread overran stack: Maximum call stack size exceeded',
    ],
    ['indirect call', 'null function', 'BUG: null function'],
    ['table out of bounds', 'table index is out of bounds', 'BUG: table index is out of bounds'],
    ['host', 'TypeError: x', 'BUG: TypeError: x'],
  ])('by %s', (kind, message, cause) => {
    const lines = formatOops(fault(kind, message), context);
    expect(lines.slice(0, 2)).toEqual([cause, `Oops: ${kind}: 0000 [#2] SMP`]);
  });

  test('has an id that is the same for the same bug in the same files', () => {
    const id = (offset: number, sha256 = 'aa', number = 1): string =>
      formatOops(fault('unreachable', '', [frame('ramdisk', 'f', offset)]), {
        ...context,
        number,
        texts: [{ name: 'ramdisk', base: 0x90000000 + number * 0x10000, size: 0x2000, sha256 }],
      }).at(-1);
    expect(id(5, 'aa', 1)).toBe(id(5, 'aa', 2));
    expect(id(5)).not.toBe(id(6));
    expect(id(5)).not.toBe(id(5, 'bb'));
  });
});

describe('taint', () => {
  // The places are those of Linux 6.1, where `Tainted: G      D W  OE` is one of the commonest.
  test.each([
    ['', 'Not tainted'],
    ['D', 'Tainted: G      D           '],
    ['P', 'Tainted: P                  '],
    ['EWDO', 'Tainted: G      D W  OE     '],
    ['PFSRMBUDAWCIOELKXTN', 'Tainted: PFSRMBUDAWCIOELKXTN'],
  ])('%s', (letters, line) => expect(printTainted(letters)).toBe(line));
});

describe('a trace', () => {
  const symbols: FaultSymbols = {
    fileOffset: (compiled) => compiled,
    functionByIndex: (index) => (index === 0 ? { name: 'ramdisk_write', index } : null),
    functionAt: () => ({ name: 'ramdisk_write', index: 0 }),
    describe: () => 'ramdisk_write+0x0/0x10',
    locate: () => null,
  };
  const lookup = (name: string): FaultSymbols | null => (name === 'ramdisk' ? symbols : null);

  test('of an exhausted stack is one line and a count', () => {
    installStackCapture();
    const exhausted = toFault(thrownBy(RECURSION), lookup);
    expect(exhausted.frames).toHaveLength(FRAME_LIMIT);
    const lines = formatOops(exhausted, context);
    expect(lines).toContain(` ... ${FRAME_LIMIT - 1} more`);
    expect(lines).toContain(` (only the innermost ${FRAME_LIMIT} frames are known)`);
    expect(lines.length).toBeLessThan(15);
    const [saved] = findOopses(lines.join('\n'));
    expect(saved?.frames).toHaveLength(1);
    expect(saved?.folds).toEqual([{ after: 0, count: FRAME_LIMIT - 1 }]);
  });

  test('folds functions that call each other', () => {
    const at = (index: number): Frame => frame('m', `f${index}`, 1, { index });
    const lines = formatOops(fault('unreachable', '', [9, 1, 2, 1, 2, 1, 2, 5].map(at)), context);
    expect(lines.filter((line) => line.startsWith(' '))).toEqual([
      ' f9+0x1c/0x80 [m]',
      ' f1+0x1c/0x80 [m]',
      ' f2+0x1c/0x80 [m]',
      ' ... 4 more',
      ' f5+0x1c/0x80 [m]',
    ]);
  });

  test('has no address beyond the end of its file, nor without an offset', () => {
    const lines = formatOops(
      fault('unreachable', '', [
        frame('ramdisk', 'f', 0x1fff),
        frame('ramdisk', 'g', 0x2000, { index: 8 }),
        frame('ramdisk', 'h', 0, { index: 9, offset: null }),
        frame('ramdisk', 'i', 5, { index: 10, text: 'i [ramdisk]' }),
      ]),
      context,
    );
    expect(lines.filter((line) => line.startsWith(' '))).toEqual([
      ' [<90011fff>] f+0x1c/0x80 [ramdisk]',
      ' g+0x1c/0x80 [ramdisk]',
      ' h+0x1c/0x80 [ramdisk]',
      ' i [ramdisk]',
    ]);
  });
});

describe('names', () => {
  const evil = 'x\n[<80000010>] boot+0x1/0x2 [kernel]  kernel/boot.ts:1:1';

  test('forge neither a line nor a frame', () => {
    const thrown = toFault(thrownBy(UNREACHABLE, evil, evil), () => null);
    for (const frames of [thrown.frames, [frame(evil, evil, 5)]]) {
      const lines = formatOops(fault('unreachable', '', frames), {
        ...context,
        comm: evil,
        modules: [{ name: evil, flags: '' }],
        lastUnloaded: evil,
        texts: [{ name: evil, base: 0x90000000, size: 100, sha256: 'aa' }],
      });
      for (const line of lines) expect(line).not.toMatch(/[\n\r]|\[<8|\[kernel\]| {2}kernel/);
      const [saved, ...more] = findOopses(lines.join('\n'));
      expect(more).toEqual([]);
      for (const { address, symbol } of saved!.frames) {
        expect(address ?? 0x90000005).toBeGreaterThanOrEqual(0x90000000);
        expect(symbol?.module).not.toBe('kernel');
      }
    }
  });

  test('of any length leave each line within a log record', () => {
    const modules = Array.from({ length: 60 }, (_, index) => ({ name: `module_${index}`, flags: 'O' }));
    const long = 'ü'.repeat(300);
    const lines = formatOops(
      fault('trap', long, [frame('ramdisk', long, 5, { source: { file: long, line: 1, column: 1 } })]),
      { ...context, modules },
    );
    for (const line of lines) expect(new TextEncoder().encode(line).length).toBeLessThanOrEqual(236);
    expect(lines.join(' ')).toContain('module_59');
    expect(lines[0]).toMatch(/ü\.\.\.$/);
    expect(findOopses(lines.join('\n'))[0]).toMatchObject({
      complete: true,
      modules: [...modules.map(({ name }) => `${name}(O)`), '[last unloaded: zero]'],
      frames: [{ address: 0x90010005 }],
    });
  });
});
