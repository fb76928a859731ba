// The commands that work on text, as Debian's tools and bash do: what they print and their status. They need no machine but one
// that says it runs.

import { beforeEach, describe, expect, test } from 'vitest';
import type { KnownModules } from '../../host/shell/modules.ts';
import { Shell } from '../../host/shell/shell.ts';
import { FakeMachine, fakeModule } from '../lab/fake-machine.ts';
import { run } from '../support/shell.ts';

let machine: FakeMachine;
let shell: Shell;
beforeEach(async () => {
  machine = new FakeMachine('monolithic', {});
  await machine.insmod(fakeModule('ramdisk'), 'size=100');
  shell = new Shell({ machine, modules: {} as KnownModules });
});

/** Lines of a command, its input, what it prints, its status where that is not 0. */
type Case = [text: string, input: string, out: string, status?: number];

function cases(name: string, table: readonly Case[]): void {
  describe(name, () => {
    test.each(table)('%s  < %j', async (text, input, out, status = 0) => {
      expect(await run(shell, text, { input })).toMatchObject({ out, status });
    });
  });
}

const SIX = '1\n2\n3\n4\n5\n6\n';

cases('head', [
  ['head -4', SIX, '1\n2\n3\n4\n'],
  ['head -n 2; head -1', SIX, '1\n2\n'],
  ['head -n -2', SIX, '1\n2\n3\n4\n'],
  ['head -n -2', '1\n2\n3', '1\n'],
  ['head -c 3', SIX, '1\n2'],
  ['head -c 2; head -c 2', SIX, '1\n2\n'],
  ['head -c -3', SIX, '1\n2\n3\n4\n5'],
  ['head -c 1K', SIX, SIX],
  ['head -qn 0', SIX, ''],
  ['head -v -n 1', SIX, '==> standard input <==\n1\n'],
  ['head -n x', SIX, '', 1],
]);

cases('tail', [
  ['tail -4', SIX, '3\n4\n5\n6\n'],
  ['tail -n 2', '1\n2\n3', '2\n3'],
  ['tail -n 0', SIX, ''],
  ['tail -c 3', SIX, '\n6\n'],
  ['tail -c +9', SIX, '5\n6\n'],
  ['tail -n +5', SIX, '5\n6\n'],
  ['tail -n +0', SIX, SIX],
  ['tail -n +9', SIX, ''],
  ['tail +6', SIX, '6\n'],
  ['tail -c 1M', SIX, SIX],
  ['tail -n 1', 'é\n日本', '日本'],
  ['tail -c x', SIX, '', 1],
]);

cases('grep', [
  ['grep -E "a|d"', 'abc\ndef\nx\n', 'abc\ndef\n'],
  ['grep "a|d"', 'a|d\nabc\n', 'a|d\n'],
  ["grep 'a\\|d'", 'abc\ndef\nx\n', 'abc\ndef\n'],
  ['grep -e abc -e def', 'abc\ndef\nx\n', 'abc\ndef\n'],
  ["grep '('", 'f(x)\nf\n', 'f(x)\n'],
  ["grep '^a\\{2\\}b'", 'aab\nab\n', 'aab\n'],
  ["grep -E '^a{2}b$'", 'aab\nab\n', 'aab\n'],
  ["grep -E 'a{2'", 'a{2\naa\n', 'a{2\n'],
  ["grep -o '[[:digit:]]\\+'", 'x12y3\nxy\n', '12\n3\n'],
  ["grep '\\(foo\\) \\1'", 'foo foo\nfoo bar\n', 'foo foo\n'],
  ["grep '\\<word\\>'", 'a word\nswordfish\n', 'a word\n'],
  ["grep '[]-]'", 'x]y\nx-y\nx^y\n', 'x]y\nx-y\n'],
  ["grep '[^]a-z-]'", 'x]y\nx-y\nx^y\n', 'x^y\n'],
  ["grep '*b'", 'a*b\nab\n', 'a*b\n'],
  ["grep -E 'a**b'", 'ab\nb\n', 'ab\nb\n'],
  ["grep -E 'ab+?c'", 'abbc\nac\nx\n', 'abbc\nac\n'],
  ["grep 'x$y'", 'x$y\nxy\n', 'x$y\n'],
  ['grep -F a.c', 'a.c\nabc\n', 'a.c\n'],
  ['grep -w xy', 'xy z\nxyz\n', 'xy z\n'],
  ['grep -x x.', 'xy\nxyz\n', 'xy\n'],
  ['grep -m1 y', 'xy\ny\n', 'xy\n'],
  ['grep -l y', 'xy\n', '(standard input)\n'],
  ['grep -L y', 'xx\n', '(standard input)\n', 1],
  ['grep -Hn y', 'x\ny\n', '(standard input):2:y\n'],
  ['grep -q y /nope -', 'y\n', '', 0],
  ['grep -s y /nope', '', '', 2],
  ["grep '[b-a]'", '', '', 2],
  ["grep -E '(a'", '', '', 2],
  ['grep -Z y', '', '', 2],
]);

cases('echo', [
  ["echo 'a\\nb'", '', 'a\\nb\n'],
  ["echo -e 'a\\tb\\x41\\0101\\e[0m\\q'", '', 'a\tbAA\x1b[0m\\q\n'],
  ["echo -en 'é\\u00e9\\cx'", '', 'éé'],
  ["echo -eE 'a\\n' -n", '', 'a\\n -n\n'],
  ['echo -x -', '', '-x -\n'],
]);

cases('printf', [
  ["printf '%s-%s\\n' a b c", '', 'a-b\nc-\n'],
  ["printf '%d %i %u %o %x %X %c%%\\n' 10 -3 7 8 255 255 hello", '', '10 -3 7 10 ff FF h%\n'],
  [
    "printf '%5d|%-5d|%05d|%+d|% d|%x\\n' 42 42 42 42 42 -1",
    '',
    '   42|42   |00042|+42| 42|ffffffffffffffff\n',
  ],
  ["printf '%.3d|%8.3d|%#x|%#o\\n' 5 5 255 8", '', '005|     005|0xff|010\n'],
  ["printf '%b|%s\\n' 'a\\tb\\0101' 'a\\tb'", '', 'a\tbA|a\\tb\n'],
  ["printf '%b' 'a\\cb' c", '', 'a'],
  ["printf 'a\\x41\\101\\n'", '', 'aAA\n'],
  ["printf '%d %d %d\\n' 0x1f 010 \"'A\"", '', '31 8 65\n'],
  ["printf '%5s|%-5s|%.2s|\\n' ab ab abc", '', '   ab|ab   |ab|\n'],
  ["printf '%*d|%-*d|%.*f\\n' 5 42 5 42 2 3.14159", '', '   42|42   |3.14\n'],
  ["printf '%e %f %g %G\\n' 12345.678 1.5 0.0001 1e10", '', '1.234568e+04 1.500000 0.0001 1E+10\n'],
  ["printf '%g %g %g\\n' 100000 1000000 1e-5", '', '100000 1e+06 1e-05\n'],
  ["printf '%s\\n'", '', '\n'],
  ["printf 'x\\n' a b", '', 'x\n'],
  ["printf -- '-%s' a b", '', '-a-b'],
  ["printf '%d' 12abc", '', '12', 1],
  ["printf '%d' abc", '', '0', 1],
  ["printf '%d' 99999999999999999999", '', '9223372036854775807', 1],
  ["printf 'a%z' 1", '', 'a', 1],
  ["printf '%99999999d' 1", '', '', 1],
  ['printf', '', '', 1],
]);

cases('sort', [
  ['sort', 'b\na\nB', 'B\na\nb\n'],
  ['sort -n', '10\n9\n-1\n1.5\nx\n', '-1\nx\n1.5\n9\n10\n'],
  ['sort -r', 'a\nc\nb\n', 'c\nb\na\n'],
  ['sort -u', 'b\na\nb\n', 'a\nb\n'],
  ['sort -fu', 'b\na\nB\nA\n', 'a\nb\n'],
  ['sort -k2n', 'b 2\na 10\nc 1\n', 'c 1\nb 2\na 10\n'],
  ['sort -k2', 'b 2\na 10\nc 1\n', 'c 1\na 10\nb 2\n'],
  ['sort -t: -k3,3 -k2,2n', 'x:3:a\ny:1:b\nz:2:a\n', 'z:2:a\nx:3:a\ny:1:b\n'],
  ['sort -t: -k2,2r', 'x:3\ny:1\nz:2\n', 'x:3\nz:2\ny:1\n'],
  ['sort -k1.2', 'ab\nba\n', 'ba\nab\n'],
  ['sort -k0', '', '', 2],
]);

cases('dd', [
  ['dd conv=ucase status=none', 'hellO{', 'HELLO{'],
  ['dd conv=lcase status=none', 'HELLo[', 'hello['],
  ['dd conv=swab,notrunc status=none', 'abcde', 'badce'],
  ['dd conv=sync bs=4 status=none', 'abcde', 'abcde\0\0\0'],
  ['dd conv=frob', '', '', 1],
  ['dd conv=ucase,lcase', '', '', 1],
]);

cases('kill -l', [
  ['kill -l | head -1', '', ' 1) SIGHUP\t 2) SIGINT\t 3) SIGQUIT\t 4) SIGILL\t 5) SIGTRAP\n'],
  ['kill -l | tail -1', '', '63) SIGRTMAX-1\t64) SIGRTMAX\t\n'],
  ['kill -l 9 137 KILL sigterm RTMIN+2', '', 'KILL\nKILL\n9\n15\n36\n'],
  ['kill -l 99', '', '', 1],
  ['kill -FROB 1', '', '', 1],
]);

test('head -c, hexdump -n: a device is asked for no more than is shown', async () => {
  const asked: number[] = [];
  const { read } = machine.console;
  machine.console.read = (fd, count) => {
    asked.push(count);
    return read(fd, count);
  };
  await run(shell, 'head -c 2 /dev/ramdisk; hexdump -n 3 /dev/ramdisk');
  expect(asked).toEqual([2, 3]);
});

test('dd conv=noerror goes on behind what cannot be read, and with sync fills it with zeros', async () => {
  machine.disk = new Uint8Array(4).fill(65);
  const { read } = machine.console;
  machine.console.read = async (fd, count) => {
    const answer = await read(fd, count);
    machine.console.read = read;
    return { ...answer, result: -5 };
  };
  const ran = await run(shell, 'dd if=/dev/ramdisk bs=2 conv=noerror,sync status=noxfer');
  expect(ran).toEqual({
    ...{ status: 0, out: '\0\0AA' },
    err: "dd: error reading '/dev/ramdisk': Input/output error\n1+1 records in\n2+0 records out\n",
  });
});

test('ioctl - passes and prints as many bytes as its number says', async () => {
  const given: (number | Uint8Array)[] = [];
  machine.console.ioctl = async (_, __, argument) => {
    given.push(typeof argument === 'number' ? argument : argument.slice());
    if (typeof argument !== 'number') argument.fill(66);
    return 0;
  };
  const [R, W, NONE] = ['0x80046601', '0x40046601', '1'];
  const sh = async (request: string, input: string): Promise<string> =>
    (await run(shell, `ioctl /dev/ramdisk ${request} -`, { input })).out;
  expect([await sh(R, ''), await sh(R, 'abcdef'), await sh(W, 'abcd'), await sh(NONE, 'abc')]).toEqual([
    ...['BBBB', 'BBBB', '', 'BBB'],
  ]);
  expect(given.map((each) => (typeof each === 'number' ? each : each.length))).toEqual([4, 6, 4, 3]);
});

test('clear has whoever shows the output clear it', async () => {
  let cleared = 0;
  shell.clear = () => cleared++;
  expect(await run(shell, 'clear; echo a; clear')).toMatchObject({ out: 'a\n', status: 0 });
  expect(cleared).toBe(2);
});

test('a script runs up to the line that has what the shell has not', async () => {
  expect(await run(shell, 'echo a\necho b; echo c\nfor i in 1\ndo echo d\ndone\n')).toEqual({
    ...{ status: 2, out: 'a\nb\nc\n', err: 'isolab: line 3: unsupported: for\n' },
  });
  expect(await run(shell, 'exit 3\nfor')).toMatchObject({ status: 3, err: '' });
});

test('an unknown option is refused with the command’s usage', async () => {
  expect((await run(shell, 'head --frob')).err).toBe(
    "head: unrecognized option '--frob'\nusage: head [-n LINES | -c BYTES | -LINES] [-qv] [FILE]...\nTry 'head --help' for more information.\n",
  );
});
