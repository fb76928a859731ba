// Names and texts that come from a driver or its file: what could forge a line is no name, and nowhere shown as it is.

import { describe, expect, test } from 'vitest';
import { EEXIST, EINVAL, ENAMETOOLONG, ENOENT } from '../../../kernel/abi/errno.ts';
import { NAME_SIZE } from '../../../kernel/abi/limits.ts';
import { LOG_TEXT_MAX } from '../../../kernel/abi/log.ts';
import { O_RDONLY } from '../../../kernel/abi/operation.ts';
import { expectLine, text, withMachine, type Bench } from '../../support/machine.ts';

/** Names of test/fixtures/c/labels.c that are refused, and those that are taken. */
const [REFUSED, TAKEN] = [18, ['a b', 'grüße', '<b>']];
/** What it writes everywhere, and how that is shown. */
const SHOWN = '\\x1b[2J\\xe2\\x80\\xaeevil';

export function names(bench: Bench): void {
  describe('names and texts', () => {
    const at = withMachine(bench, { labels: '' });
    const cat = async (path: string): Promise<string> => {
      const fd = await at.open(path, O_RDONLY);
      let all = '';
      for (;;) {
        const { data } = await at.console.read(fd, 8192);
        if (data.length === 0) return all;
        all += text(data);
      }
    };

    test('a name with control characters, marks of direction or a path in it is refused', async () => {
      const said = at.log().filter((line) => /^labels: \d/.test(line));
      expect(said).toEqual([
        ...Array.from({ length: REFUSED - 1 }, (_, i) => `labels: ${i} ${-EINVAL} 0 0`),
        `labels: ${REFUSED - 1} ${-ENAMETOOLONG} 0 0`,
        ...TAKEN.map((_, i) => `labels: ${REFUSED + i} 0 1 0`),
      ]);
      for (const folder of ['/dev', '/proc']) {
        const found = (await at.console.readdir(folder)).entries.map(({ name }) => name);
        expect(found.filter((name) => !/^[a-z]+$/.test(name)).sort()).toEqual([...TAKEN].sort());
      }
      expect((await cat('/proc/devices')).match(/^ *\d+ .*$/gm)).toHaveLength(TAKEN.length);
    });

    test('so is one that a program makes', async () => {
      const mknod = (name: string): Promise<number> => at.console.mknod(`/dev/${name}`, 0o666, 1, 3);
      for (const name of ['a\nb', '\u001b[2J', '\u202eevil', '\u007f']) {
        expect(await mknod(name)).toBe(-EINVAL);
        expect(await at.console.open(`/dev/${name}`, O_RDONLY)).toBe(-ENOENT);
      }
      expect(await mknod('..')).toBe(-EEXIST);
      expect(await mknod('x'.repeat(NAME_SIZE))).toBe(-ENAMETOOLONG);
    });

    test('and that of a module', async () => {
      const before = at.machine.lsmod();
      const module = await bench.fixture('labels');
      for (const name of ['a\nb', '\u001b[2J', '..', 'a/b', '\u202eevil']) {
        const error: unknown = await at.machine.insmod({ ...module, name }).catch((why: unknown) => why);
        expect(error).toMatchObject({ name: 'ModuleError', errno: EINVAL });
        expect((error as Error).message).toMatch(
          /^could not insert module [ -~]+: Invalid parameters \(not a name of a module\)$/,
        );
      }
      expectLine(at.log(), 'not a name of a module: a\\x0ab');
      expect(at.machine.lsmod()).toEqual(before);
    });

    test('what it prints and what its file says is shown by its bytes', async () => {
      expectLine(at.log(), `labels: ${SHOWN}\\x0d\\`);
      const records = (await cat('/dev/kmsg')).split('\n');
      expectLine(
        records.map((line) => line.replace(/^[^;]*;/, '')),
        `labels: ${SHOWN}\\x0d\\x5c`,
      );
      expect(await cat('/sys/module/labels/version')).toBe(`1.0 ${SHOWN}\n`);
      expect(await cat('/sys/module/labels/parameters/text')).toBe(`text ${SHOWN}\n`);
    });

    test('a format that asks for more than a line has gets a line', () => {
      expectLine(at.log(), ' '.repeat(LOG_TEXT_MAX));
      expectLine(at.log(), 'labels: field width 2147483647 too large');
      expect(at.machine.check()).toEqual([]);
      expect(at.machine.status()).toMatchObject({ state: 'running', boot: 1, taint: 'O' });
    });
  });
}
