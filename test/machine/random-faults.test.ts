// Random and concurrent faults and operations: traps, kills, threads that end, loading, unloading, live update, reboots. In the end
// every driver serves, every check is clean, and nothing is left when the machine is off.

import { describe, expect, test } from 'vitest';
import { ModuleError } from '../../host/domain/module-error.ts';
import type { LoadedModule } from '../../host/domain/loaded.ts';
import { Random } from '../../host/fault/random.ts';
import { MachineDied } from '../../host/machine/shared/control.ts';
import { NEVER_GIVE_UP } from '../../host/machine/supervisor/policy.ts';
import type { Machine, Placement } from '../../host/machine/shared/types.ts';
import { O_RDWR } from '../../kernel/abi/operation.ts';
import { rounds } from '../long.ts';
import { loadFixture } from '../support/fixtures.ts';
import { bytes } from '../support/machine.ts';
import { threadLab, type ThreadLab } from '../support/threads.ts';

const SEED = 20261127;
const NAMES = ['lkdtm', 'null', 'zero', 'ramdisk', 'base', 'stacked'];
/** Events between two checks. */
const AT_ONCE = 3;

class RandomFaults {
  private readonly lab: ThreadLab;
  private readonly machine: Machine;
  private readonly modules: ReadonlyMap<string, LoadedModule>;
  private readonly random: Random;
  private readonly done: string[] = [];

  constructor(lab: ThreadLab, machine: Machine, modules: ReadonlyMap<string, LoadedModule>, seed: number) {
    this.lab = lab;
    this.machine = machine;
    this.modules = modules;
    this.random = new Random(seed);
  }

  async begin(): Promise<void> {
    for (const module of this.modules.values()) await this.machine.insmod(module);
  }

  /** Some events at once; then a check of everything. */
  async round(): Promise<void> {
    const { machine } = this;
    const happening = Array.from({ length: 1 + this.random.below(AT_ONCE) }, () => this.something());
    await Promise.all(happening);
    await machine.settled();
    const { drivers } = machine.status();
    // A driver whose owner was unloaded while it was dead is given up.
    for (const { name, state } of drivers)
      if (name === 'stacked' && state === 'failed') await machine.rmmod(name);
    const known = machine.status().drivers.map(({ name }) => name);
    for (const [name, module] of this.modules) if (!known.includes(name)) await machine.insmod(module);
    await machine.settled();
    await this.look();
    if (this.random.below(2)) await machine.ready();
  }

  private async look(): Promise<void> {
    const { machine } = this;
    const told = `after ${this.done.slice(-2 * AT_ONCE).join(', ')}`;
    const states = machine.status().drivers.map(({ name, state }) => `${name} ${state}`);
    expect(states.sort(), told).toEqual(NAMES.map((name) => `${name} up`).sort());
    for (const name of ['lkdtm', 'zero', 'ramdisk']) expect(await this.read(name), `${name} ${told}`).toBe(4);
    expect(machine.check(), told).toEqual([]);
  }

  private async read(name: string): Promise<number> {
    const { console } = this.machine;
    const fd = await console.open(`/dev/${name}`, O_RDWR);
    if (fd < 0) return fd;
    const { result } = await console.read(fd, 4);
    await console.close(fd);
    return result;
  }

  private something(): Promise<unknown> {
    const name = this.random.pick(NAMES);
    const module = this.modules.get(name)!;
    const { machine } = this;
    const acts: Record<string, () => Promise<unknown>> = {
      trap: () => this.trap(),
      'trap again': () => this.trap(),
      kill: () => this.ofLoaded(() => machine.kill(name)),
      thread: () => this.ofLoaded(() => this.terminate(name)),
      rmmod: () => machine.rmmod(name),
      cycle: async () => {
        await machine.rmmod(name);
        await machine.insmod(module);
      },
      insmod: () => machine.insmod(module),
      update: () => machine.update(module),
      read: () => this.read(name),
      reboot: async () => (this.random.below(8) ? undefined : machine.reboot()),
    };
    const act = this.random.pick(Object.keys(acts));
    this.done.push(`${act} ${name}`);
    return this.tolerate(acts[act]!());
  }

  /** Ignores the errors of an operation on a driver that is not loaded. */
  private async ofLoaded(act: () => void | Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('module is not loaded'))) throw error;
    }
  }

  /** Ends the thread of a driver that is not on the kernel's. */
  private async terminate(name: string): Promise<void> {
    const thread = this.machine.threadOf(name);
    if (thread.kind !== 'driver') return;
    thread.terminate();
    await thread.ended;
  }

  private async trap(): Promise<void> {
    const { console } = this.machine;
    const fd = await console.open('/dev/lkdtm', O_RDWR);
    if (fd < 0) return;
    await console.write(fd, bytes(this.random.pick(['BUG', 'EXIT', 'WARNING'])));
    await console.close(fd);
  }

  /** Ignores the errors of an operation that another one may have refused, or that the kernel's death has ended. */
  private async tolerate(act: Promise<unknown>): Promise<void> {
    await act.catch((error: unknown) => {
      if (!(error instanceof ModuleError) && !(error instanceof MachineDied)) throw error;
    });
  }
}

describe.each(['microkernel', 'sandbox', 'pooled'] as Placement[])('%s', (placement) => {
  test(`is well after everything at once (seed ${SEED})`, async () => {
    const lab = await threadLab();
    const machine = await lab.boot(placement, { policy: NEVER_GIVE_UP });
    const own = lab.drivers.filter(({ name }) => NAMES.includes(name));
    const fixtures = await Promise.all(['base', 'stacked'].map((name) => loadFixture(name)));
    const byName = new Map([...own, ...fixtures].map((module) => [module.name, module]));
    const modules = new Map(NAMES.map((name) => [name, byName.get(name)!]));
    const faults = new RandomFaults(lab, machine, modules, SEED);
    await faults.begin();
    for (let round = rounds(16, 2000); round > 0; round--) await faults.round();
    await machine.shutdown();
    await lab.close();
    expect(lab.living()).toBe(0);
  });
});
