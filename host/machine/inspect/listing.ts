// The modules and devices of a machine for people, read out of the memories of the kernel and of the drivers' domains.

import { readDevices, readModules, readUsers, taintLetters } from './lists.ts';
import type { DeviceInfo, ModuleInfo } from '../shared/types.ts';

const STATES = ['live', 'coming', 'going', 'unformed'] as const;

/** @param own the domain that a module has for itself, where it has one */
export function moduleInfos(
  kernel: WebAssembly.Memory,
  own: (name: string) => { memory: WebAssembly.Memory } | null | undefined,
): ModuleInfo[] {
  const users = readUsers(kernel);
  return readModules(kernel).map(({ address, name, state, size, references, base, bytes, kept, taint }) => {
    const domain = own(name);
    const inside = domain ? readModules(domain.memory).find((mod) => mod.name === name) : undefined;
    return {
      ...{ name, size, references, taint: taintLetters(taint), usedBy: users.get(address) ?? [] },
      state: STATES[state] ?? 'unformed',
      base: inside?.base ?? base,
      bytes: inside?.bytes ?? bytes,
      kept,
    };
  });
}

export function deviceInfos(kernel: WebAssembly.Memory): DeviceInfo[] {
  const modules = readModules(kernel);
  return readDevices(kernel).map(({ name, major, module }) => ({
    path: `/dev/${name}`,
    major,
    module: modules.find((mod) => mod.address === module)?.name ?? '',
  }));
}
