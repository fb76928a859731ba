// Machines in the terminal: images and drivers from disk, threads of Node.

import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { loadModule } from '../domain/load-file.ts';
import type { LoadedModule } from '../domain/loaded.ts';
import { loadLab, type Lab, type ModuleSource } from '../lab/load.ts';
import type { Platform } from '../machine/shared/platform.ts';
import { readBytes } from './files/user-files.ts';
import { nodePlatform } from './node-platform.ts';
import { IMAGES, version } from './root.ts';

export { DRIVERS, type BootOptions } from '../lab/load.ts';
export type NodeLab = Lab;

function read(path: string): ModuleSource {
  const map = `${path}.map`;
  return {
    bytes: readBytes(path),
    map: existsSync(map) ? new TextDecoder().decode(readBytes(map)) : null,
  };
}

/** Reads NAME.ko.wasm, and NAME.ko.wasm.map where it is. */
export async function loadModuleFile(path: string): Promise<LoadedModule> {
  const { bytes, map } = read(path);
  return loadModule(bytes, map, basename(path).replace(/(\.ko)?\.wasm$/, ''));
}

/** The bytes of a file of dist/images. */
export function readImage(file: string): Uint8Array<ArrayBuffer> {
  return read(join(IMAGES, file)).bytes;
}

export function nodeLab(platform: Platform = nodePlatform): Promise<NodeLab> {
  return loadLab(async (file) => read(join(IMAGES, file)), platform, {
    crossOriginIsolated: true,
    version: version(),
  });
}
