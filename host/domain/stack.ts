// The stack of a thrown value, as positions: which module, which function index, which byte.
//
// V8 says so in call sites, which it hands to Error.prepareStackTrace the first time `stack` is read (seen in Node 20
// and Chromium 156, in pages and workers, for traps and exhausted stacks alike). The hook is therefore set for that one
// read only. Elsewhere, and where somebody has read `stack` before, the text is parsed, strictly: function names
// come out of the module, and a newline in one can forge a line. Nothing here believes a name of a function.

import { cleanText } from '../linker/wasm/bytes.ts';

export const FRAME_LIMIT = 32;

export interface WasmPosition {
  /** The module's name by its own name section; null where the engine does not tell. */
  module: string | null;
  index: number | null;
  /** Byte offset in the compiled file. */
  offset: number | null;
}

export interface HostPosition {
  name: string;
  file: string;
  line: number;
  column: number;
}

/** Exactly one of the two is set. */
export interface StackFrame {
  wasm: WasmPosition | null;
  host: HostPosition | null;
}

/** The module between two others (./crossing.ts): its frames are left out. No module may have such a name. */
export const CROSSING = 'crossing*';

/** Lets errors of this thread carry FRAME_LIMIT frames. A thread calls it before it runs any wasm. */
export function installStackCapture(): void {
  Error.stackTraceLimit = FRAME_LIMIT;
}

/** A call site as V8 has it, or the whole text of a stack where there are none: plain data, and taken in no time. */
export type Captured = { text: string; file: string }[] | string;

/** What the engine knows of an error's stack; to be called before anybody reads its `stack`. */
export function capture(error: Error): Captured {
  const previous = Error.prepareStackTrace;
  let captured: Captured | null = null;
  Error.prepareStackTrace = (subject, sites) => {
    const known = sites.map((site) => ({ text: site.toString(), file: site.getFileName() ?? '' }));
    if (subject === error) captured = known;
    // What is answered becomes the error's `stack`: text, as everybody expects.
    return `${String(subject)}${known.map(({ text }) => `\n    at ${printable(text)}`).join('')}`;
  };
  let text: unknown;
  try {
    text = error.stack;
  } finally {
    if (previous === undefined) delete Error.prepareStackTrace;
    else Error.prepareStackTrace = previous;
  }
  return captured ?? (typeof text === 'string' ? text : '');
}

/** The innermost frames of a stack, at most FRAME_LIMIT. */
export function framesOf(captured: Captured): StackFrame[] {
  const frames = typeof captured === 'string' ? fromText(captured) : captured.map(fromCallSite);
  return frames.filter(({ wasm }) => wasm?.module !== CROSSING).slice(0, FRAME_LIMIT);
}

const PLAIN = /^[ -~]*$/;

/** A name or message that came out of a module or an engine, made fit for one line of a log. */
export function printable(text: string): string {
  return PLAIN.test(text) ? text : cleanText(text);
}

// The position is the last thing a call site prints, so a name before it cannot forge one. Only wasm has such a position.
const SITE_END = /:wasm-function\[(\d+)\]:0x([0-9a-f]+)\)?$/;

function fromCallSite({ text, file }: { text: string; file: string }): StackFrame {
  const position = SITE_END.exec(text);
  if (position !== null) return wasmFrame(moduleOfUrl(file), position[1], position[2]);
  return fromV8Line(`    at ${text}`) ?? hostFrame(text, '', 0, 0);
}

/**
 * `ramdisk` of V8's `wasm://wasm/ramdisk-0a1b2c3d`; null where the module has no name. If anybody on the page has compiled the
 * same bytes while they were loaded, V8 uses that compilation again, and its name is the file's URL.
 */
function moduleOfUrl(url: string): string | null {
  const match =
    /^wasm:\/\/wasm\/(.+)-[0-9a-f]{8,16}$/s.exec(url) ?? /\/([^/?#]+?)(?:\.ko)?\.wasm(?:[?#].*)?$/.exec(url);
  return match?.[1] ?? null;
}

function fromText(text: string): StackFrame[] {
  const lines = text.split('\n');
  const first = lines.findIndex((line) => line.startsWith('    at '));
  return first >= 0 ? parseLines(lines.slice(first), fromV8Line) : parseLines(lines, fromGeckoLine);
}

/** Stops at the first line that is no frame: behind it stands what somebody's name wants us to read. */
function parseLines(lines: string[], parse: (line: string) => StackFrame | null): StackFrame[] {
  const frames: StackFrame[] = [];
  for (const line of lines) {
    const frame = parse(line);
    if (frame === null) break;
    frames.push(frame);
  }
  return frames;
}

// at NAME (wasm://wasm/ramdisk-0a1b2c3d:wasm-function[19]:0x772)
const V8_WASM = /^ {4}at (?:.* \()?([a-z]+:\/\/[^()]+):wasm-function\[(\d+)\]:0x([0-9a-f]+)\)?$/;
// at NAME (file:///x.js:12:34)
const V8_HOST = /^ {4}at (?:(.*) \()?(.+?):(\d+):(\d+)\)?$/;
const V8_NOWHERE = /^ {4}at (.*) \((?:<anonymous>|native)\)$|^ {4}at (<anonymous>|native)$/;

function fromV8Line(line: string): StackFrame | null {
  const wasm = V8_WASM.exec(line);
  if (wasm !== null) return wasmFrame(moduleOfUrl(wasm[1] ?? ''), wasm[2], wasm[3]);
  const host = V8_HOST.exec(line);
  if (host !== null) return hostFrame(host[1] ?? '', host[2] ?? '', Number(host[3]), Number(host[4]));
  const nowhere = V8_NOWHERE.exec(line);
  return nowhere === null ? null : hostFrame(nowhere[1] ?? '', '', 0, 0);
}

// SpiderMonkey  NAME@http://x/y.js line 3 > WebAssembly.Module:wasm-function[19]:0x772
const SPIDERMONKEY_WASM = /^.*@.*:wasm-function\[(\d+)\]:0x([0-9a-f]+)$/;
// JavaScriptCore  ramdisk.wasm-function[NAME or 19]@[wasm code]
const JSC_WASM = /^(?:(.+)\.)?wasm-function\[(.*)\]@\[wasm code\]$/;
// both  NAME@http://x/y.js:12:34
const GECKO_HOST = /^(.*?)@(.*?):(\d+):(\d+)$/;
const GECKO_NOWHERE = /^(.*?)@(?:\[native code\]|\[wasm code\])?$/;

function fromGeckoLine(line: string): StackFrame | null {
  const spider = SPIDERMONKEY_WASM.exec(line);
  if (spider !== null) return wasmFrame(null, spider[1], spider[2]);
  const jsc = JSC_WASM.exec(line);
  if (jsc !== null) {
    const module = jsc[1] === undefined || jsc[1] === '<?>' ? null : jsc[1];
    return wasmFrame(module, /^\d+$/.test(jsc[2] ?? '') ? jsc[2] : undefined, undefined);
  }
  const host = GECKO_HOST.exec(line);
  if (host !== null) return hostFrame(host[1] ?? '', host[2] ?? '', Number(host[3]), Number(host[4]));
  const nowhere = GECKO_NOWHERE.exec(line);
  return nowhere === null ? null : hostFrame(nowhere[1] ?? '', '', 0, 0);
}

function wasmFrame(module: string | null, index?: string, offset?: string): StackFrame {
  return {
    wasm: {
      module,
      index: index === undefined ? null : Number(index),
      offset: offset === undefined ? null : Number.parseInt(offset, 16),
    },
    host: null,
  };
}

function hostFrame(name: string, file: string, line: number, column: number): StackFrame {
  return { wasm: null, host: { name, file, line, column } };
}
