// The drivers of one machine: state, incarnation, and the file's hash with a mark where the other machine runs the very same.

import type { DriverStatus, MachineStatus } from '../../machine/shared/types.ts';
import { h, setData, setText } from './dom.ts';
import { HashView } from './hash-view.ts';

interface Row {
  element: HTMLTableRowElement;
  state: HTMLElement;
  generation: HTMLElement;
  restarts: HTMLElement;
  hash: HashView;
  same: HTMLElement;
}

const SAME = {
  unknown: '',
  same: 'byte for byte the same file as on the other machine',
  different: 'not the file that the other machine runs',
} as const;

/** A driver in the kernel's own memory is not replaced by itself. */
const NO_GENERATION = '–';

const STATES: Record<DriverStatus['state'], string> = {
  up: 'up',
  starting: 'starting …',
  waiting: 'waiting to be restarted …',
  ended: 'has left',
  failed: 'given up',
};

export class DriversView {
  readonly element: HTMLElement;
  readonly #body = h('tbody');
  readonly #rows = new Map<string, Row>();

  constructor() {
    const head = (name: string | Node): HTMLElement => h('th', { scope: 'col' }, name);
    const generation = h('abbr', { title: 'generation: how often it has been started' }, 'Gen.');
    this.element = h(
      'table',
      { class: 'drivers' },
      h('caption', { class: 'unseen' }, 'Drivers'),
      h(
        'thead',
        {},
        h('tr', {}, ...['Driver', 'State', generation, 'Restarts', 'SHA-256 of its file'].map(head)),
      ),
      this.#body,
    );
  }

  update({ drivers, placement }: MachineStatus, others: readonly DriverStatus[]): void {
    for (const driver of drivers) {
      const row = this.#rows.get(driver.name) ?? this.#add(driver.name);
      setText(row.state, STATES[driver.state]);
      setData(row.state, 'state', driver.state);
      const known = row.restarts.textContent !== '';
      setText(row.generation, placement === 'monolithic' ? NO_GENERATION : String(driver.generation));
      if (setText(row.restarts, String(driver.restarts)) && known) flash(row.element);
      row.hash.set(driver.sha256);
      const other = others.find(({ name }) => name === driver.name);
      const same = other === undefined ? 'unknown' : other.sha256 === driver.sha256 ? 'same' : 'different';
      setData(row.same, 'same', same);
      row.same.title = SAME[same];
      setText(row.same, same === 'unknown' ? '' : same === 'same' ? '= same file' : '≠ another file');
    }
    for (const [name, row] of this.#rows) {
      if (drivers.some((driver) => driver.name === name)) continue;
      row.element.remove();
      this.#rows.delete(name);
    }
  }

  #add(name: string): Row {
    const hash = new HashView(`SHA-256 of ${name}.ko.wasm`);
    const row = {
      ...{ state: h('span', { class: 'state' }), generation: h('td', { class: 'number' }) },
      ...{ restarts: h('td', { class: 'number' }), hash, same: h('span', { class: 'same' }) },
    };
    const element = h(
      'tr',
      {},
      h('th', { scope: 'row' }, name),
      h('td', {}, row.state),
      row.generation,
      row.restarts,
      h('td', {}, hash.element, ' ', row.same),
    );
    this.#body.append(element);
    const made = { element, ...row };
    this.#rows.set(name, made);
    return made;
  }
}

/** Draws the eye to what has just changed. */
function flash(element: HTMLElement): void {
  element.classList.remove('changed');
  void element.offsetWidth; // begins the animation anew
  element.classList.add('changed');
}
