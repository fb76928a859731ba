// What an oops tells besides the fault itself, read out of the memories of the kernel and of the domain that trapped.
// In the monolith the two are one.

import type { LoadedModule } from '../../domain/loaded.ts';
import type { Fault } from '../../domain/fault.ts';
import type { LinkedModule, OopsContext, TextFile } from '../../domain/oops.ts';
import { M_BOOT } from '../../../kernel/abi/machine.ts';
import { IMAGE_BASE, MACHINE_BASE } from '../../../kernel/abi/map.ts';
import { MODULE_COMING, MODULE_GOING, TEXT_DOMAIN, TEXT_KERNEL } from '../../../kernel/abi/module.ts';
import { poolOf, type Place } from '../shared/place.ts';
import { readModules, readTaint, taintLetters, type ModuleEntry } from './lists.ts';
import { Memory } from '../shared/memory-view.ts';

/** Threads as an oops numbers them. The kernel's is CPU 0. */
export const CPU_KERNEL = 0;
export const cpuOfChannel = (channel: number): number => channel + 1;

/** The kernel's thread, and what runs in it: the console, insmod. */
export const KERNEL_PID = 1;
const FIRST_CLIENT_PID = 10000;
export const pidOfClient = (client: number): number => (client <= 0 ? KERNEL_PID : FIRST_CLIENT_PID + client);
/** The thread of a driver outside the kernel's domain: by its place among all drivers; that of a pool by its first driver's. */
export function pidOfDriver(drivers: readonly { readonly place: Place }[], index: number): number {
  const place = drivers[index]?.place ?? 'worker';
  if (place === 'kernel' || place === 'sandbox') return KERNEL_PID;
  const first = poolOf(place) === null ? index : drivers.findIndex((each) => each.place === place);
  return KERNEL_PID + 1 + first;
}

/**
 * Text addresses of the images; every domain has its own copy of `domain` at the same place. The driver loop is the host's: no
 * kernel knows it, so that it is in no kallsyms.
 */
const IMAGE_TEXTS: Readonly<Record<string, number>> = {
  kernel: TEXT_KERNEL,
  domain: TEXT_DOMAIN,
  'driver-loop': 0x8c000000,
};

export interface OopsTask {
  /** Counted from 1. */
  number: number;
  cpu: number;
  pid: number;
  comm: string;
}

/**
 * @param kernel the kernel's memory
 * @param inside modules of the domain that trapped, read before its memory may be wiped
 * @param files  what may stand in the trace: images and modules of that domain
 * @param entries modules as the kernel had them, which may have removed a dead driver's by now
 */
export function oopsContext(
  fault: Fault,
  task: OopsTask,
  kernel: WebAssembly.Memory,
  inside: readonly ModuleEntry[],
  files: Iterable<LoadedModule>,
  lastUnloaded: string | null,
  entries: readonly ModuleEntry[] = readModules(kernel),
): OopsContext {
  const known = new Map(entries.map((entry) => [entry.name, entry]));
  const modules: LinkedModule[] = inside.map(({ name, state }) => {
    const taint = taintLetters(known.get(name)?.taint ?? 0);
    const flags = `${taint}${state === MODULE_COMING ? '+' : state === MODULE_GOING ? '-' : ''}`;
    return { name, flags };
  });
  const texts: TextFile[] = [];
  for (const { name, bytes, sha256 } of files) {
    const base = IMAGE_TEXTS[name] ?? known.get(name)?.text ?? 0;
    if (base !== 0) texts.push({ name, base, size: bytes.length, sha256 });
  }
  return {
    ...task,
    taint: readTaint(kernel),
    boot: new Memory(kernel).u32(MACHINE_BASE + M_BOOT),
    modules,
    lastUnloaded,
    texts,
    registers: registersOf(fault, inside),
  };
}

function registersOf(fault: Fault, inside: readonly ModuleEntry[]): OopsContext['registers'] {
  const { stackPointer, module } = fault;
  if (stackPointer === null || module === null) return null;
  if (module in IMAGE_TEXTS) return { stackPointer, memoryBase: IMAGE_BASE, tableBase: 1 };
  const entry = inside.find(({ name }) => name === module);
  return entry ? { stackPointer, memoryBase: entry.base, tableBase: entry.tableBase } : null;
}
