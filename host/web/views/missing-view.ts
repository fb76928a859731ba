// What is shown instead of the machines where none can run, and above them what they have lost where they run on one thread.

import { TRANSPORTS } from '../../ipc/transport.ts';
import { h } from './dom.ts';
import { HEADERS, namesOf, type Missing } from '../requirements.ts';

/** What needs a second thread on the same memory, and what is here in its place. */
const LOST: readonly Missing[] = [
  {
    what: 'The microkernel, and pools',
    detail:
      'A driver on a thread of its own meets the kernel in shared memory. In its place stands a sandbox: each driver has ' +
      'a memory of its own, on the kernel’s thread.',
  },
  {
    what: 'Whoever notices a hang',
    detail:
      'Kernel, drivers and supervisor share the thread of this page: a driver that never returns takes the page with it. ' +
      'LOOP is not offered; in the shell nobody keeps you from it.',
  },
  {
    what: 'Programs on threads of their own',
    detail: 'They take turns with everything else here, and their slowest call is often the page’s doing.',
  },
  {
    what: 'The whole comparison',
    detail: 'It compares with the microkernel, and hangs a driver.',
  },
  {
    what: `Rungs of the ladder: ${TRANSPORTS.filter(({ threads }) => threads)
      .map(({ name }) => name)
      .join(', ')}`,
    detail:
      'They lead to another thread. Messages could go there, but a driver’s own calls of the kernel wait for their answer, ' +
      'which takes shared memory.',
  },
];

/** Of a page that is not isolated. */
const CLOCK: Missing = {
  what: 'A fine clock',
  detail: 'Its steps are 100 µs here instead of 5 µs; batches of calls last longer to make up for it.',
};

const listOf = (items: readonly Missing[]): HTMLElement =>
  h('ul', {}, ...items.map(({ what, detail }) => h('li', {}, h('strong', {}, what), h('br'), detail)));

/** Nothing runs. */
export function missingView(missing: readonly Missing[]): HTMLElement {
  return h(
    'section',
    { class: 'notice', 'aria-labelledby': 'missing' },
    h('h2', { id: 'missing' }, 'The machines cannot run here'),
    h('p', {}, 'What is missing:'),
    listOf(missing),
  );
}

/** Machines run on one thread. @param missing why */
export function lostView(missing: readonly Missing[]): HTMLElement {
  const isolated = globalThis.crossOriginIsolated;
  const cause = isolated
    ? 'Its memory cannot be shared with another thread.'
    : 'It is not isolated from other pages, so its memory cannot be shared with another thread.';
  const why = `Why: it lacks ${namesOf(missing)}.`;
  return h(
    'section',
    { class: 'notice lost', 'aria-labelledby': 'lost' },
    h('h2', { id: 'lost' }, 'This page has one thread only'),
    h(
      'p',
      {},
      `${cause} The monolith runs, and beside it a sandbox; the `,
      h('a', { href: '../ladder.html' }, 'ladder'),
      ' runs as far as it needs one thread. What is lost:',
    ),
    listOf(isolated ? LOST : [...LOST, CLOCK]),
    h(
      'details',
      { open: isolated }, // what is said there is all there is to know
      h('summary', {}, isolated ? why : `${why} How to serve it`),
      listOf(missing),
      ...(isolated ? [] : serving()),
    ),
  );
}

function serving(): HTMLElement[] {
  return [
    h('p', {}, 'In a clone of the project:'),
    h('pre', {}, h('code', {}, 'npm start')),
    h('p', {}, 'or copy dist/web to any server that sends these two headers with every file:'),
    h('pre', {}, h('code', {}, HEADERS.map(({ name, value }) => `${name}: ${value}`).join('\n'))),
  ];
}
