// One side of the comparison: a machine of one placement with the drivers loaded and the image written into one of them,
// and the means to have it so again after an experiment. Knows what "as after boot" looks like; measures nothing.

import type { LoadedModule } from '../../domain/loaded.ts';
import type { Machine, SidePlacement } from '../../machine/shared/types.ts';
import { attempt } from '../attempt.ts';
import { contentHash, writeImage } from './image.ts';
import { sha256 } from '../../linker/module/sha256.ts';
import { Cancelled, within, throwIfCancelled, type CancelSignal } from '../wait.ts';

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
  /** Their devices, and what the names of these in /dev lead to. */
  devices: string;
}

const PATIENCE_MS = 15_000;
/** Holds the image where the measured driver cannot. */
const KEEPER = 'ramdisk';
const FAULTY = 'lkdtm';
const BYSTANDER = 'zero';
const LARGEST_READ = 0x10000;
const BLOCK = 4096;

/** A driver that cannot be measured: it has nothing that could be called. */
export class NoDevice extends Error {
  override readonly name = 'NoDevice';
}

export class Side {
  readonly placement: SidePlacement;
  /** SHA-256 of the image, and of what the measured driver gave back: null where it does not hold the image. */
  imageHash = '';
  readBack: string | null = null;
  /** SHA-256 of the measured driver's file, as the machine has it; null until it has it. */
  driverHash: string | null = null;
  /** Why the measured driver does not hold the image, in words. */
  imageProblem: string | null = null;
  readonly #setting: Setting;
  #machine: Machine | null = null;
  #baseline: Baseline | null = null;
  #keeper: string | null = null;
  /** Who held the image when everything had just been loaded. */
  #firstKeeper: string | null = null;
  /** Paths of devices by their drivers, also of drivers that are away. */
  readonly #paths = new Map<string, string>();

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

  /** The device that a driver has, or had before somebody removed it. */
  pathOf(module: string): string {
    const device = this.#machine?.devices().find((candidate) => candidate.module === module);
    const path = device?.path ?? this.#paths.get(module);
    if (path === undefined) throw new NoDevice(`the driver registered no character device: ${module}`);
    return path;
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
    const { measured } = this.#setting;
    const status = this.machine.status().drivers.find(({ name }) => name === measured);
    if (status === undefined) throw new Error(`the machine does not know the driver: ${measured}`);
    this.driverHash = status.sha256;
    for (const { module, path } of this.machine.devices()) this.#paths.set(module, path);
    await this.#fill();
    this.#firstKeeper = this.#keeper;
    this.#baseline = await this.#look();
  }

  /** Loads the drivers that somebody has removed, and leaves the machine as it is otherwise. Throws where one cannot be had. */
  async equip(): Promise<void> {
    await within(this.machine.settled(), PATIENCE_MS, undefined, this.#setting.signal);
    const missing = this.#missing();
    for (const driver of missing) await this.machine.insmod(driver, this.#parametersOf(driver));
    if (missing.some(({ name }) => name === KEEPER || name === this.#setting.measured)) await this.#fill();
  }

  #missing(): LoadedModule[] {
    const there = new Set(this.machine.status().drivers.map(({ name }) => name));
    return this.#setting.drivers.filter(({ name }) => !there.has(name));
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

  /** Ends this life of the machine and begins another, with all drivers and the image; a new machine where that fails. */
  async reboot(): Promise<void> {
    if (this.#machine === null || !(await this.#rebooted())) await this.fresh();
  }

  /** Reboots the machine. @returns whether it has all that a new one has */
  async #rebooted(): Promise<boolean> {
    // It boots with what was loaded when it ended.
    if (this.#missing().length > 0) return false;
    try {
      await within(this.#bootAgain(this.machine), PATIENCE_MS, undefined, this.#setting.signal);
    } catch (error) {
      if (error instanceof Cancelled) throw error;
      return false; // whatever it was, a new machine shows whether it is still there
    }
    return this.#baseline !== null && this.#missing().length === 0 && this.#keeper === this.#firstKeeper;
  }

  async #bootAgain(machine: Machine): Promise<void> {
    this.#baseline = null;
    await machine.reboot();
    await machine.settled();
    await this.#fill();
    const baseline = await this.#look();
    if (machine === this.#machine) this.#baseline = baseline; // nobody has lost patience meanwhile
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

  async #look(): Promise<Baseline> {
    const { machine } = this;
    const { taint, drivers } = machine.status();
    const incarnations = drivers.map(({ name, restarts, generation }) => `${name} ${restarts} ${generation}`);
    const held = machine.lsmod().map(({ name, bytes }) => `${name} ${bytes}`);
    const devices: string[] = [];
    for (const { path, module, major } of machine.devices()) {
      const { result, stat } = await machine.console.stat(path);
      devices.push(`${path} ${module} ${major} ${result} ${stat?.major} ${stat?.minor}`);
    }
    const damage = machine.check();
    return { taint, damage, drivers: [...incarnations, ...held].join(), devices: devices.join() };
  }

  async #isClean(): Promise<boolean> {
    const { state, drivers } = this.machine.status();
    const baseline = this.#baseline;
    if (state !== 'running' || drivers.some((driver) => driver.state !== 'up') || baseline === null)
      return false;
    // Somebody may have loaded or removed a driver; a reboot would leave it so.
    const wanted = this.#setting.drivers.map(({ name }) => name);
    if (drivers.map(({ name }) => name).join() !== wanted.join()) return false;
    const looked = await attempt(() => this.#look(), PATIENCE_MS, this.#setting.signal);
    if (!looked.ok) return false;
    const now = looked.value;
    const same =
      now.taint === baseline.taint &&
      now.drivers === baseline.drivers &&
      now.devices === baseline.devices &&
      now.damage.join() === baseline.damage.join();
    return same && (this.#keeper === null || (await this.contentHash()) === this.imageHash);
  }
}
