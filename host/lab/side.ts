// One side of the comparison: a machine of one placement with the drivers loaded and the image written into one of them,
// and the means to have it so again after an experiment. Knows what "as after boot" looks like; measures nothing.

import type { LoadedModule } from '../domain/loaded.ts';
import type { Machine, SidePlacement } from '../machine/types.ts';
import { attempt } from './attempt.ts';
import { contentHash, writeImage } from './image.ts';
import { sha256 } from '../linker/sha256.ts';
import { within, throwIfCancelled, type CancelSignal } from './wait.ts';

export interface BootOptions {
  deadlineMs?: number;
}

export interface Setting {
  boot(placement: SidePlacement, options?: BootOptions): Promise<Machine>;
  bootOptions: BootOptions;
  /** In the order in which they are loaded; names differ. */
  drivers: readonly LoadedModule[];
  /** Name of the driver that is measured and, if it can, holds the image. */
  measured: string;
  image: Uint8Array;
  signal?: CancelSignal | undefined;
}

/** What has to look as it did after boot, or the machine is not clean. */
interface Baseline {
  taint: string;
  damage: string[];
  /** Incarnations of the drivers, and what they hold. */
  drivers: string;
}

const PATIENCE_MS = 15_000;
/** Holds the image where the measured driver cannot. */
const KEEPER = 'ramdisk';
const FAULTY = 'lkdtm';
const BYSTANDER = 'zero';
const LARGEST_READ = 0x10000;
const BLOCK = 4096;

export class Side {
  readonly placement: SidePlacement;
  /** SHA-256 of the image, and of what the measured driver gave back: null where it does not hold the image. */
  imageHash = '';
  readBack: string | null = null;
  /** Why the measured driver does not hold the image, in words. */
  imageProblem: string | null = null;
  readonly #setting: Setting;
  #machine: Machine | null = null;
  #baseline: Baseline | null = null;
  #keeper: string | null = null;

  constructor(placement: SidePlacement, setting: Setting) {
    this.placement = placement;
    this.#setting = setting;
  }

  get machine(): Machine {
    if (this.#machine === null) throw new Error(`no machine is booted: ${this.placement}`);
    return this.#machine;
  }

  /** The module that holds the image now, whose content tells a silent corruption; null where none does. */
  get keeper(): string | null {
    return this.#keeper;
  }

  get faulty(): string {
    return this.pathOf(FAULTY);
  }

  get bystanders(): string {
    return this.pathOf(
      this.#setting.drivers.some((driver) => driver.name === BYSTANDER) ? BYSTANDER : KEEPER,
    );
  }

  get measured(): string {
    return this.pathOf(this.#setting.measured);
  }

  pathOf(module: string): string {
    const device = this.machine.devices().find((candidate) => candidate.module === module);
    if (device === undefined) throw new Error(`the driver registered no character device: ${module}`);
    return device.path;
  }

  /** Boots a new machine in place of the old one, loads the drivers and the image. */
  async fresh(): Promise<void> {
    await this.end();
    throwIfCancelled(this.#setting.signal);
    this.#machine = await this.#setting.boot(this.placement, this.#setting.bootOptions);
    for (const driver of this.#setting.drivers) {
      throwIfCancelled(this.#setting.signal);
      await this.machine.insmod(driver, this.#parametersOf(driver));
    }
    await this.machine.settled();
    await this.#fill();
  }

  /** The machine, clean: as it is when it is, else rebooted, else a new one. */
  async clean(): Promise<Machine> {
    if (this.#machine === null) await this.fresh();
    if (await this.#isClean()) return this.machine;
    if ((await this.#rebooted()) && (await this.#isClean())) return this.machine;
    await this.fresh();
    if (await this.#isClean()) return this.machine;
    throw new Error(
      `a freshly booted machine is not in order: ${this.placement}: ${this.machine.check().join('; ')}`,
    );
  }

  /** Ends this life of the machine and begins another, with drivers and image; a new machine where that fails. */
  async reboot(): Promise<void> {
    if (this.#machine === null || !(await this.#rebooted())) await this.fresh();
  }

  async #rebooted(): Promise<boolean> {
    const done = await attempt(
      async () => {
        await this.machine.reboot();
        await this.machine.settled();
        await this.#fill();
      },
      PATIENCE_MS,
      this.#setting.signal,
    );
    return done.ok;
  }

  /** SHA-256 of the image's place in the driver that holds it; null where it cannot be read or nobody holds it. */
  async contentHash(): Promise<string | null> {
    const keeper = this.#keeper;
    if (keeper === null) return null;
    const read = await attempt(
      () => contentHash(this.machine.console, this.pathOf(keeper), this.#setting.image.length),
      PATIENCE_MS,
      this.#setting.signal,
    );
    return read.ok ? read.value : null;
  }

  async end(): Promise<void> {
    const machine = this.#machine;
    this.#machine = null;
    this.#baseline = null;
    // No signal: this is also how a cancelled comparison leaves no thread behind.
    if (machine !== null) await within(machine.shutdown(), PATIENCE_MS, undefined);
  }

  #parametersOf(driver: LoadedModule): string {
    if (driver.name !== KEEPER && driver.name !== this.#setting.measured) return '';
    if (!driver.file.parameters.some((parameter) => parameter.name === 'size')) return '';
    const least = Math.max(this.#setting.image.length, LARGEST_READ);
    return `size=${Math.ceil(least / BLOCK) * BLOCK}`;
  }

  async #fill(): Promise<void> {
    const { image, measured, drivers } = this.#setting;
    this.imageHash = sha256(image);
    this.imageProblem = await this.#store(measured);
    this.readBack = this.imageProblem === null ? this.imageHash : null;
    this.#keeper = this.imageProblem === null ? measured : null;
    if (this.#keeper === null && measured !== KEEPER && drivers.some((driver) => driver.name === KEEPER)) {
      const problem = await this.#store(KEEPER);
      if (problem !== null) throw new Error(problem);
      this.#keeper = KEEPER;
    }
    this.#baseline = this.#look();
  }

  /** Writes the image into a module's device and reads it back. @returns null, or why it is not there */
  async #store(module: string): Promise<string | null> {
    const { image } = this.#setting;
    const path = this.pathOf(module);
    const problem = await writeImage(this.machine.console, path, image);
    if (problem !== null) return problem;
    const hash = await contentHash(this.machine.console, path, image.length);
    if (hash === this.imageHash) return null;
    return `${path} does not give back what was written: ${hash ?? 'less than that'}`;
  }

  #look(): Baseline {
    const { taint, drivers } = this.machine.status();
    const incarnations = drivers.map(({ name, restarts, generation }) => `${name} ${restarts} ${generation}`);
    const held = this.machine.lsmod().map(({ name, bytes }) => `${name} ${bytes}`);
    return { taint, damage: this.machine.check(), drivers: [...incarnations, ...held].join() };
  }

  async #isClean(): Promise<boolean> {
    const { state, drivers } = this.machine.status();
    if (state !== 'running' || drivers.some((driver) => driver.state !== 'up') || this.#baseline === null)
      return false;
    // Somebody may have loaded or removed a driver; a reboot would leave it so.
    const wanted = this.#setting.drivers.map(({ name }) => name);
    if (drivers.map(({ name }) => name).join() !== wanted.join()) return false;
    const now = this.#look();
    const same =
      now.taint === this.#baseline.taint &&
      now.drivers === this.#baseline.drivers &&
      now.damage.join() === this.#baseline.damage.join();
    return same && (this.#keeper === null || (await this.contentHash()) === this.imageHash);
  }
}
