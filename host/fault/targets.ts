// What a campaign damages when nobody says otherwise: the project's modules, each in the company it needs.

import type { LoadedModule } from '../domain/loaded.ts';
import type { Target } from './bench.ts';

/** @param modules the project's, by name: null, ramdisk, lkdtm, base, stacked */
export function projectTargets(modules: ReadonlyMap<string, LoadedModule>): Target[] {
  const module = (name: string): LoadedModule => {
    const found = modules.get(name);
    if (!found) throw new Error(`there is no module to damage: ${name}`);
    return found;
  };
  return [
    { module: module('null') },
    { module: module('ramdisk'), parameters: 'size=0x20000' },
    { module: module('stacked'), parameters: 'first=50 label=below bytes=1,2', below: [module('base')] },
    { module: module('lkdtm') },
    { module: module('base'), above: [module('stacked')] },
  ];
}
