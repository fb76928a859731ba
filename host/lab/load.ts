// What every face needs before its first machine: the kernel's images, the project's drivers, and the resources that its
// machines share. Where the files come from (disk, network) and what runs the threads comes from outside.

import { loadModule } from '../domain/load-file.ts';
import type { LoadedModule } from '../domain/loaded.ts';
import type { ThreadTransport } from '../ipc/transport.ts';
import type { RequestModule } from '../machine/supervisor/demand.ts';
import { bootMachine } from '../machine/machine.ts';
import type { Places } from '../machine/shared/place.ts';
import type { Platform } from '../machine/shared/platform.ts';
import type { Images } from '../machine/shared/protocol.ts';
import { NEVER_GIVE_UP, type Policy } from '../machine/supervisor/policy.ts';
import { Resources } from '../machine/supervisor/resources.ts';
import type { Machine, OnCore, Placement, Recover } from '../machine/shared/types.ts';
import { LabModules } from './modules.ts';
import type { Environment } from './compare/report.ts';

/** The project's drivers, in the order in which they are loaded. */
export const DRIVERS = ['null', 'zero', 'ramdisk', 'lkdtm'] as const;
/** What can be loaded besides: no experiment needs them. */
export const EXTRAS = ['base', 'stacked'] as const;

export interface BootOptions {
  deadlineMs?: number;
  panicOnOops?: boolean;
  /** Names of modules that the kernel refuses to load. */
  blacklist?: string[];
  /** Loads modules that the kernel asks for; without it none is loaded on demand. */
  requestModule?: RequestModule;
  /** Debugging of slabs: letters of FZPU, `-` for none; all of it by default. */
  slubDebug?: string;
  /** Whether the driver that died last has a successor ready; by default it has. */
  standby?: boolean;
  /** How the kernel reaches drivers in threads of their own; the ring by default. */
  transport?: ThreadTransport;
  /** Places of drivers that do not go by the placement, by the keys of their names (host/machine/shared/place.ts). */
  places?: Places;
  /** Is given a core of each driver that dies in a domain of its own, and its name: NAME.GENERATION. */
  onCore?: OnCore;
  /** How many cores to reckon with. */
  cores?: number;
  /** What a driver's death leads to where neither its module nor `policies` say anything. A lab's machines never tire. */
  policy?: Partial<Policy>;
  /** The same for single drivers, by their keys. */
  policies?: ReadonlyMap<string, Partial<Policy>>;
  /** Asked before the restart of a driver whose policy has a command. */
  recover?: Recover;
}

export interface Lab {
  boot(placement: Placement, options?: BootOptions): Promise<Machine>;
  drivers: LoadedModule[];
  /** Every module that the project ships with: the drivers, and what can be loaded by hand. */
  modules: LabModules;
  images: Images;
  resources: Resources;
  environment: Omit<Environment, 'clockStepNs'>;
  /** Ends the spare threads; the machines have been shut down. */
  close(): Promise<void>;
}

/** A module's file and the source map beside it, where there is one. */
export interface ModuleSource {
  bytes: Uint8Array<ArrayBuffer>;
  map: string | null;
}

/**
 * @param read gives a file of dist/images by its name: `kernel.wasm`, `ramdisk.ko.wasm`
 * @param surroundings what `platform` does not tell of the environment
 */
export async function loadLab(
  read: (file: string) => Promise<ModuleSource>,
  platform: Platform,
  surroundings: Pick<Environment, 'crossOriginIsolated' | 'version'>,
): Promise<Lab> {
  const load = async (name: string, suffix: string): Promise<LoadedModule> => {
    const { bytes, map } = await read(`${name}${suffix}`);
    return loadModule(bytes, map, name);
  };
  const image = (name: string): Promise<LoadedModule> => load(name, '.wasm');
  const [[kernel, domain, driverLoop, user], drivers, extras] = await Promise.all([
    Promise.all([image('kernel'), image('domain'), image('driver-loop'), image('user')]),
    Promise.all(DRIVERS.map((name) => load(name, '.ko.wasm'))),
    Promise.all(EXTRAS.map((name) => load(name, '.ko.wasm'))),
  ]);
  const images: Images = { kernel, domain, driverLoop, user };
  const resources = new Resources(platform);
  return {
    ...{ images, drivers, resources },
    modules: new LabModules([...drivers, ...extras], kernel.file.symbols),
    boot: (placement, options = {}) =>
      bootMachine({ placement, images, resources, policy: NEVER_GIVE_UP, ...options }),
    environment: { runtime: platform.name, cores: platform.cores, ...surroundings },
    close: () => resources.close(),
  };
}
