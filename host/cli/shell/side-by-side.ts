// What a line printed on both machines, as text: in two columns where there is room, else one after the other.

import { rowsOf, type Line, type Mark, type Pair, type CommandOutput, type Row } from '../../shell/both.ts';

export interface TerminalStyle {
  /** Characters of a line; 0 where there is no terminal. */
  columns: number;
  colours: boolean;
}

/** Two columns narrower than this are harder to read than one after the other. */
const MIN_COLUMNS = 100;
const SIDES = ['monolithic', 'microkernel'] as const;

const ESC = '\u001b[';
const RED = '31';
const YELLOW = '33';
const BOLD = '1';

function paint(text: string, colour: string, { colours }: TerminalStyle): string {
  return colours && text !== '' ? `${ESC}${colour}m${text}${ESC}0m` : text;
}

/** What was printed, and the statuses where they differ; nothing where nothing was printed. */
export function layOut(ran: Pair<CommandOutput>, look: TerminalStyle): string {
  const { monolithic, microkernel } = ran;
  const rows = rowsOf(monolithic.lines, microkernel.lines);
  if (monolithic.status !== microkernel.status)
    rows.push({ left: statusLine(monolithic), right: statusLine(microkernel), mark: '|' });
  if (rows.length === 0) return '';
  return look.columns >= MIN_COLUMNS ? inColumns(rows, look) : inTurn(rows, look);
}

const statusLine = ({ status }: CommandOutput): Line => ({ text: `exit status ${status}`, error: true });

/** The heads of the two columns; empty where there are none. */
export function heads(look: TerminalStyle): string {
  if (look.columns < MIN_COLUMNS) return '';
  const width = columnWidth(look);
  const names = SIDES.map((side) => side.padEnd(width));
  return `${paint(`${names[0]}   ${names[1]!.trimEnd()}`, BOLD, look)}\n`;
}

const columnWidth = ({ columns }: TerminalStyle): number => Math.floor((columns - 4) / 2);

function inColumns(rows: readonly Row[], look: TerminalStyle): string {
  const width = columnWidth(look);
  return rows.map((row) => columnsOf(row, width, look)).join('');
}

function columnsOf({ left, right, mark }: Row, width: number, look: TerminalStyle): string {
  const [one, other] = [pieces(left, width), pieces(right, width)];
  let text = '';
  for (let i = 0; i < Math.max(one.length, other.length, 1); i++) {
    const [a, b] = [one[i] ?? '', other[i] ?? ''];
    const sign = paint(mark, mark === '=' ? '2' : YELLOW, look);
    const first = `${coloured(a, left, look)}${' '.repeat(Math.max(width - [...a].length, 0))}`;
    text += `${first} ${sign} ${coloured(b, right, look)}`.trimEnd() + '\n';
  }
  return text;
}

/** A line in as many rows as it needs. */
function pieces(line: Line | null, width: number): string[] {
  if (line === null) return [];
  const characters = [...line.text];
  const rows: string[] = [];
  for (let at = 0; at < characters.length || at === 0; at += width)
    rows.push(characters.slice(at, at + width).join(''));
  return rows;
}

const coloured = (text: string, line: Line | null, look: TerminalStyle): string =>
  line?.error ? paint(text, RED, look) : text;

function inTurn(rows: readonly Row[], look: TerminalStyle): string {
  if (rows.every(({ mark }) => mark === '=')) return block('both', rows, ({ left }) => left, look);
  return (
    block('monolithic', rows, ({ left }) => left, look) +
    block('microkernel', rows, ({ right }) => right, look)
  );
}

function block(
  name: string,
  rows: readonly Row[],
  side: (row: Row) => Line | null,
  look: TerminalStyle,
): string {
  const lines = rows.flatMap((row) => {
    const line = side(row);
    return line === null
      ? []
      : [`${signOf(row.mark, look)} ${coloured(line.text, line, look)}`.trimEnd() + '\n'];
  });
  const none = lines.length === 0 ? '  (nothing)\n' : '';
  return `${paint(`${name}:`, BOLD, look)}\n${lines.join('')}${none}`;
}

const signOf = (mark: Mark, look: TerminalStyle): string => (mark === '=' ? ' ' : paint('|', YELLOW, look));
