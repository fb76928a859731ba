// The interactive shell: node:readline around a Runner. Ctrl-C ends the command that runs, or clears the line; Ctrl-D leaves;
// what is typed while a command runs is run after it.

import { createInterface, type Interface } from 'node:readline';
import type { ReadStream } from 'node:tty';
import type { Signal } from '../../shell/signal.ts';
import { parse } from '../../shell/parse.ts';
import { SyntaxProblem } from '../../shell/words.ts';
import { HISTORY_SIZE, type History } from './shell-history.ts';
import type { Runner, Terminal } from './shell-run.ts';

/** Runs what is typed until the user leaves or `signal` comes. */
export async function prompt(
  runner: Runner,
  name: string,
  history: History,
  terminal: Terminal,
  signal: Signal,
): Promise<void> {
  const { stdin, stdout } = terminal;
  const first = `${name}# `;
  let running: AbortController | null = null;
  const typed: string[] = [];
  let wake: () => void = () => {};
  let closed = false;

  const readline: Interface = createInterface({
    input: stdin as unknown as ReadStream,
    output: stdout,
    terminal: true,
    prompt: first,
    history: history.lines.toReversed(),
    historySize: HISTORY_SIZE,
    completer: (line: string, answer: (error: Error | null, found: [string[], string]) => void) => {
      runner.complete(line).then(
        ({ from, words }) => {
          const start = line.slice(from);
          answer(null, [words.filter((word) => word.startsWith(start)), start]);
        },
        // A machine that has just died completes nothing.
        () => answer(null, [[], line]),
      );
    },
  });
  readline.on('line', (line) => {
    typed.push(line);
    wake();
  });
  readline.on('SIGINT', () => {
    if (running) {
      running.abort();
      return;
    }
    stdout.write('^C\n');
    readline.write(null, { ctrl: true, name: 'e' });
    readline.write(null, { ctrl: true, name: 'u' });
    unfinished = '';
    readline.setPrompt(first);
    readline.prompt();
  });
  readline.on('close', () => {
    closed = true;
    wake();
  });
  const leave = (): void => {
    running?.abort();
    readline.close();
  };
  signal.addEventListener('abort', leave);

  let unfinished = '';
  try {
    while (!closed && !runner.exited && !signal.aborted) {
      if (typed.length === 0) {
        readline.setPrompt(unfinished === '' ? first : '> ');
        readline.prompt();
        await new Promise<void>((resolve) => (wake = resolve));
      }
      const line = typed.shift();
      if (line === undefined) continue;
      history.add(line);
      const text = unfinished === '' ? line : `${unfinished}\n${line}`;
      unfinished = isUnfinished(text) ? text : '';
      if (unfinished !== '' || text.trim() === '') continue;
      running = new AbortController();
      await runner.run(text, true, running.signal);
      // Else the prompt would be written over the last line.
      if (runner.midLine) stdout.write('\n');
      running = null;
    }
    if (closed && !runner.exited) stdout.write('\n');
  } finally {
    signal.removeEventListener('abort', leave);
    readline.close();
  }
}

/** Whether a text wants another line. */
function isUnfinished(text: string): boolean {
  try {
    parse(text);
    return false;
  } catch (error) {
    if (error instanceof SyntaxProblem) return error.unfinished;
    throw error;
  }
}
