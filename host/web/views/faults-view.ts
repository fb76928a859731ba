// What faults did, a row each, a side beside the other: the outcome, a sentence, the measured times.

import { PLACEMENTS, type FaultRow, type Outcome, type PerSide } from '../../lab/compare/report.ts';
import { milliseconds } from '../../lab/units.ts';
import { verdictOfFault } from '../../lab/compare/verdict.ts';
import type { SidePlacement } from '../../machine/shared/types.ts';
import type { Provoked } from '../bench.ts';
import { figure, h } from './dom.ts';
import { wordsOf } from './fault-words.ts';
import { PLACED } from '../sides.ts';

/** How an outcome is to be seen: contained, a loss, or worse. */
const GRAVITY: Record<Outcome, 'good' | 'fair' | 'bad'> = {
  'no effect seen': 'good',
  'error returned': 'good',
  'driver restarted': 'good',
  'machine rebooted': 'fair',
  'damage found': 'bad',
  'not recovered': 'bad',
};

/** One fault on both sides, in full. @param note is said to both */
export function faultResult(fault: string, sides: PerSide<Provoked>, note = ''): HTMLElement {
  const words = wordsOf(fault);
  return h(
    'article',
    { class: 'fault', 'data-fault': fault },
    h(
      'h3',
      {},
      h('code', {}, fault),
      ...(words === '' ? [] : [h('span', { class: 'words' }, ` lkdtm ${words}`)]),
    ),
    ...body(sides, note),
  );
}

/** The same as one line that unfolds. */
export function foldedResult(fault: string, sides: PerSide<Provoked>, note = ''): HTMLElement {
  const outcomes = PLACEMENTS.flatMap((placement) => [
    h('span', { class: `side-name ${placement}` }, PLACED[placement]),
    outcomeBadge(sides[placement]),
  ]);
  return h(
    'details',
    { class: 'fault', 'data-fault': fault },
    h('summary', {}, h('code', {}, fault), ...outcomes),
    ...body(sides, note),
  );
}

function body(sides: PerSide<Provoked>, note: string): HTMLElement[] {
  const both = PLACEMENTS.map((placement) => sideResult(placement, sides[placement]));
  return [...(note === '' ? [] : [h('p', { class: 'note' }, note)]), h('div', { class: 'sides' }, ...both)];
}

function outcomeBadge(provoked: Provoked): HTMLElement {
  if ('problem' in provoked) return h('span', { class: 'badge', 'data-gravity': 'bad' }, 'not observed');
  const { outcome } = provoked.row;
  return h('span', { class: 'badge', 'data-gravity': GRAVITY[outcome] }, outcome);
}

function sideResult(placement: SidePlacement, provoked: Provoked): HTMLElement {
  const head = h('p', {}, h('span', { class: 'side-name' }, PLACED[placement]), ' ', outcomeBadge(provoked));
  const sentence = (text: string): HTMLElement => h('p', { class: 'sentence' }, text);
  if ('problem' in provoked) {
    const { problem } = provoked;
    return h(
      'div',
      { class: `side ${placement}` },
      head,
      sentence(`The fault could not be observed on this machine: ${problem}. Reboot it.`),
    );
  }
  const { row } = provoked;
  return h(
    'div',
    { class: `side ${placement}` },
    head,
    sentence(verdictOfFault(row)),
    timesOf(row),
    ...listOf('Damage', row.damage, 'damage'),
    ...listOf('What the kernel logged', row.log, 'said'),
  );
}

function timesOf(row: FaultRow): HTMLElement {
  const time = (ms: number | null, never: string): string => (ms === null ? never : milliseconds(ms));
  const pairs: [string, string][] = [
    [
      'noticed after',
      time(row.detectedAfterMs, row.detectedBy === null ? 'not noticed' : 'at an unknown time'),
    ],
    ['in service again after', time(row.recoveredAfterMs, 'never stopped')],
    ['calls lost', figure(row.callsFailed)],
    ['another program, slowest call', milliseconds(row.bystanderWorstMs)],
  ];
  if (row.outcome === 'not recovered') pairs[1] = ['in service again after', 'not any more'];
  return h(
    'dl',
    { class: 'times' },
    ...pairs.flatMap(([name, value]) => [h('div', {}, h('dt', {}, name), h('dd', {}, value))]),
  );
}

function listOf(title: string, lines: readonly string[], kind: string): HTMLElement[] {
  if (lines.length === 0) return [];
  const list =
    kind === 'said'
      ? h('pre', { tabindex: '0' }, lines.join('\n'))
      : h('ul', {}, ...lines.map((line) => h('li', {}, line)));
  return [h('details', { class: kind }, h('summary', {}, `${title} (${lines.length})`), list)];
}
