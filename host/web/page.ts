// The page around the two machines: what can be done, one thing at a time, and what came of it. Whatever fails is shown.

import { PLACEMENTS, type PerSide } from '../lab/compare/report.ts';
import type { DriverStatus, SidePlacement } from '../machine/shared/types.ts';
import { Bench, type Provoked } from './bench.ts';
import { callsTable, environmentOf } from './views/calls-view.ts';
import { comparisonResult } from './views/comparison-view.ts';
import { button, FAILED, h, messageOf, setText } from './views/dom.ts';
import { withheld, wordsOf } from './views/fault-words.ts';
import { faultResult, foldedResult } from './views/faults-view.ts';
import { browserLab, floppy } from './lab.ts';
import { Pane } from './views/pane.ts';
import { hasThreads, watchHidden } from './requirements.ts';
import { shellsOf } from './shells.ts';
import { PLACED } from './sides.ts';
import { Terminal } from './views/terminal.ts';

/** ms between two looks at the machines; events are shown at once. */
const LOOK_MS = 250;
const HIDDEN =
  'This page was hidden during the run. Browsers slow hidden pages down: do not trust these times.';

const section = (id: string, title: string, ...content: Node[]): HTMLElement =>
  h('section', { class: 'card', 'aria-labelledby': id }, h('h2', { id }, title), ...content);

export class Page {
  readonly element: HTMLElement;
  readonly #status = h('p', { class: 'status', role: 'status', 'aria-live': 'polite' });
  readonly #errors = h('div', { class: 'errors', role: 'alert' });
  readonly #faultButtons = h(
    'div',
    { class: 'buttons' },
    h('p', { class: 'fine' }, 'The machines are being booted …'),
  );
  readonly #faultResults = h('div', { class: 'results' });
  readonly #history = h('div', { class: 'history' });
  readonly #historyCard: HTMLElement;
  readonly #callResults = h('div', { class: 'results' });
  readonly #comparisonResults = h('div', { class: 'results' });
  readonly #panesPlace = h('div', { class: 'panes' });
  readonly #environment = h('p', { class: 'fine' });
  readonly #clean = h('input', { type: 'checkbox', id: 'clean', checked: true });
  readonly #cancel = button('Cancel', () => this.#cancelling?.abort(), { class: 'small', hidden: '' });
  readonly #terminal = new Terminal((what, work) => this.#run(what, work));
  #bench: Bench | null = null;
  #panes: PerSide<Pane> | null = null;
  #cancelling: AbortController | null = null;
  #busy = false;

  constructor() {
    const measure = button('Measure calls', () => this.#measure(), { 'data-action': 'measure' });
    this.#historyCard = section('history', 'Every fault until now', this.#history);
    this.#historyCard.hidden = true;
    this.element = h(
      'div',
      { class: 'page' },
      section(
        'break',
        'Break the same driver on both machines',
        h('p', { class: 'fine' }, 'lkdtm is a driver that fails on request. Its list of faults:'),
        this.#faultButtons,
        h(
          'p',
          { class: 'option' },
          this.#clean,
          h('label', { for: 'clean' }, 'Begin with clean machines: reboot one that is not as after boot'),
        ),
      ),
      h('div', { class: 'statusbar' }, this.#status, this.#cancel),
      this.#errors,
      this.#faultResults,
      this.#panesPlace,
      section(
        'terminal',
        'A shell on these machines',
        h(
          'p',
          { class: 'fine' },
          'insmod, lsmod, dmesg, cat, dd … work on the two machines above, as isolab shell does in a terminal; help lists the commands.',
        ),
        this.#terminal.element,
      ),
      this.#historyCard,
      section(
        'cost',
        'What a call costs',
        h('p', { class: 'fine' }, 'Both machines, call by call in turns, a few seconds.'),
        measure,
        this.#callResults,
      ),
      ...(hasThreads ? [this.#wholeSection()] : []),
      this.#environment,
    );
    this.element.addEventListener(FAILED, (event) => {
      event.preventDefault();
      this.#showError(messageOf((event as CustomEvent<unknown>).detail));
    });
    this.#lockActions();
  }

  #wholeSection(): HTMLElement {
    const compare = button('Run the whole comparison', () => this.#compare(), {
      'data-action': 'compare',
    });
    const words =
      'What isolab compare does in a terminal, here on machines of its own: calls over three fresh boots, then every fault. ' +
      'About half a minute.';
    return section(
      'whole',
      'The whole comparison',
      h('p', { class: 'fine' }, words),
      compare,
      this.#comparisonResults,
    );
  }

  /** Loads the images and boots both machines. */
  async start(): Promise<void> {
    await this.#run('Booting both machines', async () => {
      const [lab, image] = await Promise.all([browserLab(), floppy()]);
      const bench = new Bench(lab, image, {
        machine: (_, machine) => machine.subscribe(() => this.#update()),
        problem: (error) => this.#showError(messageOf(error)),
      });
      this.#bench = bench;
      const pane = (placement: SidePlacement): Pane =>
        new Pane(bench.stations[placement], {
          check: () => this.#panes?.[placement].check(),
          reboot: () => this.#reboot(placement),
        });
      this.#panes = { monolithic: pane('monolithic'), microkernel: pane('microkernel') };
      this.#panesPlace.replaceChildren(
        ...PLACEMENTS.flatMap((placement) => this.#panes?.[placement].element ?? []),
      );
      this.#lockActions();
      setText(this.#environment, environmentOf(bench.environment));
      setInterval(() => this.#update(), LOOK_MS);
      await bench.start();
      this.#check();
      this.#terminal.use(shellsOf(bench.stations, lab));
      this.#faultButtons.replaceChildren(...bench.faults.map((fault) => this.#faultButton(fault)));
      return 'Both machines are running.';
    });
  }

  #faultButton(fault: string): HTMLButtonElement {
    const why = withheld(fault);
    const words = why === null ? wordsOf(fault) : `${wordsOf(fault)}: ${why}`;
    const label = h('span', {}, h('code', {}, fault), h('small', {}, words));
    if (why !== null) return h('button', { type: 'button', class: 'fault', disabled: true }, label);
    return button(label, () => this.#provoke(fault), {
      'data-action': 'fault',
      'data-fault': fault,
      class: 'fault',
    });
  }

  async #provoke(fault: string): Promise<void> {
    await this.#run(`${fault} on both machines`, async (hidden) => {
      const bench = this.#ready();
      const sides = await bench.provoke(fault, this.#clean.checked, (text) => this.#say(`${text} …`));
      this.#showFault(fault, sides, hidden() ? HIDDEN : '');
      this.#check();
      const outcomes = PLACEMENTS.map((placement) => {
        const side = sides[placement];
        return `${PLACED[placement]}: ${'row' in side ? side.row.outcome : 'not observed'}`;
      });
      return `${fault} done. ${outcomes.join(', ')}.`;
    });
  }

  /** The newest in full above the machines; every other as a line below them. */
  #showFault(fault: string, sides: PerSide<Provoked>, note: string): void {
    this.#faultResults.replaceChildren(faultResult(fault, sides, note));
    this.#history.querySelector(`[data-fault="${CSS.escape(fault)}"]`)?.remove();
    this.#history.prepend(foldedResult(fault, sides, note));
    this.#historyCard.hidden = this.#history.childElementCount < 2;
  }

  async #measure(): Promise<void> {
    await this.#run('Measuring calls', async (hidden) => {
      const bench = this.#ready();
      const problems: string[] = [];
      const rows = await bench.measure(
        (text) => this.#say(`${text} …`),
        (problem) => problems.push(problem),
      );
      const note = [...problems, ...(hidden() ? [HIDDEN] : [])].join(' ');
      this.#callResults.replaceChildren(callsTable(rows, bench.environment, note));
      return 'Calls measured.';
    });
  }

  async #compare(): Promise<void> {
    await this.#run('Comparing', async (hidden) => {
      const bench = this.#ready();
      const problems: string[] = [];
      const cancelling = new AbortController();
      this.#cancelling = cancelling;
      this.#cancel.hidden = false;
      try {
        const report = await bench.compare(
          (text) => this.#say(`${text} …`),
          (problem) => problems.push(problem),
          cancelling.signal,
        );
        if (report.interrupted) return 'The comparison was cancelled.';
        this.#comparisonResults.replaceChildren(comparisonResult(report, problems, hidden() ? HIDDEN : ''));
        return 'Compared.';
      } finally {
        this.#cancel.hidden = true;
        this.#cancelling = null;
      }
    });
  }

  async #reboot(placement: SidePlacement): Promise<void> {
    await this.#run(`Rebooting the ${PLACED[placement]} machine`, async () => {
      await this.#ready().reboot(placement);
      this.#check();
      return `The ${PLACED[placement]} machine has been rebooted.`;
    });
  }

  #ready(): Bench {
    if (this.#bench === null) throw new Error('the machines have not been booted');
    return this.#bench;
  }

  /** One thing at a time: until it is done every action is locked. @returns whether it was done at all */
  async #run(what: string, work: (hidden: () => boolean) => Promise<string>): Promise<boolean> {
    if (this.#busy) return false;
    this.#busy = true;
    const focused = document.activeElement;
    this.#errors.replaceChildren();
    this.#lockActions();
    this.#say(`${what} …`);
    const watch = watchHidden();
    try {
      this.#say(await work(() => watch.end()));
    } catch (error) {
      this.#say(`${what}: failed.`);
      this.#showError(messageOf(error));
    } finally {
      this.#busy = false;
      watch.end();
      this.#lockActions();
      this.#update();
      // A disabled button loses the focus; whoever works by keyboard goes on where they were.
      if (focused instanceof HTMLElement && document.activeElement === document.body)
        focused.focus({ preventScroll: true });
    }
    return true;
  }

  #lockActions(): void {
    for (const action of this.element.querySelectorAll<HTMLButtonElement>('button[data-action]'))
      action.disabled = this.#busy;
    this.#terminal.lock(this.#busy);
    this.element.dataset['busy'] = String(this.#busy);
  }

  #check(): void {
    for (const placement of PLACEMENTS) this.#panes?.[placement].check();
  }

  #update(): void {
    const { monolithic, microkernel } = this.#bench?.stations ?? {};
    const drivers = (machine: { status(): { drivers: DriverStatus[] } } | null | undefined): DriverStatus[] =>
      machine?.status().drivers ?? [];
    this.#panes?.monolithic.update(drivers(microkernel?.machine));
    this.#panes?.microkernel.update(drivers(monolithic?.machine));
  }

  #say(text: string): void {
    setText(this.#status, text);
  }

  #showError(message: string): void {
    this.#errors.append(h('p', {}, message));
  }
}
