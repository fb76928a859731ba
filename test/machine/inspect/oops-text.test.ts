// The text of an oops is written some ms after the death, when the memory of the dead driver may have been reused.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { nodeLab, type NodeLab } from '../../../host/cli/machines.ts';
import { decodeFile } from '../../../host/cli/files/oops-file.ts';
import { dmesgLines } from '../../../host/machine/inspect/dmesg.ts';
import { Killed } from '../../../host/machine/shared/control.ts';
import { NEVER_GIVE_UP } from '../../../host/machine/supervisor/policy.ts';
import { EIO } from '../../../kernel/abi/errno.ts';
import { O_RDONLY, O_WRONLY } from '../../../kernel/abi/operation.ts';
import type { MachineEvent, Placement } from '../../../host/machine/shared/types.ts';
import { loadFixture } from '../../support/fixtures.ts';
import { weakly } from '../../support/altered.ts';
import { bytes, isFault } from '../../support/machine.ts';

/** One in twenty of these named no module once. */
const DEATHS = 100;

let lab: NodeLab;
beforeAll(async () => {
  lab = await nodeLab();
});
afterAll(() => lab.close());

test('names the modules of the domain that died, each time', async () => {
  const machine = await lab.boot('microkernel', { policy: NEVER_GIVE_UP });
  onTestFinished(() => machine.shutdown());
  await machine.insmod(lab.drivers.find(({ name }) => name === 'lkdtm')!);
  const named: (string | undefined)[] = [];
  for (let i = 0; i < DEATHS; i++) {
    const fd = await machine.console.open('/dev/lkdtm', O_WRONLY);
    expect(await machine.console.write(fd, bytes('BUG'))).toBe(-EIO);
    await machine.console.close(fd);
    await machine.settled();
    const texts = machine.dmesg().records.map((record) => record.text);
    named.push(texts.findLast((line) => line.startsWith('Modules linked in:')));
  }
  expect(named.filter((line) => !line?.includes('lkdtm'))).toEqual([]);
});

/** ioctls of test/fixtures/symbols/caller.ts: operations of its callee, and a callback that traps. */
const ACT = 6;
const TRAP = 1;
const THROUGH = 13;

/** The decoded frames of the drivers' code, by oops. */
async function decoded(
  placement: Placement,
  ioctls: readonly (readonly [number, number])[],
  heard: (event: MachineEvent) => void = () => {},
): Promise<string[][]> {
  const machine = await lab.boot(placement, { policy: NEVER_GIVE_UP });
  machine.subscribe(heard);
  onTestFinished(() => machine.shutdown());
  const folder = mkdtempSync(join(tmpdir(), 'isolab-oops-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const drivers = [weakly(await loadFixture('callee'), 'caller_back'), await loadFixture('caller')];
  for (const { name, bytes: file, map } of drivers) {
    writeFileSync(join(folder, `${name}.ko.wasm`), file);
    writeFileSync(join(folder, `${name}.ko.wasm.map`), map!);
  }
  for (const driver of drivers) await machine.insmod(driver);
  for (const [command, argument] of ioctls) {
    const fd = await machine.console.open('/dev/caller', O_RDONLY);
    const answer = machine.console.ioctl(fd, command, argument);
    if (placement === 'monolithic') await expect(answer).rejects.toThrow(Killed);
    else expect(await answer).toBe(-EIO);
    await machine.settled();
  }
  writeFileSync(join(folder, 'log'), dmesgLines(machine.dmesg()).join('\n'));
  const oopses = await decodeFile({ file: join(folder, 'log'), kallsyms: null, modules: folder });
  return oopses.map(({ frames }) =>
    frames
      .filter(({ module }) => drivers.some(({ name }) => name === module))
      .map(({ by, text, source }) => `${by}: ${text} ${source}`),
  );
}

test('names the functions of every driver of a pool, also in the pools that come after it', async () => {
  const ioctls = [
    [ACT, TRAP],
    [ACT, TRAP],
    [THROUGH, 0],
  ] as const;
  const accused: (string | null)[] = [];
  const monolithic = await decoded('monolithic', ioctls);
  const pooled = await decoded('pooled', ioctls, (event) => {
    if (isFault(event) && event.by === 'trap') accused.push(event.module);
  });
  const [act, again, through] = monolithic;
  expect(act).toEqual([
    expect.stringMatching(/^file: callee_act\+\S+ \[callee\] test\/fixtures\/symbols\/callee\.ts:\d+:\d+$/),
    expect.stringMatching(/^file: caller_ioctl\+\S+ \[caller\] test\/fixtures\/symbols\/caller\.ts:\d+:\d+$/),
  ]);
  expect(again).toEqual(act);
  expect(through?.map((frame) => /\w+(?=\+)/.exec(frame)?.[0])).toEqual([
    'trapping',
    'callee_through',
    'caller_ioctl',
  ]);
  expect(pooled).toEqual(monolithic);
  // Each names the driver whose code trapped, not the one that had called it.
  expect(accused).toEqual(['callee', 'callee', 'caller']);
  // The trace of a call to another domain ends at the gate.
  expect(await decoded('microkernel', [[ACT, TRAP]])).toEqual([act?.slice(0, 1)]);
});
