// `isolab core`: cores of drivers that really died, written by the shell and read again by the command line.

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { PassThrough, Readable, Writable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { coreWriter } from '../../host/cli/files/core-writer.ts';
import type { Io } from '../../host/cli/io.ts';
import { runProgram } from '../../host/cli/program.ts';
import { runShell } from '../../host/cli/shell/shell-session.ts';

function recorder() {
  const seen = { out: '', progress: '' };
  const io: Io = {
    out: (text) => void (seen.out += text),
    progress: (line) => void (seen.progress += `${line}\n`),
    signal: new AbortController().signal,
  };
  return { io, seen };
}

async function isolab(...argv: string[]) {
  const { io, seen } = recorder();
  return { code: await runProgram(['core', ...argv], io), ...seen };
}

/** Runs commands in a shell that writes cores. @returns what it said on the way */
async function shell(
  commands: string,
  cores: string,
  placement: 'monolithic' | 'microkernel' = 'microkernel',
) {
  const { io, seen } = recorder();
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  await runShell(
    {
      placements: [placement],
      commands,
      folder: null,
      configuration: null,
      places: new Map(),
      policies: [],
      cores,
    },
    io,
    {
      stdin: Readable.from([]),
      stdout: nowhere,
      stderr: new PassThrough().resume(),
    },
  );
  return seen.progress;
}

const coresIn = (directory: string): string[] =>
  readdirSync(directory)
    .sort()
    .map((name) => join(directory, name));

let folder: string;
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'isolab-core-'))));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('a driver that trapped', () => {
  let path: string;
  let said: string;
  beforeAll(async () => {
    const cores = join(folder, 'made', 'here');
    said = await shell('insmod lkdtm; echo BUG > /dev/lkdtm; cat /dev/lkdtm', cores);
    path = coresIn(cores)[0]!;
  });

  test('has left a core, which is said', () => {
    expect(said).toBe(`isolab: core written: ${path}\n`);
    expect(basename(path)).toMatch(/^lkdtm\.1\.\d{8}T\d{6}Z\.\d+\.\d+\.core$/);
  });

  test('of which everything is shown', async () => {
    const { code, out, progress } = await isolab(path);
    expect({ code, progress }).toEqual({ code: 0, progress: '' });
    expect(out).toMatch(/^lkdtm, generation 1, boot 1, microkernel: died of a trap \(unreachable\)$/m);
    expect(out).toMatch(/^BUG: unreachable executed at drivers\/lkdtm\.ts:\d+:\d+$/m);
    expect(out).toMatch(/^ \[<[0-9a-f]{8}>\] provoke\+0x.* \[lkdtm\] {2}drivers\/lkdtm\.ts/m);
    expect(out).toMatch(/^ {2}[0-9a-f]{8} +\d+ bytes, table \d+ {2}lkdtm$/m);
    expect(out).toMatch(/^Messages: all 2$/m);
    expect(out).toMatch(/^ {2}1 OPEN .* -> 0$/m);
    expect(out).toMatch(/^ {2}2 WRITE .* 4 bytes at [0-9a-f]{8} -> not answered$/m);
    expect(out).toMatch(/^ {2}\[ .*lkdtm: Performing direct entry BUG$/m);
    expect((await isolab(path, '--messages')).out).toContain('isolab kernel, boot 1');
  });

  test('as JSON', async () => {
    const { code, out } = await isolab(path, '--json');
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      ...{ schema: 'isolab.core/2', driver: 'lkdtm', generation: 1, by: 'trap' },
      fault: { kind: 'unreachable', module: 'lkdtm' },
    });
  });

  test('with its memory', async () => {
    const { out } = await isolab(path, '--hexdump', '0x10000', '20');
    expect(out).toMatch(
      /^00010000 {2}49 53 4c 42 .* {2}\|ISLB.{12}\|\n00010010 {2}([0-9a-f]{2} ){4} +\|.{4}\|\n$/,
    );
  });

  test.each([
    [['--hexdump', '1'], 2],
    [['--hexdump', '1', '2', '3'], 2],
    [['--hexdump', '1', 'x'], 2],
    [['--hexdump', '0xffffffff', '1'], 1],
    [['--hexdump', '0', '0x1000001'], 1],
    [['--what'], 2],
  ])('not with %j', async (argv, code) => {
    const answer = await isolab(path, ...argv);
    expect({ code: answer.code, out: answer.out }).toEqual({ code, out: '' });
    expect(answer.progress).toMatch(/^isolab: /);
  });

  test('cut off, it is no core', async () => {
    const cut = join(folder, 'cut.core');
    writeFileSync(cut, readFileSync(path).subarray(0, -1));
    const { code, progress } = await isolab(cut);
    expect(code).toBe(1);
    expect(progress).toMatch(
      /^isolab: .*cut\.core is no core: it is cut off: \d+ bytes follow its head, of which \d+ are there$/m,
    );
  });
});

test.each([
  ['LIE_LENGTH', 'died of a breach of the protocol'],
  ['LOOP', 'died of a missed deadline'],
])('%s: there is a core without a trap', async (fault, reason) => {
  const cores = join(folder, fault);
  const read = fault === 'LOOP' ? '' : '; head -c 10 /dev/lkdtm';
  await shell(`insmod lkdtm; echo ${fault} > /dev/lkdtm${read}`, cores);
  const { out } = await isolab(...coresIn(cores));
  expect(out).toContain(reason);
  expect(out).toContain('No trap: there is no call trace.');
});

test('cores of one driver, one generation and one folder do not overwrite each other', async () => {
  const cores = join(folder, 'many');
  for (let i = 0; i < 2; i++) await shell('insmod lkdtm; echo BUG > /dev/lkdtm', cores);
  const before = coresIn(cores).map((path) => readFileSync(path));
  expect(before.length).toBe(2);
  const io = recorder().io;
  const write = coreWriter(cores, io);
  await Promise.all(Array.from({ length: 20 }, async (_, i) => write(Uint8Array.of(i), 'lkdtm.1')));
  const after = coresIn(cores).map((path) => readFileSync(path));
  expect(after.length).toBe(22);
  expect(after.filter(({ length }) => length === 1).map(([byte]) => byte)).toHaveLength(20);
  for (const core of before) expect(after).toContainEqual(core);
});

test.each([
  ['an orderly end', 'insmod lkdtm; rmmod lkdtm', 'microkernel'],
  ['a death in the kernel’s own domain', 'insmod lkdtm; echo BUG > /dev/lkdtm', 'monolithic'],
] as const)('%s leaves none', async (_, commands, placement) => {
  const cores = join(folder, 'none', placement);
  expect(await shell(commands, cores, placement)).toBe('');
  expect(existsSync(cores)).toBe(false);
});

test('a folder that cannot be written is said', async () => {
  const file = join(folder, 'file');
  writeFileSync(file, '');
  expect(await shell('insmod lkdtm; echo BUG > /dev/lkdtm', file)).toMatch(
    /^isolab: a core cannot be written: /,
  );
  expect(readdirSync(folder)).toContain('file');
});

test.each([
  ['a foreign file', 'ELF and so on', 'PATH is no core: it does not begin as a core does'],
  ['no file', null, 'the core cannot be read: No such file or directory: PATH'],
])('%s', async (_, content, reason) => {
  const path = join(folder, 'foreign');
  if (content === null) rmSync(path, { force: true });
  else writeFileSync(path, content);
  const { code, out, progress } = await isolab(path);
  expect({ code, out }).toEqual({ code: 1, out: '' });
  expect(progress).toContain(`isolab: ${reason.replace('PATH', path)}`);
});
