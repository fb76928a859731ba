// The words of a kernel's thread for what went wrong in the kernel's domain: oopses and warnings, and the files whose code it
// may have been.

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

/** ms after which symbols are read that no oops has wanted yet: it takes tens of them, in which an oops would keep everybody. */
const READ_AFTER_MS = 100;

export class KernelOopses {
  /** Files that are in the kernel's domain, by name. */
  readonly modules = new Map<string, LoadedModule>();
  lastUnloaded: string | null = null;
  /** Whose work is being done where it is no client's: a tool's, else that of timers. */
  comm: 'insmod' | 'rmmod' | 'swapper/0' = 'swapper/0';
  private readonly domain: Domain<KernelExports>;
  private reading: unknown = null;

  constructor(domain: Domain<KernelExports>, image: LoadedModule) {
    this.domain = domain;
    this.know(image);
  }

  /** A file comes into the kernel's domain. */
  know(file: LoadedModule): void {
    this.modules.set(file.name, file);
    clearTimeout(this.reading);
    this.reading = setTimeout(() => this.read(), READ_AFTER_MS);
  }

  /** Reads the symbols of all files. */
  read(): void {
    clearTimeout(this.reading);
    readSymbols(this.modules.values());
  }

  /** A module is gone. */
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

  /** A warning by something in the kernel's domain, which goes on. */
  warn(text: number): void {
    const { memory, stackPointer } = this.domain;
    const message = text === 0 ? '' : new Memory(memory).line(text, LOG_TEXT_MAX);
    const fault = this.faultOf(new Warned(message), stackPointer.value as number);
    for (const line of formatWarning(fault, this.context(fault))) this.domain.log(LEVEL_WARNING, line);
  }
}
