// What a terminal shows: commands and what they printed, on one machine line by line as it comes, on both in rows. Draws at
// most every few milliseconds and keeps a bounded number of lines, so that a device that is read without end stops neither
// the page nor the machines.

import { type Mark, type Row, shown } from '../../shell/both.ts';
import { textOutput, type Output } from '../../shell/streams.ts';
import { h } from './dom.ts';
import { PLACED } from '../sides.ts';

/** Lines kept; older ones are removed. */
const MAX_LINES = 1500;
/** Characters of a line that are shown: a device need not have lines. */
const MAX_LENGTH = 2000;
/** ms between two drawings. */
const DRAW_MS = 30;

const WORDS: Record<Mark, string> = {
  '=': 'alike',
  '|': 'different',
  '<': `on the ${PLACED.monolithic} machine alone`,
  '>': `on the ${PLACED.microkernel} machine alone`,
};

export class Screen {
  readonly element = h('div', {
    ...{ class: 'screen', role: 'log', 'aria-label': 'what the commands printed', tabindex: '0' },
  });
  /** The line that has no end yet, and whether it is of the error stream. */
  #open: { element: HTMLElement; error: boolean; length: number } | null = null;
  #waiting: { text: string; error: boolean }[] = [];
  #drawn: Promise<void> | null = null;

  /** A command as it was typed. */
  command(prompt: string, text: string): void {
    this.#draw();
    this.#add(h('div', { class: 'command' }, h('span', { class: 'prompt' }, `${prompt}# `), text));
  }

  /** Something that no command said. */
  note(text: string): void {
    this.#draw();
    this.#add(h('div', { class: 'hint' }, text));
  }

  /** A stream into the screen; whoever writes waits until it is drawn. */
  output(error: boolean): Output {
    const text = textOutput((piece) => this.#waiting.push({ text: piece, error }));
    return {
      write: async (bytes) => {
        await text.write(bytes);
        this.#drawn ??= new Promise((resolve) =>
          setTimeout(() => {
            this.#drawn = null;
            this.#draw();
            resolve();
          }, DRAW_MS),
        );
        await this.#drawn;
      },
    };
  }

  /** The lines of both machines, side by side. */
  rows(rows: readonly Row[]): void {
    this.#draw();
    for (const { left, right, mark } of rows.slice(-MAX_LINES)) {
      const cell = (line: Row['left'], side: string): HTMLElement =>
        h('span', { class: line?.error ? `${side} error` : side }, (line?.text ?? '').slice(0, MAX_LENGTH));
      const sign = h('span', { class: 'sign', title: WORDS[mark] }, mark === '=' ? '' : mark);
      const row = h('div', { class: 'row' }, cell(left, 'monolithic'), sign, cell(right, 'microkernel'));
      row.dataset['mark'] = mark;
      this.#add(row);
    }
  }

  clear(): void {
    this.#waiting = [];
    this.#open = null;
    this.element.replaceChildren();
  }

  /** Draws what waits. */
  #draw(): void {
    if (this.#waiting.length === 0) return;
    for (const { text, error } of this.#waiting.splice(0)) {
      for (const piece of text.split(/(?<=\n)/)) if (piece !== '') this.#print(piece, error);
    }
    this.#toEnd();
  }

  #print(piece: string, error: boolean): void {
    const ends = piece.endsWith('\n');
    const text = shown(ends ? piece.slice(0, -1) : piece);
    if (this.#open?.error !== error) {
      const element = h('div', { class: error ? 'out error' : 'out' });
      this.#add(element);
      this.#open = { element, error, length: 0 };
    }
    const open = this.#open;
    const room = MAX_LENGTH - open.length;
    if (room > 0) open.element.append(text.slice(0, room));
    open.length += text.length;
    if (open.length > MAX_LENGTH && room > 0) open.element.append(' …');
    if (ends) this.#open = null;
  }

  #add(element: HTMLElement): void {
    this.#open = null;
    this.element.append(element);
    while (this.element.childElementCount > MAX_LINES) this.element.firstElementChild?.remove();
    this.#toEnd();
  }

  #toEnd(): void {
    this.element.scrollTop = this.element.scrollHeight;
  }
}
