// The result of a whole comparison: what isolab compare prints in a terminal, and the same report as JSON to keep.

import { PLACEMENTS, pairs, type CompareReport, type PerSide } from '../../lab/compare/report.ts';
import { sumsOf } from '../../lab/compare/verdict.ts';
import type { Provoked } from '../bench.ts';
import { callsTable } from './calls-view.ts';
import { h } from './dom.ts';
import { foldedResult } from './faults-view.ts';

export function comparisonResult(report: CompareReport, problems: readonly string[], note = ''): HTMLElement {
  return h(
    'div',
    { class: 'report' },
    ...(note === '' ? [] : [h('p', { class: 'note' }, note)]),
    ...problems.map((problem) => h('p', { class: 'note' }, problem)),
    h(
      'dl',
      { class: 'sums' },
      ...sumsOf(report).map(({ of, text }) => h('div', {}, h('dt', {}, of), h('dd', {}, text))),
      h('div', {}, h('dt', {}, 'the driver'), h('dd', {}, driverOf(report))),
      h('div', {}, h('dt', {}, 'the image'), h('dd', {}, imageOf(report))),
    ),
    h('h3', {}, 'What a call costs'),
    callsTable(report.call, report.environment),
    h('h3', {}, 'What faults do'),
    ...pairs(report.faults, (a, b) => a.fault === b.fault).map(({ monolithic, microkernel }) => {
      const side = (row: typeof monolithic): Provoked =>
        row === undefined ? { problem: 'no row' } : { row };
      const sides: PerSide<Provoked> = { monolithic: side(monolithic), microkernel: side(microkernel) };
      return foldedResult((monolithic ?? microkernel)?.fault ?? '', sides);
    }),
    h('p', {}, download(report)),
  );
}

function driverOf({ driver }: CompareReport): string {
  const monolithic = driver.sha256.monolithic ?? 'not loaded';
  const microkernel = driver.sha256.microkernel ?? 'not loaded';
  return monolithic === microkernel
    ? `${driver.name}, the same file on both sides: ${monolithic}`
    : `${driver.name}, not the same file: ${monolithic} and ${microkernel}`;
}

function imageOf({ image }: CompareReport): string {
  const held = PLACEMENTS.filter((placement) => image.readBack[placement] === image.sha256);
  return held.length === PLACEMENTS.length
    ? `written into the driver and read back whole on both sides: ${image.sha256}`
    : `read back whole on ${held.join() || 'neither side'}: ${image.sha256}`;
}

function download(report: CompareReport): HTMLElement {
  const file = new Blob([`${JSON.stringify(report, null, 2)}\n`], { type: 'application/json' });
  return h(
    'a',
    { href: URL.createObjectURL(file), download: 'isolab-compare.json' },
    'Save this report as JSON',
  );
}
