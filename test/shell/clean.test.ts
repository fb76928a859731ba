// What commands say of names and texts that a driver, a file or a damaged kernel has given: nothing reaches the terminal as it is.
// The machine is none: no living kernel has such names.

import { expect, test } from 'vitest';
import { complete } from '../../host/shell/complete.ts';
import type { ShellContext } from '../../host/shell/command.ts';
import { Shell } from '../../host/shell/shell.ts';
import { run, type ShellResult } from '../support/shell.ts';

const done = (out: string): ShellResult => ({ status: 0, out, err: '' });
const ODD = 'a\nb \u001b[2J\u202eevil';
const CLEAN = 'a\\x0ab \\x1b[2J\\xe2\\x80\\xaeevil';

const file = { type: 'directory', name: ODD };
const stat = { type: 'directory', mode: 0o755, major: 0, minor: 0, size: 0, inode: 1 };
const machine = {
  console: {
    readdir: () => Promise.resolve({ result: 0, entries: [file, { type: 'file', name: 'plain' }] }),
    stat: () => Promise.resolve({ result: 0, stat }),
  },
  status: () => ({
    ...{ state: 'running', boot: 1, zombies: 0, standby: [] },
    drivers: [{ name: ODD, place: 'worker', state: 'up', generation: 1, restarts: 0 }],
  }),
  lsmod: () => [],
  accounting: () => ({ bytesUsed: 0 }),
  subscribe: () => () => {},
};
const modules = { store: { list: () => [ODD, 'plain'] } };
const shell = new Shell({ machine, modules } as unknown as ShellContext);

test('ls', async () => {
  expect(await run(shell, 'ls /dev')).toEqual(done(`${CLEAN}\nplain\n`));
  expect((await run(shell, 'ls -l /dev')).out.split('\n')).toEqual([
    `drwxr-xr-x 1 root root 0 ${CLEAN}`,
    'drwxr-xr-x 1 root root 0 plain',
    '',
  ]);
});

test('ps', async () => {
  const { out } = await run(shell, 'ps');
  expect(out.split('\n')).toHaveLength(4);
  expect(out.split('\n')[2]).toMatch(new RegExp(`${CLEAN.replace(/[\\[]/g, '\\$&')}$`));
  expect(out).toMatch(/^[ -~\n]*$/);
});

test('errors that quote a name', async () => {
  expect((await run(shell, `insmod '${ODD}'`)).err).toMatch(/^insmod: ERROR: [ -~]*\n$/);
  expect((await run(shell, `'${ODD}'`)).err).toBe(`isolab: ${CLEAN}: command not found\n`);
});

test('completion offers no name that is not shown as it is', async () => {
  expect((await complete(shell, 'ls /dev/')).words).toEqual(['/dev/plain ']);
  expect((await complete(shell, 'insmod ')).words).toEqual(['plain ']);
});
