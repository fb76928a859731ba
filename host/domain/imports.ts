// What the host does for the kernel's wasm, all of it: read a clock, wait, pass a complaint on, end a task, tell the frames of
// a warning, call into a sandbox, carry a message where memory does not; and for a driver's domain: read the clock, call the
// kernel, copy between two memories, tell the frames of a warning, end its thread. Everything else is decided in wasm.
// (Compiling, instantiating, setting table slots and waking are done by the loader and by wasm itself.)

import { GATE_TRAPPED } from '../../kernel/abi/channel.ts';
import { DriverExit } from './fault.ts';

/** How the kernel's image reaches drivers other than by memory (kernel/lib/host.ts). */
export interface Carriers {
  gate(ticket: number): number;
  gate_special(channel: number, operation: number, argument0: number, argument1: number): number;
  gate_handle(channel: number): number;
  /** Carries the submission at an address to a driver's thread. */
  post(channel: number, submission: number): void;
}

/** For a kernel that has drivers behind rings alone. */
export const NO_CARRIERS: Carriers = {
  gate: () => GATE_TRAPPED,
  gate_special: () => GATE_TRAPPED,
  gate_handle: () => 0,
  post: () => undefined,
};

/** Imports of the kernel's image (kernel/lib/host.ts). */
export function kernelImports(
  memory: WebAssembly.Memory,
  complain: (channel: number, generation: number, reason: number) => void,
  warn: (text: number) => void,
  askForModule: (client: number, alias: number) => void,
  carriers: Carriers = NO_CARRIERS,
): WebAssembly.ModuleImports {
  const words = new Int32Array(memory.buffer);
  return functions({
    now: () => performance.now(),
    wait: (address: number, expected: number, ms: number) =>
      void Atomics.wait(words, address >>> 2, expected, ms),
    complain,
    warn,
    ask_for_module: askForModule,
    ...carriers,
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
  /** A call that brings back as many bytes as its status says, at most `size`, to an address of the domain. */
  callFor(
    operation: number,
    a: number,
    b: number,
    data: number,
    length: number,
    to: number,
    size: number,
  ): number;
  /** Copies from the memory of a dead predecessor (kernel/abi/store.ts). @returns 0 or 1 */
  copyPrevious(to: number, from: number, count: number, incarnation: number): number;
}

/** Imports of a domain's image (kernel/ipc/domain/gates.ts). */
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
    call_for: (
      operation: number,
      a: number,
      b: number,
      data: number,
      length: number,
      to: number,
      size: number,
    ) => gate.callFor(operation, a, b, data, length, to, size),
    copy_previous: (to: number, from: number, count: number, incarnation: number) =>
      gate.copyPrevious(to, from, count, incarnation),
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
