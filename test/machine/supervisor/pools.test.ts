// A pool that one driver ends while another is being loaded: which driver's death that was.

import { afterEach, beforeEach, expect, test } from 'vitest';
import type { LoadedModule } from '../../../host/domain/loaded.ts';
import { MAX_INIT_DEATHS, NEVER_GIVE_UP, type Policy } from '../../../host/machine/supervisor/policy.ts';
import type { Machine, MachineEvent } from '../../../host/machine/shared/types.ts';
import type { Thread } from '../../../host/machine/shared/platform.ts';
import type { PrepareDomain } from '../../../host/machine/shared/protocol.ts';
import { EIO } from '../../../kernel/abi/errno.ts';
import { DEADLINE_MS } from '../../../kernel/abi/limits.ts';
import { DOMAIN_MEMORY, WASM_PAGE } from '../../../kernel/abi/map.ts';
import { loadFixture } from '../../support/fixtures.ts';
import { driverIs, isFault, nextEvent } from '../../support/machine.ts';
import { threadLab, type ThreadLab } from '../../support/threads.ts';

/** Ways in which a driver ends its pool while another is being loaded there. */
const ENDS = 3 * MAX_INIT_DEATHS;

let lab: ThreadLab;
let machine: Machine;
const events: MachineEvent[] = [];

beforeEach(async () => {
  lab = await threadLab();
});
afterEach(async () => {
  await machine.shutdown();
  await lab.close();
  expect(lab.living()).toBe(0);
});

async function boot(policies = new Map<string, Partial<Policy>>()): Promise<void> {
  machine = await lab.boot('pooled', { policies });
  events.length = 0;
  machine.subscribe((event) => events.push(event));
}

const driver = (name: string): LoadedModule => lab.drivers.find((each) => each.name === name)!;
const status = (name: string) => machine.status().drivers.find((each) => each.name === name);
const log = (): string[] => machine.dmesg().records.map(({ text }) => text);
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('a driver whose pool is ended again and again while it is loaded comes up when that is over', async () => {
  // It is restarted after the driver that has ended the pool, in the same new pool.
  await boot(new Map([['zero', { backoff: { baseMs: 1, capMs: 1, stableMs: 60_000 } }]]));
  await machine.insmod(driver('null'));
  await machine.insmod(driver('zero'));
  let ends = 0;
  let early = 0;
  const over = new Promise<void>((resolve) => {
    machine.subscribe((event) => {
      if (!driverIs('null', 'up')(event)) return;
      if (ends++ === ENDS) return resolve();
      if (status('zero')?.state === 'starting') early++;
      machine.kill('null');
    });
  });
  machine.kill('null');
  await over;
  await machine.settled();
  expect(status('zero')).toMatchObject({ state: 'up' });
  expect(early).toBeGreaterThan(MAX_INIT_DEATHS);
  expect(log().filter((line) => line.includes('in its init'))).toEqual([]);
  expect(machine.check()).toEqual([]);
});

test('insmod of a driver whose pool is ended meanwhile is refused, and nothing is left of it', async () => {
  await boot();
  await machine.insmod(driver('null'));
  const before = machine.accounting();
  const loading = machine.insmod(await loadFixture('probe'), 'ending=3').catch((reason: unknown) => reason);
  while (!machine.devices().some(({ path }) => path === '/dev/probe')) await turn();
  const up = nextEvent(machine, driverIs('null', 'up'));
  machine.kill('null');
  expect(await loading).toMatchObject({ name: 'ModuleError', errno: EIO });
  await up;
  await machine.settled();
  expect(events.filter(isFault).map(({ module, by }) => `${module} ${by}`)).toEqual([
    'null operator',
    'probe thread ended',
  ]);
  expect(status('probe')).toBeUndefined();
  expect(machine.devices().map(({ path }) => path)).not.toContain('/dev/probe');
  expect(machine.accounting()).toEqual(before);
  await machine.insmod(await loadFixture('probe'));
});

test('a successor that is not wanted any more ends nobody who has come to its pool', async () => {
  machine = await lab.boot('pooled', { policy: NEVER_GIVE_UP });
  const names = ['null', 'zero', 'lkdtm'];
  for (const name of names) await machine.insmod(driver(name));
  for (let kills = 1; kills < 24; kills++) {
    const ready = machine.ready(); // opens the standby pool while this pool ends
    machine.kill(names[kills % names.length]!);
    await ready.catch(() => {});
    await machine.settled();
    const restarts = machine.status().drivers.map((each) => `${each.state} ${each.restarts}`);
    expect(restarts).toEqual(names.map(() => `up ${kills}`));
  }
  expect(machine.check()).toEqual([]);
});

/** A driver's thread that ends as in Chromium within two seconds: only when its event loop has a turn. */
function endsLate(thread: Thread): Thread {
  if (thread.kind !== 'driver') return thread;
  const pages = DOMAIN_MEMORY / WASM_PAGE;
  const terminate = async (): Promise<void> => {
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
    const words = new Int32Array(memory.buffer);
    const deadlineMs = DEADLINE_MS;
    const rest = { used: false, deadlineMs, slubDebug: 0, images: null };
    thread.port.postMessage({ type: 'prepare', memory, ...rest } satisfies PrepareDomain);
    while (words.every((word) => word === 0)) await turn(); // nothing has booted there yet
    thread.terminate();
  };
  return { ...thread, terminate: () => void terminate() };
}

test('the thread of a pool leaves its loop when the last of its drivers has left, or one was given up', async () => {
  await lab.close();
  lab = await threadLab(endsLate);
  await boot();
  await machine.insmod(driver('null'));
  await machine.insmod(driver('zero'));
  await machine.rmmod('zero');
  await machine.rmmod('null');
  while (machine.status().zombies > 0) await turn();
  await machine.insmod(driver('null'));
  const up = nextEvent(machine, driverIs('null', 'up'));
  machine.kill('null');
  await up;
  while (machine.status().zombies > 0) await turn();
});
