// What the linker's tests share: sources from the repository with some of their own laid over, a seeded random, and a
// domain to load modules into.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { link, LinkError, type Linked, type LinkOptions, type SourceFiles } from '../../host/linker/link.ts';
import { readModule, type ModuleFile } from '../../host/linker/module/module-file.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

export const LONG = process.env['ISOLAB_LONG'] === '1';

/** The repository's files, with others in their place. */
export function files(own: Record<string, string> = {}): SourceFiles {
  return {
    readText(path) {
      if (Object.hasOwn(own, path)) return own[path]!;
      try {
        return readFileSync(ROOT + path, 'utf8');
      } catch (error) {
        if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
        throw error;
      }
    },
  };
}

/** Links a text as drivers/sample.ts. */
export function linkText(text: string, options: Partial<LinkOptions> = {}): Promise<Linked> {
  return link({
    entry: 'drivers/sample.ts',
    kind: 'module',
    files: files({ 'drivers/sample.ts': text }),
    ...options,
  });
}

/** Links a text that must be refused for a reason, at the last place where `marked` stands in it. */
export async function expectRefusal(text: string, marked: string, reason: RegExp): Promise<void> {
  const before = text.slice(0, text.lastIndexOf(marked)).split('\n');
  const error: unknown = await linkText(text).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(LinkError);
  const [refusal] = (error as LinkError).refusals;
  expect(refusal!.reason).toMatch(reason);
  expect(refusal).toMatchObject({
    file: 'drivers/sample.ts',
    line: before.length,
    column: before[before.length - 1]!.length + 1,
  });
  expect((error as LinkError).message).toContain(`drivers/sample.ts:${before.length}:`);
}

/** mulberry32: numbers in [0, 1). */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 0x100000000;
  };
}

export type Functions = Record<string, (...args: number[]) => number>;

/** A memory and a table that modules are loaded into, one over the other. */
export class TestDomain {
  readonly memory = new WebAssembly.Memory({ initial: 1024, maximum: 65536, shared: true });
  readonly table = new WebAssembly.Table({ element: 'anyfunc', initial: 8192 });
  readonly view = new DataView(this.memory.buffer);

  /** Loads as a loader does: clears the area, instantiates, relocates, constructs. */
  load(
    module: WebAssembly.Module,
    file: ModuleFile,
    bases: { memory: number; table: number },
    kernel: Record<string, (...args: number[]) => number> = {},
    addresses: Record<string, number> = {},
  ): Functions {
    new Uint8Array(this.memory.buffer, bases.memory, file.memory.size).fill(0);
    for (let slot = 0; slot < file.table.size; slot++) this.table.set(bases.table + slot, null);
    const instance = new WebAssembly.Instance(module, {
      env: {
        memory: this.memory,
        __indirect_function_table: this.table,
        __memory_base: bases.memory,
        __table_base: bases.table,
        ...kernel,
      },
      'GOT.mem': Object.fromEntries(
        Object.entries(addresses).map(([name, address]) => [
          name,
          new WebAssembly.Global({ value: 'i32', mutable: true }, address),
        ]),
      ),
    });
    const functions = instance.exports as Functions;
    functions['__wasm_apply_data_relocs']?.();
    functions['__wasm_call_ctors']!();
    return functions;
  }

  /** A C string. */
  text(address: number): string {
    const bytes = new Uint8Array(this.memory.buffer);
    return new TextDecoder().decode(bytes.slice(address, bytes.indexOf(0, address)));
  }
}

/** A linked module, compiled and read. */
export async function prepared(linked: Linked): Promise<{ module: WebAssembly.Module; file: ModuleFile }> {
  const bytes = new Uint8Array(linked.bytes);
  return { module: await WebAssembly.compile(bytes), file: readModule(bytes) };
}

/** Random bases that a module of a file's alignment may be loaded at. */
export function randomBases(next: () => number, file: ModuleFile): { memory: number; table: number } {
  const { alignment, size } = file.memory;
  const from = Math.ceil(0x10000 / alignment);
  const to = Math.floor((1024 * 65536 - size) / alignment);
  return {
    memory: (from + Math.floor(next() * (to - from))) * alignment,
    table: 1 + Math.floor(next() * (8191 - file.table.size)),
  };
}
