// Everything of a machine that can be seen from outside, as texts that can be compared: what a refused or an unloaded module
// must leave as it was. Taints and the log are left out: a kernel remembers whom it has met.

import type { LoadedModule } from '../domain/loaded.ts';
import type { Client, Machine } from '../machine/shared/types.ts';
import { O_RDONLY, O_RDWR } from '../../kernel/abi/operation.ts';
import { fileText, hex } from './exercise.ts';

/** Name of what was looked at, and how it looked. */
export type MachineSnapshot = Record<string, string>;

const SHOWN = ['/proc/modules', '/proc/devices', '/proc/kallsyms'];
const BYTES = 1024;
const PATTERN = Uint8Array.from({ length: BYTES }, (_, i) => (i * 31 + (i >> 8) * 7 + 101) & 0xff);

/** Puts a pattern into those bystanders that keep what is written to them. */
export async function fill(machine: Machine, bystanders: readonly LoadedModule[]): Promise<void> {
  for (const path of paths(machine, bystanders)) {
    const fd = await machine.console.open(path, O_RDWR);
    if (fd < 0) throw new Error(`a bystander cannot be opened (errno ${-fd}): ${path}`);
    await machine.console.write(fd, PATTERN);
    await machine.console.close(fd);
  }
}

const paths = (machine: Machine, modules: readonly LoadedModule[]): string[] =>
  machine
    .devices()
    .filter(({ module }) => modules.some(({ name }) => name === module))
    .map(({ path }) => path);

async function content(client: Client, path: string): Promise<string> {
  const fd = await client.open(path, O_RDONLY);
  if (fd < 0) return `open ${fd}`;
  const { result, data } = await client.read(fd, BYTES);
  await client.close(fd);
  return `${result} ${hex(data)}`;
}

/**
 * Looks at a machine that is at rest. Rejects as its calls do.
 *
 * @param bystanders drivers that must answer as before
 */
export async function takeSnapshot(
  machine: Machine,
  bystanders: readonly LoadedModule[],
): Promise<MachineSnapshot> {
  const { boot, state, drivers, zombies } = machine.status();
  const seen: MachineSnapshot = {
    ...{ state: `${state}, boot ${boot}`, zombies: String(zombies) },
    drivers: drivers.map(({ name, state, restarts }) => `${name} ${state} ${restarts}`).join('\n'),
    devices: machine
      .devices()
      .map(({ path, major, module }) => `${path} ${major} ${module}`)
      .join('\n'),
  };
  for (const path of SHOWN) seen[path] = await fileText(machine.console, path);
  for (const path of paths(machine, bystanders))
    seen[`content of ${path}`] = await content(machine.console, path);
  seen['modules'] = machine
    .lsmod()
    .map(({ taint: _, ...entry }) => JSON.stringify(entry))
    .join('\n');
  for (const [key, value] of Object.entries(machine.accounting())) seen[key] = String(value);
  seen['damage'] = machine.check().join('\n');
  return seen;
}

const cut = (text: string): string => (text.length > 60 ? `${text.slice(0, 60)}…` : text);

/** The first line in which two texts differ. */
function changed(before: string, after: string): string {
  const [a, b] = [before.split('\n'), after.split('\n')];
  const at = a.findIndex((line, i) => line !== b[i]);
  const line = at < 0 ? a.length : at;
  return `${cut(b[line] ?? 'nothing')} instead of ${cut(a[line] ?? 'nothing')}`;
}

/** In words what is not as it was; empty where all is. */
export function differences(before: MachineSnapshot, after: MachineSnapshot): string[] {
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...keys].flatMap((key) => {
    const [a, b] = [before[key] ?? '', after[key] ?? ''];
    return a === b ? [] : [`${key}: ${changed(a, b)}`];
  });
}

/** Whether memory or somebody else's data is damaged, rather than something left lying about. */
export const isDamage = (difference: string): boolean => /^(damage|content of )/.test(difference);
