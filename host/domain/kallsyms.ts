// A saved /proc/kallsyms: names for text addresses, of the kernel and of its modules.
//
//   80001c2a T printk            lower case: local; upper case: exported
//   90000a30 t lkdtm_BUG	[lkdtm]
//
// T and t name code, by text address; D and d name data, by its address in memory, which is another space: they are left
// out. The text is anybody's: a line that is none of these is counted and passed over, and nothing here throws.

export interface Kallsym {
  address: number;
  name: string;
  exported: boolean;
  /** Null for the kernel's own. */
  module: string | null;
}

export interface KallsymHit extends Kallsym {
  /** Of the address that was asked for, from the symbol's beginning. */
  offset: number;
  /** Up to the next symbol of the same file; null for a file's last one. */
  length: number | null;
}

/** Files begin at multiples of this (TEXT_WINDOW in kernel/abi/module.ts). */
const WINDOW = 0x10000;
const LINE = /^([0-9a-f]{8}) ([A-Za-z]) ([^\t]+)(?:\t\[([^\t]+)\])?$/;

export class Kallsyms {
  /** Code, by address. */
  readonly symbols: readonly Kallsym[];
  /** Lines that are not kallsyms'. */
  readonly strange: number;

  constructor(text: string) {
    const symbols: Kallsym[] = [];
    let strange = 0;
    for (const line of text.split('\n')) {
      if (line.trim() === '') continue;
      const match = LINE.exec(line.replace(/\s+$/, ''));
      if (!match) {
        strange++;
        continue;
      }
      const [, address = '', type = '', name = '', module] = match;
      if (type.toLowerCase() !== 't') continue;
      symbols.push({
        address: Number.parseInt(address, 16),
        name,
        exported: type === 'T',
        module: module ?? null,
      });
    }
    this.symbols = symbols.sort((a, b) => a.address - b.address);
    this.strange = strange;
  }

  /** The symbol that an address belongs to: the last one that does not begin behind it. */
  at(address: number): KallsymHit | null {
    let low = 0;
    let high = this.symbols.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.symbols[middle]!.address <= address) low = middle + 1;
      else high = middle;
    }
    const symbol = this.symbols[low - 1];
    if (!symbol) return null;
    const next = this.symbols[low];
    const length = next?.module === symbol.module ? next.address - symbol.address : null;
    return { ...symbol, offset: address - symbol.address, length };
  }

  /**
   * Where a file's code begins, found by what its functions are called here and in the file.
   *
   * @param module    null for the kernel
   * @param functions of the file: names and offsets in it
   * @returns the base, and how many of the symbols here are not at their place in the file; null where nothing fits
   */
  baseOf(
    module: string | null,
    functions: readonly { name: string; start: number }[],
  ): { base: number; strangers: number } | null {
    const starts = new Map<string, number[]>();
    for (const { name, start } of functions) starts.set(name, [...(starts.get(name) ?? []), start]);
    const own = this.symbols.filter((symbol) => symbol.module === module);
    const votes = new Map<number, number>();
    for (const { name, address } of own) {
      for (const start of starts.get(name) ?? []) {
        const base = address - start;
        if (base >= 0 && base % WINDOW === 0) votes.set(base, (votes.get(base) ?? 0) + 1);
      }
    }
    let best: { base: number; strangers: number } | null = null;
    for (const [base, count] of votes)
      if (best === null || own.length - count < best.strangers)
        best = { base, strangers: own.length - count };
    return best;
  }

  /** Names of the modules that have code here. */
  get modules(): string[] {
    return [...new Set(this.symbols.flatMap(({ module }) => module ?? []))];
  }
}
