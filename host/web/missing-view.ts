// What is shown instead of the machines where they cannot run.

import { h } from './dom.ts';
import { HEADERS, type Missing } from './requirements.ts';

export function missingView(missing: readonly Missing[]): HTMLElement {
  return h(
    'section',
    { class: 'notice', 'aria-labelledby': 'missing' },
    h('h2', { id: 'missing' }, 'The machines cannot run here'),
    h('p', {}, 'What is missing:'),
    h('ul', {}, ...missing.map(({ what, detail }) => h('li', {}, h('strong', {}, what), h('br'), detail))),
    h('h3', {}, 'How to serve this page'),
    h('p', {}, 'In a clone of the project:'),
    h('pre', {}, h('code', {}, 'npm start')),
    h('p', {}, 'or copy dist/web to any server that sends these two headers with every file:'),
    h('pre', {}, h('code', {}, HEADERS.map(({ name, value }) => `${name}: ${value}`).join('\n'))),
  );
}
