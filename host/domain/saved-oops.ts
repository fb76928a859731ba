// Oopses found in a saved log, as ./oops.ts wrote them. The log may come from anywhere: with times or without, through
// syslog, cut off, with other lines in between, or with lines that a driver printed to look like an oops (as in Linux, nobody
// can tell those apart). What is not understood is passed over; nothing here throws.

/** `ramdisk_write+0x1c/0x80 [ramdisk]`, as the log has it. */
export interface SavedSymbol {
  name: string;
  offset: number;
  length: number;
  /** `kernel` where the log names none. */
  module: string;
}

export interface SavedFrame {
  address: number | null;
  symbol: SavedSymbol | null;
  /** `drivers/ramdisk.ts:58:3` */
  source: string | null;
  /** The frame as it stands in the log; empty for a bare address. */
  text: string;
}

/** Where a file's code was. */
export interface SavedText {
  name: string;
  base: number;
  size: number;
  /** The first 16 digits of the file's SHA-256. */
  sha256: string;
}

export interface SavedOops {
  /** Its first line in the log, counted from 1. */
  line: number;
  /** Null for bare addresses, where nothing but frames is known. */
  cause: string | null;
  /** `unreachable`, `divide by zero`, … or `warning` */
  kind: string | null;
  number: number | null;
  /** The line that begins with `CPU:`. */
  task: string | null;
  rip: SavedFrame | null;
  registers: string | null;
  frames: SavedFrame[];
  /** Behind which frame how many were left out. */
  folds: { after: number; count: number }[];
  /** `lkdtm(O)`, as the log has them. */
  modules: string[];
  texts: SavedText[];
  /** Whether its last line is there. */
  complete: boolean;
  id: string | null;
}

// [   12.345678] of dmesg, <6> of /dev/kmsg, `Nov 21 07:54:54 host kernel: ` of syslog
const PREFIX = /^(?:[A-Z][a-z]{2} [ \d]\d [\d:]{8} \S+ kernel: )?(?:<\d{1,3}>)?(?:\[ *\d+\.\d{6}\] ?)?/;
const CAUSE = /^(?:BUG: |divide error: |Thread overran stack: )/;
const OOPS = /^Oops: (.+): [0-9a-f]{4} \[#(\d{1,9})\] SMP$/;
const WARNING = /^WARNING: CPU: \d+ PID: \d+(?: at .*)?$/;
const CUT_HERE = '------------[ cut here ]------------';
const TASK = /^CPU: \d+ PID: \d+ Comm: /;
const RIP = /^RIP: 0010:(\S.*)$/;
const AT = /^ {2}at (\S+:\d+:\d+)$/;
const REGISTERS = /^RSP: 0018:[0-9a-f]{8} /;
const FRAME = /^ (?:\[<([0-9a-f]{8})>\] )?(\S+(?: \[\S+\])?)(?: {2}(\S+))?$/;
const PLACE = /^\S+:\d+:\d+$/;
const FOLD = /^ \.\.\. (\d{1,9}) more$/;
const MODULES = /^Modules linked in:(.*)$/;
const TEXT = /^Text: (\S+) ([0-9a-f]{8})-([0-9a-f]{8}) sha256:([0-9a-f]{16})$/;
const END = /^---\[ end trace (\S+) \]---$/;
const SYMBOL = /^(\S+)\+0x([0-9a-f]{1,8})\/0x([0-9a-f]{1,8})(?: \[(\S+)\])?$/;
const BARE = /^(?:\[<([89a-f][0-9a-f]{7})>\]|(?:0x)?([89a-f][0-9a-f]{7}))$/;
const BRACKETED = /^\s*\[<([0-9a-f]{8})>\]/;

/** All oopses of a log; else, where it has lines of text addresses, these as one. */
export function findOopses(log: string): SavedOops[] {
  const lines = log.split('\n').map((line) => line.replace(/[\r\s]+$/, '').replace(PREFIX, ''));
  const found: SavedOops[] = [];
  let open: Reader | null = null;
  lines.forEach((line, index) => {
    const oops = OOPS.test(line) || WARNING.test(line) ? headOf(lines, index) : null;
    if (oops) {
      open = new Reader(oops);
      found.push(oops);
    } else if (open) {
      open.take(line);
      if (open.oops.complete) open = null;
    }
  });
  if (found.length > 0) return found;
  const bare = bareFrames(lines);
  return bare === null ? [] : [bare];
}

function emptyOops(line: number): SavedOops {
  return {
    ...{ line, cause: null, kind: null, number: null, task: null, rip: null, registers: null },
    ...{ frames: [], folds: [], modules: [], texts: [], complete: false, id: null },
  };
}

/** What the line at `index`, and the ones before it, say of an oops or a warning that begins there. */
function headOf(lines: readonly string[], index: number): SavedOops {
  const line = lines[index] ?? '';
  const before = lines[index - 1] ?? '';
  const head = OOPS.exec(line);
  if (head) {
    const caused = CAUSE.test(before);
    const oops = emptyOops(caused ? index : index + 1);
    return { ...oops, cause: caused ? before : null, kind: head[1] ?? null, number: Number(head[2]) };
  }
  // A warning's text stands between the line of dashes and its head.
  const text = lines[index - 2] === CUT_HERE ? before : null;
  const first = text !== null ? index - 1 : before === CUT_HERE ? index : index + 1;
  return { ...emptyOops(first), cause: text === null ? line : `${line}: ${text}`, kind: 'warning' };
}

/** Reads the lines behind `Oops:` or `WARNING:`; each kind of line says by itself what it is. */
class Reader {
  readonly oops: SavedOops;
  private part: 'head' | 'rip' | 'trace' | 'modules' | 'rest' = 'head';

  constructor(oops: SavedOops) {
    this.oops = oops;
  }

  take(line: string): void {
    const { oops } = this;
    const previous = this.part;
    if (previous === 'trace' && this.traceLine(line)) return;
    if (previous === 'modules' && line.startsWith('  ')) {
      this.linked(line);
      return;
    }
    const at = previous === 'rip' ? AT.exec(line) : null;
    if (at && oops.rip) {
      oops.rip.source = at[1] ?? null;
      return;
    }
    if (TASK.test(line) && oops.task === null) oops.task = line;
    else if (REGISTERS.test(line)) oops.registers = line;
    else if (line === 'Call Trace:') this.part = 'trace';
    else if (MODULES.test(line)) {
      this.part = 'modules';
      this.linked(MODULES.exec(line)?.[1] ?? '');
    } else this.ending(line);
  }

  private ending(line: string): void {
    const { oops } = this;
    const rip = RIP.exec(line);
    const text = TEXT.exec(line);
    const end = END.exec(line);
    if (rip) {
      oops.rip = { address: null, symbol: symbolIn(rip[1] ?? ''), source: null, text: rip[1] ?? '' };
      this.part = 'rip';
    } else if (text) {
      const [, name = '', from = '', to = '', sha256 = ''] = text;
      const base = Number.parseInt(from, 16);
      oops.texts.push({ name, base, size: Number.parseInt(to, 16) - base, sha256 });
      this.part = 'rest';
    } else if (end) {
      oops.complete = true;
      oops.id = end[1] ?? null;
    }
  }

  private traceLine(line: string): boolean {
    const { frames, folds } = this.oops;
    const fold = FOLD.exec(line);
    if (fold) {
      folds.push({ after: frames.length - 1, count: Number(fold[1]) });
      return true;
    }
    const frame = frameIn(line);
    if (frame === null) return false;
    frames.push(frame);
    return true;
  }

  private linked(words: string): void {
    const last = /\[last unloaded: \S+\]/.exec(words)?.[0];
    const names = words
      .replace(last ?? '', '')
      .split(' ')
      .filter((word) => word !== '');
    this.oops.modules.push(...names, ...(last === undefined ? [] : [last]));
  }
}

function symbolIn(text: string): SavedSymbol | null {
  const match = SYMBOL.exec(text);
  if (!match) return null;
  const [, name = '', offset = '', length = '', module = 'kernel'] = match;
  return { name, offset: Number.parseInt(offset, 16), length: Number.parseInt(length, 16), module };
}

function frameIn(line: string): SavedFrame | null {
  const match = FRAME.exec(line);
  if (!match) return null;
  const [, address, text = '', source = ''] = match;
  return {
    address: address === undefined ? null : Number.parseInt(address, 16),
    symbol: symbolIn(text),
    source: PLACE.test(source) ? source : null,
    text,
  };
}

/** Lines of nothing but addresses, and lines that begin with one in brackets: a call trace without its oops. */
function bareFrames(lines: readonly string[]): SavedOops | null {
  const oops = emptyOops(0);
  lines.forEach((line, index) => {
    const words = line.split(/\s+/).filter((word) => word !== '');
    const bare = words.flatMap(
      (word) =>
        BARE.exec(word)
          ?.slice(1)
          .find((digits) => digits) ?? [],
    );
    if (bare.length > 0 && bare.length === words.length) {
      for (const digits of bare) oops.frames.push(bareFrame(digits));
    } else {
      const digits = BRACKETED.exec(line)?.[1];
      if (digits === undefined) return;
      oops.frames.push(frameIn(` ${line.trim()}`) ?? bareFrame(digits));
    }
    if (oops.line === 0) oops.line = index + 1;
  });
  return oops.frames.length > 0 ? oops : null;
}

function bareFrame(digits: string): SavedFrame {
  return { address: Number.parseInt(digits, 16), symbol: null, source: null, text: '' };
}
