// `isolab`: binds the command line to this process: its streams, its signals, its end.
// The first Ctrl-C asks the command to say what it has, to clean up and return; a later one, or four seconds, end the process
// anyway.

import { fstatSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { explained } from './io.ts';
import { runProgram } from './program.ts';

/** What was measured is told in less, and machines of which a driver hangs have ended. */
const GRACE_MS = 4000;
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
// A reader that has seen enough (`isolab … | head`) is no error; results that cannot be written are one.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  process.stderr.write(`isolab: standard output cannot be written: ${explained(error)}\n`, () =>
    process.exit(1),
  );
});
// Progress that nobody can read is no reason to lose results; where both go into the same pipe, nobody reads those either.
process.stderr.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE' && fstatSync(1).ino === fstatSync(2).ino) process.exit(0);
});

const code = await runProgram(process.argv.slice(2), {
  out: (text) => void process.stdout.write(text),
  progress: (line) => void process.stderr.write(`${line}\n`),
  signal: controller.signal,
});
// Not left to the event loop: a worker that hangs by intention must not keep the process alive.
process.stdout.write('', (error) => {
  if (!error) process.exit(code);
});
