// Modules on demand: the kernel asks for a module by an alias when a program opens a device that does not exist (request_module,
// kernel/module/request.ts). A module that was loaded on demand is removed after it was unused for a while. Both are settings
// under /proc/sys/kernel: request_module, module_idle_secs; 0 switches either off.

import type { LoadedModule } from '../../domain/loaded.ts';
import { ModuleError } from '../../domain/module-error.ts';
import { LEVEL_INFO, LEVEL_WARNING } from '../../../kernel/abi/log.ts';
import { M_MODULE_IDLE_SECS } from '../../../kernel/abi/machine.ts';
import { MACHINE_BASE } from '../../../kernel/abi/map.ts';
import { LOAD_AUTO, MODULE_AUTOLOADED, MODULE_LIVE } from '../../../kernel/abi/module.ts';
import type { Drivers } from './drivers.ts';
import { readModules } from '../inspect/lists.ts';
import type { KernelLife } from './kernel-life.ts';
import type { ModuleLoader } from '../modprobe/modprobe.ts';
import type { ModuleInfo } from '../shared/types.ts';

/**
 * Loads what an alias stands for (`devname:ramdisk`, `char-major-10-42`), as modprobe does.
 * @returns the names of the modules that it inserted
 */
export type RequestModule = (loader: ModuleLoader, alias: string) => Promise<string[]>;

/** ms between two searches for idle modules. */
const SWEEP_PERIOD_MS = 500;

interface Idle {
  /** How often a reference had been taken at the last search. */
  gets: number;
  since: number;
}

export interface DemandServices {
  readonly drivers: Drivers;
  lsmod(): ModuleInfo[];
  /** The running kernel, null while there is none. */
  running(): KernelLife | null;
  now(): number;
}

export class Demand {
  private readonly services: DemandServices;
  private readonly requestModule: RequestModule | null;
  private readonly pending = new Map<string, Promise<void>>();
  private readonly idle = new Map<string, Idle>();
  private timer: unknown = null;

  constructor(services: DemandServices, requestModule: RequestModule | null) {
    this.services = services;
    this.requestModule = requestModule;
  }

  /** Whether modules can be loaded on demand. */
  get enabled(): boolean {
    return this.requestModule !== null;
  }

  /** Loads what the kernel asks for. Resolves when the caller should look again, also where nothing was loaded. */
  request(alias: string): Promise<void> {
    const pending =
      this.pending.get(alias) ?? this.loadAlias(alias).finally(() => this.pending.delete(alias));
    this.pending.set(alias, pending); // requests for the same alias share one load
    return pending;
  }

  private async loadAlias(alias: string): Promise<void> {
    const life = this.services.running();
    if (!life || !this.requestModule) return;
    const { drivers } = this.services;
    const loader: ModuleLoader = {
      insmod: (module: LoadedModule, parameters = '') => drivers.insmod(module, parameters, LOAD_AUTO),
      rmmod: (name: string) => drivers.rmmod(name, false),
      lsmod: () => this.services.lsmod(),
    };
    try {
      const names = await this.requestModule(loader, alias);
      if (names.length === 0) return;
      life.log(LEVEL_INFO, [`request_module: ${alias}: loaded ${names.join(' ')}`]);
      await life.logged;
      this.timer ??= setInterval(() => void this.sweep(), SWEEP_PERIOD_MS);
    } catch (error) {
      if (life.dead) return; // the caller is told that the kernel has died
      life.log(LEVEL_WARNING, [
        `request_module: ${alias}: ${error instanceof Error ? error.message : String(error)}`,
      ]);
    }
  }

  /** Removes what was loaded on demand and has been idle for long enough. */
  private async sweep(): Promise<void> {
    const life = this.services.running();
    if (!life) return;
    const seconds = life.words[(MACHINE_BASE + M_MODULE_IDLE_SECS) >> 2]!;
    const now = this.services.now();
    let remaining = 0;
    for (const { name, flags, state, references, gets } of readModules(life.memory)) {
      if ((flags & MODULE_AUTOLOADED) === 0) continue;
      remaining++;
      const known = this.idle.get(name);
      if (references > 0 || state !== MODULE_LIVE || known?.gets !== gets) {
        this.idle.set(name, { gets, since: now });
      } else if (seconds > 0 && now - known.since >= seconds * 1000) {
        this.idle.delete(name);
        await this.remove(life, name, seconds);
        remaining--;
      }
    }
    if (remaining === 0) this.end();
  }

  private async remove(life: KernelLife, name: string, seconds: number): Promise<void> {
    try {
      await this.services.drivers.rmmod(name, false);
      life.log(LEVEL_INFO, [`${name}: unused for ${seconds} s, removed`]);
    } catch (error) {
      // The module has just come into use, or the kernel has died: the next search handles both.
      if (!(error instanceof ModuleError) && !life.dead) throw error;
    }
  }

  end(): void {
    clearInterval(this.timer);
    this.timer = null;
    this.idle.clear();
  }
}
