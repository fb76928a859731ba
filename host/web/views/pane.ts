// One machine, live: state, drivers, the program that reads on, integrity, log. Shows what it reads; decides nothing.

import { milliseconds } from '../../lab/units.ts';
import type { DriverStatus, MachineStatus } from '../../machine/shared/types.ts';
import type { Station } from '../bench.ts';
import { button, figure, h, setData, setText } from './dom.ts';
import { DriversView } from './drivers-view.ts';
import { LogView } from './log-view.ts';
import { PLACED, titleOf, type Placed } from '../sides.ts';

const WORDS: Record<Placed, string> = {
  monolithic: 'Kernel and drivers share one memory and one thread. A call to a driver is a call.',
  sandbox:
    'Kernel and drivers each have a memory of their own and share one thread. A call to a driver passes a frame that catches.',
  microkernel:
    'Kernel and drivers each have a memory and a thread of their own. A call to a driver is a message.',
};

const STATES: Record<MachineStatus['state'], string> = {
  booting: 'booting …',
  running: 'running',
  rebooting: 'rebooting …',
  dead: 'dead',
  off: 'off',
};

/** A call that is answered only after so many ms is worth a word. */
const LONG_WAIT_MS = 300;

export interface PaneActions {
  check(): void;
  reboot(): Promise<void>;
}

export class Pane {
  readonly element: HTMLElement;
  readonly #station: Station;
  readonly #state = h('span', { class: 'badge' }, 'not booted');
  readonly #facts = h('span', { class: 'facts' });
  readonly #drivers = new DriversView();
  readonly #reading = h('p', { class: 'reading' }, 'not reading yet');
  readonly #findings = h('div', { class: 'findings' }, h('p', {}, 'not checked yet'));
  readonly #log: LogView;

  constructor(station: Station, actions: PaneActions) {
    const { placement } = station;
    const name = PLACED[placement];
    this.#station = station;
    this.#log = new LogView(`kernel log of the ${name} machine`);
    const heading = (text: string, ...more: Node[]): HTMLElement =>
      h('div', { class: 'heading' }, h('h3', {}, text), ...more);
    const check = button('Check', () => actions.check(), { class: 'small', 'data-action': 'check' });
    check.setAttribute('aria-label', `Check the ${name} machine`);
    const reboot = button('Reboot', () => actions.reboot(), { class: 'small', 'data-action': 'reboot' });
    reboot.setAttribute('aria-label', `Reboot the ${name} machine`);
    this.element = h(
      'section',
      { class: `pane ${placement}`, 'aria-labelledby': `${placement}-title` },
      h(
        'div',
        { class: 'pane-head' },
        h('h2', { id: `${placement}-title` }, titleOf(placement)),
        this.#state,
        reboot,
      ),
      h('p', { class: 'placement' }, WORDS[name]),
      h('p', {}, this.#facts),
      h(
        'div',
        {
          class: 'scroll',
          tabindex: '0',
          role: 'region',
          'aria-label': `drivers of the ${name} machine`,
        },
        this.#drivers.element,
      ),
      heading('Another program, meanwhile'),
      this.#reading,
      heading('Integrity', check),
      this.#findings,
      heading('Kernel log'),
      this.#log.element,
    );
  }

  update(others: readonly DriverStatus[]): void {
    const { machine } = this.#station;
    if (machine === null) return;
    const status = machine.status();
    setText(this.#state, STATES[status.state]);
    setData(this.#state, 'state', status.state);
    setText(this.#facts, factsOf(status, machine.deadlineMs));
    this.#drivers.update(status, others);
    this.#updateReading();
    this.#log.update(machine);
  }

  /** Looks for inconsistencies in the machine's memories and shows what is found. */
  check(): void {
    const { machine } = this.#station;
    if (machine === null) return;
    const found = machine.check();
    const time = new Date().toLocaleTimeString('en-GB');
    setData(this.#findings, 'found', String(found.length > 0));
    const head = found.length === 0 ? 'nothing out of order' : `${found.length} out of order`;
    this.#findings.replaceChildren(
      h('p', {}, `${time}: ${head}`),
      ...(found.length === 0 ? [] : [h('ul', {}, ...found.map((sentence) => h('li', {}, sentence)))]),
    );
  }

  #updateReading(): void {
    const { reader } = this.#station;
    const { calls, failed, worstMs, failures } = reader.figures;
    if (reader.path === '') return;
    const waited = reader.waitingSince === null ? 0 : performance.now() - reader.waitingSince;
    const why = failures.length > 0 ? ` (${failures.join(', ')})` : '';
    const parts = [
      `reads ${reader.path}; since ${reader.since} ${figure(calls)} calls, ${figure(failed)} failed${why}`,
      ...(calls > 0 ? [`slowest ${milliseconds(worstMs)}`] : []),
      ...(waited > LONG_WAIT_MS ? [`waiting for an answer for ${milliseconds(waited)}`] : []),
      ...(reader.running ? [] : ['resting']),
    ];
    setText(this.#reading, parts.join(', '));
    setData(this.#reading, 'failed', String(failed > 0));
    setData(this.#reading, 'waiting', String(waited > LONG_WAIT_MS));
  }
}

const TAINTS: Record<string, string> = { D: 'it has had an oops' };

function factsOf({ boot, taint, zombies, drivers }: MachineStatus, deadlineMs: number): string {
  const why = [...taint].map((letter) => TAINTS[letter]).filter((text) => text !== undefined);
  const tainted =
    taint === '' ? 'not tainted' : `tainted ${taint}${why.length > 0 ? ` (${why.join(', ')})` : ''}`;
  const restarts = drivers.reduce((sum, driver) => sum + driver.restarts, 0);
  return [
    `boot ${boot}`,
    tainted,
    `deadline ${milliseconds(deadlineMs)}`,
    ...(restarts > 0 ? [`${figure(restarts)} driver restart${restarts === 1 ? '' : 's'}`] : []),
    ...(zombies > 0 ? [`${figure(zombies)} ended thread${zombies === 1 ? '' : 's'} still running`] : []),
  ].join(' · ');
}
