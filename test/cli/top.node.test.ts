// `isolab top` and `isolab ps` as processes: tables, lines of JSON, the trace in a file, Ctrl-C.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ROOT } from '../../host/cli/root.ts';
import { runTop, type TopRequest } from '../../host/cli/top-run.ts';
import { nodeLab } from '../../host/cli/machines.ts';
import type { ChromeTrace } from '../../host/machine/inspect/chrome-trace.ts';
import type { Frame } from '../../host/shell/activity.ts';

function start(argv: string[]) {
  const child = spawn(process.execPath, [join(ROOT, 'dist/host/cli/main.js'), ...argv]);
  const seen = { out: '', error: '' };
  child.stdout.on('data', (data: Buffer) => (seen.out += data.toString()));
  child.stderr.on('data', (data: Buffer) => (seen.error += data.toString()));
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, ...seen }));
  return { child, ended };
}

const request: TopRequest = {
  ...{ placement: 'microkernel', workload: 'mixed', frames: 2, seconds: 0.2 },
  ...{ plain: false, json: false, trace: null },
};

/** Runs it in this process. @returns what was printed, piece by piece */
async function top(changes: Partial<TopRequest>, isTTY = false): Promise<string[]> {
  const out: string[] = [];
  const io = {
    out: (text: string) => void out.push(text),
    progress: () => {},
    signal: new AbortController().signal,
  };
  await runTop(await nodeLab(), { ...request, ...changes }, io, { isTTY, write: () => true });
  return out;
}

test('a table for each interval, with what was done in it', async () => {
  const [first, second, ...more] = await top({});
  expect(more).toEqual([]);
  expect(first).toMatch(/^top - microkernel, running, boot 1, up /);
  expect(second).toMatch(/^\ntop - /);
  expect(second).toMatch(/ [1-9]\d* +\d+ +[\d.]+ +<?[\d.]+ [nµm]s +<?[\d.]+ [nµm]s zero\n/);
});

test('on a terminal the table is drawn over the one before', async () => {
  const [first, second] = await top({ workload: 'idle' }, true);
  const lines = first!.split('\n').length - 1;
  expect(second!.startsWith(`\u001b[${lines}A\u001b[J`)).toBe(true);
});

test('--json is a line for each', async () => {
  const frames = (await top({ json: true, workload: 'busy' })).map(
    (line) => JSON.parse(line) as Frame & { schema: string },
  );
  for (const frame of frames) {
    expect(frame).toMatchObject({ schema: 'isolab.top/1', placement: 'microkernel', boot: 1 });
    const zero = frame.processes.find(({ name }) => name === 'zero')!.called!;
    expect(zero.calls).toBeGreaterThan(0);
    expect(zero.p99).toBeGreaterThanOrEqual(zero.p50!);
    expect(frame.rate).toBeGreaterThanOrEqual(zero.rate);
  }
});

test('in the monolith nothing crosses domains, and nothing is counted', async () => {
  const [line] = await top({ placement: 'monolithic', json: true, frames: 1 });
  const frame = JSON.parse(line!) as Frame;
  expect(frame.rate).toBe(0);
  expect(frame.processes.every(({ called }) => called === null)).toBe(true);
});

describe('as a process', () => {
  test('isolab ps prints one table, and the trace into a file', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'isolab-'));
    try {
      const file = join(folder, 'calls.json');
      const { code, out, error } = await start(['ps', '-d', '0.2', '--trace', file]).ended;
      expect({ code, error }).toEqual({ code: 0, error: '' });
      expect(out).toMatch(/^ +PID DOMAIN .* COMMAND\n +1 kernel /);
      const { traceEvents } = JSON.parse(readFileSync(file, 'utf8')) as ChromeTrace;
      expect(traceEvents.some((event) => event.ph === 'X')).toBe(true);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('isolab top ends with 130 after Ctrl-C', async () => {
    const { child, ended } = start(['top', '-d', '0.1']);
    await once(child.stdout, 'data');
    child.kill('SIGINT');
    const { code, error } = await ended;
    expect({ code, error }).toEqual({ code: 130, error: '' });
  });

  test.each([
    [['top', '-n', '0'], 'a whole number from 1 on is wanted'],
    [['top', '-d', 'soon'], 'seconds from 0.01 to 86400 are wanted'],
    [['ps', '--workload', 'heavy'], "argument 'heavy' is invalid"],
  ])('%j is no command line', async (argv, words) => {
    const { code, out, error } = await start(argv).ended;
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(error).toContain(words);
  });

  test('a file that cannot be written is told', async () => {
    const { code, error } = await start(['ps', '-d', '0.01', '--workload', 'idle', '--trace', '/nope/x'])
      .ended;
    expect(code).toBe(1);
    expect(error).toMatch(/^isolab: the trace cannot be written: /);
  });
});
