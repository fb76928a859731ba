// The same line on both machines, and what came of it side by side. What is laid out here are rows; the faces draw them.

import { cleanText } from '../linker/wasm/bytes.ts';
import type { SidePlacement } from '../machine/shared/types.ts';
import type { List } from './parse.ts';
import type { Shell } from './shell.ts';
import { BrokenPipe, EMPTY, textOutput, type Input, type Output } from './streams.ts';
import type { Signal } from './signal.ts';

/** A line that a command printed. */
export interface Line {
  text: string;
  /** Of the error stream. */
  error: boolean;
}

/** What a list printed on one machine, and its status. */
export interface CommandOutput {
  lines: Line[];
  status: number;
}

/** `=` alike, `|` not alike, `<` on the left alone, `>` on the right alone. */
export type Mark = '=' | '|' | '<' | '>';

export interface Row {
  left: Line | null;
  right: Line | null;
  mark: Mark;
}

/** Characters that are kept of what one list prints on one machine: there is nothing to compare in more. */
const MAX_KEPT = 0x10000;
/** Characters of a line that are shown: a device need not have lines. */
const MAX_SHOWN = 1000;
/** Lines of one side that are compared with every line of the other. */
const MAX_COMPARED = 2000;

export type Pair<T> = Record<SidePlacement, T>;

export class BothShells {
  readonly shells: Pair<Shell>;

  constructor(shells: Pair<Shell>) {
    this.shells = shells;
  }

  /** Runs a list on both machines at once. @param input gives each machine its own copy of the input */
  async run(list: List, signal: Signal, input: () => Input = () => EMPTY): Promise<Pair<CommandOutput>> {
    const { monolithic, microkernel } = this.shells;
    const [one, other] = await Promise.all([
      kept(monolithic, list, signal, input()),
      kept(microkernel, list, signal, input()),
    ]);
    return { monolithic: one, microkernel: other };
  }

  /** Of the last list: the monolith's where it is not 0, else the microkernel's. */
  get status(): number {
    return this.shells.monolithic.status || this.shells.microkernel.status;
  }

  get exited(): boolean {
    return this.shells.monolithic.exited || this.shells.microkernel.exited;
  }

  close(): void {
    this.shells.monolithic.close();
    this.shells.microkernel.close();
  }
}

/** Runs a list and keeps what it prints; one that prints without end is ended. */
async function kept(shell: Shell, list: List, signal: Signal, input: Input): Promise<CommandOutput> {
  const lines: Line[] = [];
  let open: Line | null = null;
  let left = MAX_KEPT;
  const put = (text: string, error: boolean): void => {
    for (const piece of text.split(/(?<=\n)/)) {
      if (piece === '') continue;
      if (open?.error !== error) lines.push((open = { text: '', error }));
      open.text += piece.endsWith('\n') ? piece.slice(0, -1) : piece;
      if (piece.endsWith('\n')) open = null;
    }
  };
  const stream = (error: boolean): Output => {
    const text = textOutput((piece) => {
      put(piece.slice(0, left), error);
      left -= piece.length;
    });
    return {
      write: async (bytes) => {
        if (left <= 0) throw new BrokenPipe();
        await text.write(bytes);
      },
    };
  };
  const status = await shell.runList(list, { in: input, out: stream(false), err: stream(true) }, signal);
  if (left <= 0) lines.push({ text: `cut after ${MAX_KEPT} characters`, error: true });
  return { lines: lines.map(({ text, error }) => ({ text: shortened(shown(text)), error })), status };
}

function shortened(text: string): string {
  return text.length <= MAX_SHOWN ? text : `${text.slice(0, MAX_SHOWN)} … (${text.length} characters)`;
}

/** Text that does nothing to a terminal. */
export function shown(text: string): string {
  return cleanText(text.replaceAll('\t', '        '));
}

const alike = (a: Line, b: Line): boolean => a.text === b.text && a.error === b.error;

/** Both sides' lines in rows: a longest common subsequence is alike, what lies between is put side by side. */
export function rowsOf(left: readonly Line[], right: readonly Line[]): Row[] {
  const rows: Row[] = [];
  let [i, j] = [0, 0];
  const until = (endLeft: number, endRight: number): void => {
    while (i < endLeft || j < endRight) {
      const [a, b] = [i < endLeft ? left[i++]! : null, j < endRight ? right[j++]! : null];
      rows.push({ left: a, right: b, mark: a && b ? (alike(a, b) ? '=' : '|') : a ? '<' : '>' });
    }
  };
  for (const [a, b] of common(left, right)) {
    until(a, b);
    rows.push({ left: left[i++]!, right: right[j++]!, mark: '=' });
  }
  until(left.length, right.length);
  return rows;
}

/** Pairs of indices of a longest common subsequence, in order. */
function common(left: readonly Line[], right: readonly Line[]): [number, number][] {
  const [n, m] = [left.length, right.length];
  if (n > MAX_COMPARED || m > MAX_COMPARED) return [];
  // length[i * (m + 1) + j]: of left from i on and right from j on.
  const length = new Uint16Array((n + 1) * (m + 1));
  const at = (i: number, j: number): number => length[i * (m + 1) + j]!;
  for (let i = n - 1; i >= 0; i--)
    for (let j = m - 1; j >= 0; j--)
      length[i * (m + 1) + j] = alike(left[i]!, right[j]!)
        ? at(i + 1, j + 1) + 1
        : Math.max(at(i + 1, j), at(i, j + 1));
  const pairs: [number, number][] = [];
  for (let [i, j] = [0, 0]; i < n && j < m;) {
    if (alike(left[i]!, right[j]!)) pairs.push([i++, j++]);
    else if (at(i + 1, j) >= at(i, j + 1)) i++;
    else j++;
  }
  return pairs;
}
