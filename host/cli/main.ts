// `isolab`: binds the command line to this process: its streams, its signals, its end.
// The first Ctrl-C asks the command to clean up and return; a later one, or two seconds, end the process anyway.

import { setTimeout as sleep } from 'node:timers/promises';
import { runProgram } from './program.ts';

const GRACE_MS = 2000;
/** A terminal and npm both pass Ctrl-C on: what comes this soon after the first is the same one. */
const ECHO_MS = 500;

const controller = new AbortController();
let interruptedAt = -1;

function interrupt(signal: NodeJS.Signals): void {
  const code = signal === 'SIGTERM' ? 143 : 130;
  if (interruptedAt >= 0) {
    if (performance.now() - interruptedAt > ECHO_MS) process.exit(code);
    return;
  }
  interruptedAt = performance.now();
  controller.abort(signal);
  void sleep(GRACE_MS, undefined, { ref: false }).then(() => process.exit(code));
}

process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
// A reader that has seen enough (`isolab … | head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

const code = await runProgram(process.argv.slice(2), {
  out: (text) => void process.stdout.write(text),
  progress: (line) => void process.stderr.write(`${line}\n`),
  signal: controller.signal,
});
// Not left to the event loop: a worker that hangs by intention must not keep the process alive.
process.stdout.write('', () => process.exit(code));
