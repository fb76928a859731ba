// The main job: the same drivers on both machines; what a call costs, over several fresh boots; then every fault that
// lkdtm knows, on both sides. Needs somebody who can boot machines; prints nothing, ends every machine it started.

import type { LoadedModule } from '../../domain/loaded.ts';
import type { Machine, SidePlacement } from '../../machine/shared/types.ts';
import { CallMeasurements, type CallOptions } from '../calls.ts';
import { clockStepNs } from '../clock.ts';
import { wasInterrupted, type Extent } from '../interruption.ts';
import { sha256 } from '../../linker/module/sha256.ts';
import { faultNames, provokeClean, readFaulty, type Faulty } from './provoke.ts';
import { PLACEMENTS, SCHEMA, type CompareReport, type Environment, type PerSide } from './report.ts';
import { Side, type BootOptions, type Setting } from './side.ts';
import { measureOrReport } from '../tried.ts';
import { throwIfCancelled } from '../wait.ts';

export interface CompareOptions extends CallOptions {
  boot(placement: SidePlacement, options?: BootOptions): Promise<Machine>;
  /** null, zero, ramdisk and lkdtm, in the order in which they are loaded. */
  drivers: readonly LoadedModule[];
  /** What is written into the measured driver and read back. */
  image: Uint8Array;
  /** The driver to measure; ramdisk without it. One of the same name takes its place. */
  driver?: LoadedModule | undefined;
  /** The clock's step is measured here. */
  environment: Omit<Environment, 'clockStepNs'>;
  /** Fresh machines per side, the spread between boots being larger than that between samples; default 3. */
  boots?: number | undefined;
  bootOptions?: BootOptions | undefined;
  /** Told what is worth knowing and no failure. */
  onNote?: ((text: string) => void) | undefined;
}

const DEFAULT_DRIVER = 'ramdisk';

type Sides = PerSide<Side>;

/**
 * Runs the whole comparison, or as much of it as there is time for until the signal is aborted.
 *
 * @param progress told what is being done, a short text each time
 * @throws what kept a machine from booting or a driver from being loaded
 */
export async function compare(
  options: CompareOptions,
  progress: (text: string) => void,
): Promise<CompareReport> {
  const setting = arrange(options);
  const sides: Sides = {
    monolithic: new Side('monolithic', setting),
    microkernel: new Side('microkernel', setting),
  };
  try {
    const clockStep = clockStepNs(() => performance.now());
    const { boots = 3 } = options;
    const measurements = new CallMeasurements(options);
    const faults: CompareReport['faults'] = [];
    const extent = {
      boots: { what: 'boots measured', done: 0, of: boots },
      faults: { what: 'faults provoked', done: 0, of: 0 },
    };
    const interrupted = await wasInterrupted(async () => {
      for (let boot = 1; boot <= boots; boot++) {
        await measureCalls(sides, measurements, options, { boot, boots }, progress);
        extent.boots.done = boot;
      }
      await provokeAll(sides, options, { rows: faults, extent: extent.faults }, progress);
    });
    return {
      schema: SCHEMA,
      environment: { ...options.environment, clockStepNs: clockStep },
      ...{ interrupted, extent: [extent.boots, extent.faults] },
      ...{ ...identify(sides, setting), call: measurements.rows(), faults },
    };
  } finally {
    await Promise.all(PLACEMENTS.map((placement) => sides[placement].end()));
  }
}

function arrange(options: CompareOptions): Setting {
  const { drivers, driver, image } = options;
  const others = drivers.filter((candidate) => candidate.name !== driver?.name);
  const loaded = driver === undefined ? others : [...others, driver];
  const measured = driver?.name ?? DEFAULT_DRIVER;
  if (image.length === 0) throw new RangeError('an image has at least one byte, this one 0');
  return {
    boot: (placement, bootOptions) => options.boot(placement, bootOptions),
    bootOptions: options.bootOptions ?? {},
    ...{ drivers: loaded, measured, image, signal: options.signal },
  };
}

async function measureCalls(
  sides: Sides,
  measurements: CallMeasurements,
  options: CompareOptions,
  { boot, boots }: { boot: number; boots: number },
  progress: (text: string) => void,
): Promise<void> {
  for (const placement of PLACEMENTS) {
    progress(`booting the ${placement} machine, ${boot} of ${boots}`);
    await sides[placement].fresh();
    const problem = sides[placement].imageProblem;
    if (boot === 1 && problem !== null) options.onNote?.(`no image on the ${placement} machine: ${problem}`);
  }
  await measurements.round(sides, `boot ${boot} of ${boots}`, progress);
}

async function provokeAll(
  sides: Sides,
  options: CompareOptions,
  { rows, extent }: { rows: CompareReport['faults']; extent: Extent },
  progress: (text: string) => void,
): Promise<void> {
  const read = async (side: Side): Promise<Faulty> => readFaulty(await side.clean(), side.faulty);
  const faulty = await measureOrReport(
    "lkdtm's list of faults",
    options,
    async (): Promise<PerSide<Faulty>> => ({
      monolithic: await read(sides.monolithic),
      microkernel: await read(sides.microkernel),
    }),
  );
  if (faulty === null) return;
  const names = faultNames(faulty.monolithic);
  extent.of = names.length;
  for (const [index, fault] of names.entries()) {
    for (const placement of PLACEMENTS) {
      throwIfCancelled(options.signal);
      progress(`fault ${index + 1} of ${names.length}: ${fault} on the ${placement} machine`);
      const row = await measureOrReport(`${fault} on the ${placement} machine`, options, () =>
        provokeClean(sides[placement], faulty[placement], fault, options.signal),
      );
      if (row !== null) rows.push(row);
      // Nothing is known of a machine whose experiment failed.
      else await sides[placement].end();
    }
    extent.done = index + 1;
  }
}

function identify(sides: Sides, { measured, image }: Setting): Pick<CompareReport, 'driver' | 'image'> {
  const hashOf = (placement: SidePlacement): string | null => sides[placement].driverHash;
  const both = <T>(of: (placement: SidePlacement) => T): PerSide<T> => ({
    monolithic: of('monolithic'),
    microkernel: of('microkernel'),
  });
  return {
    driver: { name: measured, sha256: both(hashOf) },
    image: { sha256: sha256(image), readBack: both((placement) => sides[placement].readBack) },
  };
}
