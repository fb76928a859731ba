// The store of a lab: what modprobe sees where there are no files.

import { expect, test } from 'vitest';
import { LabModules } from '../../host/lab/modules.ts';
import { openModprobe } from '../../host/machine/modprobe/modprobe.ts';
import { VERSION } from '../../kernel/abi/version.ts';
import { loadedModule } from '../support/module-files.ts';

const base = loadedModule('base', { exports: ['base_call'] });
const stacked = loadedModule('stacked', { imports: ['base_call'], modinfo: { alias: ['devname:stacked'] } });

test('modules are found by name and by path, and modprobe works over them', async () => {
  const modules = new LabModules([stacked, base, loadedModule('my-disk')], []);
  expect(modules.list()).toEqual(['base', 'my-disk', 'stacked']);
  expect((await modules.load('my_disk')).name).toBe('my-disk');
  expect(await modules.load(`${modules.directory}/base.ko.wasm`)).toBe(base);
  await expect(modules.load('nothing')).rejects.toThrow('there is no module nothing');

  const loaded: string[] = [];
  const machine = {
    lsmod: () => loaded.map((name) => ({ name, state: 'live', references: 0 })),
    insmod: async ({ name }: { name: string }) => void loaded.push(name),
    rmmod: async () => undefined,
  };
  const modprobe = await openModprobe(modules);
  expect((await modprobe.requestModule(machine, 'devname:stacked')).done).toEqual(['base', 'stacked']);
  expect(loaded).toEqual(['base', 'stacked']);
  expect((await modprobe.insert(machine, 'x')).errors).toEqual([
    `modprobe: FATAL: Module x not found in directory /lib/modules/${VERSION}`,
  ]);
});
