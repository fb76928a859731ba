import { O_RDONLY } from '../../../kernel/abi/operation.ts';
import type { Command } from '../command.ts';
import { UsageError } from '../errors.ts';
import type { Options } from '../options.ts';
import { linesOf } from '../streams.ts';
import { eachInput } from './inputs.ts';

const TROUBLE = 2;

export const sort: Command = {
  name: 'sort',
  summary: 'Prints the lines of files, or of its input, sorted',
  usage: '[-bfnrsu] [-t LETTER] [-k FIELD[.LETTER][,FIELD[.LETTER]]]... [FILE]...',
  details:
    'Letters are compared by their numbers. b, f, n and r may also stand behind a place of -k, for that key alone.',
  options: {
    'b,ignore-leading-blanks': 'keys begin behind their blanks',
    'f,ignore-case': 'a is A',
    'n,numeric-sort': 'by the number at the beginning',
    'r,reverse': 'the other way round',
    's,stable': 'lines whose keys are alike stay in their order',
    'u,unique': 'of lines that are alike only the first',
    't,field-separator=LETTER': 'what stands between fields; otherwise where blanks begin',
    'k,key=KEY': 'from a field to a field, or to the end of the line; may be given again',
  },
  completes: 'path',
  trouble: TROUBLE,
  async run(call) {
    const { options } = call;
    const order = orderOf(options);
    const lines: string[] = [];
    const trouble = await eachInput(call, O_RDONLY, async (input) => {
      for await (const line of linesOf(input)) lines.push(line);
    });
    const last = options.has('unique') || options.has('stable') ? () => 0 : bytewise(options.has('reverse'));
    lines.sort((a, b) => order(a, b) || last(a, b));
    const shown = options.has('unique')
      ? lines.filter((line, i) => i === 0 || order(lines[i - 1]!, line) !== 0)
      : lines;
    await call.print(shown.map((line) => `${line}\n`).join(''));
    return trouble > 0 ? TROUBLE : 0;
  },
};

type Order = (a: string, b: string) => number;

const compared = <T>(a: T, b: T): number => (a < b ? -1 : a > b ? 1 : 0);
const bytewise =
  (reverse: boolean): Order =>
  (a, b) =>
    reverse ? compared(b, a) : compared(a, b);

/** `2.3b` */
interface Place {
  field: number;
  /** From 1; 0 where an end has none: the field's end. */
  letter: number;
  flags: string;
}

const KEY = /^(\d+)(?:\.(\d+))?([bfnr]*)(?:,(\d+)(?:\.(\d+))?([bfnr]*))?$/;

/** @throws UsageError */
function orderOf(options: Options): Order {
  const own = ['b', 'f', 'n', 'r'].filter((flag) => options.has(flag)).join('');
  const separator = options.get('field-separator') ?? null;
  if (separator !== null && [...separator].length !== 1)
    throw new UsageError(`the separator is one letter, not '${separator}'`);
  const orders = options.all('key').map((text): Order => {
    const [, field, letter, flags = '', endField, endLetter, endFlags = ''] = KEY.exec(text) ?? [];
    if (field === undefined || Number(field) === 0 || letter === '0' || endField === '0')
      throw new UsageError(`invalid key: '${text}'`);
    const bare = flags === '' && endFlags === '';
    const from: Place = { field: Number(field), letter: Number(letter ?? 1), flags: bare ? own : flags };
    const to: Place | null =
      endField === undefined
        ? null
        : { field: Number(endField), letter: Number(endLetter ?? 0), flags: bare ? own : endFlags };
    const kind = bare ? own : flags + endFlags;
    return by(kind, (line) => line.slice(letterAt(line, from, separator), endOf(line, to, separator)));
  });
  if (orders.length === 0) return by(own, (line) => (own.includes('b') ? line.trimStart() : line));
  return (a, b) => {
    for (const order of orders) {
      const result = order(a, b);
      if (result !== 0) return result;
    }
    return 0;
  };
}

function by(flags: string, keyOf: (line: string) => string): Order {
  const valueOf = (line: string): string | number => {
    const key = keyOf(line);
    if (flags.includes('n')) return Number(/^\s*(-?(?:\d+\.?\d*|\.\d+))/.exec(key)?.[1] ?? 0);
    return flags.includes('f') ? key.toUpperCase() : key;
  };
  const way = flags.includes('r') ? -1 : 1;
  return (a, b) => way * compared(valueOf(a), valueOf(b));
}

/** Where the field begins that has so many in front of it; a field has the blanks before it. */
function behind(line: string, fields: number, separator: string | null): number {
  let at = 0;
  for (let i = 0; i < fields; i++) {
    if (separator === null) at += /^[ \t]*[^ \t]*/.exec(line.slice(at))![0].length;
    else {
      const next = line.indexOf(separator, at);
      if (next < 0) return line.length;
      at = next + 1;
    }
  }
  return at;
}

function letterAt(line: string, { field, letter, flags }: Place, separator: string | null): number {
  let at = behind(line, field - 1, separator);
  if (flags.includes('b')) at += /^[ \t]*/.exec(line.slice(at))![0].length;
  return Math.min(line.length, at + letter - 1);
}

function endOf(line: string, place: Place | null, separator: string | null): number {
  if (place === null) return line.length;
  if (place.letter > 0) return Math.min(line.length, letterAt(line, place, separator) + 1);
  if (separator === null) return behind(line, place.field, null);
  const next = line.indexOf(separator, behind(line, place.field - 1, separator));
  return next < 0 ? line.length : next;
}
