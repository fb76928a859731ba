// What the host does for the kernel's wasm, all of it: read a clock, wait, pass a complaint on, end a task, tell the frames of
// a warning; and for a driver's domain: read the clock, call the kernel, copy between two memories, tell the frames of a
// warning, end its thread. Everything else is decided in wasm.
// (Compiling, instantiating, setting table slots and waking are done by the loader and by wasm itself.)

import { DriverExit } from './fault.ts';

/** Imports of the kernel's image (kernel/lib/host.ts). */
export function kernelImports(
  memory: WebAssembly.Memory,
  complain: (channel: number, generation: number, reason: number) => void,
  warn: (text: number) => void,
  askForModule: (client: number, alias: number) => void,
): WebAssembly.ModuleImports {
  const words = new Int32Array(memory.buffer);
  return functions({
    now: () => performance.now(),
    wait: (address: number, expected: number, ms: number) =>
      void Atomics.wait(words, address >>> 2, expected, ms),
    complain,
    warn,
    ask_for_module: askForModule,
    end_task: (code: number) => {
      throw new DriverExit(code);
    },
  });
}

/** The kernel as a driver's domain reaches it: host/ipc/driver-side.ts. */
export interface KernelGate {
  call(operation: number, a: number, b: number, data: number, length: number): number;
  copyOut(to: number, from: number, count: number): number;
  copyIn(to: number, from: number, count: number): number;
}

/** Imports of a domain's image (kernel/ipc/gates.ts). */
export function domainImports(
  gate: KernelGate,
  exit: (code: number) => void,
  warn: (text: number) => void,
): WebAssembly.ModuleImports {
  return functions({
    now: () => performance.now(),
    warn,
    call: (operation: number, a: number, b: number, data: number, length: number) =>
      gate.call(operation, a, b, data, length),
    copy_out: (to: number, from: number, count: number) => gate.copyOut(to, from, count),
    copy_in: (to: number, from: number, count: number) => gate.copyIn(to, from, count),
    exit: (code: number) => {
      exit(code);
      throw new DriverExit(code);
    },
  });
}

/** TypeScript has no type for a JavaScript function as an import. */
function functions(table: Record<string, (...words: number[]) => unknown>): WebAssembly.ModuleImports {
  return table;
}
