// Modules: what insmod and rmmod do and refuse, in Linux's words, and that each leaves everything as it was.

import { afterEach, describe, expect, test } from 'vitest';
import { loadModule } from '../../../host/domain/load-file.ts';
import type { LoadedModule } from '../../../host/domain/loaded.ts';
import { ModuleError } from '../../../host/domain/module-error.ts';
import { declaring, type Many } from '../../../host/fault/mutate-many.ts';
import { processes } from '../../../host/shell/processes.ts';
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
} from '../../../kernel/abi/errno.ts';
import { O_RDONLY, O_RDWR, O_WRONLY, SEEK_END, SEEK_SET } from '../../../kernel/abi/operation.ts';
import { symbolless } from '../../support/altered.ts';
import { bytes, expectLine, text, withMachine, type Bench, type Setting } from '../../support/machine.ts';
import { DIFFERENCES } from './differences.ts';

/** ioctls of test/fixtures/probe.ts */
const [PRINT_PARAMETERS, LEAK] = [1, 3];

/** What a load or an unload was refused with. */
async function refusal(work: Promise<unknown>): Promise<ModuleError> {
  const error = await work.then(
    () => new Error('nothing was refused'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof ModuleError)) throw error;
  return error;
}

/** Does what is refused, and asserts that it changed nothing. */
async function refused(at: Setting, work: () => Promise<unknown>): Promise<ModuleError> {
  const before = {
    accounting: at.machine.accounting(),
    modules: at.machine.lsmod(),
    devices: at.machine.devices(),
  };
  const error = await refusal(work());
  const { machine } = at;
  expect({ accounting: machine.accounting(), modules: machine.lsmod(), devices: machine.devices() }).toEqual(
    before,
  );
  return error;
}

export function modules(bench: Bench): void {
  describe('modules', () => {
    const at = withMachine(bench, { null: '' });
    const differs = DIFFERENCES[bench.placement];
    afterEach(() => expect(at.machine.check()).toEqual([]));

    test('insmod makes a driver’s device, rmmod takes it away, and all is as it was', async () => {
      const before = at.machine.accounting();
      await at.machine.insmod(at.driver('ramdisk'), 'size=4096');
      expect(at.machine.lsmod().map(({ name, state, references }) => ({ name, state, references }))).toEqual([
        { name: 'ramdisk', state: 'live', references: 0 },
        { name: 'null', state: 'live', references: 0 },
      ]);
      expect(at.machine.devices()).toContainEqual({ path: '/dev/ramdisk', major: 253, module: 'ramdisk' });
      expect(await at.machine.rmmod('ramdisk')).toEqual({
        name: 'ramdisk',
        leakedBytes: 0,
        leakedObjects: 0,
      });
      expect(at.machine.lsmod().map(({ name }) => name)).toEqual(['null']);
      expect(at.machine.devices().map(({ path }) => path)).toEqual(['/dev/null']);
      expect(at.machine.accounting()).toEqual(before);
      expect(await at.console.open('/dev/ramdisk', O_RDONLY)).toBe(-ENOENT);
    });

    test('a device that was taken away can come again', async () => {
      await at.machine.insmod(at.driver('zero'));
      await at.machine.rmmod('zero');
      await at.load(at.driver('zero'));
      const fd = await at.open('/dev/zero', O_RDONLY);
      expect((await at.console.read(fd, 3)).data).toEqual(new Uint8Array(3));
    });

    test('files that declare very much cost nobody anything: refused, or loaded and accounted for', async () => {
      await at.load(at.driver('ramdisk'), 'size=4096');
      await at.load(at.driver('zero'));
      const disk = await at.open('/dev/ramdisk', O_RDWR);
      await at.console.write(disk, bytes('secret'));
      const client = await at.machine.attach();
      await client.startReading('/dev/zero', 2);
      const base = await bench.fixture('base');
      const many = async (what: Many, count: number, name: string): Promise<LoadedModule> =>
        symbolless({ ...(await loadModule(declaring(base.bytes, what, count), null, name)), name });
      for (const [what, count] of [['parameters', 65_000] as const, ['functions', 40_000] as const])
        expect((await refusal(at.machine.insmod(await many(what, count, 'vast')))).errno).toBe(E2BIG);
      const before = at.machine.accounting().bytesUsed;
      await at.load(await many('functions', 8000, 'large'));
      const held = processes(at.machine).find(({ name }) => name === 'large')!.held;
      expect(held).toBeGreaterThan(100_000);
      expect(at.machine.accounting().bytesUsed - before).toBeLessThan(held + 1000);
      expect(await client.stopReading()).toMatchObject({ failed: 0, failures: [] });
      await client.end();
      expect(at.machine.status().boot).toBe(1);
      await at.console.lseek(disk, 0, SEEK_SET);
      expect(text((await at.console.read(disk, 6)).data)).toBe('secret');
    });

    test('where a driver’s memory is, and its data, see differences.ts', async () => {
      const before = at.machine.accounting();
      await at.load(at.driver('zero'));
      await at.load(at.driver('ramdisk'), 'size=100000');
      const after = at.machine.accounting();
      expect(after.bytesUsed - before.bytesUsed >= 100000).toBe(differs.driverMemoryInKernel);
      expect(after.slotsFree < before.slotsFree).toBe(differs.kernelSlots);
      const infos = at.machine.lsmod();
      expect(infos.find(({ name }) => name === 'ramdisk')?.bytes).toBe(100000);
      expect(new Set(infos.map(({ base }) => base)).size).toBe(differs.ownAddresses ? 1 : infos.length);
    });

    test('parameters reach the driver', async () => {
      await at.load(at.driver('ramdisk'), ' size=1000 ');
      const fd = await at.open('/dev/ramdisk', O_RDONLY);
      expect(await at.console.lseek(fd, 0, SEEK_END)).toBe(1000);
    });

    test.each([
      ['', 'flag 0 number -7 limit 7'],
      ['flag', 'flag 1 number -7 limit 7'],
      ['flag=y number=-2147483648 limit=4294967295', 'flag 1 number -2147483648 limit 4294967295'],
      ['flag=N number=2147483647 limit=0', 'flag 0 number 2147483647 limit 0'],
      ['flag=1 number=-0x10 limit=0xFf', 'flag 1 number -16 limit 255'],
      ['limit=1 limit=2', 'flag 0 number -7 limit 2'],
    ])('parameters "%s"', async (parameters, values) => {
      const start = at.logged;
      await at.load(await bench.fixture('probe'), parameters);
      const fd = await at.open('/dev/probe', O_RDONLY);
      expect(await at.console.ioctl(fd, PRINT_PARAMETERS, 0)).toBe(0);
      expectLine(at.log(start), `probe: ${values}`);
    });

    test.each([
      ['number=', 'number', ''],
      ['number=1x', 'number', '1x'],
      ['number=x', 'number', 'x'],
      ['number=0x', 'number', '0x'],
      ['number=--1', 'number', '--1'],
      ['number=2147483648', 'number', '2147483648'],
      ['number=-2147483649', 'number', '-2147483649'],
      ['limit=-1', 'limit', '-1'],
      ['limit=4294967296', 'limit', '4294967296'],
      ['limit=99999999999999999999999', 'limit', '99999999999999999999999'],
      ['limit=1.5', 'limit', '1.5'],
      ['flag=maybe', 'flag', 'maybe'],
      ['flag=2', 'flag', '2'],
      ['flag=', 'flag', ''],
    ])('parameter "%s" is invalid', async (parameters, key, value) => {
      const probe = await bench.fixture('probe');
      const start = at.logged;
      const error = await refused(at, () => at.machine.insmod(probe, parameters));
      expect(error.errno).toBe(EINVAL);
      expect(error.message).toMatch('could not insert module probe: Invalid parameters');
      expectLine(at.log(start), `probe: \`${value}' invalid for parameter \`${key}'`);
    });

    test('a number parameter without a value is invalid', async () => {
      const probe = await bench.fixture('probe');
      expect((await refused(at, () => at.machine.insmod(probe, 'limit'))).errno).toBe(EINVAL);
    });

    test('an unknown parameter is ignored, and said', async () => {
      const start = at.logged;
      await at.load(at.driver('ramdisk'), 'size=512 speed=9');
      expectLine(at.log(start), "ramdisk: unknown parameter 'speed' ignored");
    });

    test('a module that is loaded already is EEXIST', async () => {
      const error = await refused(at, () => at.machine.insmod(at.driver('null')));
      expect(error.errno).toBe(EEXIST);
      expect(error.message).toBe('could not insert module null: File exists');
    });

    test('an error of init is insmod’s', async () => {
      const start = at.logged;
      const error = await refused(at, () => at.machine.insmod(at.driver('ramdisk'), 'size=0'));
      expect(error.errno).toBe(EINVAL);
      expectLine(at.log(start), 'ramdisk: size must not be 0');
    });

    test('init finds no memory: ENOMEM', async () => {
      const error = await refused(at, () => at.machine.insmod(at.driver('ramdisk'), 'size=0x40000000'));
      expect(error.errno).toBe(ENOMEM);
      expect(error.message).toBe('could not insert module ramdisk: Cannot allocate memory');
    });

    test('init fails with a device registered and memory taken: both are taken back', async () => {
      const probe = await bench.fixture('probe');
      const error = await refused(at, () => at.machine.insmod(probe, 'ending=4'));
      expect(error.errno).toBe(EBUSY);
      expect(await at.console.open('/dev/probe', O_RDONLY)).toBe(-ENOENT);
    });

    test('the device of another driver cannot be registered', async () => {
      const start = at.logged;
      await at.load(await bench.fixture('probe'));
      const rival = await bench.fixture('rival');
      const error = await refused(at, () => at.machine.insmod(rival));
      expect(error.errno).toBe(EBUSY);
      expect(at.log(start).filter((line) => line.startsWith('rival'))).toEqual([]);
    });

    test('rmmod of what is not loaded is ENOENT', async () => {
      const error = await refused(at, () => at.machine.rmmod('ramdisk'));
      expect(error.errno).toBe(ENOENT);
      expect(error.message).toBe('Module ramdisk is not currently loaded');
    });

    test('rmmod of a module in use is EAGAIN, until it is closed', async () => {
      await at.machine.insmod(at.driver('zero'));
      const fds = [await at.console.open('/dev/zero', O_RDONLY), await at.console.open('/dev/zero', O_RDWR)];
      for (const fd of fds) {
        const error = await refused(at, () => at.machine.rmmod('zero'));
        expect(error.errno).toBe(EAGAIN);
        expect(error.message).toBe('Module zero is in use');
        expect(await at.console.close(fd)).toBe(0);
      }
      await at.machine.rmmod('zero');
    });

    test('rmmod reports what a module leaked, and frees it', async () => {
      const leak = async (): Promise<void> => {
        const start = at.logged;
        await at.machine.insmod(await bench.fixture('probe'));
        const fd = await at.console.open('/dev/probe', O_RDWR);
        for (const size of [1000, 24, 100000]) expect(await at.console.ioctl(fd, LEAK, size)).toBe(0);
        await at.console.close(fd);
        expect(await at.machine.rmmod('probe')).toEqual({
          name: 'probe',
          leakedBytes: 101024,
          leakedObjects: 3,
        });
        expectLine(at.log(start), 'probe: leaked 101024 bytes in 3 objects');
      };
      await leak(); // a page once taken for small objects stays theirs
      const before = at.machine.accounting();
      await leak();
      expect(at.machine.accounting()).toEqual(before);
    });

    test('devices that a module forgot go with it', async () => {
      const before = at.machine.accounting();
      const start = at.logged;
      await at.machine.insmod(await bench.fixture('probe'), 'forgetful=y');
      await at.machine.rmmod('probe');
      expectLine(at.log(start), 'probe: left 2 devices registered');
      expect(at.machine.devices().map(({ path }) => path)).toEqual(['/dev/null']);
      expect(at.machine.accounting()).toEqual(before);
    });

    test('a function that another module exports', async () => {
      const [base, stacked] = [await bench.fixture('base'), await bench.fixture('stacked')];
      const start = at.logged;
      await at.machine.insmod(base);
      await at.machine.insmod(stacked);
      expectLine(at.log(start), 'stacked: base counts 40');
      const fd = await at.open('/dev/stacked', O_RDONLY);
      expect((await at.console.read(fd, 100)).result).toBe(41);
      expect(at.machine.lsmod().find(({ name }) => name === 'base')).toMatchObject({
        references: 1,
        usedBy: ['stacked'],
      });
      const error = await refused(at, () => at.machine.rmmod('base'));
      expect(error.errno).toBe(EAGAIN);
      expect(error.message).toBe('Module base is in use by: stacked');
      await at.console.close(fd);
      await at.machine.rmmod('stacked');
      await at.machine.rmmod('base');
    });

    test('a function that another module exports with another type, whatever the file says of versions', async () => {
      await at.load(await bench.fixture('base'));
      const module = await bench.fixture('crosswise');
      const type = 'imported function does not match the expected type';
      const forced = await refused(at, () => at.machine.insmod(module, '', { force: true }));
      expect(forced.errno).toBe(ENOEXEC);
      expect(forced.message).toContain(type);
      // It claims to have been built against this very symbol.
      const crc = (await bench.fixture('base')).file.symbols.find(({ name }) => name === 'base_count')!.crc;
      const versions = new Map(module.file.versions).set('base_count', crc);
      const start = at.logged;
      const lying = await refused(at, () =>
        at.machine.insmod({ ...module, file: { ...module.file, versions } }),
      );
      expect(lying.errno).toBe(ENOEXEC);
      expectLine(at.log(start), new RegExp(type));
    });

    test('numbers are read as Linux reads them, quotes as its command line has them', async () => {
      const keeper = await bench.fixture('keeper');
      const says = async (parameters: string): Promise<string[]> => {
        const start = at.logged;
        await at.machine.insmod({ ...keeper, name: 'reader' }, parameters);
        await at.machine.rmmod('reader');
        return at.log(start).filter((line) => line.startsWith('keeper'));
      };
      const list = 'keeper: 1 2 3';
      expect(await says('number=010 limit=0x1f')).toEqual(['keeper: 8 31 "none" null', list]);
      expect(await says('number=+7 limit=0')).toEqual(['keeper: 7 0 "none" null', list]);
      expect(await says('label="two words" empty=""')).toEqual(['keeper: 7 6 "two words" text', list]);
      expect(await says('"label=two words"')).toEqual(['keeper: 7 6 "two words" text', list]);
      expect(await says('label=a"b c"d number=3')).toEqual(['keeper: 3 6 "a"b c"d" text', list]);
      const start = at.logged;
      await refused(at, () => at.machine.insmod(keeper, 'number'));
      await refused(at, () => at.machine.insmod(keeper, 'number=08'));
      const refusals = at.log(start).filter((line) => line.startsWith('keeper'));
      expect(refusals).toEqual([
        "keeper: `' invalid for parameter `number'",
        "keeper: `08' invalid for parameter `number'",
      ]);
    });

    test('what a module asks to keep is there again, whatever letters it has', async () => {
      const keeper = await bench.fixture('keeper');
      const write = async (name: string, value: string): Promise<void> => {
        const fd = await at.open(`/sys/module/keeper/parameters/${name}`, O_WRONLY);
        expect(await at.console.write(fd, bytes(value))).toBe(value.length);
        await at.console.close(fd);
      };
      await at.machine.insmod(keeper);
      await write('label', 'one "two three');
      await write('number', '12');
      await write('limit', '13');
      await write('list', '7,8');
      await at.machine.rmmod('keeper');
      const start = at.logged;
      await at.load(keeper);
      const lines = at.log(start).filter((line) => line.startsWith('keeper'));
      expect(lines).toEqual(['keeper: 12 6 "one "two three" null', 'keeper: 7 8 3']);
    });

    test('a file of /proc that a module forgot is closed while its code is there, also by force', async () => {
      const procfile = await bench.fixture('procfile');
      const round = async (): Promise<string[]> => {
        const start = at.logged;
        await at.machine.insmod(procfile, 'forgetful');
        const fd = await at.open('/proc/procfile', O_RDONLY);
        expect((await at.console.read(fd, 7)).result).toBe(7);
        await at.machine.rmmod('procfile', { force: true });
        expect((await at.console.read(fd, 7)).result).toBe(-EIO);
        expect(await at.console.close(fd)).toBe(0);
        return at.log(start);
      };
      await round(); // a page once taken for small objects stays theirs
      const before = at.machine.accounting();
      expect((await round()).slice(-2)).toEqual([
        'procfile: forced removal: kernel tainted.',
        expect.stringMatching(/^procfile: left \d+ proc files registered$/),
      ]);
      expect(at.machine.accounting()).toEqual(before);
      expect(at.machine.lsmod().map(({ name }) => name)).toEqual(['null']);
    });

    test('an init that answers with more than 0 is told, and stays', async () => {
      const start = at.logged;
      await at.load(await bench.fixture('probe'), 'ending=5');
      expect(at.log(start)).toEqual([
        "do_init_module: 'probe'->init suspiciously returned 5, it should follow 0/-E convention",
        'do_init_module: loading module anyway...',
      ]);
    });

    test('what a module takes while another calls it stays its own', async () => {
      const [lender, borrower] = [await bench.fixture('lender'), await bench.fixture('borrower')];
      const before = at.machine.accounting();
      const start = at.logged;
      await at.machine.insmod(lender);
      await at.machine.insmod(borrower, 'size=77');
      expect(await at.machine.rmmod('borrower')).toMatchObject({ leakedBytes: 0, leakedObjects: 0 });
      expect(at.machine.devices()).toContainEqual(
        expect.objectContaining({ path: '/dev/lent', module: 'lender' }),
      );
      await at.machine.insmod(borrower);
      await at.machine.rmmod('borrower');
      expect(await at.machine.rmmod('lender')).toMatchObject({ leakedBytes: 0, leakedObjects: 0 });
      expect(at.log(start)).toEqual(['borrower: 4711', 'borrower: 4711']);
      expect(at.machine.accounting().bytesUsed).toBe(before.bytesUsed);
    });

    test('a machine says which file it runs', () => {
      const drivers = at.machine.status().drivers.map(({ name, sha256 }) => ({ name, sha256 }));
      expect(drivers).toEqual([{ name: 'null', sha256: at.driver('null').sha256 }]);
    });
  });
}
