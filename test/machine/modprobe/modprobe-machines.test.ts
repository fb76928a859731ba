// modprobe on real machines, with the modules of the project: `stacked` depends on `base`.

import { afterEach, describe, expect, test } from 'vitest';
import { nodeLab } from '../../../host/cli/machines.ts';
import { ModuleFolder } from '../../../host/cli/files/module-folder.ts';
import { IMAGES } from '../../../host/cli/root.ts';
import { openModprobe } from '../../../host/machine/modprobe/modprobe.ts';
import { O_RDWR } from '../../../kernel/abi/operation.ts';
import { loadFixture } from '../../support/fixtures.ts';
import { expectLine, PLACEMENTS, withMachine } from '../../support/machine.ts';

describe.each(PLACEMENTS)('modprobe on a %s machine', (placement) => {
  const at = withMachine({ name: placement, placement, openLab: nodeLab, fixture: loadFixture });
  const open = () => openModprobe(new ModuleFolder(IMAGES));
  const names = (): string[] => at.machine.lsmod().map(({ name }) => name);
  const clean = { errors: [], status: 0 };
  afterEach(async () => {
    const modprobe = await open();
    for (const name of names()) await modprobe.remove(at.machine, name);
    expect(names()).toEqual([]);
  });

  test('a module comes with what it needs, works, and both go again', async () => {
    const before = at.machine.accounting();
    const modprobe = await open();
    expect(await modprobe.insert(at.machine, 'stacked', 'first=7')).toMatchObject({
      ...{ ...clean, done: ['base', 'stacked'] },
    });
    expectLine(at.log(), 'stacked: base counts 7');
    const fd = await at.console.open('/dev/stacked', O_RDWR);
    expect((await at.console.read(fd, 100)).result).toBe(8);
    expect(await modprobe.remove(at.machine, 'stacked')).toMatchObject({
      errors: ['modprobe: FATAL: Module stacked is in use.'],
    });
    await at.console.close(fd);
    expect(await modprobe.remove(at.machine, 'base')).toMatchObject({
      errors: ['modprobe: FATAL: Module base is in use.'],
    });
    expect(await modprobe.remove(at.machine, 'stacked')).toMatchObject({
      ...{ ...clean, done: ['stacked', 'base'] },
    });
    expect(at.machine.accounting()).toEqual(before);
  });

  test('what is loaded already is a success; a module is found by the device that is missing', async () => {
    const modprobe = await open();
    expect(await modprobe.requestModule(at.machine, 'devname:ramdisk')).toMatchObject({ done: ['ramdisk'] });
    expect(await modprobe.insert(at.machine, 'ramdisk')).toMatchObject({ ...clean, done: [] });
    expect((await modprobe.insert(at.machine, 'ramdisk', '', { firstTime: true })).errors).toEqual([
      "modprobe: ERROR: could not insert 'ramdisk': Module already in kernel",
    ]);
  });

  test('a refusal by the machine is said with what the host knows of it, and what was inserted for it stays', async () => {
    const modprobe = await open();
    expect(await modprobe.insert(at.machine, 'stacked', 'first=x')).toMatchObject({
      ...{
        errors: ["modprobe: ERROR: could not insert 'stacked': Invalid argument (first=x)"],
        done: ['base'],
      },
    });
    expect(names()).toEqual(['base']);
  });
});
