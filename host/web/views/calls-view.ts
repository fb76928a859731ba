// What calls cost, as a table: no time without its floor beside it, and nothing without where and with what clock it was
// measured.

import { pairs, type CallRow, type Environment } from '../../lab/compare/report.ts';
import { milliseconds, nanoseconds, times } from '../../lab/units.ts';
import { verdictOfCalls } from '../../lab/compare/verdict.ts';
import { h } from './dom.ts';
import { PLACED } from '../sides.ts';

const NAMES: Record<CallRow['operation'], string> = {
  dispatch: 'empty call in the kernel',
  syscall: 'empty call by a program',
  read: 'read',
};

export function callsTable(rows: readonly CallRow[], environment: Environment, note = ''): HTMLElement {
  const body = pairs(rows, (a, b) => a.operation === b.operation && a.bytes === b.bytes).flatMap(
    ({ monolithic, microkernel }) => {
      const any = monolithic ?? microkernel;
      if (any === undefined) return [];
      const name = any.bytes === 0 ? NAMES[any.operation] : `${NAMES[any.operation]} ${bytes(any.bytes)}`;
      const verdict =
        monolithic === undefined || microkernel === undefined
          ? 'One side could not be measured.'
          : verdictOfCalls(monolithic, microkernel);
      return [
        h(
          'tr',
          { class: 'values', 'data-operation': any.operation, 'data-bytes': String(any.bytes) },
          h('th', { scope: 'row' }, name),
          ...cellsOf(monolithic, 'monolithic'),
          ...cellsOf(microkernel, 'microkernel'),
        ),
        h('tr', { class: 'verdict' }, h('td', { colspan: '7' }, verdict)),
      ];
    },
  );
  const columns = ['time', 'its floor', 'ratio'];
  const table = h(
    'table',
    { class: 'calls' },
    h('caption', { class: 'unseen' }, 'What a call costs on both machines'),
    h('colgroup', {}, h('col')),
    h(
      'thead',
      {},
      h(
        'tr',
        {},
        h('td'),
        h('th', { scope: 'colgroup', colspan: '3', class: 'monolithic' }, PLACED.monolithic),
        h('th', { scope: 'colgroup', colspan: '3', class: 'microkernel' }, PLACED.microkernel),
      ),
      h('tr', {}, h('td'), ...[...columns, ...columns].map((name) => h('th', { scope: 'col' }, name))),
    ),
    h('tbody', {}, ...body),
  );
  return h(
    'div',
    {},
    ...(note === '' ? [] : [h('p', { class: 'note' }, note)]),
    h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'what a call costs' }, table),
    h(
      'p',
      { class: 'fine' },
      'Median of the batches, the middle half of them below it. A floor is the cheapest thing of that kind that this browser ' +
        'can do, measured in turns with the call, in the same threads.',
    ),
    h('p', { class: 'fine' }, environmentOf(environment)),
  );
}

export function environmentOf(environment: Environment): string {
  const { runtime, cores, clockStepNs, version } = environment;
  const isolated = environment.crossOriginIsolated ? 'cross-origin isolated' : 'not cross-origin isolated';
  const clock = clockStepNs >= 1e6 ? milliseconds(clockStepNs / 1e6) : nanoseconds(clockStepNs);
  return `${runtime} · ${cores} cores · clock step ${clock} · ${isolated} · isolab ${version}`;
}

function cellsOf(row: CallRow | undefined, side: string): HTMLElement[] {
  if (row === undefined) return [h('td', { colspan: '3', class: `${side} none` }, 'not measured')];
  const { median, q1, q3 } = row.ns;
  return [
    h(
      'td',
      { class: `${side} number` },
      nanoseconds(median),
      h('small', { title: 'first to third quartile' }, `${nanoseconds(q1)} – ${nanoseconds(q3)}`),
    ),
    h('td', { class: 'number' }, nanoseconds(row.floor.median), h('small', {}, row.floor.name)),
    h('td', { class: 'number ratio' }, times(row.ratio)),
  ];
}

function bytes(count: number): string {
  return count >= 1024 && count % 1024 === 0 ? `${count / 1024} KiB` : `${count} B`;
}
