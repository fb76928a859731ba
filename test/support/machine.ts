// What the tests of machines share, for any lab: a booted machine around a group of tests, files that are closed when
// their test ends, waiting for events. Nothing here knows a runtime, and nothing sleeps.

import { afterAll, beforeAll, expect, onTestFinished } from 'vitest';
import type { LoadedModule } from '../../host/domain/loaded.ts';
import type { ProbeStore } from '../../host/machine/modprobe/module-store.ts';
import type { Images } from '../../host/machine/shared/protocol.ts';
import type { BootOptions } from '../../host/lab/load.ts';
import type {
  Client,
  Machine,
  MachineEvent,
  Placement,
  SidePlacement,
} from '../../host/machine/shared/types.ts';

/** The two extremes, for what the places in between add nothing to. */
export const PLACEMENTS: readonly SidePlacement[] = ['monolithic', 'microkernel'];
export { PLACEMENTS as ALL_PLACEMENTS } from '../../host/machine/shared/place.ts';

/** Machines of one runtime: host/cli/machines.ts and host/web/lab.ts have this shape. */
export interface Lab {
  boot(placement: Placement, options?: BootOptions): Promise<Machine>;
  readonly drivers: readonly LoadedModule[];
  readonly modules: ProbeStore;
  readonly images: Images;
  close(): Promise<void>;
}

/** One placement in one runtime: what a suite is run over. */
export interface Bench {
  /** For names of tests: `monolithic machine in Node`. */
  name: string;
  placement: Placement;
  /** The kernel is on the test's own thread: nobody could end what hangs there. */
  inline?: true;
  openLab(): Promise<Lab>;
  /** A test driver out of test/fixtures, linked. */
  fixture(name: string): Promise<LoadedModule>;
}

/** What a group of tests runs on; filled before its first test. */
export class Setting {
  lab!: Lab;
  machine!: Machine;

  get console(): Client {
    return this.machine.console;
  }

  driver(name: string): LoadedModule {
    const driver = this.lab.drivers.find((each) => each.name === name);
    if (!driver) throw new Error(`the lab has no such driver: ${name}`);
    return driver;
  }

  /** What the log says from `start` on. */
  log(start = 0): string[] {
    return this.machine
      .dmesg()
      .records.slice(start)
      .map(({ text }) => text);
  }

  get logged(): number {
    return this.machine.dmesg().records.length;
  }

  /** Opens a file of a client for this test. */
  async open(path: string, flags: number, client: Client = this.console): Promise<number> {
    const { machine } = this;
    const boot = machine.status().boot;
    const fd = await client.open(path, flags);
    if (fd < 0) throw new Error(`cannot be opened (errno ${-fd}): ${path}`);
    onTestFinished(async () => {
      if (machine.status().state === 'running' && machine.status().boot === boot) await client.close(fd);
    });
    return fd;
  }

  /** Loads a module for this test. */
  async load(module: LoadedModule, parameters = ''): Promise<void> {
    const { machine } = this;
    await machine.insmod(module, parameters);
    onTestFinished(async () => {
      const loaded = machine.status().drivers.some(({ name }) => name === module.name);
      if (loaded) await machine.rmmod(module.name);
    });
  }
}

/** Boots a machine for the tests of the describe block that this is called in. */
export function withMachine(
  bench: Bench,
  drivers: Record<string, string> = {},
  options: BootOptions = {},
): Setting {
  const setting = new Setting();
  beforeAll(async () => {
    setting.lab = await bench.openLab();
    setting.machine = await setting.lab.boot(bench.placement, options);
    for (const [name, parameters] of Object.entries(drivers)) {
      const known = setting.lab.drivers.find((each) => each.name === name);
      await setting.machine.insmod(known ?? (await bench.fixture(name)), parameters);
    }
  });
  afterAll(async () => {
    await setting.machine?.shutdown();
    await setting.lab?.close();
  });
  return setting;
}

/** Resolves at the next event of that kind; to be called before what causes it. */
export function nextEvent<E extends MachineEvent>(
  machine: Machine,
  wanted: (event: MachineEvent) => event is E,
): Promise<E> {
  return new Promise((resolve) => {
    const stop = machine.subscribe((event) => {
      if (!wanted(event)) return;
      stop();
      resolve(event);
    });
  });
}

export function driverIs(
  module: string,
  state: 'starting' | 'up' | 'waiting' | 'failed' | 'ended',
): (event: MachineEvent) => event is Extract<MachineEvent, { type: 'driver' }> {
  return (event): event is Extract<MachineEvent, { type: 'driver' }> =>
    event.type === 'driver' && event.module === module && event.state === state;
}

export function machineIs(
  state: string,
): (event: MachineEvent) => event is Extract<MachineEvent, { type: 'state' }> {
  return (event): event is Extract<MachineEvent, { type: 'state' }> =>
    event.type === 'state' && event.state === state;
}

export function isFault(event: MachineEvent): event is Extract<MachineEvent, { type: 'fault' }> {
  return event.type === 'fault';
}

/** `count` bytes that are the same in every run and not the same everywhere. */
export function pattern(count: number, seed = 1): Uint8Array {
  return Uint8Array.from({ length: count }, (_, i) => (i * 31 + (i >> 8) * 7 + seed * 101) & 0xff);
}

export const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
export const bytes = (string: string): Uint8Array => new TextEncoder().encode(string);

/** Asserts that the log has a line, and says the whole log where it has none. */
export function expectLine(lines: string[], line: string | RegExp): void {
  const found = lines.some((each) => (typeof line === 'string' ? each === line : line.test(each)));
  // Joined, so that a failure shows every line.
  if (!found) expect(lines.join('\n')).toContain(String(line));
}
