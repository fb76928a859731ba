// What could stand where the cursor is: commands, the machine's files, modules. The same for terminal and page.

import { cleanText } from '../linker/wasm/bytes.ts';
import type { Completes } from './command.ts';
import { sysctlNames } from './commands/sysctl.ts';
import type { Shell } from './shell.ts';
import { quote, tokensSoFar, type Part, type WordToken } from './words.ts';

export interface Completion {
  /** Where the word begins that would be replaced, in the line. */
  from: number;
  /** What could stand there, ready to be typed, sorted: quoted where it must be; with a blank or a / after what is whole. */
  words: string[];
}

const NONE = (at: number): Completion => ({ from: at, words: [] });

/** What could stand at the end of this line. A name that cannot be shown as it is is not offered: nobody types it. */
export async function complete(shell: Shell, line: string): Promise<Completion> {
  const { from, words } = await candidatesAt(shell, line);
  return { from, words: words.filter((word) => cleanText(word) === word) };
}

async function candidatesAt(shell: Shell, line: string): Promise<Completion> {
  const tokens = tokensSoFar(line);
  if (tokens === null) return NONE(line.length);
  const last = tokens.at(-1);
  const current = last?.type === 'word' && last.to === line.length ? last : null;
  const before = current ? tokens.slice(0, -1) : tokens;
  const start = textOf(current?.parts ?? []);
  const from = current?.from ?? line.length;
  const previous = before.at(-1);
  if (previous?.type === 'redirect') return { from, words: await paths(shell, start) };

  // The words of this command alone, without the targets of its redirections.
  let begin = before.length;
  while (begin > 0 && before[begin - 1]!.type !== 'operator') begin--;
  const own = before.slice(begin);
  const words = own
    .filter((token, i): token is WordToken => token.type === 'word' && own[i - 1]?.type !== 'redirect')
    .map((token) => textOf(token.parts));
  const whole = (found: Iterable<string>): string[] =>
    [...new Set(found)]
      .filter((word) => word.startsWith(start))
      .sort()
      .map((word) => `${quote(word)} `);

  const command = shell.commands.get(
    words[0] === 'time' && words[1] !== undefined ? words[1] : (words[0] ?? ''),
  );
  if (words.length === 0 || (words[0] === 'time' && words.length === 1))
    return { from, words: whole(shell.commands.keys()) };
  const assigned = /^(if|of)=/.exec(start);
  if (command?.name === 'dd' && assigned) {
    const [name] = assigned;
    return { from: from + name.length, words: await paths(shell, start.slice(name.length)) };
  }
  if (command?.completes === 'directory')
    return { from, words: (await paths(shell, start)).filter((word) => word.endsWith('/')) };
  if (start.startsWith('/') || (command?.completes === 'path' && !start.startsWith('-')))
    return { from, words: await paths(shell, start) };
  return { from, words: whole(await candidates(shell, command?.completes ?? 'nothing')) };
}

async function candidates(shell: Shell, kind: Completes): Promise<Iterable<string>> {
  const { machine, modules } = shell.context;
  switch (kind) {
    case 'module':
      return modules.store.list();
    case 'loaded':
      return machine.lsmod().map(({ name }) => name);
    case 'driver':
      return machine.status().drivers.map(({ name }) => name);
    case 'sysctl':
      return sysctlNames(machine.console);
    case 'command':
      return shell.commands.keys();
    default:
      return [];
  }
}

/** The machine's files whose path begins so. */
async function paths(shell: Shell, start: string): Promise<string[]> {
  const folder = start.slice(0, start.lastIndexOf('/') + 1);
  const { entries } = await shell.view().readdir(folder === '' ? '.' : folder);
  return entries
    .filter(({ name }) => `${folder}${name}`.startsWith(start))
    .map(({ name, type }) => `${quote(`${folder}${name}`)}${type === 'directory' ? '/' : ' '}`)
    .sort();
}

function textOf(parts: readonly Part[]): string {
  return parts.map((part) => (part.kind === 'text' ? part.text : '$?')).join('');
}

/** What all of them begin with. */
export function commonStart(words: readonly string[]): string {
  const [first = '', ...rest] = words;
  let length = first.length;
  for (const word of rest) while (!word.startsWith(first.slice(0, length))) length--;
  return first.slice(0, length);
}
