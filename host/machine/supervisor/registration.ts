// Announces drivers outside the kernel's domain to the kernel, each after the owners of the symbols that it uses.

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
  private readonly ownerWaits = new OwnerWaits<Driver>();
  private readonly domain: Image;

  /** @param domain a domain's image */
  constructor(drivers: Iterable<Driver>, domain: Image) {
    this.drivers = drivers;
    this.domain = domain;
  }

  /** Wakes the drivers that wait for an owner. */
  changed(): void {
    this.ownerWaits.changed();
  }

  awaitOwners(driver: Driver, life: KernelLife): Promise<void> {
    return this.ownerWaits.wait(driver, () => {
      if (life.dead) throw new MachineDied('the kernel has died while a driver waited for another');
      return missingOwner(driver.loaded, this.drivers, life);
    });
  }

  /** Announces a driver to the kernel. Where that fails because an owner has just died it is repeated when the owner is up again. */
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
        if (!(error instanceof ModuleError) || !missing || this.ownerWaits.waitsFor(missing, driver))
          throw error;
      }
    }
  }

  /** The module of a driver as the kernel lists it. */
  entriesOf({ loaded }: Driver, life: KernelLife): ModuleEntry[] {
    return readModules(life.memory).filter(({ name }) => name === loaded.name);
  }

  /**
   * Whether the kernel's answer is known before, so that the driver can be started at once; it still waits for the kernel
   * before it calls it. So it is where the kernel has accepted the file before and the file imports nothing, not even weakly,
   * that another module could export.
   */
  answerIsKnown({ loaded: { file }, options, restarts }: Driver): boolean {
    if (restarts === 0 || (options.flags & LOAD_UPDATE) !== 0) return false;
    return standsAlone(file, this.domain.file);
  }
}
