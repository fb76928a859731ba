// Modules from a C compiler: what stock clang and wasm-ld make is loaded, called, found guilty by its function's name, and
// removed, like any other. test/fixtures/c/cprobe.c asks for everything a loader must know; bare.c has not even the header;
// rot13 is the driver in C of the tree.

import { afterEach, describe, expect, test } from 'vitest';
import { Killed, MachineDied } from '../../../host/machine/shared/control.ts';
import type { LoadedModule } from '../../../host/domain/loaded.ts';
import { ModuleSymbols } from '../../../host/linker/module/symbols.ts';
import { EBUSY, EINVAL, EIO, ENOENT, ENOTTY } from '../../../kernel/abi/errno.ts';
import { O_RDONLY, O_RDWR, SEEK_END, SEEK_SET } from '../../../kernel/abi/operation.ts';
import { needing, relocatingWith, startingWith } from '../../support/start.ts';
import {
  bytes,
  driverIs,
  expectLine,
  isFault,
  machineIs,
  nextEvent,
  text,
  withMachine,
  type Bench,
  type Setting,
} from '../../support/machine.ts';
import { DIFFERENCES } from './differences.ts';

/** ioctls of test/fixtures/c/cprobe.c and drivers/rot13.c */
const [PRINT, STACK, RECURSE, CALL_MISSING, CALL_NULL, COPY] = [1, 2, 3, 4, 5, 6];
const [ROT47, UPPER, CRASH] = [1, 2, 0xdead];

const PRINTED = [
  'cprobe: shared 42 hidden 7 second 2',
  'cprobe: twice 42 thrice 15 text a text',
  'cprobe: constructed 43 word default list 1 2 0 0',
  'cprobe: same 1 1',
  'cprobe: missing 1 1 strlen 7',
  'cprobe: c 1234567890123 s beef    42|42   |',
];

/** Everything a load must leave as it was when the module is gone. */
const state = ({ machine }: Setting): unknown => ({
  accounting: machine.accounting(),
  modules: machine.lsmod(),
  devices: machine.devices(),
});

export function cModules(bench: Bench): void {
  describe('modules in C', () => {
    const at = withMachine(bench, { null: '' });
    const differs = DIFFERENCES[bench.placement];
    afterEach(() => expect(at.machine.check()).toEqual([]));

    /** A call that ends in the driver's oops; afterwards the driver serves again. */
    const oops = async (call: () => Promise<unknown>, module: string): Promise<string[]> => {
      const start = at.logged;
      const back = differs.restarts ? nextEvent(at.machine, driverIs(module, 'up')) : null;
      const fault = nextEvent(at.machine, isFault);
      const result = await call().catch((error: unknown) => {
        if (error instanceof Killed) return 'killed';
        throw error;
      });
      expect(result).toBe(differs.trappedCall === 'killed' ? 'killed' : -EIO);
      expect((await fault).module).toBe(module);
      await back;
      await at.machine.settled();
      return at.log(start);
    };

    test('one is loaded, called and removed, and all is as it was', async () => {
      const rot13 = await bench.fixture('rot13');
      const once = async (): Promise<void> => {
        const start = at.logged;
        await at.machine.insmod(rot13);
        expectLine(at.log(start), 'rot13: rot13, texts of 4096 bytes');
        const fd = await at.console.open('/dev/rot13', O_RDWR);
        expect(await at.console.write(fd, bytes('Hello, world!'))).toBe(13);
        expect(await at.console.lseek(fd, 0, SEEK_SET)).toBe(0);
        expect(text((await at.console.read(fd, 100)).data)).toBe('Uryyb, jbeyq!');
        expect((await at.console.read(fd, 100)).result).toBe(0);
        expect(await at.console.ioctl(fd, UPPER, 0)).toBe(0);
        expect(await at.console.lseek(fd, -6, SEEK_END)).toBe(7);
        expect(text((await at.console.read(fd, 3)).data)).toBe('WOR');
        expect(await at.console.ioctl(fd, 99, 0)).toBe(-ENOTTY);
        expect(await at.console.close(fd)).toBe(0);
        expect(await at.machine.rmmod('rot13')).toMatchObject({ leakedBytes: 0, leakedObjects: 0 });
      };
      await once(); // a page once taken for small objects stays theirs
      const before = state(at);
      await once();
      expect(state(at)).toEqual(before);
    });

    test('its parameters are set, and refused, like any other’s', async () => {
      const rot13 = await bench.fixture('rot13');
      const before = state(at);
      const start = at.logged;
      await expect(at.machine.insmod(rot13, 'cipher=caesar')).rejects.toMatchObject({ errno: EINVAL });
      expectLine(at.log(start), 'rot13: there is no cipher caesar');
      await expect(at.machine.insmod(rot13, 'size=many')).rejects.toMatchObject({ errno: EINVAL });
      expectLine(at.log(start), "rot13: `many' invalid for parameter `size'");
      expect(state(at)).toEqual(before);
      await at.load(rot13, 'cipher=rot47 size=10');
      expectLine(at.log(start), 'rot13: rot47, texts of 10 bytes');
      const fd = await at.open('/dev/rot13', O_RDWR);
      expect(await at.console.write(fd, bytes('0123456789abc'))).toBe(10);
      await at.console.lseek(fd, 0, SEEK_SET);
      expect(text((await at.console.read(fd, 20)).data)).toBe('_`abcdefgh');
      expect(await at.console.ioctl(fd, ROT47, 0)).toBe(0);
    });

    test('an oops names the function of the C source by its place in the file', async () => {
      const rot13 = await bench.fixture('rot13');
      await at.load(rot13);
      const fd = await at.console.open('/dev/rot13', O_RDWR);
      const event = nextEvent(at.machine, isFault);
      const lines = await oops(() => at.console.ioctl(fd, CRASH, 1), 'rot13');
      expectLine(lines, /^kernel BUG at .*rot13\.c:\d+!$/);
      const symbols = new ModuleSymbols(rot13.bytes);
      const crash = symbols.functions.find(({ name }) => name === 'rot13_crash')!;
      const length = `0x${crash.length.toString(16)}`;
      expectLine(lines, new RegExp(`rot13_crash\\+0x[0-9a-f]+/${length} \\[rot13\\]`));
      expectLine(lines, /rot13_ioctl\+0x[0-9a-f]+\/0x[0-9a-f]+ \[rot13\]/);
      const frame = (await event).fault!.frames[0]!;
      expect(frame).toMatchObject({ module: 'rot13', function: 'rot13_crash', index: crash.index });
      // The place is the file's, whatever was compiled: the instruction there is `unreachable`.
      expect(rot13.bytes[frame.offset!]).toBe(0x00);
      expect(rot13.shifts).not.toEqual([]);
      await at.open('/dev/rot13', O_RDONLY);
    });

    test('addresses, relocations and constructors are right before init, and again after a restart', async () => {
      const start = at.logged;
      await at.load(await bench.fixture('cprobe'));
      expect(at.log(start).filter((line) => /^cprobe: /.test(line) && !/taints/.test(line))).toEqual(PRINTED);
      const fd = await at.console.open('/dev/cprobe', O_RDONLY);
      await oops(() => at.console.ioctl(fd, CALL_NULL, 0), 'cprobe');
      const again = await at.open('/dev/cprobe', O_RDONLY);
      const since = at.logged;
      expect(await at.console.ioctl(again, PRINT, 0)).toBe(0);
      expect(at.log(since)).toEqual(PRINTED);
      expect(await at.console.ioctl(again, COPY, 0)).toBe(1);
    });

    test('a text given as a parameter stays, though constructors apply relocations again', async () => {
      const start = at.logged;
      await at.load(await bench.fixture('cprobe'), 'word=given list=9,8,7');
      expectLine(at.log(start), 'cprobe: constructed 43 word given list 9 8 7 0');
    });

    test('its stack is the domain’s, and whole again after an oops on it', async () => {
      await at.load(await bench.fixture('cprobe'));
      const fd = await at.console.open('/dev/cprobe', O_RDONLY);
      const top = await at.console.ioctl(fd, STACK, 0);
      expect(top).toBeGreaterThan(0);
      for (const depth of [0, 20]) {
        const old = await at.console.open('/dev/cprobe', O_RDONLY);
        const lines = await oops(() => at.console.ioctl(old, RECURSE, depth), 'cprobe');
        expectLine(lines, /recurse\+0x[0-9a-f]+\/0x[0-9a-f]+ \[cprobe\]/);
        const again = await at.open('/dev/cprobe', O_RDONLY);
        expect(await at.console.ioctl(again, STACK, 0)).toBe(top);
      }
    });

    test('a weak function that nobody has is a call through a null pointer', async () => {
      await at.load(await bench.fixture('cprobe'));
      const fd = await at.console.open('/dev/cprobe', O_RDONLY);
      const lines = await oops(() => at.console.ioctl(fd, CALL_MISSING, 0), 'cprobe');
      expectLine(lines, /null function.*missing_function/);
      expectLine(lines, /cprobe_ioctl\+0x[0-9a-f]+\/0x[0-9a-f]+ \[cprobe\]/);
    });

    test('one without any section of ours is loaded, with the taints of its kind', async () => {
      const before = state(at);
      const start = at.logged;
      await at.machine.insmod(await bench.fixture('bare'));
      expectLine(at.log(start), "bare: module license 'unspecified' taints kernel.");
      expect(at.machine.status().taint).toMatch(/^P/);
      expect(at.machine.lsmod().find(({ name }) => name === 'bare')?.taint).toBe('PFO');
      const fd = await at.console.open('/dev/bare', O_RDONLY);
      expect((await at.console.read(fd, 3)).data).toEqual(Uint8Array.of(1, 2, 3));
      expect((await at.console.read(fd, 3)).data).toEqual(Uint8Array.of(2, 3, 4));
      await at.console.close(fd);
      await at.machine.rmmod('bare');
      expect(state(at)).toEqual(before);
    });

    test('an error of its init is insmod’s, and undoes everything', async () => {
      const cprobe = await bench.fixture('cprobe');
      const before = state(at);
      await expect(at.machine.insmod(cprobe, 'ending=4')).rejects.toMatchObject({ errno: EBUSY });
      expect(state(at)).toEqual(before);
    });

    test('a library that it needs and nobody has loaded is unknown, and said', async () => {
      const cprobe = await bench.fixture('cprobe');
      const before = state(at);
      const start = at.logged;
      const needs = await needing(cprobe, ['rot13.ko.wasm', 'lib-absent.so']);
      await expect(at.machine.insmod(needs)).rejects.toMatchObject({ errno: ENOENT });
      expectLine(at.log(start), 'cprobe: needs module rot13, which is not loaded (err -2)');
      expect(state(at)).toEqual(before);
    });

    test('a library that it needs is held until it is gone', async () => {
      await at.machine.insmod(await bench.fixture('rot13'));
      const needs = await needing(await bench.fixture('cprobe'), ['some/folder/rot13.ko.wasm']);
      await at.machine.insmod(needs);
      expect(at.machine.lsmod().find(({ name }) => name === 'rot13')?.usedBy).toEqual(['cprobe']);
      await expect(at.machine.rmmod('rot13')).rejects.toThrow('Module rot13 is in use by: cprobe');
      await at.machine.rmmod('cprobe');
      await at.machine.rmmod('rot13');
    });
  });

  describe('code that a C module runs while it is loaded', () => {
    const at = withMachine(bench, { null: '' }, { deadlineMs: 1000 });
    const differs = DIFFERENCES[bench.placement];

    /** Loads what dies in it; @returns what the log said, also of a machine that is gone. */
    const dies = async (module: LoadedModule, parameters = ''): Promise<string[]> => {
      const start = at.logged;
      const boot = at.machine.status().boot;
      await expect(at.machine.insmod(module, parameters)).rejects.toMatchObject({ errno: EIO });
      await at.machine.settled();
      expect(at.machine.status()).toMatchObject({ state: 'running', boot });
      return at.log(start);
    };

    /** Loads what never ends in it. */
    const hangs = async (module: LoadedModule, parameters = ''): Promise<void> => {
      const fault = nextEvent(at.machine, isFault);
      const machineEnds = differs.hangEnds === 'the machine';
      const back = machineEnds ? nextEvent(at.machine, machineIs('running')) : null;
      const error: unknown = await at.machine.insmod(module, parameters).catch((reason: unknown) => reason);
      if (machineEnds) expect(error).toBeInstanceOf(MachineDied);
      else expect(error).toMatchObject({ errno: EIO });
      expect((await fault).by).toBe(machineEnds ? 'heartbeat' : 'deadline');
      await back;
      await at.machine.settled();
      expect(at.machine.status().drivers.map(({ name }) => name)).toEqual(['null']);
    };

    /** The kernel serves, and the name can be had again where the machine or the driver was ended. */
    const serves = async (): Promise<void> => {
      const fd = await at.open('/dev/null', O_RDWR);
      expect(await at.console.write(fd, bytes('x'))).toBe(1);
    };

    const spinning = test.skipIf(bench.inline);
    spinning('a constructor that never ends is ended', async () => {
      await hangs(await bench.fixture('cprobe'), 'ending=2');
      await serves();
    });

    spinning.each([
      ['start function', startingWith],
      ['relocation', relocatingWith],
    ])('a %s that never ends is ended', async (_, changed) => {
      await hangs(await changed(await bench.fixture('cprobe'), 'cprobe_spin'));
      await serves();
    });

    test.each<[what: string, parameters: string, where: string]>([
      ['constructor', 'ending=1', 'cprobe_construct'],
      ['init', 'ending=3', 'cprobe_init'],
      ['start function', '', 'cprobe_trap'],
      ['relocation', '', 'cprobe_trap'],
    ])('a trap in its %s is told with its function', async (what, parameters, where) => {
      const cprobe = await bench.fixture('cprobe');
      let module = cprobe;
      if (what === 'start function') module = await startingWith(cprobe, where);
      if (what === 'relocation') module = await relocatingWith(cprobe, where);
      const lines = await dies(module, parameters);
      expectLine(lines, new RegExp(`${where}\\+0x[0-9a-f]+/0x[0-9a-f]+ \\[cprobe\\]`));
      const left = at.machine.lsmod().find(({ name }) => name === 'cprobe');
      expect(left?.state).toBe(differs.restarts ? undefined : 'coming');
      await serves();
      expect(at.machine.check()).toEqual([]);
      // In the monolith it stays for ever, as in Linux, and its name is taken.
      if (!differs.restarts) await at.machine.reboot();
      await at.load(cprobe);
    });
  });
}
