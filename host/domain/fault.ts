// A thrown value becomes a Fault here, and nowhere else: what kind of trap it was, in whose code, at which source line.
//
// Every engine words its traps in its own way, and a stack names functions as the module calls itself. So the kind comes
// from the table of texts below, and functions and lines come from our own symbols by index and offset. A Fault is
// plain data: it can be posted to another thread. Its texts fit on one line. toFault never throws.

import { capture, framesOf, printable, type Captured, type StackFrame } from './stack.ts';

export type FaultKind =
  | 'unreachable'
  | 'memory out of bounds'
  | 'table out of bounds'
  | 'indirect call' // null, or of another type
  | 'divide by zero'
  | 'integer overflow'
  | 'float conversion'
  | 'stack exhausted'
  | 'trap' // one that the table does not know
  | 'exit' // a driver left by its own will
  | 'host'; // an ordinary error in host code

export interface Frame {
  module: string | null;
  function: string | null;
  index: number | null;
  /** Byte offset in the module's file. */
  offset: number | null;
  /** `ramdisk_write+0x1c/0x80 [ramdisk]` */
  text: string;
  source: { file: string; line: number; column: number } | null;
}

export interface Fault {
  kind: FaultKind;
  message: string;
  /** Innermost first, at most FRAME_LIMIT; host functions have neither module nor index. */
  frames: Frame[];
  /** Of the innermost wasm frame. */
  module: string | null;
  /** Of the domain's shadow stack when it trapped; null where nobody has looked. */
  stackPointer: number | null;
}

/** What is asked of a module's symbols (host/linker/module/symbols.ts has them). Offsets are those of the file. */
export interface FaultSymbols {
  /** Where an offset in what was compiled lies in the module's file. */
  fileOffset(compiled: number): number;
  functionByIndex(index: number): { name: string; index: number } | null;
  functionAt(offset: number): { name: string; index: number } | null;
  /** `ramdisk_write+0x1c/0x80` */
  describe(offset: number): string;
  locate(offset: number): { file: string; line: number; column: number } | null;
}

/** The symbols of a loaded module, null for a name nobody loaded. */
export type SymbolLookup = (moduleName: string) => FaultSymbols | null;

/** Thrown by the host when a driver asks to leave; it unwinds the driver's frames. */
export class DriverExit extends Error {
  override readonly name = 'DriverExit';

  readonly code: number;

  constructor(code: number) {
    super(`exit ${code}`);
    this.code = code;
  }
}

/** Made, not thrown, where wasm asks the host to warn: it carries the frames. */
export class Warned extends Error {
  override readonly name = 'Warned';
}

// V8, SpiderMonkey, JavaScriptCore, in this order where they differ.
const TRAPS: readonly (readonly [RegExp, FaultKind])[] = [
  [/^unreachable/i, 'unreachable'],
  [/^divide by zero|^remainder by zero|^integer divide by zero|^Division by zero/i, 'divide by zero'],
  [/^divide result unrepresentable|^integer overflow/i, 'integer overflow'],
  [/^float unrepresentable|^invalid conversion to integer|^Out of bounds Trunc/i, 'float conversion'],
  [
    /null function|function signature mismatch|indirect call to null|indirect call signature/i,
    'indirect call',
  ],
  [/call_indirect to a (null|signature)/i, 'indirect call'],
  [
    /^table .*out of bounds|^element segment .*out of bounds|^Out of bounds (table|call_indirect)/i,
    'table out of bounds',
  ],
  [
    /^memory access out of bounds|^data segment .*out of bounds|^index out of bounds/i,
    'memory out of bounds',
  ],
  [/^Out of bounds memory access/i, 'memory out of bounds'],
  [/^stack overflow/i, 'stack exhausted'],
];
const STACK_EXHAUSTED = /^Maximum call stack size exceeded|^too much recursion/;

/**
 * Describes anything that was caught.
 *
 * @param thrown  the caught value; to be passed before anybody reads its `stack`
 * @param symbols finds a module's symbols by its name
 * @param stackPointer of the domain that was running, where the caller knows it
 */
export function toFault(thrown: unknown, symbols: SymbolLookup, stackPointer: number | null = null): Fault {
  return located(caught(thrown, stackPointer), symbols);
}

/** What was caught, before anybody has looked up whose code that was: plain data, and made in no time. */
export interface Caught {
  kind: FaultKind;
  message: string;
  stack: Captured;
  stackPointer: number | null;
}

/** The first half of toFault, for a thread that has better things to do than to read symbols. */
export function caught(thrown: unknown, stackPointer: number | null = null): Caught {
  const stack = thrown instanceof Error ? capture(thrown) : [];
  return { kind: kindOf(thrown), message: printable(messageOf(thrown)), stack, stackPointer };
}

/**
 * The second half. Frames are looked up when somebody reads them: whoever restarts a driver has better things to do.
 *
 * @param end a module whose frames are left out, with all that led to them
 */
export function located(
  { kind, message, stack, stackPointer }: Caught,
  symbols: SymbolLookup,
  end: string | null = null,
): Fault {
  let known: Frame[] | null = null;
  return {
    ...{ kind, message, stackPointer },
    get frames() {
      return (known ??= until(framesOf(stack), end).map((frame) => toFrame(frame, symbols)));
    },
    get module() {
      return this.frames.find(({ index, module }) => index !== null || module !== null)?.module ?? null;
    },
  };
}

function until(frames: StackFrame[], end: string | null): StackFrame[] {
  const at = end === null ? -1 : frames.findIndex(({ wasm }) => wasm?.module === end);
  return at < 0 ? frames : frames.slice(0, at);
}

/** The modules whose code was running, innermost first. */
export function modulesOf({ stack }: Caught): Set<string | null> {
  return new Set(framesOf(stack).map(({ wasm }) => wasm?.module ?? null));
}

function kindOf(thrown: unknown): FaultKind {
  if (!(thrown instanceof Error)) return 'host';
  if (thrown instanceof DriverExit) return 'exit';
  // A RangeError in V8 and JavaScriptCore, an InternalError in SpiderMonkey.
  if (STACK_EXHAUSTED.test(thrown.message)) return 'stack exhausted';
  if (!(thrown instanceof WebAssembly.RuntimeError)) return 'host';
  return TRAPS.find(([text]) => text.test(thrown.message))?.[1] ?? 'trap';
}

function messageOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return `something that is no error was thrown: ${typeof thrown}`;
  const plain =
    thrown instanceof WebAssembly.RuntimeError || thrown instanceof DriverExit || thrown instanceof Warned;
  return plain ? thrown.message : `${thrown.name}: ${thrown.message}`;
}

function toFrame({ wasm, host }: StackFrame, symbols: SymbolLookup): Frame {
  if (wasm === null) return hostFrame(host);
  const module = wasm.module === null ? null : printable(wasm.module);
  const table = wasm.module === null ? null : symbols(wasm.module);
  const offset = wasm.offset === null || table === null ? wasm.offset : table.fileOffset(wasm.offset);
  const owner = wasm.index === null ? null : (table?.functionByIndex(wasm.index) ?? null);
  // An offset counts only where the index says the same: what was compiled may not be the file that was linked.
  const inside =
    table !== null && owner !== null && offset !== null && table.functionAt(offset)?.index === owner.index;
  const where = inside && table !== null && offset !== null ? table.describe(offset) : (owner?.name ?? null);
  return {
    module,
    function: owner === null ? null : printable(owner.name),
    index: wasm.index,
    offset,
    text: `${where === null ? anonymous(wasm) : printable(where)} [${module ?? 'unnamed module'}]`,
    source: inside && table !== null && offset !== null ? table.locate(offset) : null,
  };
}

function anonymous(position: { index: number | null; offset: number | null }): string {
  const offset = position.offset === null ? '' : `:0x${position.offset.toString(16)}`;
  return position.index === null ? 'wasm code' : `wasm-function[${position.index}]${offset}`;
}

function hostFrame(host: StackFrame['host']): Frame {
  const name = printable(host?.name ?? '') || '<anonymous>';
  const file = printable(host?.file ?? '');
  return {
    module: null,
    function: name,
    index: null,
    offset: null,
    text: file === '' ? name : `${name} (${file}:${host?.line}:${host?.column})`,
    source: host === null || file === '' ? null : { file, line: host.line, column: host.column },
  };
}
