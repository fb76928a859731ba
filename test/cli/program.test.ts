// The command line's promises: exit codes, one sentence on standard error, nothing but results on standard output.

import { describe, expect, test } from 'vitest';
import type { Io } from '../../host/cli/io.ts';
import { runProgram } from '../../host/cli/program.ts';
import { version } from '../../host/cli/root.ts';

async function isolab(argv: string[], signal = new AbortController().signal) {
  const seen = { out: '', progress: '' };
  const io: Io = {
    out: (text) => void (seen.out += text),
    progress: (line) => void (seen.progress += `${line}\n`),
    signal,
  };
  return { code: await runProgram(argv, io), ...seen };
}

describe('isolab', () => {
  test('--help names every command and ends well', async () => {
    const { code, out, progress } = await isolab(['--help']);
    expect(code).toBe(0);
    for (const command of ['build', 'serve', 'images']) expect(out).toContain(`\n  ${command}`);
    expect(progress).toBe('');
  });

  test('COMMAND --help explains the command', async () => {
    const { code, out } = await isolab(['build', '--help']);
    expect(code).toBe(0);
    expect(out).toContain('from "isolab"');
  });

  test('--version prints the version alone', async () => {
    expect(await isolab(['--version'])).toEqual({ code: 0, out: `${version()}\n`, progress: '' });
  });

  test('what is said on the way does nothing to the terminal', async () => {
    const { code, progress } = await isolab(['modinfo', '\u001b[2J\u202eevil']);
    expect(code).toBe(1);
    expect(progress).toContain('modinfo: ERROR: Module \\x1b[2J\\xe2\\x80\\xaeevil not found.\n');
  });

  test('no command at all is not understood', async () => {
    const { code, out, progress } = await isolab([]);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(progress).toContain('Usage: isolab');
  });

  test.each([
    [['frobnicate'], "isolab: unknown command 'frobnicate'"],
    [['serve', '--colour'], "isolab: unknown option '--colour'"],
    [['serve', '--port', 'x'], "isolab: option '--port <number>' argument 'x' is invalid"],
    [['build'], "isolab: missing required argument 'file'"],
  ])('%j ends with 2 and a sentence', async (argv, sentence) => {
    const { code, out, progress } = await isolab(argv);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(progress).toContain(sentence);
    expect(progress).toContain('see isolab --help');
  });

  test('a file that is not there ends with 1 and its name', async () => {
    expect(await isolab(['build', '/nowhere/x.ts'])).toEqual({
      code: 1,
      out: '',
      progress: 'isolab: the driver cannot be read: No such file or directory: /nowhere/x.ts\n',
    });
  });
});
