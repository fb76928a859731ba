// The page's terminal: the shell's commands on the machines that the page shows, on one of them or on both at once. A command
// is one of the things that the page does, and it does one at a time.

import { PLACEMENTS, type PerSide } from '../../lab/compare/report.ts';
import type { SidePlacement } from '../../machine/shared/types.ts';
import { BothShells, rowsOf } from '../../shell/both.ts';
import { commonStart, complete } from '../../shell/complete.ts';
import { parseScript } from '../../shell/parse.ts';
import type { Shell } from '../../shell/shell.ts';
import { EMPTY } from '../../shell/streams.ts';
import { act, button, h, messageOf } from './dom.ts';
import { Screen } from './screen.ts';
import { PLACED, titleOf } from '../sides.ts';

type Target = SidePlacement | 'both';

const NAMES: Record<Target, string> = {
  both: 'Both machines',
  monolithic: titleOf('monolithic'),
  microkernel: titleOf('microkernel'),
};

/** Does something as the page's one thing; false where it is at something else. */
export type RunAlone = (what: string, work: () => Promise<string>) => Promise<boolean>;

export class Terminal {
  readonly element: HTMLElement;
  readonly #screen = new Screen();
  readonly #input = h('input', {
    ...{ type: 'text', id: 'command', autocomplete: 'off', autocapitalize: 'off', spellcheck: 'false' },
    ...{ 'aria-describedby': 'command-keys', placeholder: 'help' },
  });
  readonly #stop = button('Stop', () => this.#running?.abort(), { class: 'small', 'data-stop': '' });
  readonly #heads = h(
    'div',
    { class: 'row heads', 'aria-hidden': 'true' },
    h('span', { class: 'monolithic' }, NAMES.monolithic),
    h('span', { class: 'sign' }),
    h('span', { class: 'microkernel' }, NAMES.microkernel),
  );
  readonly #runAlone: RunAlone;
  #shells: PerSide<Shell> | null = null;
  #both: BothShells | null = null;
  #target: Target = 'both';
  #running: AbortController | null = null;
  /** Lines of this visit, oldest first, and which of them is shown; the one past the end is being typed. */
  readonly #history: string[] = [];
  #shown = 0;
  #typed = '';
  /** Escape lets the next Tab leave the line. */
  #leaving = false;

  constructor(runAlone: RunAlone) {
    this.#runAlone = runAlone;
    const choice = (target: Target): HTMLElement => {
      const id = `terminal-${target}`;
      const radio = h('input', { type: 'radio', name: 'terminal', id, checked: target === 'both' });
      radio.addEventListener('change', () => this.#choose(target));
      return h('span', { class: 'option' }, radio, h('label', { for: id }, NAMES[target]));
    };
    const form = h(
      'form',
      { class: 'command-line' },
      h('label', { for: 'command' }, h('span', { class: 'unseen' }, 'command'), '#'),
      this.#input,
      this.#stop,
      button('Clear', () => this.#screen.clear(), { class: 'small' }),
    );
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      void act(form, () => this.#enter());
    });
    this.#input.addEventListener('keydown', (event) => void act(this.#input, () => this.#key(event)));
    this.#stop.hidden = true;
    this.#input.disabled = true;
    this.element = h(
      'div',
      { class: 'terminal' },
      h(
        'div',
        { class: 'choices', role: 'radiogroup', 'aria-label': 'where commands run' },
        ...(['both', ...PLACEMENTS] as const).map(choice),
      ),
      this.#heads,
      this.#screen.element,
      form,
      h(
        'p',
        { class: 'fine', id: 'command-keys' },
        'Tab completes (Escape, then Tab leaves the line), ↑ and ↓ go through what was typed, Ctrl-C stops a command.',
      ),
    );
  }

  /** Gives it the shells of both machines: from now on it can be used. */
  use(shells: PerSide<Shell>): void {
    this.#shells = shells;
    for (const shell of Object.values(shells)) shell.clear = () => this.#screen.clear();
    this.#both = new BothShells(shells);
    this.#input.disabled = false;
  }

  /** Whether the page is at something, maybe this terminal's own command. */
  lock(busy: boolean): void {
    this.#input.readOnly = busy;
    this.#stop.hidden = this.#running === null;
  }

  #choose(target: Target): void {
    this.#target = target;
    this.#heads.hidden = target !== 'both';
    this.#input.focus();
  }

  async #enter(): Promise<void> {
    const text = this.#input.value;
    if (this.#shells === null || this.#input.readOnly || text.trim() === '') return;
    const running = new AbortController();
    this.#running = running;
    try {
      const started = await this.#runAlone(text, async () => {
        this.#remember(text);
        await (this.#target === 'both'
          ? this.#runBoth(text, running.signal)
          : this.#runOne(this.#target, text, running.signal));
        return running.signal.aborted ? `${text}: stopped.` : `${text}: done.`;
      });
      if (started) this.#input.focus({ preventScroll: true });
    } finally {
      this.#running = null;
      this.lock(false);
    }
  }

  async #runOne(placement: SidePlacement, text: string, signal: AbortSignal): Promise<void> {
    this.#screen.command(PLACED[placement], text);
    const streams = { in: EMPTY, out: this.#screen.output(false), err: this.#screen.output(true) };
    const shell = this.#shells![placement];
    await shell.run(text, streams, signal);
    this.#left([shell]);
  }

  async #runBoth(text: string, signal: AbortSignal): Promise<void> {
    const { lists, problem } = parseScript(text);
    const both = this.#both!;
    for (const list of lists) {
      this.#screen.command('both', list.text);
      const { monolithic, microkernel } = await both.run(list, signal);
      const rows = rowsOf(monolithic.lines, microkernel.lines);
      const [one, other] = [monolithic.status, microkernel.status].map((status) => ({
        ...{ text: `exit status ${status}`, error: true },
      }));
      if (monolithic.status !== microkernel.status) rows.push({ left: one!, right: other!, mark: '|' });
      this.#screen.rows(rows);
      if (signal.aborted || both.exited) break;
    }
    if (problem !== null && !signal.aborted && !both.exited) {
      this.#screen.command('both', text);
      const line = { text: `isolab: ${problem.message}`, error: true };
      this.#screen.rows([{ left: line, right: line, mark: '=' }]);
    }
    this.#left(Object.values(both.shells));
  }

  /** There is nowhere to go from a page. */
  #left(shells: readonly Shell[]): void {
    if (!shells.some((shell) => shell.exited)) return;
    for (const shell of shells) shell.exited = false;
    this.#screen.note('This terminal stays open.');
  }

  #remember(text: string): void {
    if (this.#history.at(-1) !== text) this.#history.push(text);
    this.#shown = this.#history.length;
    this.#input.value = '';
    this.#typed = '';
  }

  async #key(event: KeyboardEvent): Promise<void> {
    const { key, ctrlKey } = event;
    const leaving = this.#leaving;
    this.#leaving = key === 'Escape';
    if (ctrlKey && key === 'c' && this.#input.selectionStart === this.#input.selectionEnd) {
      event.preventDefault();
      if (this.#running) this.#running.abort();
      else this.#input.value = '';
    } else if (ctrlKey && key === 'l') {
      event.preventDefault();
      this.#screen.clear();
    } else if (this.#input.readOnly) {
      return;
    } else if (key === 'ArrowUp' || key === 'ArrowDown') {
      event.preventDefault();
      this.#walk(key === 'ArrowUp' ? -1 : 1);
    } else if (key === 'Tab' && !event.shiftKey && !leaving && this.#input.value.trim() !== '') {
      event.preventDefault();
      await this.#complete();
    }
  }

  #walk(step: number): void {
    const to = this.#shown + step;
    if (to < 0 || to > this.#history.length) return;
    if (this.#shown === this.#history.length) this.#typed = this.#input.value;
    this.#shown = to;
    this.#input.value = this.#history[to] ?? this.#typed;
    this.#input.setSelectionRange(this.#input.value.length, this.#input.value.length);
  }

  async #complete(): Promise<void> {
    const input = this.#input;
    const [line, cursor] = [input.value, input.selectionStart ?? input.value.length];
    const shell = this.#shells?.[this.#target === 'both' ? 'microkernel' : this.#target];
    if (shell === undefined) return;
    try {
      const { from, words } = await complete(shell, line.slice(0, cursor));
      if (input.value !== line || words.length === 0) return;
      const start = commonStart(words);
      if (start.length > cursor - from) {
        input.setRangeText(start, from, cursor, 'end');
      } else if (words.length > 1) {
        this.#screen.note(words.join(' '));
      }
    } catch (error) {
      this.#screen.note(messageOf(error));
    }
  }
}
