// Calls from one module to another within a domain. What the callee takes while it runs is its own: memory, timers, devices, files
// of /proc. So a call goes through a few instructions that say whose turn it is (M_CALL_MODULE), and take it back.
//
// Wasm, not a JavaScript function: it costs a call, and the engine checks the type of what is called.

import { CROSSING } from './stack.ts';
import { ByteWriter } from '../linker/wasm/bytes.ts';
import { symbolText } from '../linker/module/crc.ts';
import type { Signature } from '../linker/module/module-file.ts';
import { M_CALL_MODULE } from '../../kernel/abi/machine.ts';
import { MACHINE_BASE } from '../../kernel/abi/map.ts';

const I32 = 0x7f;
const TURN = MACHINE_BASE + M_CALL_MODULE;
/** Most pages that a memory can have. */
const ANY_MEMORY = 0x10000;

const compiled = new Map<string, WebAssembly.Module>();

function section(to: ByteWriter, id: number, fill: (part: ByteWriter) => unknown): void {
  to.u8(id).block(fill);
}

function build({ parameters, results }: Signature): Uint8Array<ArrayBuffer> {
  const to = new ByteWriter();
  to.raw(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
  section(to, 1, (types) => {
    types.u32(1).u8(0x60).u32(parameters.length).raw(Uint8Array.from(parameters));
    types.u32(results.length).raw(Uint8Array.from(results));
  });
  section(to, 2, (imports) => {
    imports.u32(3).text('e').text('f').u8(0).u32(0);
    imports.text('e').text('m').u8(2).u8(3).u32(0).u32(ANY_MEMORY);
    imports.text('e').text('o').u8(3).u8(I32).u8(0);
  });
  section(to, 3, (functions) => functions.u32(1).u32(0));
  section(to, 7, (exports) => exports.u32(1).text('f').u8(0).u32(1));
  section(to, 10, (codes) =>
    codes.u32(1).block((code) => {
      const before = parameters.length;
      code.u32(1).u32(1).u8(I32);
      code.u8(0x41).s32(TURN).u8(0x28).u32(2).u32(0).u8(0x21).u32(before);
      code.u8(0x41).s32(TURN).u8(0x23).u32(0).u8(0x36).u32(2).u32(0);
      parameters.forEach((_, i) => code.u8(0x20).u32(i));
      code.u8(0x10).u32(0);
      code.u8(0x41).s32(TURN).u8(0x20).u32(before).u8(0x36).u32(2).u32(0);
      code.u8(0x0b);
    }),
  );
  section(to, 0, (names) =>
    names
      .text('name')
      .u8(0)
      .block((part) => part.text(CROSSING)),
  );
  return to.bytes().slice();
}

/**
 * @param callee a function of another module's
 * @param owner that module's struct module
 * @returns what calls it on behalf of its owner; where it is of another type the callee itself, which whoever imports it
 *   cannot be instantiated with
 */
export function crossing(
  callee: CallableFunction,
  owner: number,
  signature: Signature,
  memory: WebAssembly.Memory,
): CallableFunction {
  const key = symbolText('', signature);
  const module = compiled.get(key) ?? new WebAssembly.Module(build(signature));
  compiled.set(key, module);
  const o = new WebAssembly.Global({ value: 'i32' }, owner);
  const e = { f: callee, m: memory, o } as unknown as WebAssembly.ModuleImports;
  try {
    return new WebAssembly.Instance(module, { e }).exports['f'] as CallableFunction;
  } catch (error) {
    if (error instanceof WebAssembly.LinkError) return callee;
    throw error;
  }
}
