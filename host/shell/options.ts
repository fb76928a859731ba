// A command's options: declared once, by which they are read, refused and explained.
//
//   { 'l,level=LIST': 'print only these levels', 'v': 'print everything' }

import { UsageError } from './errors.ts';

/**
 * From `short,long=VALUE` (either name, or both; a value or none) to what it does. With `#` among the names, -4 gives the
 * value 4.
 */
export type OptionTable = Readonly<Record<string, string>>;

interface Option {
  /** The names with their dashes. */
  names: string[];
  value: string | null;
  text: string;
}

function optionsOf(table: OptionTable): Option[] {
  return Object.entries({ ...table, help: 'explain the command' }).map(([key, text]) => {
    const [names = '', value] = key.split('=');
    return { names: names.split(',').map(dashed), value: value ?? null, text };
  });
}

const DIGITS = '-#';
const dashed = (name: string): string => (name.length === 1 ? `-${name}` : `--${name}`);

/** What a command line said. */
export class Options {
  private readonly said: ReadonlyMap<string, string[]>;

  constructor(said: ReadonlyMap<string, string[]>) {
    this.said = said;
  }

  /** @param name without dashes, any of the option's */
  has(name: string): boolean {
    return this.said.has(dashed(name));
  }

  /** Its last value. */
  get(name: string): string | undefined {
    return this.all(name).at(-1);
  }

  /** Its values, in order, where it may be given again. */
  all(name: string): readonly string[] {
    return this.said.get(dashed(name)) ?? [];
  }

  /** A count in an option's value. @throws UsageError */
  number(name: string): number | undefined {
    const text = this.get(name);
    if (text === undefined) return undefined;
    if (!/^\d+$/.test(text)) throw new UsageError(`invalid number: '${text}'`);
    return Number(text);
  }
}

/**
 * Options and operands; options may stand anywhere before a `--`, short ones together (`-la`).
 * @throws UsageError in getopt's words
 */
export function readOptions(
  table: OptionTable,
  words: readonly string[],
): { options: Options; operands: string[] } {
  const options = optionsOf(table);
  const said = new Map<string, string[]>();
  const digits = options.find(({ names }) => names.includes(DIGITS));
  const operands: string[] = [];
  const left = [...words];
  const say = (option: Option, value: string): void =>
    option.names.forEach((name) => said.set(name, [...(said.get(name) ?? []), value]));
  for (let word = left.shift(); word !== undefined; word = left.shift()) {
    if (word === '--') {
      operands.push(...left);
      break;
    }
    if (word.startsWith('--')) {
      const [name = '', ...rest] = word.split('=');
      const option = options.find(({ names }) => names.includes(name));
      if (!option) throw new UsageError(`unrecognized option '${name}'`);
      if (option.value === null) {
        if (rest.length > 0) throw new UsageError(`option '${name}' doesn't allow an argument`);
        say(option, '');
        continue;
      }
      const value = rest.length > 0 ? rest.join('=') : left.shift();
      if (value === undefined) throw new UsageError(`option '${name}' requires an argument`);
      say(option, value);
    } else if (digits !== undefined && /^-\d+$/.test(word)) {
      say(digits, word.slice(1));
    } else if (word.length > 1 && word.startsWith('-')) {
      for (let at = 1; at < word.length; at++) {
        const letter = word[at]!;
        const option = options.find(({ names }) => names.includes(`-${letter}`));
        if (!option) throw new UsageError(`invalid option -- '${letter}'`);
        if (option.value === null) {
          say(option, '');
          continue;
        }
        const value = at + 1 < word.length ? word.slice(at + 1) : left.shift();
        if (value === undefined) throw new UsageError(`option requires an argument -- '${letter}'`);
        say(option, value);
        break;
      }
    } else {
      operands.push(word);
    }
  }
  return { options: new Options(said), operands };
}

/** The options as --help shows them. */
export function explainOptions(table: OptionTable): string {
  const rows = optionsOf(table).map(({ names, value, text }) => {
    const long = names.find((name) => name.startsWith('--'));
    const short = names.find((name) => !name.startsWith('--'));
    const shown = [short ?? '  ', long]
      .filter((name) => name !== undefined)
      .join(short && long ? ', ' : '  ');
    return [`  ${shown}${value === null ? '' : `${long ? '=' : ' '}${value}`}`, text] as const;
  });
  const width = Math.max(...rows.map(([names]) => names.length)) + 2;
  return rows.map(([names, text]) => `${names.padEnd(width)}${text}\n`).join('');
}
