// Machines in the terminal: images and drivers from disk, threads of Node.

import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { loadModule } from '../domain/load-file.ts';
import type { LoadedModule } from '../domain/loaded.ts';
import { bootMachine } from '../machine/machine.ts';
import { Resources } from '../machine/resources.ts';
import type { Images } from '../machine/protocol.ts';
import type { Machine, Placement } from '../machine/types.ts';
import { nodePlatform } from './node-platform.ts';
import { IMAGES, version } from './root.ts';

export const DRIVERS = ['null', 'zero', 'ramdisk', 'lkdtm'] as const;

export interface BootOptions {
  deadlineMs?: number;
  panicOnOops?: boolean;
}

export interface NodeLab {
  boot(placement: Placement, options?: BootOptions): Promise<Machine>;
  drivers: LoadedModule[];
  images: Images;
  resources: Resources;
  environment: { runtime: string; cores: number; crossOriginIsolated: boolean; version: string };
  /** Ends the spare threads; the machines have been shut down. */
  close(): Promise<void>;
}

/** Reads NAME.ko.wasm, and NAME.ko.wasm.map where it is. */
export async function loadModuleFile(path: string): Promise<LoadedModule> {
  const map = `${path}.map`;
  const bytes = new Uint8Array(readFileSync(path));
  return loadModule(
    bytes,
    existsSync(map) ? readFileSync(map, 'utf8') : null,
    basename(path).replace(/(\.ko)?\.wasm$/, ''),
  );
}

export async function nodeLab(): Promise<NodeLab> {
  const image = (name: string): Promise<LoadedModule> => loadModuleFile(join(IMAGES, `${name}.wasm`));
  const [kernel, domain, user] = await Promise.all([image('kernel'), image('domain'), image('user')]);
  const images = { kernel, domain, user };
  const drivers = await Promise.all(DRIVERS.map((name) => loadModuleFile(join(IMAGES, `${name}.ko.wasm`))));
  const resources = new Resources(nodePlatform);
  return {
    ...{ images, drivers, resources },
    boot: (placement, options = {}) => bootMachine({ placement, images, resources, ...options }),
    environment: {
      runtime: nodePlatform.name,
      cores: nodePlatform.cores,
      crossOriginIsolated: true,
      version: version(),
    },
    close: () => resources.close(),
  };
}
