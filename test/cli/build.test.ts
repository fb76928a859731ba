// `isolab build` for anybody's driver: it may lie anywhere, its refusals name the place, and nothing half is written.

import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { runProgram } from '../../host/cli/program.ts';
import { ROOT } from '../../host/cli/root.ts';
import { readModule } from '../../host/linker/module/module-file.ts';

const DRIVER = `import { cstr, pr_info, MODULE_LICENSE } from "isolab";

MODULE_LICENSE("GPL");

export function init_module(): i32 {
  pr_info(cstr("blink\\n"));
  return 0;
}

export function cleanup_module(): void {}
`;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'isolab-build-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

async function build(source: string, out = 'blink.ko.wasm') {
  writeFileSync(join(folder, 'blink.ts'), source);
  let said = '';
  const code = await runProgram(['build', join(folder, 'blink.ts'), '-o', join(folder, out)], {
    out: (text) => expect.unreachable(text),
    progress: (line) => void (said += `${line}\n`),
    signal: new AbortController().signal,
  });
  return { code, said, files: readdirSync(folder).sort() };
}

test('a driver outside the project is built with the API named "isolab"', async () => {
  const { code, said, files } = await build(DRIVER);
  expect({ code, files }).toEqual({ code: 0, files: ['blink.ko.wasm', 'blink.ko.wasm.map', 'blink.ts'] });
  expect(said).toMatch(/blink\.ko\.wasm: \d+ bytes\n$/);
  const module = await WebAssembly.compile(readFileSync(join(folder, 'blink.ko.wasm')));
  expect(WebAssembly.Module.customSections(module, 'dylink.0')).toHaveLength(1);
  expect(WebAssembly.Module.exports(module).map(({ name }) => name)).toContain('init_module');
});

test('a folder for the output is not made', async () => {
  const { code, said } = await build(DRIVER, 'deep/er/x.ko.wasm');
  expect({ code, said }).toEqual({
    code: 1,
    said: `isolab: the module cannot be written: there is no folder ${join(folder, 'deep/er')}\n`,
  });
  expect(existsSync(join(folder, 'deep'))).toBe(false);
});

test('what cannot be relocated is refused with file, line and function, and nothing is written', async () => {
  const { code, said, files } = await build(
    `${DRIVER}\nexport function masked(): usize {\n  return memory.data(16) & 0xffff;\n}\n`,
  );
  expect({ code, files }).toEqual({ code: 1, files: ['blink.ts'] });
  expect(said).toMatch(/blink\.ts:13:\d+: .*address.*\(in masked\)/);
});

test('a mistake in the source is told with its place', async () => {
  const { code, said, files } = await build('export function init_module(): i32 { return nothing; }\n');
  expect({ code, files }).toEqual({ code: 1, files: ['blink.ts'] });
  expect(said).toMatch(/blink\.ts:1:\d+: .*nothing/);
});

test('an output that cannot be written leaves nothing behind', async () => {
  writeFileSync(join(folder, 'file'), '');
  const { code, files } = await build(DRIVER, 'file/x.ko.wasm');
  expect({ code, files }).toEqual({ code: 1, files: ['blink.ts', 'file'] });
});

test('a driver of the project is the same file, built from anywhere', async () => {
  const out = join(folder, 'null.ko.wasm');
  const io = { out: () => undefined, progress: () => undefined, signal: new AbortController().signal };
  expect(await runProgram(['build', join(ROOT, 'drivers/null.ts'), '-o', out], io)).toBe(0);
  expect(readFileSync(out).equals(readFileSync(join(ROOT, 'dist/images/null.ko.wasm')))).toBe(true);
});

describe('a driver in C', () => {
  const buildC = async (source: string): Promise<{ code: number; said: string; files: string[] }> => {
    writeFileSync(join(folder, 'blink.c'), source);
    let said = '';
    const code = await runProgram(['build', join(folder, 'blink.c'), '-o', join(folder, 'blink.ko.wasm')], {
      out: (text) => expect.unreachable(text),
      progress: (line) => void (said += `${line}\n`),
      signal: new AbortController().signal,
    });
    return { code, said, files: readdirSync(folder).sort() };
  };
  const SOURCE = `#include "isolab.h"
MODULE_LICENSE("GPL");
static int blink(void) { return printk("blink\\n") < 0; }
module_init(blink);
`;

  test('is built by clang, without a map; another build’s goes', async () => {
    writeFileSync(join(folder, 'blink.ko.wasm.map'), '{}');
    const { code, said, files } = await buildC(SOURCE);
    expect({ code, files }).toEqual({ code: 0, files: ['blink.c', 'blink.ko.wasm'] });
    expect(said).toMatch(/^\S*blink\.ko\.wasm: \d+ bytes\n$/);
    const { name, exports } = readModule(new Uint8Array(readFileSync(join(folder, 'blink.ko.wasm'))));
    expect(name).toBe('blink');
    expect(exports.map((each) => each.name)).toContain('init_module');
  });

  test('is the same file wherever it is built', async () => {
    await buildC(SOURCE);
    const here = readFileSync(join(folder, 'blink.ko.wasm'));
    mkdirSync(join(folder, 'elsewhere'));
    folder = join(folder, 'elsewhere');
    await buildC(SOURCE);
    expect(readFileSync(join(folder, 'blink.ko.wasm')).equals(here)).toBe(true);
    folder = join(folder, '..');
  });

  test('a mistake in the source is told with its place, and nothing is written', async () => {
    const { code, said, files } = await buildC(`${SOURCE}int f(void) { return nothing; }\n`);
    expect({ code, files }).toEqual({ code: 1, files: ['blink.c'] });
    expect(said).toMatch(/blink\.c is not compiled\n.*blink\.c:5:\d+: error: .*nothing/);
  });

  test('a warning is told, and no reason to refuse it', async () => {
    const { code, said } = await buildC(`${SOURCE}static int unused(void) { return 1; }\n`);
    expect(code).toBe(0);
    expect(said).toMatch(/blink\.c:5:\d+: warning: .*unused/);
  });

  test('without clang it says what to install', async () => {
    vi.stubEnv('PATH', folder);
    const { code, said, files } = await buildC(SOURCE);
    vi.unstubAllEnvs();
    expect({ code, files }).toEqual({ code: 1, files: ['blink.c'] });
    expect(said).toMatch(/there is no clang: install it \(Debian: apt-get install clang lld\)/);
  });
});
