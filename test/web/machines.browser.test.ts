// Both machines in a real browser: what is different from Node here is how threads end. A busy worker goes on for two seconds
// after terminate(), and until then it is a zombie that must not reach anybody.

import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import lkdtmSource from '../../drivers/lkdtm.ts?raw';
import type { Lab } from '../../host/lab/load.ts';
import type { ClientThread, Machine, SidePlacement } from '../../host/machine/shared/types.ts';
import { browserLab } from '../../host/web/lab.ts';
import { KERNEL_MEMORY, MAX_CLIENTS, USER_BASE, USER_SIZE } from '../../kernel/abi/map.ts';
import { O_RDONLY, O_RDWR } from '../../kernel/abi/operation.ts';
import { fetchFixture } from '../support/browser.ts';
import { bytes, driverIs, expectLine, nextEvent, pattern, PLACEMENTS } from '../support/machine.ts';

const DEADLINE_MS = 1000;
/** What two cores and a spinning thread add to any time measured here. */
const SLACK_MS = 800;
/** How long Chromium takes to end a busy worker, in ms. */
const ZOMBIE_MS = 2000;
const BLOCK = 4096;

let lab: Lab;
let machines: Record<SidePlacement, Machine>;
/** The kernel memories of this page, in the order in which they were taken. */
const memories: WebAssembly.Memory[] = [];

async function boot(placement: SidePlacement): Promise<Machine> {
  const machine = await lab.boot(placement, { deadlineMs: DEADLINE_MS });
  for (const driver of lab.drivers)
    await machine.insmod(driver, driver.name === 'ramdisk' ? `size=${16 * BLOCK}` : '');
  return machine;
}

beforeAll(async () => {
  lab = await browserLab('/');
  const take = lab.resources.takeMemory.bind(lab.resources);
  lab.resources.takeMemory = async (size) => {
    const memory = await take(size);
    if (size === KERNEL_MEMORY) memories.push(memory);
    return memory;
  };
  machines = { monolithic: await boot('monolithic'), microkernel: await boot('microkernel') };
});

afterAll(async () => {
  await Promise.all(PLACEMENTS.map((placement) => machines[placement].shutdown()));
  await lab.close();
});

const generationOf = (machine: Machine, name: string): number | undefined =>
  machine.status().drivers.find((driver) => driver.name === name)?.generation;

test('the page is cross-origin isolated, and the lab says so', () => {
  expect(crossOriginIsolated).toBe(true);
  expect(lab.environment.crossOriginIsolated).toBe(true);
  expect(lab.environment.runtime).toMatch(/^chromium /);
});

test('both machines run the very same files', () => {
  const hashes = (placement: SidePlacement): string[] =>
    machines[placement].status().drivers.map(({ name, sha256 }) => `${name} ${sha256}`);
  expect(hashes('monolithic')).toHaveLength(4);
  expect(hashes('microkernel')).toEqual(hashes('monolithic'));
});

describe.each(PLACEMENTS)('the %s machine', (placement) => {
  test('gives back what was written', async () => {
    const { console } = machines[placement];
    const data = pattern(BLOCK);
    const fd = await console.open('/dev/ramdisk', O_RDWR);
    expect(await console.write(fd, data)).toBe(BLOCK);
    expect(await console.lseek(fd, 0, 0)).toBe(0);
    expect(await console.read(fd, BLOCK)).toEqual({ result: BLOCK, data });
    await console.close(fd);
  });

  test('after BUG names the driver, the function and the line; another program lost no call', async () => {
    const machine = machines[placement];
    const reader = await machine.attach();
    await reader.startReading('/dev/zero', 2);
    const culprit = await machine.attach();
    const fd = await culprit.open('/dev/lkdtm', O_RDWR);
    const restarted = nextEvent(machine, driverIs('lkdtm', 'up'));
    const write = culprit.write(fd, bytes('BUG'));
    if (placement === 'monolithic') await expect(write).rejects.toThrow('ended in its call');
    else expect(await write).toBeLessThan(0);
    if (placement === 'microkernel') await restarted;
    await machine.settled();

    const log = machine.dmesg().records.map(({ text }) => text);
    expectLine(log, /^RIP: 0010:\w+\+0x[0-9a-f]+\/0x[0-9a-f]+ \[lkdtm\]$/);
    const [, line] = /^ {2}at drivers\/lkdtm\.ts:(\d+):\d+$/m.exec(log.join('\n')) ?? [];
    expect(lkdtmSource.split('\n')[Number(line) - 1]).toContain('unreachable()');

    if (placement === 'microkernel') {
      expect(generationOf(machine, 'lkdtm')).toBe(2);
      expect(await culprit.write(fd, bytes('BUG'))).toBeLessThan(0); // the old file stays dead
    } else {
      expect(machine.status().taint).toBe('D');
    }
    const again = await machine.console.open('/dev/lkdtm', O_RDONLY);
    expect((await machine.console.read(again, 64)).result).toBe(64);
    const report = await reader.stopReading();
    expect(report).toMatchObject({ failed: 0, failures: [] });
    expect(report.calls).toBeGreaterThan(0);
    await reader.end();
    await culprit.end();
  });
});

/** Reads blocks until one fails; how long the slowest call took, and what the last one answered. */
async function readUntilFailure(
  client: ClientThread,
  fd: number,
  each: () => void,
): Promise<{ worst: number; last: number }> {
  let worst = 0;
  for (;;) {
    const start = performance.now();
    const { result, data } = await client.read(fd, BLOCK);
    worst = Math.max(worst, performance.now() - start);
    if (result < 0) return { worst, last: result };
    expect(result).toBe(BLOCK);
    expect(data.every((byte) => byte === 0)).toBe(true);
    each();
  }
}

describe('a driver’s worker that is ended behind the supervisor’s back', () => {
  test('in the middle of calls: the caller has an errno in time, and a reopened file works', async () => {
    const machine = machines.microkernel;
    const client = await machine.attach();
    const fd = await client.open('/dev/zero', O_RDONLY);
    const before = generationOf(machine, 'zero') ?? 0;
    const restarted = nextEvent(machine, driverIs('zero', 'up'));
    const thread = machine.threadOf('zero');
    let calls = 0;
    const { worst, last } = await readUntilFailure(client, fd, () => {
      if (++calls === 20) thread.terminate();
    });
    expect(calls).toBeGreaterThanOrEqual(20);
    expect(last).toBeLessThan(0);
    expect(worst).toBeLessThan(DEADLINE_MS + SLACK_MS);
    await restarted;
    expect(generationOf(machine, 'zero')).toBe(before + 1);
    const again = await client.open('/dev/zero', O_RDONLY);
    expect(await client.read(again, 8)).toEqual({ result: 8, data: new Uint8Array(8) });
    await client.end();
  });

  // LOOP hangs in its own memory; the scribbler never stops writing into the caller's.
  test.each([
    ['hangs', 'lkdtm', 'LOOP'],
    ['writes without end', 'scribbler', null],
  ] as const)('while it %s: an errno in time, and nothing of the zombie arrives', async (_, name, order) => {
    const machine = machines.microkernel;
    if (name === 'scribbler') await machine.insmod(await fetchFixture(name));
    const client = await machine.attach();
    const other = await machine.attach();
    await other.startReading('/dev/zero', 2);
    const fd = await client.open(`/dev/${name}`, O_RDWR);
    const thread = machine.threadOf(name);
    const restarted = nextEvent(machine, driverIs(name, 'up'));
    const start = performance.now();
    const hanging = order === null ? client.read(fd, BLOCK) : client.write(fd, bytes(order));
    const buffer = await vi.waitFor(() => bufferThatHolds(order === null ? INK : bytes(order)));
    thread.terminate();
    const answer = await hanging;
    // One that writes has a heart that beats: its time is over when its thread has ended, two seconds later at most.
    const most = order === null ? ZOMBIE_MS : DEADLINE_MS;
    expect(performance.now() - start).toBeLessThan(most + SLACK_MS);
    expect(typeof answer === 'number' ? answer : answer.result).toBeLessThan(0);

    // From here on the buffer is the client's own again, whatever the old thread still does.
    buffer.fill(0xa5);
    await restarted;
    const again = await machine.console.open('/dev/lkdtm', O_RDONLY);
    expect((await machine.console.read(again, 64)).result).toBe(64);
    await thread.ended;
    expect(buffer.every((byte) => byte === 0xa5)).toBe(true);
    expect(await other.stopReading()).toMatchObject({ failed: 0 });
    expect(machine.check()).toEqual([]);
    await Promise.all([other.end(), client.end()]);
  });
});

/** What the scribbler writes. */
const INK = new Uint8Array(BLOCK).fill(0xee);

/** The buffer of the client whose buffer begins with that, in the memory of the kernel that was booted last. */
function bufferThatHolds(wanted: Uint8Array): Uint8Array {
  const kernel = memories.at(-1);
  if (kernel === undefined) throw new Error('no kernel memory was taken');
  for (let client = 0; client < MAX_CLIENTS; client++) {
    const buffer = new Uint8Array(kernel.buffer, USER_BASE + client * USER_SIZE, BLOCK);
    if (wanted.every((byte, i) => buffer[i] === byte)) return buffer;
  }
  throw new Error(`no client's buffer begins with ${String(wanted.subarray(0, 8))}`);
}
