// `isolab oops`: a log that a real machine wrote, saved to a file, read again by the command line.

import { mkdtempSync, copyFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { Io } from '../../host/cli/io.ts';
import { nodeLab, type NodeLab } from '../../host/cli/machines.ts';
import { runProgram } from '../../host/cli/program.ts';
import { IMAGES, ROOT } from '../../host/cli/root.ts';
import { Killed } from '../../host/machine/shared/control.ts';
import { dmesgLines } from '../../host/machine/inspect/dmesg.ts';
import { O_RDWR } from '../../kernel/abi/operation.ts';
import { bytes, driverIs, isFault, nextEvent, PLACEMENTS } from '../support/machine.ts';

async function isolab(...argv: string[]) {
  const seen = { out: '', progress: '' };
  const io: Io = {
    out: (text) => void (seen.out += text),
    progress: (line) => void (seen.progress += `${line}\n`),
    signal: new AbortController().signal,
  };
  return { code: await runProgram(['oops', ...argv], io), ...seen };
}

let folder: string;
const file = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'isolab-oops-'))));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.each(PLACEMENTS)("a %s machine's log", (placement) => {
  let lab: NodeLab;
  let log: string;

  /** Every crash of `faults`, one after the other. */
  async function crashed(faults: readonly string[]): Promise<string> {
    const machine = await lab.boot(placement);
    onTestFinishedOrAfter(() => machine.shutdown());
    for (const name of ['zero', 'ramdisk', 'lkdtm']) await machine.insmod(driver(name));
    await machine.rmmod('zero');
    for (const fault of faults) {
      const client = await machine.attach();
      const fd = await client.open('/dev/lkdtm', O_RDWR);
      const seen = nextEvent(machine, isFault);
      const back = placement === 'microkernel' ? nextEvent(machine, driverIs('lkdtm', 'up')) : seen;
      await client.write(fd, bytes(fault)).catch((error: unknown) => {
        if (!(error instanceof Killed)) throw error;
      });
      await Promise.all([seen, back]);
      await machine.settled();
      await client.end();
    }
    return `${dmesgLines(machine.dmesg()).join('\n')}\n`;
  }
  const driver = (name: string) => lab.drivers.find((each) => each.name === name)!;
  const endings: (() => Promise<unknown>)[] = [];
  const onTestFinishedOrAfter = (end: () => Promise<unknown>): void => void endings.push(end);

  beforeAll(async () => {
    lab = await nodeLab();
    log = await crashed(['BUG', 'EXHAUST_STACK']);
  });
  afterAll(async () => {
    for (const end of endings) await end();
    await lab.close();
  });

  test('has two oopses, decoded from itself alone', async () => {
    const { code, out, progress } = await isolab(file(`${placement}.log`, log));
    expect({ code, progress }).toEqual({ code: 0, progress: '' });
    const [bug = '', stack = '', ...more] = out.split('\n\n');
    expect(more).toEqual([]);
    expect(bug).toMatch(
      /^BUG: unreachable executed at drivers\/lkdtm\.ts:\d+:\d+\nOops: unreachable \[#1\]\nCPU: /,
    );
    expect(bug).toMatch(
      /^>>RIP; 9[0-9a-f]{7} <\w+\+0x[0-9a-f]+\/0x[0-9a-f]+ \[lkdtm\]> {2}drivers\/lkdtm\.ts:\d+:\d+$/m,
    );
    expect(bug).toMatch(
      /^Trace; 9[0-9a-f]{7} <lkdtm_write\+0x\w+\/0x\w+ \[lkdtm\]> {2}drivers\/lkdtm\.ts:\d+:\d+$/m,
    );
    expect(bug).toMatch(
      placement === 'monolithic'
        ? /^Trace; 8000[0-9a-f]{4} <system_call\+0x\w+\/0x\w+> {2}kernel\/\S+:\d+:\d+$/m
        : /^Trace; 8800[0-9a-f]{4} <serve_ring\+0x\w+\/0x\w+ \[domain\]> {2}kernel\/\S+:\d+:\d+$/m,
    );
    expect(bug).toMatch(/^Modules linked in: .*\blkdtm\b.* \[last unloaded: zero\]$/m);
    expect(stack).toMatch(/^Thread overran stack: .*\nOops: stack exhausted \[#2\]$/m);
    expect(stack).toMatch(/^Trace; \.\.\. 3\d more$/m);
  });

  test('says the same as JSON', async () => {
    const { code, out } = await isolab(file(`${placement}.log`, log), '--json');
    expect(code).toBe(0);
    const report = JSON.parse(out) as {
      schema: string;
      oopses: { saved: unknown; frames: { by: string }[] }[];
    };
    expect(report.schema).toBe('isolab.oops/1');
    expect(report.oopses.map(({ saved }) => saved)).toMatchObject([
      { kind: 'unreachable', number: 1, complete: true },
      { kind: 'stack exhausted', number: 2, complete: true },
    ]);
    for (const { frames } of report.oopses) {
      expect(frames.length).toBeGreaterThan(0);
      for (const { by } of frames) expect(by).toBe('file');
    }
  });

  test('with the files of another build there are warnings', async () => {
    const other = mkdtempSync(join(folder, 'other-'));
    copyFileSync(join(IMAGES, 'ramdisk.ko.wasm'), join(other, 'lkdtm.ko.wasm'));
    const { code, out, progress } = await isolab(file(`${placement}.log`, log), '--modules', other);
    expect(code).toBe(0);
    expect(out).toMatch(/^Warning: lkdtm\.ko\.wasm is another build: sha256 \w{16}, the oops has \w{16}$/m);
    expect(out).toMatch(/^Warning: there is no file of /m);
    expect(out).toMatch(/\[lkdtm\]> {2}drivers\/lkdtm\.ts:\d+:\d+$/m);
    expect(progress).toMatch(/^isolab: \d warnings; results may not be reliable\n$/);
  });
});

describe('isolab oops', () => {
  test('reads standard input', () => {
    const log = 'Oops: unreachable: 0000 [#7] SMP\nCall Trace:\n f+0x1/0x2 [m]\n---[ end trace 0 ]---\n';
    const { stdout, stderr, status } = spawnSync(
      process.execPath,
      [join(ROOT, 'bin/isolab.mjs'), 'oops', '-'],
      {
        input: log,
        encoding: 'utf8',
      },
    );
    expect({ stdout, status }).toEqual({
      stdout: 'Oops: unreachable [#7]\n>>RIP; ???????? <f+0x1/0x2 [m]>\nWarning: there is no file of m\n',
      status: 0,
    });
    expect(stderr).toContain('isolab: 1 warning; results may not be reliable\n');
  });

  test('decodes bare addresses by kallsyms', async () => {
    const kallsyms = file('kallsyms', '90000100 t f\t[m]\n90000200 T g\t[m]\n80000100 T boot\n');
    const trace = file('trace', '[<90000104>]\n[<80000100>]\n');
    expect(
      await isolab(trace, '--kallsyms', kallsyms, '--modules', mkdtempSync(join(folder, 'none-'))),
    ).toEqual({
      code: 0,
      out: `Trace; 90000104 <f+0x4/0x100 [m]>
Trace; 80000100 <boot+0x0/?>
Warning: there is no file of m
Warning: there is no file of kernel
`,
      progress: 'isolab: 2 warnings; results may not be reliable\n',
    });
  });

  test('a module in the log is no path', async () => {
    const secret = mkdtempSync(join(folder, 'modules-'));
    writeFileSync(join(folder, 'secret.ko.wasm'), 'no module');
    const log = file('path.log', 'Oops: x: 0000 [#1] SMP\nCall Trace:\n f+0x1/0x2 [../secret]\n');
    const { code, out } = await isolab(log, '--modules', secret);
    expect(code).toBe(0);
    expect(out).toContain('Warning: there is no file of ../secret\n');
  });

  test.each([
    [['LOG'], 'there is no oops in LOG'],
    [['/nowhere/log'], 'the log cannot be read: No such file or directory: /nowhere/log'],
    [['FOLDER'], 'the log cannot be read: Is a directory: FOLDER'],
    [
      ['LOG', '--kallsyms', '/nowhere/k'],
      'the symbols cannot be read: No such file or directory: /nowhere/k',
    ],
    [['LOG', '--kallsyms', 'LOG'], 'there are no symbols in LOG'],
    [
      ['LOG', '--modules', '/nowhere/m'],
      'the folder of modules cannot be read: No such file or directory: /nowhere/m',
    ],
    [['BAD', '--modules', 'FOLDER'], 'FOLDER/bad.ko.wasm is no module: not a WebAssembly file'],
  ])('%j ends with 1 and a sentence', async (argv, sentence) => {
    const own = mkdtempSync(join(folder, 'own-'));
    onTestFinished(() => rmSync(own, { recursive: true }));
    writeFileSync(join(own, 'bad.ko.wasm'), 'x');
    const paths: Record<string, string> = {
      LOG: file('prose', 'no oops at all\n'),
      BAD: file('bad', 'Oops: x: 0000 [#1] SMP\nCall Trace:\n f+0x1/0x2 [bad]\n'),
      FOLDER: own,
    };
    const put = (text: string): string => text.replace(/LOG|BAD|FOLDER/g, (word) => paths[word]!);
    expect(await isolab(...argv.map(put))).toEqual({
      code: 1,
      out: '',
      progress: `isolab: ${put(sentence)}\n`,
    });
  });

  test('--help says what it reads and how it ends', async () => {
    const { code, out } = await isolab('--help');
    expect(code).toBe(0);
    for (const word of ['--kallsyms', '--modules', '--json', '/proc/kallsyms', 'exit code'])
      expect(out).toContain(word);
  });
});
