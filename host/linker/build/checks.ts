// What a build must not do, beside having addresses that cannot be relocated.

import { CONSTRUCTORS, type Build } from './compile.ts';
import { symbolText } from '../module/crc.ts';
import { InstructionCursor, skipLocals } from '../wasm/instructions.ts';
import { GOT_MEMORY } from '../module/metadata.ts';
import { OP, TYPE } from '../wasm/opcodes.ts';
import { distinct, type Places } from './places.ts';
import type { Refusal } from './refusal.ts';
import { importedCount, signatureOf, type Import, type Sections } from '../wasm/sections.ts';
import { LIBRARY } from '../module/source-map.ts';

/** The import that an image's runtime calls for every managed object. Nobody provides it: it must be gone. */
export const MANAGED = '__managed_allocation';

/** How asc marks the stub of a function with optional parameters: it reads an argument count of its own module. */
const VARARGS = '@varargs';

interface Call {
  /** Own index of the function that calls. */
  caller: number;
  callee: number;
  at: number;
}

function* instructions(sections: Sections, index: number): Generator<InstructionCursor> {
  const { start, end } = sections.bodies[index]!;
  const cursor = new InstructionCursor(sections.bytes, skipLocals(sections.bytes, start, end), end);
  while (cursor.step()) yield cursor;
}

function calls(sections: Sections): Call[] {
  const found: Call[] = [];
  sections.bodies.forEach((_, caller) => {
    for (const { opcode, value, start } of instructions(sections, caller)) {
      if (opcode === OP.call) found.push({ caller, callee: value, at: start });
    }
  });
  return found;
}

/** Managed objects that an image would make at run time, by the functions of its own sources that ask for them. */
export function managedAllocations(sections: Sections, places: Places): Refusal[] {
  const functions = sections.imports.filter((entry) => entry.kind === 'function');
  const target = functions.findIndex(({ name }) => name === MANAGED);
  if (target < 0) return [];
  const all = calls(sections);
  const reached = new Set([target]);
  const refusals: Refusal[] = [];
  for (const callee of reached) {
    for (const call of all.filter((one) => one.callee === callee)) {
      const name = places.functionName(call.caller);
      if (name.startsWith(LIBRARY)) reached.add(functions.length + call.caller);
      else refusals.push(places.refuse('managed allocation', call.at));
    }
  }
  return refusals.length ? distinct(refusals) : [{ reason: 'managed allocation in the library' }];
}

/** What is wrong with the import of a variable; null where nothing is. */
function wrongVariable(entry: Extract<Import, { kind: 'global' }>): string | null {
  const name = `${entry.module}.${entry.name}`;
  if (name === 'env.__stack_pointer') return null;
  if (entry.module !== GOT_MEMORY)
    return `a variable is imported as a value: ${name}; its address is imported from "${GOT_MEMORY}"`;
  if (entry.type !== TYPE.i32 || !entry.mutable)
    return `the address of a variable is declared as "let" and "usize": ${entry.name}`;
  return null;
}

function imports(sections: Sections, kind: 'module' | 'image', importOf: Build['importOf']): Refusal[] {
  const refusals: Refusal[] = [];
  for (const entry of sections.imports) {
    const { module, name } = entry;
    let reason: string | null = null;
    if (entry.kind === 'function') {
      const known = module === 'env' || (kind === 'image' && module === 'host');
      if (!known) reason = `a function is imported from elsewhere than the kernel: ${module}.${name}`;
    } else if (entry.kind === 'global') reason = wrongVariable(entry);
    if (reason !== null) refusals.push({ reason, ...importOf(module, name) });
  }
  return refusals;
}

/** What a file must not import, have or do. */
export function forbidden(
  sections: Sections,
  kind: 'module' | 'image',
  places: Places,
  importOf: Build['importOf'],
): Refusal[] {
  const refusals = imports(sections, kind, importOf);
  if (sections.elements.length > 1)
    refusals.push({ reason: 'the function table is filled in several pieces' });
  const imported = importedCount(sections, 'function');
  for (const index of sections.elements[0]?.functions ?? []) {
    const name = index < imported ? '' : places.functionName(index - imported);
    if (!name.endsWith(VARARGS) || name.startsWith(LIBRARY)) continue;
    const reason = 'a function with optional parameters cannot be called from another module';
    refusals.push(places.refuseFunction(reason, name.slice(0, -VARARGS.length)));
  }
  const globals = sections.imports.filter((entry) => entry.kind === 'global').entries();
  const addresses = new Map(
    [...globals].filter(([, { module }]) => module === GOT_MEMORY).map(([index, { name }]) => [index, name]),
  );
  sections.bodies.forEach((_, index) => {
    for (const { opcode, code, value, start } of instructions(sections, index)) {
      if (opcode === OP.globalSet && addresses.has(value))
        refusals.push(
          places.refuse(`the address of an imported variable is set: ${addresses.get(value)}`, start),
        );
      // memory.init and data.drop, table.init and elem.drop name segments, which the linker joins
      if (opcode !== OP.numeric || ![8, 9, 12, 13].includes(code)) continue;
      refusals.push(places.refuse('a segment is used at run time', start));
    }
  });
  return refusals;
}

const ENTRY_POINTS = new Map([
  ['init_module', 'init_module()i32'],
  ['cleanup_module', 'cleanup_module()'],
]);

/** init_module and cleanup_module have the types that the loader calls them with. */
export function entryPoints(sections: Sections, places: Places): Refusal[] {
  const refusals: Refusal[] = [];
  for (const { name, kind, index } of sections.exports) {
    const wanted = ENTRY_POINTS.get(name);
    if (wanted === undefined) continue;
    const signature = kind === 'function' ? signatureOf(sections, index) : null;
    const actual = signature ? symbolText(name, signature) : `${name}, which is no function`;
    if (actual !== wanted) refusals.push(places.refuseFunction(`${wanted} is expected, not ${actual}`, name));
  }
  return refusals;
}

/** Functions that run the top level of asc's files: the constructors, and what they call of that kind. */
function constructors(sections: Sections, places: Places): Set<number> {
  const imported = importedCount(sections, 'function');
  const found = new Set<number>();
  const first = sections.exports.find(({ name }) => name === CONSTRUCTORS)?.index;
  if (first !== undefined) found.add(first - imported);
  for (const index of found) {
    for (const { opcode, value } of instructions(sections, index)) {
      if (opcode !== OP.call || value < imported) continue;
      if (places.functionName(value - imported).startsWith('start:')) found.add(value - imported);
    }
  }
  return found;
}

/** Whether the constructors write a global: then its initial value is computed at run time. */
export function setByConstructors(sections: Sections, places: Places, global: number): boolean {
  for (const index of constructors(sections, places)) {
    for (const { opcode, value } of instructions(sections, index)) {
      if (opcode === OP.globalSet && value === global) return true;
    }
  }
  return false;
}
