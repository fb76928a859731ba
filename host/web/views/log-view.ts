// The kernel's log as it grows: read out of the kernel's memory, line after line, over the deaths of the machine. What was
// shown stays; a dead kernel's last words come before the first of its successor.

import type { LogRecord, Machine } from '../../machine/shared/types.ts';
import { h } from './dom.ts';

/** Lines kept; older ones are removed. */
const MAX_LINES = 1500;
/** How near to its end the log counts as followed, px. */
const NEAR = 24;

const LEVELS = ['emerg', 'alert', 'crit', 'err', 'warning', 'notice', 'info', 'debug'] as const;

export class LogView {
  readonly element: HTMLElement;
  #machine: Machine | null = null;
  #boot = 0;
  #last = 0;
  #lost = 0;

  constructor(label: string) {
    // A log in a screen reader's sense, but not one to be read aloud line by line.
    this.element = h('div', {
      class: 'log',
      role: 'log',
      'aria-live': 'off',
      'aria-label': label,
      tabindex: '0',
    });
  }

  update(machine: Machine): void {
    const follow = this.#atEnd();
    const before = this.element.childElementCount;
    const { state, boot } = machine.status();
    if (machine !== this.#machine) {
      this.#machine = machine;
      this.#boot = 0;
    }
    if (state !== 'running') {
      // Until the next kernel runs, what lies in memory may be of either: only the last words are sure to be the old one's.
      if (this.#boot > 0 && machine.deadKernelLog !== null) this.#append(machine.deadKernelLog.records);
    } else {
      if (boot !== this.#boot) {
        if (this.#boot > 0 && machine.deadKernelLog !== null) this.#append(machine.deadKernelLog.records);
        this.#mark(`boot ${boot}`);
        [this.#boot, this.#last, this.#lost] = [boot, 0, 0];
      }
      const { records, lost } = machine.dmesg();
      if (lost > this.#lost) this.#mark(`${lost - this.#lost} records were overwritten or damaged`);
      this.#lost = Math.max(lost, this.#lost);
      this.#append(records);
    }
    if (this.element.childElementCount === before) return;
    while (this.element.childElementCount > MAX_LINES) this.element.firstElementChild?.remove();
    if (follow) this.element.scrollTop = this.element.scrollHeight;
  }

  #atEnd(): boolean {
    const { scrollTop, clientHeight, scrollHeight } = this.element;
    return scrollTop + clientHeight >= scrollHeight - NEAR;
  }

  #append(records: readonly LogRecord[]): void {
    for (const { sequence, time, level, text } of records) {
      if (sequence <= this.#last) continue;
      this.#last = sequence;
      const name = LEVELS[level] ?? 'debug';
      const stamp = h('span', { class: 'stamp' }, `[${time.toFixed(6).padStart(12)}] `);
      this.element.append(h('div', { class: `line level-${name}`, title: name }, stamp, text));
    }
  }

  #mark(text: string): void {
    this.element.append(h('div', { class: 'mark' }, text));
  }
}
