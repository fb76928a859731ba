// The interactive shell over streams that stand for a terminal: its keys, its history, and what it does with half a line.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { History, HISTORY_SIZE, historyPath } from '../../host/cli/shell/shell-history.ts';
import { prompt } from '../../host/cli/shell/shell-prompt.ts';
import type { Runner, Terminal } from '../../host/cli/shell/shell-run.ts';
import type { Signal } from '../../host/shell/signal.ts';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'isolab-'))));
afterEach(() => rmSync(folder, { recursive: true }));

const complaints: string[] = [];
const historyIn = (path: string): History => new History(path, (text) => complaints.push(text));

class FakeRunner implements Runner {
  status = 0;
  exited = false;
  midLine = false;
  readonly ran: string[] = [];
  readonly out: PassThrough;

  constructor(out: PassThrough) {
    this.out = out;
  }

  async run(text: string, _alone: boolean, signal: Signal): Promise<void> {
    this.ran.push(text);
    if (text === 'exit') this.exited = true;
    if (text === 'hang') {
      this.out.write('hanging\n');
      await new Promise<void>((resolve) => signal.addEventListener('abort', resolve));
      this.ran.push('stopped');
    }
  }

  complete(line: string): Promise<{ from: number; words: string[] }> {
    return Promise.resolve({
      from: 0,
      words: ['insmod ', 'insight '].filter((word) => word.startsWith(line)),
    });
  }

  close(): void {}
}

function session(path = join(folder, 'history')) {
  const [stdin, stdout] = [new PassThrough(), new PassThrough()];
  let shown = '';
  stdout.on('data', (data: Buffer) => (shown += data.toString()));
  const runner = new FakeRunner(stdout);
  const end = new AbortController();
  const terminal = { stdin, stdout, stderr: new PassThrough() } as Terminal;
  const ended = prompt(runner, 'box', historyIn(path), terminal, end.signal);
  const seen = async (text: string): Promise<void> => {
    await vi.waitFor(() => expect(shown).toContain(text));
    shown = shown.slice(shown.indexOf(text) + text.length);
  };
  return { runner, ended, end, seen, type: (text: string) => void stdin.write(text) };
}

describe('the prompt', () => {
  test('runs lines until exit', async () => {
    const { runner, ended, seen, type } = session();
    await seen('box# ');
    type('one\n');
    await seen('box# ');
    type('  \n');
    await seen('box# ');
    type('exit\n');
    await ended;
    expect(runner.ran).toEqual(['one', 'exit']);
  });

  test('Ctrl-D leaves', async () => {
    const { runner, ended, seen, type } = session();
    await seen('box# ');
    type('\u0004');
    await ended;
    expect(runner.ran).toEqual([]);
  });

  test('Ctrl-C clears the line, and ends a command but not the shell; what was typed meanwhile is run', async () => {
    const { runner, ended, seen, type } = session();
    await seen('box# ');
    type('garbage');
    type('\u0003');
    await seen('^C');
    await seen('box# ');
    type('hang\n');
    await seen('hanging');
    type('later\n');
    type('\u0003');
    await seen('box# ');
    type('exit\n');
    await ended;
    expect(runner.ran).toEqual(['hang', 'stopped', 'later', 'exit']);
  });

  test('half a line wants another one', async () => {
    const { runner, ended, seen, type } = session();
    await seen('box# ');
    type("echo 'a\n");
    await seen('> ');
    type("b' |\n");
    await seen('> ');
    type('cat\n');
    await seen('box# ');
    type("'open\n");
    await seen('> ');
    type('\u0003');
    await seen('box# ');
    type('exit\n');
    await ended;
    expect(runner.ran).toEqual(["echo 'a\nb' |\ncat", 'exit']);
  });

  test('Tab completes', async () => {
    const { runner, ended, seen, type } = session();
    await seen('box# ');
    type('insm');
    type('\t');
    await seen('insmod ');
    type('x\n');
    await seen('box# ');
    type('exit\n');
    await ended;
    expect(runner.ran).toEqual(['insmod x', 'exit']);
  });

  test('the history of the last visit is there', async () => {
    const path = join(folder, 'state/history');
    const first = session(path);
    first.type('remembered\n');
    await vi.waitFor(() => expect(first.runner.ran).toEqual(['remembered']));
    first.type('\u0004');
    await first.ended;
    const { runner, ended, seen, type } = session(path);
    await seen('box# ');
    type('\u001b[A');
    await seen('remembered');
    type('\n');
    await vi.waitFor(() => expect(runner.ran).toEqual(['remembered']));
    type('\u0004');
    await ended;
  });

  test('the signal ends it, and the command that runs', async () => {
    const { runner, ended, end, seen, type } = session();
    await seen('box# ');
    type('hang\n');
    await seen('hanging');
    end.abort();
    await ended;
    expect(runner.ran).toEqual(['hang', 'stopped']);
  });
});

describe('the history', () => {
  test('lies in the state directory', () => {
    expect(historyPath({ XDG_STATE_HOME: '/state', HOME: '/home/x' })).toBe('/state/isolab/history');
    expect(historyPath({ XDG_STATE_HOME: 'relative', HOME: '/home/x' })).toBe(
      '/home/x/.local/state/isolab/history',
    );
    expect(historyPath({ HOME: '/home/x' })).toBe('/home/x/.local/state/isolab/history');
  });

  test('keeps each line once in a row, and the newest', () => {
    const path = join(folder, 'history');
    writeFileSync(path, Array.from({ length: 2 * HISTORY_SIZE + 1 }, (_, i) => `line ${i}\n`).join(''));
    const history = historyIn(path);
    expect(history.lines).toHaveLength(HISTORY_SIZE);
    for (const line of ['a', 'a', ' ', 'b\nc', 'b']) history.add(line);
    const kept = readFileSync(path, 'utf8').trimEnd().split('\n');
    expect(kept).toHaveLength(HISTORY_SIZE + 2);
    expect(kept.slice(-3)).toEqual([`line ${2 * HISTORY_SIZE}`, 'a', 'b']);
  });

  test('that cannot be kept is told once, and is no reason not to work', () => {
    writeFileSync(join(folder, 'file'), '');
    complaints.length = 0;
    const history = historyIn(join(folder, 'file/history'));
    history.add('a');
    history.add('b');
    expect(history.lines).toEqual(['a', 'b']);
    expect(complaints).toHaveLength(1);
    expect(complaints[0]).toMatch(/^the history is not kept: /);
  });
});
