// Decoding a saved oops, as ksymoops did: each address of its trace becomes a function, a file and a line, from the files that
// were loaded and, where the oops does not say where they lay, from a saved /proc/kallsyms.
//
// A file is believed where the oops has its SHA-256. Where it is another build of what was loaded, what the oops itself says
// of a frame is kept, and the disagreement is told. Pure: files are asked for by name and given by the caller.

import { cleanText } from '../linker/wasm/bytes.ts';
import type { ModuleSymbols } from '../linker/module/symbols.ts';
import type { Kallsyms } from './kallsyms.ts';
import { hex8, token } from './oops.ts';
import type { SavedFrame, SavedOops, SavedText } from './saved-oops.ts';

/** A module's or an image's file as it is at hand. */
export interface CodeFile {
  /** For people: its path. */
  label: string;
  bytes: number;
  /** Lower-case hexadecimal. */
  sha256: string;
  symbols: ModuleSymbols;
}

export interface DecodeSources {
  kallsyms: Kallsyms | null;
  /** A file by the name of its module or image; null where there is none. */
  file(name: string): CodeFile | null;
}

export interface DecodedFrame {
  address: number | null;
  /** `ramdisk_write+0x1c/0x80 [ramdisk]`, as far as it is known; empty where nothing is. */
  text: string;
  function: string | null;
  /** In the function, and the function's length. */
  offset: number | null;
  length: number | null;
  /** Null for the kernel. */
  module: string | null;
  /** `drivers/ramdisk.ts:58:3` */
  source: string | null;
  /** What it was decoded from. */
  by: 'file' | 'kallsyms' | 'oops' | 'nothing';
  /** How many calls like this one and those before it were left out of the trace. */
  folded: number;
}

export interface DecodedOops {
  saved: SavedOops;
  frames: DecodedFrame[];
  /** Sentences: where log, files and kallsyms disagree, and what is missing. */
  warnings: string[];
}

export function decodeOops(saved: SavedOops, sources: DecodeSources): DecodedOops {
  return new Decoder(saved, sources).run();
}

interface Located {
  name: string;
  /** In the file. */
  offset: number;
}

const KERNEL = 'kernel';
/** `[ramdisk]`, nothing for the kernel, as an oops writes it. */
const suffix = (name: string): string => (name === KERNEL ? '' : ` [${name}]`);

class Decoder {
  private readonly saved: SavedOops;
  private readonly sources: DecodeSources;
  private readonly warnings = new Set<string>();
  private readonly files = new Map<string, CodeFile | null>();
  private readonly bases = new Map<string, number | null>();

  constructor(saved: SavedOops, sources: DecodeSources) {
    this.saved = saved;
    this.sources = sources;
  }

  run(): DecodedOops {
    const { saved } = this;
    if (saved.kind !== null && !saved.complete) this.warn('the oops ends before its last line');
    for (const text of saved.texts) this.compareBuild(text);
    const trace = saved.frames.length > 0 || saved.rip === null ? saved.frames : [saved.rip];
    const folds = new Map(saved.folds.map(({ after, count }) => [after, count]));
    const frames = trace.map((frame, index) => ({ ...this.frame(frame), folded: folds.get(index) ?? 0 }));
    const rip = saved.rip?.text;
    if (rip !== undefined && trace[0] && rip !== trace[0].text)
      this.warn(`RIP and the call trace disagree: ${rip}, ${trace[0].text}`);
    return { saved, frames, warnings: [...this.warnings] };
  }

  private warn(sentence: string): void {
    this.warnings.add(sentence);
  }

  private file(name: string): CodeFile | null {
    const known = this.files.get(name);
    if (known !== undefined) return known;
    const file = this.sources.file(name);
    if (!file) this.warn(`there is no file of ${name}`);
    this.files.set(name, file);
    return file;
  }

  /** Whether the file at hand is the one that was loaded; null where the oops does not tell. */
  private sameBuild(name: string, file: CodeFile): boolean | null {
    const text = this.saved.texts.find((each) => each.name === name);
    return text === undefined ? null : file.sha256.startsWith(text.sha256);
  }

  private compareBuild({ name, base, sha256 }: SavedText): void {
    const file = this.file(name);
    if (!file) return;
    if (!file.sha256.startsWith(sha256))
      this.warn(`${file.label} is another build: sha256 ${file.sha256.slice(0, 16)}, the oops has ${sha256}`);
    const inKallsyms = this.kallsymsBase(name, file);
    if (inKallsyms !== null && inKallsyms !== base)
      this.warn(
        `kallsyms has ${name} at ${hex8(inKallsyms)}, the oops at ${hex8(base)}: they are of two boots`,
      );
  }

  /** Where kallsyms says that a file's code begins; null where it does not. */
  private kallsymsBase(name: string, file: CodeFile): number | null {
    const { kallsyms } = this.sources;
    const known = this.bases.get(name);
    if (known !== undefined || !kallsyms) return known ?? null;
    const found = kallsyms.baseOf(name === KERNEL ? null : name, file.symbols.functions);
    if (found && found.strangers > 0)
      this.warn(
        `${file.label} is another build: ${found.strangers} symbols of kallsyms are not in their place`,
      );
    this.bases.set(name, found?.base ?? null);
    return found?.base ?? null;
  }

  /** In which file an address lies, and where that begins: as the oops says, else as kallsyms does. */
  private locate(address: number): Located | null {
    const text = this.saved.texts.find(({ base, size }) => address >= base && address < base + size);
    if (text) return { name: text.name, offset: address - text.base };
    const hit = this.sources.kallsyms?.at(address);
    if (!hit) return null;
    const name = hit.module ?? KERNEL;
    const file = this.file(name);
    const base = file ? this.kallsymsBase(name, file) : null;
    return base === null ? null : { name, offset: address - base };
  }

  private frame(frame: SavedFrame): Omit<DecodedFrame, 'folded'> {
    const { address, symbol } = frame;
    const located = address === null ? this.byName(frame) : this.locate(address);
    const file = located && this.file(located.name);
    if (located && file) {
      const decoded = this.fromFile(frame, located, file);
      if (decoded) return decoded;
    }
    const hit = address === null ? null : (this.sources.kallsyms?.at(address) ?? null);
    if (symbol === null && hit && (hit.length !== null || hit.offset < 0x10000)) {
      const length = hit.length === null ? '?' : `0x${hit.length.toString(16)}`;
      return {
        ...{ address, function: hit.name, offset: hit.offset, length: hit.length, module: hit.module },
        text: `${hit.name}+0x${hit.offset.toString(16)}/${length}${suffix(hit.module ?? KERNEL)}`,
        ...{ source: null, by: 'kallsyms' as const },
      };
    }
    if (symbol === null && frame.text === '' && address !== null)
      this.warn(`nothing is known of address ${hex8(address)}`);
    return claimed(frame);
  }

  /** Decodes a frame from its file, unless log and file speak of two builds. */
  private fromFile(
    { symbol, address, text: said }: SavedFrame,
    { name, offset }: Located,
    file: CodeFile,
  ): Omit<DecodedFrame, 'folded'> | null {
    const same = this.sameBuild(name, file);
    if (same === false && symbol !== null) return null;
    const found = file.symbols.functionAt(offset);
    if (!found) {
      this.warn(`${file.label} has no function at offset 0x${offset.toString(16)}`);
      return null;
    }
    const text = `${token(file.symbols.describe(offset))}${suffix(name)}`;
    if (symbol !== null && text !== said) {
      this.warn(`the oops says ${said}, ${file.label} says ${text}`);
      // A file that is known to be the right one is believed: that line of the log is damaged.
      if (same === null) return null;
    }
    const place = file.symbols.locate(offset);
    return {
      ...{ address, text, function: found.name, offset: offset - found.start, length: found.length },
      module: name === KERNEL ? null : name,
      source: place ? `${place.file}:${place.line}:${place.column}` : null,
      by: 'file',
    };
  }

  /** A frame without an address: its function's name and length lead into the file, where they fit one function only. */
  private byName({ symbol }: SavedFrame): Located | null {
    const file = symbol && this.file(symbol.module);
    if (!file) return null;
    const fitting = file.symbols.functions.filter(
      ({ name, length }) => name === symbol.name && length === symbol.length,
    );
    if (fitting.length === 0) {
      const length = `0x${symbol.length.toString(16)}`;
      this.warn(`${file.label} is another build: it has no function ${symbol.name} of ${length} bytes`);
    }
    const [only] = fitting;
    return fitting.length === 1 && only ? { name: symbol.module, offset: only.start + symbol.offset } : null;
  }
}

/** What the log itself says of a frame. */
function claimed({ address, symbol, source, text }: SavedFrame): Omit<DecodedFrame, 'folded'> {
  return {
    ...{ address, text, source },
    function: symbol?.name ?? null,
    offset: symbol?.offset ?? null,
    length: symbol?.length ?? null,
    module: symbol === null || symbol.module === KERNEL ? null : symbol.module,
    by: text === '' ? 'nothing' : 'oops',
  };
}

/** The lines of a decoded oops, in ksymoops' layout. */
export function decodedLines({ saved, frames, warnings }: DecodedOops): string[] {
  const head = saved.number === null ? null : `Oops: ${saved.kind} [#${saved.number}]`;
  const lines = [saved.cause, head, saved.task];
  const shown = lines.filter((line) => line !== null);
  frames.forEach((frame, index) => {
    const mark = index === 0 && saved.kind !== null ? '>>RIP;' : 'Trace;';
    const address = frame.address === null ? '????????' : hex8(frame.address);
    const text = frame.text === '' ? '' : ` <${frame.text}>`;
    shown.push(`${mark} ${address}${text}${frame.source === null ? '' : `  ${frame.source}`}`);
    if (frame.folded > 0) shown.push(`Trace; ... ${frame.folded} more`);
  });
  if (saved.modules.length > 0) shown.push(`Modules linked in: ${saved.modules.join(' ')}`);
  return [...shown, ...warnings.map((warning) => `Warning: ${warning}`)].map(cleanText);
}
