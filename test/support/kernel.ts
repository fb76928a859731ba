// The kernel's domain in the test's own thread: the real image in a memory of its own, without workers and supervisor, so
// that a test can call one entry point at a time and look at every byte.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Domain } from '../../host/domain/domain.ts';
import type { KernelExports } from '../../host/domain/image.ts';
import { kernelImports, NO_CARRIERS, type Carriers } from '../../host/domain/imports.ts';
import { ring } from '../../host/ipc/doorbell.ts';
import { loadModule } from '../../host/domain/load-file.ts';
import type { LoadedModule } from '../../host/domain/loaded.ts';
import { checkMemory } from '../../host/machine/inspect/check.ts';
import { readAccounting, readDevices, readLog, readModules } from '../../host/machine/inspect/lists.ts';
import { Memory } from '../../host/machine/shared/memory-view.ts';
import type { Accounting, LogRecord } from '../../host/machine/shared/types.ts';
import { NAME_SIZE } from '../../kernel/abi/limits.ts';
import { M_SYMBOL_COUNT, M_SYMBOLS } from '../../kernel/abi/machine.ts';
import { KERNEL_MEMORY, MACHINE_BASE, USER_BASE, WASM_PAGE } from '../../kernel/abi/map.ts';
import { SYS_OPEN, SYS_READ, SYS_WRITE } from '../../kernel/abi/operation.ts';
import { SYM_FLAGS, SYM_NAME, SYM_OWNER, SYM_VALUE } from '../../kernel/abi/module.ts';

const IMAGES = fileURLToPath(new URL('../../dist/images/', import.meta.url));

/** A file of dist/images: `kernel.wasm`, `ramdisk.ko.wasm`. */
export function loadImage(file: string): Promise<LoadedModule> {
  const path = join(IMAGES, file);
  const map = existsSync(`${path}.map`) ? readFileSync(`${path}.map`, 'utf8') : null;
  return loadModule(new Uint8Array(readFileSync(path)), map, file.replace(/(\.ko)?\.wasm$/, ''));
}

export interface SymbolEntry {
  name: string;
  value: number;
  owner: number;
  flags: number;
}

/** What a load or an unload must leave as it was. */
export interface Snapshot {
  accounting: Accounting;
  modules: string[];
  devices: string[];
  symbols: SymbolEntry[];
  /** Every slot of the table. */
  table: unknown[];
  statics: string[];
}

export class TestKernel {
  readonly memory: WebAssembly.Memory;
  readonly domain: Domain<KernelExports>;
  readonly exports: KernelExports;
  readonly view: Memory;
  /** What the kernel told its supervisor: channel, generation, reason. */
  readonly complaints: [number, number, number][] = [];
  /** What modules the kernel asked for: client, alias. */
  readonly requests: [number, string][] = [];
  /** What a driver on the kernel's thread does with a request; it traps where nobody says otherwise. */
  gate: Carriers['gate'] = NO_CARRIERS.gate;
  /** And with one that concerns no file. */
  special: Carriers['gate_special'] = NO_CARRIERS.gate_special;
  /** Texts of warnings, as addresses. */
  readonly warnings: number[] = [];

  /** @param slubDebug SLUB_… of kernel/abi/heap.ts; 0 for the default */
  constructor(image: LoadedModule, deadlineMs = 2000, slubDebug = 0) {
    const pages = KERNEL_MEMORY / WASM_PAGE;
    this.memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
    this.view = new Memory(this.memory);
    const imports = kernelImports(
      this.memory,
      (...complaint) => void this.complaints.push(complaint),
      (text) => void this.warnings.push(text),
      (client, alias) => void this.requests.push([client, this.domain.textAt(alias, 80)]),
      {
        ...NO_CARRIERS,
        gate: (ticket) => this.gate(ticket),
        gate_special: (...words) => this.special(...words),
      },
    );
    this.domain = new Domain<KernelExports>(image, this.memory, imports);
    const { exports } = this.domain;
    // Whoever writes by hand what the kernel shall see rings as well.
    const poll = (): number => (ring(this.domain.words), exports.poll());
    this.exports = { ...exports, poll };
    this.exports.boot(this.domain.slots, 1, deadlineMs, 0, slubDebug, 2);
    this.domain.publish();
    this.exports.running();
  }

  static async boot(deadlineMs?: number): Promise<TestKernel> {
    return new TestKernel(await loadImage('kernel.wasm'), deadlineMs);
  }

  records(): LogRecord[] {
    return readLog(this.memory).records;
  }

  get words(): Int32Array {
    return this.domain.words;
  }

  log(start = 0): string[] {
    return readLog(this.memory)
      .records.slice(start)
      .map(({ text }) => text);
  }

  check(): string[] {
    return checkMemory(this.memory, this.domain.statics, true);
  }

  symbols(): SymbolEntry[] {
    const { view } = this;
    const table = view.u32(MACHINE_BASE + M_SYMBOLS);
    return Array.from({ length: view.u32(MACHINE_BASE + M_SYMBOL_COUNT) }, (_, place) => {
      const at = view.u32(table + place * 8 + 4);
      return {
        name: view.text(at + SYM_NAME, NAME_SIZE),
        value: view.u32(at + SYM_VALUE),
        owner: view.u32(at + SYM_OWNER),
        flags: view.u32(at + SYM_FLAGS),
      };
    });
  }

  snapshot(): Snapshot {
    return {
      accounting: readAccounting(this.memory),
      modules: readModules(this.memory).map(({ name, references }) => `${name} ${references}`),
      devices: readDevices(this.memory).map(({ name, major }) => `${major} ${name}`),
      symbols: this.symbols(),
      table: Array.from(
        { length: this.domain.table.length },
        (_, slot) => this.domain.table.get(slot) as unknown,
      ),
      statics: this.domain.statics.map(({ name }) => name),
    };
  }

  /** System calls of the in-thread client; buffers are at the beginning of its part of the user area. */
  call(number: number, a = 0, b = 0, c = 0, d = 0): number {
    return this.exports.syscall(number, a, b, c, d);
  }

  open(path: string, flags: number): number {
    this.domain.bytes.set(new TextEncoder().encode(`${path}\0`), USER_BASE);
    return this.call(SYS_OPEN, USER_BASE, flags);
  }

  read(fd: number, count: number): { result: number; data: Uint8Array } {
    const result = this.call(SYS_READ, fd, USER_BASE, count);
    return { result, data: this.domain.bytes.slice(USER_BASE, USER_BASE + Math.max(result, 0)) };
  }

  write(fd: number, data: Uint8Array): number {
    this.domain.bytes.set(data, USER_BASE);
    return this.call(SYS_WRITE, fd, USER_BASE, data.length);
  }
}
