// Calls of one module's functions by another: the same answers whether that is a call in one domain or goes through the kernel
// to another; and where the callee fails, traps, hangs, calls back or is gone, an errno for the caller, which lives on.

import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { LoadedModule } from '../../../host/domain/loaded.ts';
import { wordOf } from '../../../host/machine/shared/channel-words.ts';
import type { KernelLife } from '../../../host/machine/supervisor/kernel-life.ts';
import { K_GATE } from '../../../kernel/abi/channel.ts';
import { EDEADLK, EFAULT, EINVAL, EIO, ENOEXEC, ENOSPC, ETIMEDOUT } from '../../../kernel/abi/errno.ts';
import { MAX_CHANNELS } from '../../../kernel/abi/limits.ts';
import { O_RDWR } from '../../../kernel/abi/operation.ts';
import { symbolless, weakly } from '../../support/altered.ts';
import {
  driverIs,
  expectLine,
  nextEvent,
  withMachine,
  type Bench,
  type Setting,
} from '../../support/machine.ts';

/** ioctls of test/fixtures/symbols/caller.ts */
const [SCALARS, MIX, SUM, SUM_OUTSIDE, FAIL, ACT, SET, GET, ECHO] = [1, 2, 3, 4, 5, 6, 7, 8, 9];
/** What its callee does. */
const [TRAP, HANG, CALL_BACK] = [1, 2, 3];

/** The callee can be loaded before those whom it calls back. */
const calleeOf = async (bench: Bench): Promise<LoadedModule> =>
  weakly(await bench.fixture('callee'), 'caller_back');

/** A caller that nobody can call back. */
const callerOf = async (bench: Bench): Promise<LoadedModule> => symbolless(await bench.fixture('caller'));

/** Bytes of one call's buffers that a gate carries. */
const GATE_MOST = 0x40000;

export function calls(bench: Bench): void {
  describe('calls between modules', () => {
    const at = withMachine(bench);
    beforeAll(async () => {
      await at.machine.insmod(await calleeOf(bench));
      await at.machine.insmod(await callerOf(bench));
    });
    afterEach(() => expect(at.machine.check()).toEqual([]));
    const call = async (command: number, argument = 0): Promise<number> => {
      const fd = await at.console.open('/dev/caller', O_RDWR);
      const result = await at.console.ioctl(fd, command, argument);
      await at.console.close(fd);
      return result;
    };

    test('numbers of every type go there, and come back', async () => {
      expect(await call(SCALARS)).toBe(0);
    });

    test('a function without a result, and one without parameters', async () => {
      expect(await call(SET, -5)).toBe(0);
      expect(await call(GET)).toBe(-5);
      expect(await call(SET, 0x7fffffff)).toBe(0);
      expect(await call(GET)).toBe(0x7fffffff);
    });

    test.each([0, 1, 15, 4096, 0x10000, 85000])('two buffers of %d bytes there, one back', async (length) => {
      expect(await call(MIX, length)).toBe(length);
    });

    test('the next call needs not what the last one did', async () => {
      for (const length of [65536, 16, 3000, 0, 80000]) expect(await call(MIX, length)).toBe(length);
    });

    test('more than a gate carries', async () => {
      expect(await call(MIX, GATE_MOST)).toBe(monolithicOrPooled(bench) ? GATE_MOST : -EINVAL);
      expect(await call(MIX, 10)).toBe(10);
    });

    test.each([-1, -0x80000000])('a length of %d', async (length) => {
      expect(await call(SUM, length)).toBe(-EINVAL);
    });

    if (!monolithicOrPooled(bench))
      test.each([33, 0x7fffffff])('%d bytes that the caller does not have', async (length) => {
        const start = at.logged;
        expect(await call(SUM_OUTSIDE, length)).toBe(length > GATE_MOST ? -EINVAL : -EFAULT);
        expect(at.log(start)).toEqual([]);
      });

    test('the callee’s error is the caller’s', async () => {
      expect(await call(FAIL, ENOSPC)).toBe(-ENOSPC);
      expect(await call(FAIL, 0)).toBe(0);
    });

    test('a variable of another module: in one domain alone', async () => {
      const wordy = await bench.fixture('wordy');
      const start = at.logged;
      if (monolithicOrPooled(bench)) {
        await at.load(wordy);
        expect(at.log(start)).toEqual(['wordy: the word is 5']);
        expect(at.machine.lsmod().find(({ name }) => name === 'callee')?.usedBy).toContain('wordy');
        return;
      }
      const before = [at.machine.accounting(), at.machine.lsmod()];
      await expect(at.machine.insmod(wordy)).rejects.toMatchObject({ errno: ENOEXEC });
      expect(at.log(start)).toEqual(['wordy: data symbol callee_word of callee cannot cross domains']);
      expect([at.machine.accounting(), at.machine.lsmod()]).toEqual(before);
    });

    test('insmod of both at once: the second waits for the first', async () => {
      const { machine } = at;
      await machine.rmmod('caller');
      await machine.rmmod('callee');
      const before = machine.accounting();
      const [callee, caller] = [await calleeOf(bench), await callerOf(bench)];
      await Promise.all([machine.insmod(callee), machine.insmod(caller, 'early=0')]);
      expect(await call(ECHO, 7)).toBe(7);
      await machine.rmmod('caller');
      await machine.rmmod('callee');
      expect(machine.accounting()).toEqual(before);
      // And where the first is refused, so is the second.
      const results = await Promise.allSettled([
        machine.insmod({ ...callee, file: { ...callee.file, table: { ...callee.file.table, size: 60000 } } }),
        machine.insmod(caller),
      ]);
      expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
      expect(machine.lsmod()).toEqual([]);
      await machine.insmod(callee);
      await machine.insmod(caller);
    });

    test('a reboot has both again, whichever was loaded first', async () => {
      await at.machine.reboot();
      expect(at.machine.lsmod().find(({ name }) => name === 'callee')).toMatchObject({
        ...{ references: 1, usedBy: ['caller'] },
      });
      expect(await call(MIX, 100)).toBe(100);
    });
  });

  // In a pool modules call each other directly, and die together.
  if (monolithicOrPooled(bench)) return;
  describe('calls that go wrong', () => wrong(bench));
  // On the kernel's thread a hang is the kernel's, and nobody is killed while he runs.
  if (bench.placement !== 'sandbox') describe('calls whose ends are killed', () => killed(bench));
}

const monolithicOrPooled = ({ placement }: Bench): boolean =>
  placement === 'monolithic' || placement === 'pooled';

/** A condition that nobody tells of. */
async function seen(at: Setting, condition: () => boolean): Promise<void> {
  while (!condition()) await at.console.stat('/dev/null');
}

/** A machine for modules that call each other, and what its tests need. */
function bed(bench: Bench, deadlineMs: number) {
  const at = withMachine(bench, {}, { deadlineMs });
  const restarts = (name: string): number =>
    at.machine.status().drivers.find((each) => each.name === name)?.restarts ?? -1;
  const said = (start: number, line: string): boolean => at.log(start).includes(line);
  /** A driver is there again, or given up; to be called before it dies. */
  const restarted = (name: string): ReturnType<typeof nextEvent> =>
    Promise.race([
      nextEvent(at.machine, driverIs(name, 'up')),
      nextEvent(at.machine, driverIs(name, 'failed')),
    ]);
  const open = (device: string): Promise<number> => at.open(device, O_RDWR);
  /** Calls of symbols that are under way between domains; of the kernel's words, since nobody else tells. */
  const crossing = (): number => {
    const { words } = Reflect.get(at.machine, 'life') as KernelLife;
    const channels = Array.from({ length: MAX_CHANNELS }, (_, channel) => channel);
    return channels.filter((channel) => Atomics.load(words, wordOf(channel, K_GATE)) !== 0).length;
  };
  afterEach(async () => {
    await at.machine.settled();
    expect(at.machine.check()).toEqual([]);
  });

  const both = async (parameters = ''): Promise<void> => {
    await at.load(await calleeOf(bench));
    await at.load(await callerOf(bench), parameters);
  };
  /** Another module of the same code, with a device of its name. */
  const another = async (name: string): Promise<LoadedModule> => {
    const second = { ...(await callerOf(bench)), name };
    await at.load(second, `device=${name}`);
    return second;
  };
  return { at, another, both, crossing, open, restarted, restarts, said };
}

function wrong(bench: Bench): void {
  const { at, both, open, restarted, restarts } = bed(bench, 600);
  const hangs = test.skipIf(bench.placement === 'sandbox');

  test('a callee that traps: EIO, and it serves again', async () => {
    await both();
    const fd = await open('/dev/caller');
    const idle = at.machine.accounting();
    for (let round = 1; round <= 3; round++) {
      const up = nextEvent(at.machine, driverIs('callee', 'up'));
      expect(await at.console.ioctl(fd, ACT, TRAP)).toBe(-EIO);
      await up;
      expect(await at.console.ioctl(fd, ACT, 0)).toBe(0);
      expect(await at.console.ioctl(fd, MIX, 1000)).toBe(1000);
      expect([restarts('callee'), restarts('caller')]).toEqual([round, 0]);
    }
    await expect(at.machine.rmmod('callee')).rejects.toThrow('Module callee is in use by: caller');
    expect(at.machine.accounting().symbols).toBe(idle.symbols);
  });

  hangs('a callee that hangs: ETIMEDOUT, and its caller is innocent', async () => {
    await both();
    const fd = await open('/dev/caller');
    for (let round = 1; round <= 2; round++) {
      const up = nextEvent(at.machine, driverIs('callee', 'up'));
      expect(await at.console.ioctl(fd, ACT, HANG)).toBe(-ETIMEDOUT);
      await up;
      expect(await at.console.ioctl(fd, ACT, 0)).toBe(0);
      expect([restarts('callee'), restarts('caller')]).toEqual([round, 0]);
    }
  });

  hangs(
    'a callee that hangs while its caller’s init waits: the caller is refused with ETIMEDOUT',
    async () => {
      await at.load(await calleeOf(bench));
      const up = nextEvent(at.machine, driverIs('callee', 'up'));
      const work = at.machine.insmod(await callerOf(bench), `early=${HANG}`);
      await expect(work).rejects.toMatchObject({ errno: ETIMEDOUT });
      await up;
      expect(restarts('callee')).toBe(1);
    },
  );

  test('a cycle: EDEADLK, and nobody dies', async () => {
    const callee = await calleeOf(bench);
    await at.machine.insmod(callee);
    await at.machine.insmod(await bench.fixture('caller'));
    const up = nextEvent(at.machine, driverIs('callee', 'up'));
    at.machine.kill('callee'); // whose successor finds the caller
    await up;
    const fd = await open('/dev/caller');
    const start = at.logged;
    expect(await at.console.ioctl(fd, ACT, CALL_BACK)).toBe(-EDEADLK);
    expectLine(at.log(start), 'callee: calling caller_back of caller would be a deadlock');
    expect(await at.console.ioctl(fd, ACT, 0)).toBe(0);
    expect([restarts('callee'), restarts('caller')]).toEqual([1, 0]);
    // Both die at once: neither waits for ever for the other.
    const back = Promise.all([
      nextEvent(at.machine, driverIs('callee', 'up')),
      nextEvent(at.machine, driverIs('caller', 'up')),
    ]);
    await at.console.close(fd);
    at.machine.kill('caller');
    at.machine.kill('callee');
    await back;
    await at.machine.settled();
    const again = await open('/dev/caller');
    expect(await at.console.ioctl(again, ACT, 0)).toBe(0);
    await at.console.close(again);
    for (const name of ['caller', 'callee']) await at.machine.rmmod(name, { force: true });
    expect(at.machine.lsmod()).toEqual([]);
  });

  test('two that cannot do without each other: a reboot gives each up, and nobody waits', async () => {
    await at.machine.insmod(await calleeOf(bench));
    await at.machine.insmod(await bench.fixture('caller'));
    await at.machine.rmmod('callee', { force: true });
    await at.machine.insmod(await bench.fixture('callee'));
    // Whether both are dead at one time is not for sure; that it comes to an end is.
    const over = ['callee', 'caller'].map((name) => restarted(name));
    for (const name of ['callee', 'caller']) at.machine.kill(name);
    await Promise.all(over);
    await at.machine.settled();
    await at.machine.reboot();
    expect(at.machine.status().drivers.map(({ state }) => state)).toEqual(['failed', 'failed']);
    expect(at.machine.lsmod()).toEqual([]);
    for (const name of ['callee', 'caller']) await at.machine.rmmod(name);
  });

  test('both die at once: both are there again', async () => {
    await both();
    for (let round = 1; round <= 4; round++) {
      const dying = round % 2 ? ['caller', 'callee'] : ['callee', 'caller'];
      const ends = dying.map(restarted);
      for (const name of dying) at.machine.kill(name);
      expect(await Promise.all(ends)).toMatchObject([{ state: 'up' }, { state: 'up' }]);
      const fd = await at.console.open('/dev/caller', O_RDWR);
      expect(await at.console.ioctl(fd, ACT, 0)).toBe(0);
      expect(at.machine.lsmod().find(({ name }) => name === 'callee')?.usedBy).toEqual(['caller']);
      expect(await at.console.close(fd)).toBe(0);
    }
  });
}

/** Nobody's deadline passes here: a driver is killed while others wait for it. */
function killed(bench: Bench): void {
  const { at, another, both, crossing, open, restarts, said } = bed(bench, 60000);

  test('the owner dies while several wait', async () => {
    await both();
    const names = ['second', 'third'];
    for (const name of names) await another(name);
    const fds = [await open('/dev/caller')];
    const clients = [await at.machine.attach(), await at.machine.attach()];
    for (const [i, name] of names.entries()) fds.push(await clients[i]!.open(`/dev/${name}`, O_RDWR));
    const start = at.logged;
    const up = nextEvent(at.machine, driverIs('callee', 'up'));
    const waiting = clients.map((client, i) => client.ioctl(fds[i + 1]!, ACT, HANG));
    // One that comes later is its successor's affair.
    const all = (): boolean => monolithicOrPooled(bench) || crossing() === names.length;
    await seen(at, () => said(start, `callee: acting ${HANG}`) && all());
    at.machine.kill('callee');
    expect(await Promise.all(waiting)).toEqual([-EIO, -EIO]);
    await up;
    expect(await at.console.ioctl(fds[0]!, ACT, 0)).toBe(0);
    for (const [i, client] of clients.entries()) expect(await client.ioctl(fds[i + 1]!, ACT, 0)).toBe(0);
    expect(['caller', ...names].map(restarts)).toEqual([0, 0, 0]);
    for (const client of clients) await client.end();
  });

  test('the caller dies while its call is under way: its successor calls again', async () => {
    await both();
    const dies = async (parameters: string): Promise<void> => {
      await at.load({ ...(await callerOf(bench)), name: 'mortal' }, `device=mortal ${parameters}`);
      const client = await at.machine.attach();
      const fd = await client.open('/dev/mortal', O_RDWR);
      const start = at.logged;
      const up = nextEvent(at.machine, driverIs('mortal', 'up'));
      const answer = client.ioctl(fd, ACT, 300);
      await seen(at, () => said(start, 'callee: acting 300'));
      at.machine.kill('mortal');
      expect(await answer).toBe(-EIO);
      await up; // its init has called, behind the one that is under way
      expect([restarts('callee'), restarts('mortal')]).toEqual([0, 1]);
      await client.end();
      await at.machine.rmmod('mortal');
    };
    await dies('early=0');
    const before = at.machine.accounting();
    await dies('early=0');
    await at.machine.settled();
    expect(at.machine.accounting()).toEqual(before);
  });
}
