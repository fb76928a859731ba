// The report as one terminal table of at most 100 columns, monolithic left, microkernel right: calls, then faults, with
// a verdict per row. A time never stands without its floor. Text in, text out.

import { printable } from '../../domain/stack.ts';
import type { SidePlacement } from '../../machine/shared/types.ts';
import { completionLines } from '../interruption.ts';
import {
  pairs,
  PLACEMENTS,
  type CallRow,
  type CompareReport,
  type FaultRow,
  type Outcome,
} from './report.ts';
import { count, nanoseconds, times } from '../units.ts';
import { sumsOf, verdictOfCalls, verdictOfFault } from './verdict.ts';

const WIDTH = 100;
const NOT_LOADED = 'not loaded';
const GUTTER = '  ';
const HALF = (WIDTH - GUTTER.length) / 2;

type Style = 'bold' | 'dim' | 'red' | 'yellow' | 'green';
const CODES: Record<Style, number> = { bold: 1, dim: 2, red: 31, yellow: 33, green: 32 };

export interface TableOptions {
  colours: boolean;
}

/** The report's lines joined with newlines, ending in one. */
export function renderTable(report: CompareReport, options: TableOptions): string {
  const paint = painter(options.colours);
  return [
    ...head(report, paint),
    '',
    paint(
      'bold',
      'What a call costs: the median, beside its floor: the cheapest thing of that kind, same run',
    ),
    ...calls(report.call, paint),
    '',
    paint('bold', 'What a fault does, while another program keeps reading another driver'),
    ...faults(report.faults, paint),
    '',
    ...balance(report, paint),
    ...completionLines(report).map((line) => paint('yellow', line)),
    '',
  ].join('\n');
}

type Paint = (style: Style, text: string) => string;

function painter(colours: boolean): Paint {
  return (style, text) => (colours ? `\u001b[${CODES[style]}m${text}\u001b[0m` : text);
}

function head({ driver, image, environment }: CompareReport, paint: Paint): string[] {
  const monolithic = driver.sha256.monolithic ?? NOT_LOADED;
  const microkernel = driver.sha256.microkernel ?? NOT_LOADED;
  const held = PLACEMENTS.filter((placement) => image.readBack[placement] === image.sha256);
  const isolation = environment.crossOriginIsolated ? 'cross-origin isolated' : 'not cross-origin isolated';
  return [
    `driver  ${monolithic}`,
    monolithic === NOT_LOADED || microkernel === NOT_LOADED
      ? paint('yellow', `        ${printable(driver.name)}: interrupted before both sides had it`)
      : monolithic === microkernel
        ? `        ${printable(driver.name)}: the same file on both sides`
        : paint(
            'red',
            `        ${printable(driver.name)}: another file on the microkernel's side: ${microkernel}`,
          ),
    `image   ${image.sha256}`,
    held.length === PLACEMENTS.length
      ? '        written into the driver and read back whole on both sides'
      : paint('yellow', `        read back whole from the driver: ${held.join() || 'on neither side'}`),
    `run on  ${environment.runtime}, ${count(environment.cores, 'core')}, clock step ` +
      `${nanoseconds(environment.clockStepNs)}, ${isolation}, isolab ${environment.version}`,
  ];
}

// operation bytes | time (middle half) floor ratio | the same
const CALL_HEAD = ['time', 'its floor', 'ratio'] as const;
const CALL_WIDTHS = [10, 17, 7] as const;

function calls(rows: readonly CallRow[], paint: Paint): string[] {
  const named = cells('', '', [...CALL_HEAD], [...CALL_HEAD]);
  const lines = [
    `${' '.repeat(16)}${'monolithic'.padStart(34)}${GUTTER}${GUTTER}${'microkernel'.padStart(34)}`,
    paint('dim', named),
  ];
  for (const { monolithic, microkernel } of pairs(
    rows,
    (a, b) => a.operation === b.operation && a.bytes === b.bytes,
  )) {
    const any = monolithic ?? microkernel;
    if (any === undefined) continue;
    const bytes = any.bytes === 0 ? '' : `${any.bytes} B`;
    lines.push(paint('bold', cells(any.operation, bytes, callCells(monolithic), callCells(microkernel))));
    if (monolithic !== undefined && microkernel !== undefined) {
      lines.push(...wrap(verdictOfCalls(monolithic, microkernel), WIDTH - 2).map((line) => `  ${line}`));
    }
  }
  return [...lines, paint('dim', `  floors: ${legend(rows)}`)];
}

const FLOOR_MARKS: Record<CallRow['floor']['name'], string> = {
  'indirect call': 'c',
  'wasm to JavaScript to wasm': 'g',
  'shared-memory round trip': 'r',
  'wait/notify round trip': 'w',
  'postMessage round trip': 'p',
  'bare ring': 'b',
  'memory copy': 'm',
  'untraced call': 'u',
};

function legend(rows: readonly CallRow[]): string {
  const used = new Set(rows.map((row) => row.floor.name));
  return [...used].map((name) => `${FLOOR_MARKS[name]} = a bare ${name}`).join(', ');
}

function callCells(row: CallRow | undefined): string[] {
  if (row === undefined) return ['not measured', '', ''];
  const floor = `${nanoseconds(row.floor.median)} ${FLOOR_MARKS[row.floor.name]}`;
  return [nanoseconds(row.ns.median), floor, times(row.ratio)];
}

function cells(name: string, bytes: string, left: string[], right: string[]): string {
  const side = (texts: string[]): string =>
    texts.map((text, index) => text.padStart(CALL_WIDTHS[index] ?? 0)).join('');
  return `${name.padEnd(8)}${bytes.padStart(8)}${side(left).padStart(34)}${GUTTER}${GUTTER}${side(right).padStart(34)}`.trimEnd();
}

const OUTCOME_STYLES: Record<Outcome, Style> = {
  'no effect seen': 'green',
  'error returned': 'green',
  'driver restarted': 'green',
  'damage found': 'red',
  'machine rebooted': 'yellow',
  'not recovered': 'red',
};

function faults(rows: readonly FaultRow[], paint: Paint): string[] {
  const lines: string[] = [];
  for (const { monolithic, microkernel } of pairs(rows, (a, b) => a.fault === b.fault)) {
    const name = ` ${printable((monolithic ?? microkernel)?.fault ?? '')} `;
    lines.push(paint('bold', `──${name}${'─'.repeat(Math.max(0, WIDTH - 2 - name.length))}`));
    lines.push(
      ...beside(faultCells('monolithic', monolithic), faultCells('microkernel', microkernel), paint),
    );
  }
  return lines;
}

interface Cell {
  /** Painted after it has been fitted. */
  first: { text: string; style: Style };
  rest: string[];
}

function faultCells(placement: SidePlacement, row: FaultRow | undefined): Cell {
  if (row === undefined) return { first: { text: `${placement}: not measured`, style: 'dim' }, rest: [] };
  return {
    first: { text: `${placement}: ${row.outcome}`, style: OUTCOME_STYLES[row.outcome] },
    rest: wrap(verdictOfFault(row), HALF),
  };
}

function beside(left: Cell, right: Cell, paint: Paint): string[] {
  const fitted = (cell: Cell): string => paint(cell.first.style, cell.first.text.padEnd(HALF));
  const lines = [`${fitted(left)}${GUTTER}${fitted(right)}`.trimEnd()];
  for (let index = 0; index < Math.max(left.rest.length, right.rest.length); index++) {
    lines.push(`${(left.rest[index] ?? '').padEnd(HALF)}${GUTTER}${right.rest[index] ?? ''}`.trimEnd());
  }
  return lines;
}

function balance(report: CompareReport, paint: Paint): string[] {
  const lines = sumsOf(report).flatMap(({ of, text }) => hang(`${of.padEnd(12)} ${text}`, 13));
  return [paint('bold', report.interrupted ? 'In sum, as far as it came' : 'In sum'), ...lines];
}

/** Wrapped, later lines indented. */
function hang(text: string, indent: number): string[] {
  return wrap(text, WIDTH - indent).map((line, index) =>
    index === 0 ? line : `${' '.repeat(indent)}${line}`,
  );
}

/** Breaks at spaces; a word longer than a line is broken as well. Names out of a module steer no terminal. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of printable(text).split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = '';
    }
    line = line === '' ? word : `${line} ${word}`;
    while (line.length > width) {
      lines.push(line.slice(0, width));
      line = line.slice(width);
    }
  }
  return [...lines, line];
}
