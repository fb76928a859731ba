// The two machines of the page and what can be done to them, without a word of how it is shown. One thing at a time: who
// calls must not call again before the last promise has settled (./page.ts sees to it).

import { CallMeasurements } from '../lab/calls.ts';
import { batchMsFor, clockStepNs } from '../lab/clock.ts';
import { compare } from '../lab/compare/compare.ts';
import type { Lab } from '../lab/load.ts';
import { faultNames, provoke, readFaulty, type Faulty } from '../lab/compare/provoke.ts';
import {
  PLACEMENTS,
  type CallRow,
  type CompareReport,
  type Environment,
  type FaultRow,
  type PerSide,
} from '../lab/compare/report.ts';
import { Side } from '../lab/compare/side.ts';
import type { CancelSignal } from '../lab/wait.ts';
import type { RequestModule } from '../machine/supervisor/demand.ts';
import { openModprobe } from '../machine/modprobe/modprobe.ts';
import type { Machine, SidePlacement } from '../machine/shared/types.ts';
import { Reader } from './reader.ts';
import { PLACED } from './sides.ts';

/** One side of the page. */
export interface Station {
  readonly placement: SidePlacement;
  readonly side: Side;
  readonly reader: Reader;
  /** The machine as soon as its kernel runs, also while its drivers are being loaded; null before the first. */
  machine: Machine | null;
}

/** What came of a fault on one side: a row, or why there is none. */
export type Provoked = { row: FaultRow } | { problem: string };

export interface BenchEvents {
  /** A new machine stands in this place. */
  machine(placement: SidePlacement, machine: Machine): void;
  /** Something went wrong that nobody was waiting for. */
  problem(error: unknown): void;
}

export class Bench {
  readonly environment: Environment;
  readonly stations: PerSide<Station>;
  /** What lkdtm says it can do. */
  faults: string[] = [];
  readonly #lab: Lab;
  readonly #image: Uint8Array;
  #faulty: PerSide<Faulty> | null = null;

  constructor(lab: Lab, image: Uint8Array, events: BenchEvents) {
    this.#lab = lab;
    this.#image = image;
    this.environment = { ...lab.environment, clockStepNs: clockStepNs(() => performance.now()) };
    const requestModule: RequestModule = async (loader, alias) => {
      const modprobe = await openModprobe(lab.modules);
      return (await modprobe.requestModule(loader, alias)).done;
    };
    const station = (placement: SidePlacement): Station => {
      const side = new Side(placement, {
        boot: async (_, options) => {
          const machine = await lab.boot(PLACED[placement], { ...options, requestModule });
          this.stations[placement].machine = machine;
          events.machine(placement, machine);
          return machine;
        },
        ...{ bootOptions: {}, drivers: lab.drivers, measured: 'ramdisk', image },
      });
      return { placement, side, machine: null, reader: new Reader((error) => events.problem(error)) };
    };
    this.stations = { monolithic: station('monolithic'), microkernel: station('microkernel') };
  }

  /** Boots both machines. */
  async start(): Promise<void> {
    await this.#both(({ side }) => side.fresh());
    this.#faulty = await this.#both(({ side }) => readFaulty(side.machine, side.faulty));
    this.faults = faultNames(this.#faulty.monolithic);
    await this.#read();
  }

  /**
   * Does a fault to both at once.
   * @param clean whether a machine that is not as after boot is rebooted first; else drivers that it lacks are loaded
   */
  async provoke(fault: string, clean: boolean, progress: (text: string) => void): Promise<PerSide<Provoked>> {
    const faulty = this.#faulty;
    if (faulty === null) throw new Error('the machines have not been started');
    progress(
      clean ? 'looking whether both machines are clean' : 'looking whether both machines have all drivers',
    );
    const unfit = await this.#both(({ side }) =>
      orProblem(async () => void (await (clean ? side.clean() : side.equip()))),
    );
    await this.#read();
    progress(`${fault} on both machines`);
    for (const placement of PLACEMENTS) this.stations[placement].reader.restart(`${fault} began`);
    const provoked = await this.#both(
      async ({ side, placement }) =>
        unfit[placement] ??
        (await orProblem(async () => ({ row: await provoke(side, faulty[placement], fault) }))),
    );
    await this.#read();
    await this.#both(({ reader }) => reader.look());
    return provoked;
  }

  /** One round of measurements on both machines. The reading programs rest meanwhile. */
  async measure(progress: (text: string) => void, onProblem: (text: string) => void): Promise<CallRow[]> {
    return this.#quiet(async () => {
      progress('looking whether both machines are clean');
      await this.#both(({ side }) => side.clean());
      const measurements = new CallMeasurements({
        onProblem,
        batchMs: batchMsFor(this.environment.clockStepNs),
      });
      const { monolithic, microkernel } = this.stations;
      await measurements.round({ monolithic: monolithic.side, microkernel: microkernel.side }, '', progress);
      return measurements.rows();
    });
  }

  /** The whole comparison, on machines of its own. */
  async compare(
    progress: (text: string) => void,
    onProblem: (text: string) => void,
    signal: CancelSignal,
  ): Promise<CompareReport> {
    const { boot, drivers, environment } = this.#lab;
    const options = { boot, drivers, environment, image: this.#image, onProblem, signal };
    return this.#quiet(() => compare(options, progress));
  }

  async reboot(placement: SidePlacement): Promise<void> {
    await this.stations[placement].side.reboot();
    await this.#read();
  }

  async #quiet<T>(work: () => Promise<T>): Promise<T> {
    await this.#both(({ reader }) => reader.pause());
    try {
      return await work();
    } finally {
      await this.#read();
    }
  }

  /** Lets both programs read, each on the machine that stands there now. */
  async #read(): Promise<void> {
    for (const placement of PLACEMENTS) {
      const { side, reader, machine } = this.stations[placement];
      if (machine === null || (reader.running && reader.machine === machine)) continue;
      await reader.start(machine, side.bystanders);
    }
  }

  /** Does something on both sides at once. Ends when both have, and throws then what one of them has thrown. */
  async #both<T>(work: (station: Station) => Promise<T>): Promise<PerSide<T>> {
    const { monolithic, microkernel } = this.stations;
    const both = [work(monolithic), work(microkernel)] as const;
    await Promise.allSettled(both);
    const [one, other] = await Promise.all(both);
    return { monolithic: one, microkernel: other };
  }
}

/** What it gives, or why it failed. */
async function orProblem<T>(work: () => Promise<T>): Promise<T | { problem: string }> {
  try {
    return await work();
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
}
