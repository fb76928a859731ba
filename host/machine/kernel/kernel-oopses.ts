// Oopses and warnings of the kernel's domain, and the files whose code its traces may name.

import type { Domain } from '../../domain/domain.ts';
import { toFault, Warned, type Fault } from '../../domain/fault.ts';
import { formatOops, formatWarning, type OopsContext } from '../../domain/oops.ts';
import type { KernelExports } from '../../domain/image.ts';
import type { LoadedModule } from '../../domain/loaded.ts';
import { LEVEL_ALERT, LEVEL_WARNING, LOG_TEXT_MAX } from '../../../kernel/abi/log.ts';
import { M_OOPSES } from '../../../kernel/abi/machine.ts';
import { MACHINE_BASE } from '../../../kernel/abi/map.ts';
import { readSymbols, symbolsOf } from '../shared/file-symbols.ts';
import { readModules } from '../inspect/lists.ts';
import { Memory } from '../shared/memory-view.ts';
import { CPU_KERNEL, oopsContext, pidOfClient } from '../inspect/oops-context.ts';

/** ms after which symbols are read ahead. Reading takes tens of ms; an oops would stall the kernel for that time. */
const READ_DELAY_MS = 100;

export class KernelOopses {
  /** Files that are in the kernel's domain, by name. */
  readonly modules = new Map<string, LoadedModule>();
  lastUnloaded: string | null = null;
  /** The comm of work that is no client's: a tool's, else that of timers. */
  comm: 'insmod' | 'rmmod' | 'swapper/0' = 'swapper/0';
  private readonly domain: Domain<KernelExports>;
  private readTimer: unknown = null;

  constructor(domain: Domain<KernelExports>, image: LoadedModule) {
    this.domain = domain;
    this.add(image);
  }

  /** Adds a file whose module is being loaded into the kernel's domain. */
  add(file: LoadedModule): void {
    this.modules.set(file.name, file);
    clearTimeout(this.readTimer);
    this.readTimer = setTimeout(() => this.read(), READ_DELAY_MS);
  }

  /** Reads the symbols of all files. */
  read(): void {
    clearTimeout(this.readTimer);
    readSymbols(this.modules.values());
  }

  /** Removes a module that was unloaded. */
  forget(name: string): void {
    this.modules.delete(name);
    this.lastUnloaded = name;
  }

  /** @param stackPointer of the domain when it was thrown */
  faultOf(thrown: unknown, stackPointer: number | null = null): Fault {
    return toFault(thrown, symbolsOf([...this.modules.values()]), stackPointer);
  }

  private context(fault: Fault): OopsContext {
    const client = this.domain.exports.current_client();
    const { memory, words } = this.domain;
    const task = {
      number: words[(MACHINE_BASE + M_OOPSES) >> 2]! + 1,
      cpu: CPU_KERNEL,
      pid: pidOfClient(client),
      comm: client < 0 ? this.comm : client === 0 ? 'console' : `client${client}`,
    };
    const files = this.modules.values();
    return oopsContext(fault, task, memory, readModules(memory), files, this.lastUnloaded);
  }

  /** Writes an oops into the log. */
  log(fault: Fault): void {
    this.domain.exports.oops_enter();
    for (const line of formatOops(fault, this.context(fault))) this.domain.log(LEVEL_ALERT, line);
  }

  /** Writes a warning of code in the kernel's domain into the log; that code goes on. */
  warn(text: number): void {
    const { memory, stackPointer } = this.domain;
    const message = text === 0 ? '' : new Memory(memory).line(text, LOG_TEXT_MAX);
    const fault = this.faultOf(new Warned(message), stackPointer.value as number);
    for (const line of formatWarning(fault, this.context(fault))) this.domain.log(LEVEL_WARNING, line);
  }
}
