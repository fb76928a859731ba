// Saved logs: what is found in them, and what the files make of it. The files are the built ones.

import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import {
  decodedLines,
  decodeOops,
  type CodeFile,
  type DecodedOops,
  type DecodeSources,
} from '../../host/domain/decode.ts';
import { Kallsyms } from '../../host/domain/kallsyms.ts';
import type { Frame } from '../../host/domain/fault.ts';
import { formatOops, formatWarning, type OopsContext, type TextFile } from '../../host/domain/oops.ts';
import { findOopses } from '../../host/domain/saved-oops.ts';
import { ModuleSymbols } from '../../host/linker/module/symbols.ts';
import { stamp } from '../../host/machine/inspect/dmesg.ts';

const IMAGES = fileURLToPath(new URL('../../dist/images/', import.meta.url));
const LKDTM = 0x90000000;
const KERNEL = 0x80000000;

function codeFile(entry: string): CodeFile {
  const bytes = new Uint8Array(readFileSync(IMAGES + entry));
  const map = existsSync(`${IMAGES}${entry}.map`) ? readFileSync(`${IMAGES}${entry}.map`, 'utf8') : null;
  return {
    ...{ label: entry, bytes: bytes.length, symbols: new ModuleSymbols(bytes, map) },
    sha256: createHash('sha256').update(bytes).digest('hex'),
  };
}

const FILES = new Map([
  ['lkdtm', codeFile('lkdtm.ko.wasm')],
  ['kernel', codeFile('kernel.wasm')],
]);
const sources: DecodeSources = { kallsyms: null, file: (name) => FILES.get(name) ?? null };
const nothing: DecodeSources = { kallsyms: null, file: () => null };

/** A frame at an offset in a function. */
function frameIn(module: string, name: string, into: number): Frame {
  const { symbols } = FILES.get(module)!;
  const found = symbols.functions.find((each) => each.name === name)!;
  const offset = found.start + into;
  return {
    ...{ module, function: name, index: found.index, offset },
    text: `${symbols.describe(offset)} [${module}]`,
    source: symbols.locate(offset),
  };
}

const FRAMES = [frameIn('lkdtm', 'lkdtm_write', 9), frameIn('kernel', 'system_call', 5)];
const text = (name: string, base: number): TextFile => ({
  ...{ name, base },
  size: FILES.get(name)!.bytes,
  sha256: FILES.get(name)!.sha256,
});
const TEXTS = [text('lkdtm', LKDTM), text('kernel', KERNEL)];

function oopsLines(own: Partial<OopsContext> = {}, frames = FRAMES): string[] {
  const context: OopsContext = {
    ...{ number: 1, cpu: 0, pid: 2, comm: 'client1', taint: '', boot: 1, registers: null },
    ...{ modules: [{ name: 'lkdtm', flags: '' }], lastUnloaded: null, texts: TEXTS },
    ...own,
  };
  return formatOops(
    { kind: 'unreachable', message: 'unreachable', frames, module: 'lkdtm', stackPointer: null },
    context,
  );
}

const decoded = (log: string, from = sources): DecodedOops[] =>
  findOopses(log).map((saved) => decodeOops(saved, from));
const one = (log: string, from = sources): DecodedOops => {
  const [first, ...more] = decoded(log, from);
  expect(more).toEqual([]);
  return first!;
};
const EXPECTED = FRAMES.map(({ module, text: said, source, offset }) => ({
  address: (module === 'lkdtm' ? LKDTM : KERNEL) + offset!,
  text: said.replace(' [kernel]', ''),
  source: `${source!.file}:${source!.line}:${source!.column}`,
}));
const KALLSYMS = [...FILES]
  .flatMap(([name, { symbols }]) =>
    symbols.functions.map(
      (f) =>
        `${((name === 'lkdtm' ? LKDTM : KERNEL) + f.start).toString(16)} t ${f.name}${name === 'lkdtm' ? '\t[lkdtm]' : ''}`,
    ),
  )
  .join('\n');

describe('an oops alone', () => {
  test('is decoded by the addresses of its files', () => {
    const { frames, warnings } = one(oopsLines().join('\n'));
    expect(frames).toMatchObject(EXPECTED);
    expect(frames.map(({ by }) => by)).toEqual(['file', 'file']);
    expect(warnings).toEqual([]);
  });

  test('is shown without what the log has of control characters', () => {
    const log = oopsLines().map((line) => line.replace('Comm: client1', 'Comm: \u001b[2J\u202e'));
    const lines = decodedLines(one(log.join('\n')));
    expect(lines.find((line) => line.startsWith('CPU: '))).toContain('Comm: \\x1b[2J\\xe2\\x80\\xae ');
  });

  test.each([
    ['times of dmesg', (line: string, i: number) => `${stamp(i / 7)} ${line}`],
    ['levels of /dev/kmsg', (line: string, i: number) => `<1>${stamp(123456 + i)} ${line}`],
    ['syslog', (line: string) => `Nov 21 07:54:54 my-host kernel: [    1.000000] ${line}`],
    ['ends of lines of another system', (line: string) => `${line}\r`],
  ])('with %s', (_name, wrap) => {
    const log = ['isolab kernel, boot 1', ...oopsLines(), 'supervisor: restarting lkdtm']
      .map(wrap)
      .join('\n');
    const { saved, frames, warnings } = one(log);
    expect(frames).toMatchObject(EXPECTED);
    expect(saved).toMatchObject({ line: 2, complete: true, kind: 'unreachable', number: 1 });
    expect(warnings).toEqual([]);
  });

  test('is printed as ksymoops printed one', () => {
    const [rip, caller] = EXPECTED as [(typeof EXPECTED)[0], (typeof EXPECTED)[0]];
    expect(decodedLines(one(oopsLines().join('\n')))).toEqual([
      `BUG: unreachable executed at ${rip.source}`,
      'Oops: unreachable [#1]',
      'CPU: 0 PID: 2 Comm: client1 Not tainted 0.1.0 #1',
      `>>RIP; ${rip.address.toString(16)} <${rip.text}>  ${rip.source}`,
      `Trace; ${caller.address.toString(16)} <${caller.text}>  ${caller.source}`,
      'Modules linked in: lkdtm',
    ]);
  });

  test('with other lines in between loses nothing', () => {
    const log = oopsLines().flatMap((line) => [line, 'null: something else happens', '']);
    expect(one(log.slice(2).join('\n')).frames).toMatchObject(EXPECTED);
  });

  test('without addresses is decoded by name and length', () => {
    const { frames, warnings } = one(oopsLines({ texts: [] }).join('\n'));
    expect(frames).toMatchObject(
      EXPECTED.map(({ text: said, source }) => ({ text: said, source, address: null, by: 'file' })),
    );
    expect(warnings).toEqual([]);
  });

  test('without any file keeps what it says itself', () => {
    const { frames, warnings } = one(oopsLines().join('\n'), nothing);
    expect(frames).toMatchObject(EXPECTED.map((frame) => ({ ...frame, by: 'oops' })));
    expect(warnings).toEqual(['there is no file of lkdtm', 'there is no file of kernel']);
  });

  test('without addresses, and not of these files, is believed', () => {
    const log = oopsLines({ texts: [] }).join('\n').replaceAll('lkdtm_write+', 'lkdtm_wrote+');
    const { frames, warnings } = one(log);
    expect(frames[0]).toMatchObject({ function: 'lkdtm_wrote', source: EXPECTED[0]!.source, by: 'oops' });
    expect(warnings).toEqual([
      expect.stringMatching(
        /^lkdtm\.ko\.wasm is another build: it has no function lkdtm_wrote of 0x\w+ bytes$/,
      ),
    ]);
  });

  test('counts what was folded', () => {
    const recursion = Array.from({ length: 20 }, () => FRAMES[0]!);
    const oops = one(oopsLines({}, [...recursion, FRAMES[1]!]).join('\n'));
    expect(oops.frames.map(({ folded }) => folded)).toEqual([19, 0]);
    expect(decodedLines(oops)).toContain('Trace; ... 19 more');
  });
});

describe('a warning', () => {
  const context: OopsContext = {
    ...{ number: 0, cpu: 0, pid: 1, comm: 'console', taint: '', boot: 1, registers: null },
    ...{ modules: [{ name: 'lkdtm', flags: '' }], lastUnloaded: null, texts: TEXTS },
  };
  const warning = (message: string): string[] =>
    formatWarning(
      {
        ...{ kind: 'host', message, module: 'lkdtm', stackPointer: null },
        frames: [
          {
            module: null,
            function: 'warn',
            index: null,
            offset: null,
            text: 'warn (x.js:1:1)',
            source: null,
          },
          frameIn('kernel', 'warn_slowpath', 1),
          ...FRAMES,
        ],
      },
      context,
    );
  const [at] = EXPECTED as [(typeof EXPECTED)[0]];

  test("has Linux's layout and begins with who asked for it", () => {
    const lines = warning('lkdtm: this is odd');
    expect(lines.slice(0, 8)).toEqual([
      '------------[ cut here ]------------',
      'lkdtm: this is odd',
      `WARNING: CPU: 0 PID: 1 at ${at.source} ${at.text}`,
      'Modules linked in: lkdtm',
      'CPU: 0 PID: 1 Comm: console Not tainted 0.1.0 #1',
      `RIP: 0010:${at.text}`,
      `  at ${at.source}`,
      'Call Trace:',
    ]);
    expect(lines.join('\n')).not.toMatch(/warn_slowpath|x\.js/);
  });

  test.each(['lkdtm: this is odd', ''])('is decoded as an oops is: "%s"', (message) => {
    const { saved, frames, warnings } = one(['before', ...warning(message), 'behind'].join('\n'));
    expect(frames).toMatchObject(EXPECTED);
    expect(warnings).toEqual([]);
    const head = `WARNING: CPU: 0 PID: 1 at ${at.source} ${at.text}`;
    expect(saved).toMatchObject({ line: 2, kind: 'warning', cause: message ? `${head}: ${message}` : head });
  });

  test('and an oops are two', () => {
    expect(decoded([...warning('a'), ...oopsLines()].join('\n')).map(({ saved }) => saved.kind)).toEqual([
      'warning',
      'unreachable',
    ]);
  });
});

describe('two oopses', () => {
  const log = [...oopsLines(), 'between', ...oopsLines({ number: 2 }, [FRAMES[1]!])];

  test('are two', () => {
    const both = decoded(log.join('\n'));
    expect(both.map(({ saved }) => saved.number)).toEqual([1, 2]);
    expect(both.map(({ frames }) => frames.length)).toEqual([2, 1]);
  });

  test('stay two where the first one is cut off', () => {
    const cut = log.filter((line) => !line.startsWith('---') && !line.startsWith('Text:'));
    const both = decoded(cut.join('\n'));
    expect(both.map(({ frames }) => frames.length)).toEqual([2, 1]);
    expect(both[0]?.warnings).toContain('the oops ends before its last line');
  });
});

describe('another build', () => {
  const other = oopsLines({ texts: [{ ...TEXTS[0]!, sha256: 'f'.repeat(64) }, TEXTS[1]!] }).join('\n');

  test('of a module is told, and the oops is believed', () => {
    const moved = other
      .replaceAll('lkdtm_write+0x9/', 'lkdtm_write+0x11/')
      .replaceAll(EXPECTED[0]!.source, 'a.ts:1:2');
    const { frames, warnings } = one(moved);
    expect(frames[0]).toMatchObject({ source: 'a.ts:1:2', by: 'oops' });
    expect(frames[0]?.text).toMatch(/^lkdtm_write\+0x11\//);
    expect(frames[1]).toMatchObject({ ...EXPECTED[1], by: 'file' });
    expect(warnings).toEqual([
      `lkdtm.ko.wasm is another build: sha256 ${TEXTS[0]!.sha256.slice(0, 16)}, the oops has ffffffffffffffff`,
    ]);
  });

  test('is seen by a length, where the oops has no hash of it', () => {
    const log = oopsLines()
      .filter((line) => !line.startsWith('Text:'))
      .map((line) => line.replace(/(lkdtm_write\+0x9)\/0x[0-9a-f]+/, '$1/0xfff'));
    const { frames, warnings } = one(log.join('\n'), { ...sources, kallsyms: new Kallsyms(KALLSYMS) });
    expect(frames[0]).toMatchObject({ by: 'oops', length: 0xfff });
    expect(warnings).toEqual([
      `the oops says lkdtm_write+0x9/0xfff [lkdtm], lkdtm.ko.wasm says ${EXPECTED[0]!.text}`,
    ]);
  });

  test('is seen by kallsyms whose symbols lie elsewhere', () => {
    const moved = KALLSYMS.replace(/^[0-9a-f]{8} t lkdtm_write/m, '90008000 t lkdtm_write');
    const address = EXPECTED[0]!.address.toString(16);
    const { warnings } = one(address, { ...sources, kallsyms: new Kallsyms(moved) });
    expect(warnings).toEqual([
      'lkdtm.ko.wasm is another build: 1 symbols of kallsyms are not in their place',
    ]);
  });

  test('kallsyms of another boot is told, and the oops is believed', () => {
    const moved = KALLSYMS.replaceAll(/^9000/gm, '9123');
    const { frames, warnings } = one(oopsLines().join('\n'), { ...sources, kallsyms: new Kallsyms(moved) });
    expect(frames).toMatchObject(EXPECTED);
    expect(warnings).toEqual(['kallsyms has lkdtm at 91230000, the oops at 90000000: they are of two boots']);
  });
});

describe('bare addresses', () => {
  const words = EXPECTED.map(({ address }) => address.toString(16));
  const kallsyms = new Kallsyms(KALLSYMS);

  test.each([
    ['one a line', words.join('\n')],
    ['in one line', words.join(' ')],
    ['as C writes them', words.map((word) => `0x${word}`).join('\n')],
    ['in brackets', words.map((word) => ` [<${word}>]`).join('\n')],
    ['in brackets in one line', words.map((word) => `[<${word}>]`).join(' ')],
    [
      'behind times, beside other words',
      words.map((word) => `[    1.000000]  [<${word}>] ? what`).join('\n'),
    ],
  ])('%s', (_name, log) => {
    const { frames, warnings } = one(log, { ...sources, kallsyms });
    expect(frames).toMatchObject(EXPECTED);
    expect(warnings).toEqual([]);
  });

  test('without files have the names of kallsyms', () => {
    const { frames } = one(words.join('\n'), { ...nothing, kallsyms });
    expect(frames).toMatchObject([
      { function: 'lkdtm_write', offset: 9, module: 'lkdtm', source: null, by: 'kallsyms' },
      { function: 'system_call', offset: 5, module: null, source: null, by: 'kallsyms' },
    ]);
  });

  test('without kallsyms mean nothing, and that is told', () => {
    const { frames, warnings } = one(words.join('\n'));
    expect(frames.map(({ by }) => by)).toEqual(['nothing', 'nothing']);
    expect(warnings).toEqual(words.map((word) => `nothing is known of address ${word}`));
  });
});

describe('anything else', () => {
  test.each([
    ['nothing', ''],
    ['prose', 'Dear all,\n\nthe machine said Oops: and died.\n'],
    [
      "Linux's own",
      'BUG: kernel NULL pointer dereference, address: 0000000000000000\nOops: 0002 [#1] PREEMPT SMP PTI\nRIP: 0010:f+0x1c/0x80 [m]\nCall Trace:\n <TASK>\n ? __die+0x1f/0x70\n',
    ],
    ['addresses of 64 bits', 'ffffffff81000000\nffffffff81000010'],
    ['numbers', '12345678 00000001 7fffffff'],
    ['binary', String.fromCharCode(...Array.from({ length: 5000 }, (_, i) => (i * 7919) % 256))],
  ])('%s is no oops', (_name, log) => expect(findOopses(log)).toEqual([]));

  const whole = oopsLines({ registers: { stackPointer: 1, memoryBase: 2, tableBase: 3 } }).join('\n');

  test('an oops cut off anywhere is decoded as far as it goes', () => {
    for (let length = 0; length < whole.length; length++) {
      for (const oops of decoded(whole.slice(0, length))) {
        expect(oops.warnings.length, whole.slice(0, length)).toBeGreaterThan(0);
        expect(decodedLines(oops).join('\n')).not.toMatch(/undefined|NaN|null/);
      }
    }
  });

  test('an oops that has lost a line is decoded as far as it goes', () => {
    const lines = whole.split('\n');
    lines.forEach((_, lost) => {
      const log = lines.filter((_line, index) => index !== lost).join('\n');
      for (const oops of decoded(log))
        expect(decodedLines(oops).join('\n')).not.toMatch(/undefined|NaN|null/);
    });
  });

  test('a changed name in a line is told, and the file is believed', () => {
    const { frames, warnings } = one(whole.replaceAll('lkdtm_write+', 'lkdtm_wrote+'));
    expect(frames).toMatchObject(EXPECTED);
    expect(warnings[0]).toMatch(
      /^the oops says lkdtm_wrote\+0x9\/0x[0-9a-f]+ \[lkdtm\], lkdtm\.ko\.wasm says /,
    );
  });

  test('an address outside of every function is told', () => {
    const { warnings } = one(whole.replace(/\[<9000[0-9a-f]{4}>\]/, '[<90000001>]'));
    expect(warnings).toEqual(['lkdtm.ko.wasm has no function at offset 0x1']);
  });

  test('a RIP that is not the first of the trace is told', () => {
    const { warnings } = one(whole.replace('RIP: 0010:lkdtm_write', 'RIP: 0010:lkdtm_read'));
    expect(warnings[0]).toMatch(/^RIP and the call trace disagree: lkdtm_read/);
  });

  test('without its trace an oops has its RIP', () => {
    const log = whole.split('\n').filter((line) => !line.startsWith(' [<'));
    expect(one(log.join('\n')).frames).toMatchObject([
      { text: EXPECTED[0]!.text, source: EXPECTED[0]!.source },
    ]);
  });

  test('long lines take no time', () => {
    const long = [
      `Oops: ${'a: 0000 '.repeat(20000)}`,
      ` ${'[<90000000>] '.repeat(20000)}`,
      `CPU: 0 PID: 0 Comm: ${'Tainted: '.repeat(20000)}`,
      'Modules linked in:' + ' [last unloaded:'.repeat(20000),
      '9'.repeat(200000),
    ];
    const started = performance.now();
    findOopses(['Oops: unreachable: 0000 [#1] SMP', 'Call Trace:', ...long].join('\n'));
    findOopses(long.join('\n'));
    expect(performance.now() - started).toBeLessThan(2000);
  });
});
