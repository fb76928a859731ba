// What a user can do wrong with files, names and numbers: one sentence, no stack, exit code 1 or 2, nothing made. A file in the
// place of a folder, and a folder in the place of a file, stand for whatever cannot be read or written, also for root.

import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkOutput, readBytes, writeTogether } from '../../host/cli/files/user-files.ts';
import { explain, Failure, type Io } from '../../host/cli/io.ts';
import { runProgram } from '../../host/cli/program.ts';
import { IMAGES } from '../../host/cli/root.ts';

let here: string;
let before: string[];

const tree = (): string[] => readdirSync(here, { recursive: true, encoding: 'utf8' }).sort();

beforeAll(() => {
  here = mkdtempSync(join(tmpdir(), 'isolab-failures-'));
  for (const folder of [
    'folder',
    'folder.ts',
    'folder.c',
    'folder.ko.wasm',
    'index',
    'index/modules.dep',
    'conf',
  ])
    mkdirSync(join(here, folder));
  for (const file of ['file', 'empty.ko.wasm', 'driver.ts', 'conf/modprobe.d'])
    writeFileSync(join(here, file), '');
  writeFileSync(join(here, 'text.ko.wasm'), 'no module');
  copyFileSync(join(IMAGES, 'base.ko.wasm'), join(here, 'base.ko.wasm'));
  before = tree();
});
afterAll(() => rmSync(here, { recursive: true }));

/** Words that begin with @ are files of the folder. */
async function isolab(line: string) {
  const seen = { out: '', progress: '' };
  const io: Io = {
    out: (text) => void (seen.out += text),
    progress: (text) => void (seen.progress += `${text}\n`),
    signal: new AbortController().signal,
  };
  const code = await runProgram(
    line.split(' ').map((word) => word.replace(/^@/, `${here}/`)),
    io,
  );
  return { code, ...seen };
}

test.each([
  ['build @none.ts', 'the driver cannot be read: No such file or directory: @none.ts'],
  ['build @folder.ts', 'the driver cannot be read: Is a directory: @folder.ts'],
  ['build @folder.c', 'the driver cannot be read: Is a directory: @folder.c'],
  ['build @file/x.ts', 'the driver cannot be read: Not a directory: @file/x.ts'],
  ['build @driver.ts -o @none/x', 'the module cannot be written: there is no folder @none'],
  ['build @driver.ts -o @file/x', 'the module cannot be written: this is no folder: @file'],
  ['build @driver.ts -o @folder', 'the module cannot be written: this is a folder: @folder'],
  ['compare --image @none', 'the image cannot be read: No such file or directory: @none'],
  ['compare --image @folder', 'the image cannot be read: Is a directory: @folder'],
  ['compare --image @file', 'the image is empty: @file'],
  ['compare --driver @none.ko.wasm', 'the driver cannot be loaded: No such file or directory: @none.ko.wasm'],
  ['compare --driver @folder.ko.wasm', 'the driver cannot be loaded: Is a directory: @folder.ko.wasm'],
  ['compare --driver @text.ko.wasm', 'the driver cannot be loaded: not a WebAssembly file: @text.ko.wasm'],
  ['compare --driver @base.ko.wasm', 'the driver registered no character device: base'],
  ['core @none', 'the core cannot be read: No such file or directory: @none'],
  ['core @folder', 'the core cannot be read: Is a directory: @folder'],
  ['depmod @none', 'the folder of modules cannot be read: No such file or directory: @none'],
  ['depmod @file', 'the folder of modules cannot be read: Not a directory: @file'],
  ['depmod @index', 'the index cannot be written: this is a folder: @index/modules.dep'],
  ['fuzz --driver @folder', 'the driver cannot be read: Is a directory: @folder'],
  ['fuzz --driver @text.ko.wasm', 'the driver cannot be read: not a WebAssembly file: @text.ko.wasm'],
  ['modinfo --modules @none x', 'the folder of modules cannot be read: No such file or directory: @none'],
  ['oops @folder', 'the log cannot be read: Is a directory: @folder'],
  ['oops --kallsyms @folder @file', 'the symbols cannot be read: Is a directory: @folder'],
  ['oops --modules @file @file', 'the folder of modules cannot be read: Not a directory: @file'],
  ['ps --trace @none/x', 'the trace cannot be written: there is no folder @none'],
  ['top --trace @folder', 'the trace cannot be written: this is a folder: @folder'],
  ['shell -c ls --modules @file', 'the folder of modules cannot be read: Not a directory: @file'],
  ['shell -c ls --modules @conf', 'Not a directory: @conf/modprobe.d'],
  ['shell -c ls --config @folder', 'the configuration cannot be read: Is a directory: @folder'],
  ['shell -c ls --cores @file', 'a core cannot be written: this is no folder: @file'],
])('isolab %s ends with 1 and a sentence', async (line, sentence) => {
  const { code, out, progress } = await isolab(line);
  expect({ code, out }).toEqual({ code: 1, out: '' });
  expect(progress.trimEnd().split('\n').at(-1)).toBe(`isolab: ${sentence.replaceAll('@', `${here}/`)}`);
  expect(progress).not.toMatch(/\n\s+at /);
  expect(tree()).toEqual(before);
});

test.each([
  ['modinfo @folder.ko.wasm', 'Is a directory'],
  ['modinfo @empty.ko.wasm', 'not a WebAssembly file'],
])('isolab %s ends with 1, as kmod says it', async (line, words) => {
  const { code, progress } = await isolab(line);
  expect(code).toBe(1);
  expect(progress).toMatch(new RegExp(`^modinfo: ERROR: could not get modinfo from '.*': ${words}\n`));
});

test.each([
  ['fuzz --mutation bogus', "argument 'bogus' is invalid. Allowed choices are bits, truncation,"],
  ['fuzz --count 0', 'a whole number from 1 to 10000000 is wanted'],
  ['shell --policy x -c ls', 'a policy is given as DRIVER=WORDS: x'],
  ['shell --policy a=b -c ls', 'unknown word of a policy: b'],
  ['shell --place x -c ls', "a place is given as module=place, not as 'x'"],
  ['modinfo -a -d ramdisk', 'only one field can be asked for: author, description'],
])('isolab %s is not understood', async (line, words) => {
  const { code, out, progress } = await isolab(line);
  expect({ code, out }).toEqual({ code: 2, out: '' });
  expect(progress).toContain(words);
});

test('the kinds of damage are in the help', async () => {
  expect((await isolab('fuzz --help')).out.replace(/\s+/g, ' ')).toContain('"bits", "truncation", "length"');
});

describe('files', () => {
  test('a device that never ends is not read for ever', () => {
    expect(() => readBytes('/dev/zero', 1000)).toThrow(
      new Failure('a file of more than 1000 bytes is not read: /dev/zero'),
    );
    writeFileSync(join(here, 'file'), 'x'.repeat(1000));
    expect(readBytes(join(here, 'file'), 1000)).toHaveLength(1000);
    expect(() => readBytes(join(here, 'file'), 999)).toThrow(Failure);
  });

  test('of files that belong together none is written where one cannot be, and no device is replaced', () => {
    const good = join(here, 'good');
    for (const [bad, words] of [
      [join(here, 'folder'), 'this is a folder'],
      ['/dev/null', 'this is no regular file'],
    ] as const) {
      const files: [string, string][] = [
        [good, ''],
        [bad, ''],
      ];
      expect(() => writeTogether('it', files)).toThrow(new Failure(`it cannot be written: ${words}: ${bad}`));
    }
    expect(tree()).toEqual(before);
    expect(() => checkOutput('it', good)).not.toThrow();
    expect(tree()).toEqual(before);
  });

  test('what the system refuses is a sentence wherever it comes up', () => {
    const refusal = (code: string, errno: number, path?: string): Error =>
      Object.assign(new Error(`${code}: raw`), { code, errno, syscall: 'write', ...(path && { path }) });
    expect(explain(refusal('EROFS', -30, '/x'))).toBe('Read-only file system: /x');
    expect(explain(refusal('EACCES', -13, '/x'))).toBe('Permission denied: /x');
    expect(explain(refusal('ENOSPC', -28))).toBe('No space left on device');
    expect(explain(new Error('unforeseen'))).toMatch(/^Error: unforeseen\n {4}at /);
  });
});
