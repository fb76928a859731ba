// What fails, and how it says so: the failure table of Linux's module loader, a test for each row, named after it. Each row
// happens, with its errno, the tool's words and exactly its lines in the log, and leaves everything as it was.

import { afterEach, describe, expect, test } from 'vitest';
import { loadModule } from '../../../host/domain/load-file.ts';
import type { LoadedModule } from '../../../host/domain/loaded.ts';
import { ModuleError } from '../../../host/domain/module-error.ts';
import { declaring } from '../../../host/fault/mutate-many.ts';
import type { LoadMode } from '../../../host/machine/shared/types.ts';
import {
  E2BIG,
  EAGAIN,
  EBUSY,
  EEXIST,
  EINVAL,
  EIO,
  ENOENT,
  ENOEXEC,
  ENOMEM,
  EPERM,
  EWOULDBLOCK,
} from '../../../kernel/abi/errno.ts';
import { MAX_MODULE_PARAMETERS, MODULE_SHARE } from '../../../kernel/abi/limits.ts';
import { O_RDONLY } from '../../../kernel/abi/operation.ts';
import { VERMAGIC } from '../../../kernel/abi/version.ts';
import { withMachine, type Bench, type Setting } from '../../support/machine.ts';
import { saying, versioned, without } from '../../support/altered.ts';
import { cat } from './tree.ts';

/** Everything that others can see of what is loaded. */
async function seen({ machine, console }: Setting): Promise<unknown> {
  const modules = await cat(console, '/proc/modules');
  return {
    ...{ modules, symbols: await cat(console, '/proc/kallsyms'), devices: machine.devices() },
    ...{ accounting: machine.accounting(), list: machine.lsmod() },
    drivers: machine.status().drivers,
  };
}

/**
 * Does what is refused. Nothing of it is left but lines in the log, which it returns. A first try takes pages for small
 * objects, which stay theirs, and taints the kernel once; what counts is the second.
 */
async function refused(
  at: Setting,
  work: () => Promise<unknown>,
): Promise<{ error: ModuleError; first: string[]; lines: string[] }> {
  const attempt = async (): Promise<{ error: unknown; lines: string[] }> => {
    const start = at.logged;
    const error = await work().then(
      () => new Error('nothing was refused'),
      (reason: unknown) => reason,
    );
    await at.machine.settled();
    return { error, lines: at.log(start) };
  };
  const { lines: first } = await attempt();
  const before = await seen(at);
  const { error, lines } = await attempt();
  if (!(error instanceof ModuleError)) throw error;
  expect(await seen(at)).toEqual(before);
  expect(at.machine.check()).toEqual([]);
  return { error, first, lines };
}

export function failureTable(bench: Bench): void {
  const monolithic = bench.placement === 'monolithic';

  describe('what fails, and how it says so', () => {
    const at = withMachine(bench, { base: '' }, { blacklist: ['zero', 'no-name'] });
    const insmod = (module: LoadedModule, parameters = '', mode: LoadMode = {}) =>
      refused(at, () => at.machine.insmod(module, parameters, mode));
    const rmmod = (name: string, mode: LoadMode = {}) => refused(at, () => at.machine.rmmod(name, mode));
    afterEach(() => expect(at.machine.check()).toEqual([]));

    test('unknown symbol', async () => {
      const { error, lines } = await insmod(await bench.fixture('unresolved'));
      expect(error.errno).toBe(ENOENT);
      expect(error.message).toBe('could not insert module unresolved: Unknown symbol in module');
      expect(lines).toEqual(['unresolved: Unknown symbol no_such_function (err -2)']);
    });

    test('GPL-only from non-GPL', async () => {
      const { error, first, lines } = await insmod(await bench.fixture('private'));
      expect(error.errno).toBe(ENOENT);
      expect(error.message).toBe('could not insert module private: Unknown symbol in module');
      expect(lines).toEqual(['private: Unknown symbol base_reset (err -2)']);
      // The taint comes before, is told once, and stays.
      expect(first).toEqual(["private: module license 'Proprietary' taints kernel.", ...lines]);
      expect(at.machine.status().taint).toContain('P');
    });

    test('symbol CRC differs, of the kernel', async () => {
      const { error, lines } = await insmod(versioned(await bench.fixture('stacked'), 'vprintk_emit'));
      expect(error.errno).toBe(EINVAL);
      expect(error.message).toBe('could not insert module stacked: Invalid parameters');
      expect(lines).toEqual(['stacked: disagrees about version of symbol vprintk_emit']);
    });

    test('symbol CRC differs, of a module', async () => {
      const { error, lines } = await insmod(versioned(await bench.fixture('stacked'), 'base_count'));
      expect(error.errno).toBe(EINVAL);
      expect(lines).toEqual(['stacked: disagrees about version of symbol base_count']);
    });

    test('vermagic differs', async () => {
      const { error, lines } = await insmod(saying(at.driver('null'), 'vermagic', '0.0.1 other'));
      expect(error.errno).toBe(ENOEXEC);
      expect(error.message).toBe('could not insert module null: Invalid module format');
      expect(lines).toEqual([`null: version magic '0.0.1 other' should be '${VERMAGIC}'`]);
    });

    test('exports a symbol that exists, of the kernel', async () => {
      const { error, lines } = await insmod(await bench.fixture('usurper'));
      expect(error.errno).toBe(ENOEXEC);
      expect(error.message).toBe('could not insert module usurper: Invalid module format');
      expect(lines).toEqual(['usurper: exports duplicate symbol kfree (owned by kernel)']);
    });

    test('exports a symbol that exists, of a module', async () => {
      const { error, lines } = await insmod({ ...(await bench.fixture('base')), name: 'clash' });
      expect(error.errno).toBe(ENOEXEC);
      expect(lines).toEqual([
        expect.stringMatching(/^clash: exports duplicate symbol base_\w+ \(owned by base\)$/),
      ]);
    });

    test('already loaded', async () => {
      const { error, lines } = await insmod(await bench.fixture('base'));
      expect(error.errno).toBe(EEXIST);
      expect(error.message).toBe('could not insert module base: File exists');
      expect(lines).toEqual([]);
    });

    test('already loaded, `-` and `_` being the same', async () => {
      const base = await bench.fixture('base');
      await at.load({ ...at.driver('null'), name: 'the_null' });
      const { error, lines } = await insmod({ ...base, name: 'the-null' });
      expect(error.errno).toBe(EEXIST);
      expect(lines).toEqual([]);
    });

    test('blacklisted', async () => {
      const { error, lines } = await insmod(at.driver('zero'));
      expect(error.errno).toBe(EPERM);
      expect(error.message).toBe('could not insert module zero: Operation not permitted');
      expect(lines).toEqual(['Module zero is blacklisted']);
      const other = await insmod({ ...at.driver('null'), name: 'no_name' }, '', { force: true });
      expect(other.error.errno).toBe(EPERM);
      expect(other.lines).toEqual(['Module no_name is blacklisted']);
    });

    test('declares more than a module may', async () => {
      const bytes = declaring(at.driver('null').bytes, 'parameters', MAX_MODULE_PARAMETERS + 1);
      const { error, lines } = await insmod(await loadModule(bytes, null, 'null'));
      expect(error.errno).toBe(E2BIG);
      expect(error.message).toBe('could not insert module null: Argument list too long');
      expect(lines).toEqual([
        `null: too many parameters: ${MAX_MODULE_PARAMETERS + 1}, at most ${MAX_MODULE_PARAMETERS}`,
      ]);
    });

    test('what it declares takes more than its share of memory', async () => {
      const { error, lines } = await insmod({
        ...at.driver('null'),
        names: new Uint8Array(MODULE_SHARE + 1),
      });
      expect(error.errno).toBe(ENOMEM);
      expect(error.message).toBe('could not insert module null: Cannot allocate memory');
      expect(lines).toEqual([`null: no memory for what it declares: at most ${MODULE_SHARE} bytes`]);
    });

    test('unknown parameter', async () => {
      const start = at.logged;
      await at.load(at.driver('null'), 'speed=9 colour');
      expect(at.log(start)).toEqual([
        "null: unknown parameter 'speed' ignored",
        "null: unknown parameter 'colour' ignored",
      ]);
    });

    test('init returns an error', async () => {
      const { error, lines } = await insmod(await bench.fixture('probe'), 'ending=1');
      expect(error.errno).toBe(EBUSY);
      expect(error.message).toBe('could not insert module probe: Device or resource busy');
      expect(lines).toEqual([]);
      const untidy = await insmod(await bench.fixture('probe'), 'ending=4');
      expect(untidy.error.errno).toBe(EBUSY);
      expect(untidy.lines.sort()).toEqual([
        expect.stringMatching(/^probe: forgot kmalloc-128 at 0x[0-9a-f]{8}, 100 bytes$/),
        'probe: leaked 100 bytes in 1 objects',
        'probe: left 1 devices registered',
      ]);
    });

    test('in use at unload, by modules', async () => {
      await at.load(await bench.fixture('stacked'));
      const { error, lines } = await rmmod('base');
      expect(error.errno).toBe(EWOULDBLOCK);
      expect(EWOULDBLOCK).toBe(EAGAIN);
      expect(error.message).toBe('Module base is in use by: stacked');
      expect(lines).toEqual([]);
    });

    test('in use at unload, by an open file', async () => {
      await at.load(at.driver('null'));
      const fd = await at.console.open('/dev/null', O_RDONLY);
      const { error, lines } = await rmmod('null');
      expect(error.errno).toBe(EWOULDBLOCK);
      expect(error.message).toBe('Module null is in use');
      expect(lines).toEqual([]);
      expect((await at.console.read(fd, 1)).result).toBe(0);
      await at.console.close(fd);
    });

    test('not live: an init that oopsed', async () => {
      const probe = await bench.fixture('probe');
      const work = at.machine.insmod(probe, 'ending=2');
      await expect(work).rejects.toMatchObject({ errno: EIO });
      await at.machine.settled();
      if (!monolithic) {
        // Its domain is gone, and nothing of it is left: it is as if it had never been there.
        const { error } = await rmmod('probe');
        expect(error.errno).toBe(ENOENT);
        await at.load(probe);
        return;
      }
      expect(at.machine.lsmod()[0]).toMatchObject({ name: 'probe', state: 'coming' });
      expect(await cat(at.console, '/proc/modules')).toMatch(/^probe \d+ \d+ - Loading 0x/m);
      for (const mode of [{}, { force: true }]) {
        const { error, lines } = await rmmod('probe', mode);
        expect(error.errno).toBe(EBUSY);
        expect(error.message).toBe('could not remove module probe: Device or resource busy');
        expect(lines).toEqual([]);
      }
      expect((await insmod(probe)).error.errno).toBe(EEXIST);
    });

    test('init without exit', async () => {
      const stuck = { ...without(await bench.fixture('procfile'), 'cleanup_module'), name: 'stuck' };
      await at.machine.insmod(stuck);
      const { error, lines } = await rmmod('stuck');
      expect(error.errno).toBe(EBUSY);
      expect(error.message).toBe('could not remove module stuck: Device or resource busy');
      expect(lines).toEqual([]);
      const start = at.logged;
      await at.machine.rmmod('stuck', { force: true });
      expect(at.log(start)).toEqual([
        'stuck: forced removal: kernel tainted.',
        'stuck: left 7 proc files registered',
      ]);
      expect(at.machine.status().taint).toContain('R');
    });

    test('not loaded at unload', async () => {
      const { error, lines } = await rmmod('nobody');
      expect(error.errno).toBe(ENOENT);
      expect(error.message).toBe('Module nobody is not currently loaded');
      expect(lines).toEqual([]);
    });
  });
}
