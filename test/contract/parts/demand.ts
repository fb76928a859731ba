// Modules on demand, on any placement: who opens a device that is not there has its module loaded by its alias, and a module
// that came so goes when it is idle.

import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import type { RequestModule } from '../../../host/machine/supervisor/demand.ts';
import { openModprobe } from '../../../host/machine/modprobe/modprobe.ts';
import { ENOENT, ENXIO } from '../../../kernel/abi/errno.ts';
import { O_NOREQUEST, O_RDONLY, O_RDWR, O_WRONLY } from '../../../kernel/abi/operation.ts';
import { bytes, expectLine, withMachine, type Bench } from '../../support/machine.ts';

export function demand(bench: Bench): void {
  describe('modules on demand', () => {
    const asked: string[] = [];
    const requestModule: RequestModule = async (loader, alias) => {
      asked.push(alias);
      const { done } = await (await openModprobe(at.lab.modules)).requestModule(loader, alias);
      return done;
    };
    const at = withMachine(bench, {}, { requestModule });
    const names = (): string[] => at.machine.lsmod().map(({ name }) => name);
    const set = async (name: string, value: number): Promise<void> => {
      const fd = await at.console.open(`/proc/sys/kernel/${name}`, O_WRONLY);
      expect(await at.console.write(fd, bytes(`${value}\n`))).toBeGreaterThan(0);
      await at.console.close(fd);
    };

    afterEach(async () => {
      for (const name of names()) await at.machine.rmmod(name);
      asked.length = 0;
    });

    test('the console opens what is not there: its module is loaded, with what it needs', async () => {
      const start = at.logged;
      const fd = await at.open('/dev/stacked', O_RDWR);
      expect((await at.console.read(fd, 3)).data).toEqual(bytes('sss'));
      expect(asked).toEqual(['devname:stacked']);
      expect(names()).toEqual(['stacked', 'base']);
      expectLine(at.log(start), 'request_module: devname:stacked: loaded base stacked');
      await at.console.close(fd);
    });

    test('a client in a thread of its own waits for it', async () => {
      const client = await at.machine.attach();
      onTestFinished(() => client.end());
      const fd = await client.open('/dev/zero', O_RDONLY);
      expect(fd).toBeGreaterThanOrEqual(0);
      expect((await client.read(fd, 2)).data).toEqual(new Uint8Array(2));
      expect(asked).toEqual(['devname:zero']);
      await client.close(fd);
    });

    test('clients that ask for one module at once all get it', async () => {
      const clients = await Promise.all([at.machine.attach(), at.machine.attach()]);
      onTestFinished(async () => void (await Promise.all(clients.map((client) => client.end()))));
      const fds = await Promise.all(
        [at.console, ...clients].map(
          async (client) => [client, await client.open('/dev/null', O_RDWR)] as const,
        ),
      );
      expect(fds.map(([, fd]) => fd >= 0)).toEqual([true, true, true]);
      expect(names()).toEqual(['null']);
      for (const [client, fd] of fds) await client.close(fd);
    });

    test('a name that is no alias is asked for, and is not there', async () => {
      const client = await at.machine.attach();
      onTestFinished(() => client.end());
      expect(await at.console.open('/dev/nothing', O_RDONLY)).toBe(-ENOENT);
      expect(await client.open('/dev/nothing', O_RDONLY)).toBe(-ENOENT);
      expect(asked).toEqual(['devname:nothing', 'devname:nothing']);
      expect(names()).toEqual([]);
    });

    test('a name of a device whose number nobody has is asked for by the number', async () => {
      expect(await at.console.mknod('/dev/thing', 0o600, 42, 7)).toBe(0);
      onTestFinished(async () => void (await at.console.unlink('/dev/thing')));
      expect(await at.console.open('/dev/thing', O_RDWR)).toBe(-ENXIO);
      expect(asked).toEqual(['char-major-42-7']);
    });

    test('only names of devices are asked for, and only once', async () => {
      expect(await at.console.open('/dev', O_RDWR)).toBeLessThan(0);
      expect(await at.console.open('/proc/nothing', O_RDONLY)).toBe(-ENOENT);
      expect(await at.console.open('/dev/a/b', O_RDONLY)).toBe(-ENOENT);
      expect(await at.console.open('/dev/zero', O_RDONLY | O_NOREQUEST)).toBe(-ENOENT);
      expect(asked).toEqual([]);
    });

    test('request_module is a setting', async () => {
      await set('request_module', 0);
      expect(await at.console.open('/dev/zero', O_RDONLY)).toBe(-ENOENT);
      expect(asked).toEqual([]);
      await set('request_module', 1);
      expect(await at.console.close(await at.console.open('/dev/zero', O_RDONLY))).toBe(0);
      expect(asked).toEqual(['devname:zero']);
    });

    test('an idle module that came on demand goes; one in use, or loaded by name, stays', async () => {
      await at.machine.insmod(at.driver('null'));
      const fd = await at.console.open('/dev/zero', O_RDONLY);
      const start = at.logged;
      await set('module_idle_secs', 1);
      await at.console.close(await at.console.open('/dev/stacked', O_RDONLY));
      await expect.poll(() => names().sort(), { timeout: 20000 }).toEqual(['null', 'zero']);
      await expect.poll(() => at.log(start)).toContain('stacked: unused for 1 s, removed');
      await expect.poll(() => at.log(start)).toContain('base: unused for 1 s, removed');
      expect((await at.console.read(fd, 1)).result).toBe(1);
      await at.console.close(fd);
      await expect.poll(names, { timeout: 20000 }).toEqual(['null']);
      await set('module_idle_secs', 0);
    });
  });
}
