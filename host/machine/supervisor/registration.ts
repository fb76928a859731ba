// Making drivers that live elsewhere known to the kernel: in their turn, behind those whose symbols they use.

import type { Gate } from '../../domain/announce.ts';
import type { Image } from '../../domain/image.ts';
import { ModuleError } from '../../domain/module-error.ts';
import { standsAlone } from '../../domain/steps.ts';
import { LOAD_AGAIN, LOAD_UPDATE } from '../../../kernel/abi/module.ts';
import { MachineDied, unwrap } from '../shared/control.ts';
import type { Driver } from './driver.ts';
import { refer } from '../shared/module-files.ts';
import type { Incarnation } from './incarnation.ts';
import { readModules, type ModuleEntry } from '../inspect/lists.ts';
import type { KernelLife } from './kernel-life.ts';
import { missingOwner, OwnerWaits } from './symbol-owners.ts';

export class Registry {
  private readonly drivers: Iterable<Driver>;
  private readonly waiting = new OwnerWaits<Driver>();
  private readonly domain: Image;

  /** @param domain a domain's image */
  constructor(drivers: Iterable<Driver>, domain: Image) {
    this.drivers = drivers;
    this.domain = domain;
  }

  /** Something has changed that a driver may wait for. */
  changed(): void {
    this.waiting.changed();
  }

  awaitOwners(driver: Driver, life: KernelLife): Promise<void> {
    return this.waiting.until(driver, () => {
      if (life.dead) throw new MachineDied('the kernel has died while a driver waited for another');
      return missingOwner(driver.loaded, this.drivers, life);
    });
  }

  /** Makes a driver known to the kernel; where that fails because an owner has just died, again when it is back. */
  async announce(driver: Driver, life: KernelLife, incarnation: Incarnation): Promise<Gate[]> {
    const { loaded, options, restarts } = driver;
    const flags = options.flags | (restarts > 0 ? LOAD_AGAIN : 0);
    for (;;) {
      if (missingOwner(loaded, this.drivers, life)) await this.awaitOwners(driver, life);
      try {
        const file = refer(life.thread, loaded);
        const answer = await life.control.methods.announce(file, flags, incarnation.channel);
        incarnation.entries = this.entriesOf(driver, life);
        return unwrap(answer);
      } catch (error) {
        const missing = missingOwner(loaded, this.drivers, life);
        if (!(error instanceof ModuleError) || !missing || this.waiting.waitsFor(missing, driver))
          throw error;
      }
    }
  }

  /** The module of a driver as the kernel has it. */
  entriesOf({ loaded }: Driver, life: KernelLife): ModuleEntry[] {
    return readModules(life.memory).filter(({ name }) => name === loaded.name);
  }

  /**
   * Whether the kernel's answer is known, so that the driver can be started at once; it waits for the kernel before it calls it.
   * The file was taken before and asks for nothing that another could export, be it weakly.
   */
  foreseen({ loaded: { file }, options, restarts }: Driver): boolean {
    if (restarts === 0 || (options.flags & LOAD_UPDATE) !== 0) return false;
    return standsAlone(file, this.domain.file);
  }
}
