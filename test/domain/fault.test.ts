import { describe, expect, test } from 'vitest';
import { DriverExit, toFault, type FaultSymbols, type Fault } from '../../host/domain/fault.ts';
import { BODY_START, moduleBytes, thrownBy, TRAPS, UNREACHABLE } from './handmade.ts';
import { ModuleSymbols } from '../../host/linker/module/symbols.ts';

const symbols: FaultSymbols = {
  fileOffset: (compiled) => compiled,
  functionByIndex: (index) => (index === 0 ? { name: 'ramdisk_write', index } : null),
  functionAt: (offset) => (offset >= BODY_START && offset < 100 ? { name: 'ramdisk_write', index: 0 } : null),
  describe: (offset) => `ramdisk_write+0x${(offset - BODY_START).toString(16)}/0x10`,
  locate: (offset) => ({ file: 'drivers/ramdisk.ts', line: offset, column: 3 }),
};
const lookup = (name: string): FaultSymbols | null => (name === 'ramdisk' ? symbols : null);

describe('kind', () => {
  test.each(TRAPS)('%s %j', (kind, body) => {
    const fault = toFault(thrownBy(body), lookup);
    expect(fault.kind).toBe(kind);
    expect(fault.module).toBe('ramdisk');
    expect(fault.frames[0]).toMatchObject({ module: 'ramdisk', function: 'ramdisk_write', index: 0 });
  });

  // What other engines say, in their own words.
  test.each<[string, Fault['kind']]>([
    ['null function', 'indirect call'],
    ['unreachable executed', 'unreachable'],
    ['index out of bounds', 'memory out of bounds'],
    ['table index out of bounds', 'table out of bounds'],
    ['indirect call to null', 'indirect call'],
    ['indirect call signature mismatch', 'indirect call'],
    ['integer divide by zero', 'divide by zero'],
    ['integer overflow', 'integer overflow'],
    ['invalid conversion to integer', 'float conversion'],
    ['Unreachable code should not be executed', 'unreachable'],
    ["Out of bounds memory access (evaluating 'run()')", 'memory out of bounds'],
    ['Out of bounds table access', 'table out of bounds'],
    ['Out of bounds call_indirect', 'table out of bounds'],
    ['call_indirect to a null table entry', 'indirect call'],
    ['call_indirect to a signature that does not match', 'indirect call'],
    ['Out of bounds Trunc operation', 'float conversion'],
    ['Division by zero', 'divide by zero'],
    ['operation does not support unaligned accesses', 'trap'],
  ])('%s', (message, kind) => {
    expect(toFault(new WebAssembly.RuntimeError(message), lookup).kind).toBe(kind);
  });

  test('an exhausted stack in SpiderMonkey, an exit, a host error, no error at all', () => {
    expect(toFault(new Error('too much recursion'), lookup).kind).toBe('stack exhausted');
    expect(toFault(new DriverExit(3), lookup)).toMatchObject({ kind: 'exit', message: 'exit 3' });
    expect(toFault(new TypeError('x is not a function'), lookup)).toMatchObject({
      kind: 'host',
      message: 'TypeError: x is not a function',
      module: null,
    });
    expect(toFault(undefined, lookup)).toMatchObject({ kind: 'host', frames: [] });
  });
});

describe('frames', () => {
  test('carry offset, text and source of the trapping instruction', () => {
    const frame = toFault(thrownBy([0x01, 0x00]), lookup).frames[0];
    expect(frame).toEqual({
      module: 'ramdisk',
      function: 'ramdisk_write',
      index: 0,
      offset: BODY_START + 1,
      text: 'ramdisk_write+0x1/0x10 [ramdisk]',
      source: { file: 'drivers/ramdisk.ts', line: BODY_START + 1, column: 3 },
    });
  });

  test("the linker's symbols lead to the same place", () => {
    const bytes = moduleBytes([0x01, 0x00], 'drivers/ramdisk/ramdisk_write');
    const frame = toFault(
      thrownBy([0x01, 0x00], 'drivers/ramdisk/ramdisk_write'),
      () => new ModuleSymbols(bytes),
    ).frames[0];
    expect(frame).toMatchObject({
      function: 'ramdisk_write',
      index: 0,
      offset: BODY_START + 1,
      source: null,
    });
    expect(frame?.text).toMatch(/^ramdisk_write\+0x[12]\/0x[45] \[ramdisk\]$/);
  });

  test('a module nobody loaded keeps its index and offset, no name', () => {
    const frame = toFault(thrownBy(UNREACHABLE, 'boom', 'stranger'), lookup).frames[0];
    expect(frame).toMatchObject({ module: 'stranger', function: null, index: 0, source: null });
    expect(frame?.text).toBe(`wasm-function[0]:0x${frame?.offset?.toString(16)} [stranger]`);
  });

  test('an offset that is not in the named function leads to no line', () => {
    const moved: FaultSymbols = { ...symbols, functionAt: () => ({ name: 'other', index: 7 }) };
    const frame = toFault(thrownBy(UNREACHABLE), () => moved).frames[0];
    expect(frame).toMatchObject({ function: 'ramdisk_write', text: 'ramdisk_write [ramdisk]', source: null });
  });

  const forged = 'x (wasm://wasm/ramdisk-00000000:wasm-function[0]:0x10)\n    at y';

  test('a newline in a function name forges no frame', () => {
    const fault = toFault(thrownBy(UNREACHABLE, forged, 'evil'), lookup);
    expect(fault.module).toBe('evil');
    expect(fault.frames.filter((frame) => frame.index !== null)).toHaveLength(1);
    expect(fault.frames.map((frame) => frame.text).join('')).not.toContain('\n');
  });

  test('nor does one in a module name', () => {
    const fault = toFault(
      thrownBy(UNREACHABLE, 'boom', 'evil-00000000\n    at (wasm://wasm/ramdisk'),
      lookup,
    );
    expect(fault.frames.filter((frame) => frame.index !== null)).toHaveLength(1);
    expect(fault.module).toBe('evil-00000000\\x0a    at (wasm://wasm/ramdisk');
    expect(fault.frames[0]?.function).toBeNull();
  });

  test('a stack that was read before is parsed as text, up to the first line that is no frame', () => {
    const honest = thrownBy(UNREACHABLE) as Error;
    expect(honest.stack).toContain('wasm-function[0]');
    expect(toFault(honest, lookup).frames[0]?.text).toBe('ramdisk_write+0x0/0x10 [ramdisk]');
    const evil = thrownBy(
      [0x00],
      'x\n    at z (wasm://wasm/ramdisk-00000000:wasm-function[0]:0x30)\n    at y',
      'evil',
    ) as Error;
    expect(evil.stack).toContain('ramdisk');
    expect(toFault(evil, lookup).frames).toEqual([]);
  });

  test('the stack still reads as text afterwards, and the hook is gone', () => {
    const hook: unknown = Reflect.get(Error, 'prepareStackTrace');
    const error = thrownBy(UNREACHABLE) as Error;
    toFault(error, lookup);
    expect(error.stack).toMatch(/^RuntimeError: unreachable\n {4}at /);
    expect(Reflect.get(Error, 'prepareStackTrace')).toBe(hook);
  });

  test.each([
    ['boom@http://x/y.js line 3 > WebAssembly.Module:wasm-function[0]:0x29', null, 0x29],
    ['ramdisk.wasm-function[0]@[wasm code]', 'ramdisk', null],
    ['<?>.wasm-function[boom]@[wasm code]', null, null],
  ])('other engines: %s', (line, module, offset) => {
    const error = new WebAssembly.RuntimeError('unreachable');
    Object.defineProperty(error, 'stack', { value: `${line}\nrun@http://x/y.js:3:14\n@http://x/y.js:9:1\n` });
    const fault = toFault(error, lookup);
    expect(fault.frames[0]).toMatchObject({ module, offset });
    expect(fault.frames[1]).toMatchObject({
      index: null,
      source: { file: 'http://x/y.js', line: 3, column: 14 },
    });
    expect(fault.module).toBe(module);
  });

  test('a fault can be posted', () => {
    const fault = toFault(thrownBy(UNREACHABLE), lookup);
    expect(structuredClone(fault)).toEqual(fault);
  });
});
