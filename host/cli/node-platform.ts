// Threads in Node: worker_threads that run the built node-thread.js, also for tests, which themselves run from source.

import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { listen } from '../machine/shared/control.ts';
import type { Platform, Thread, ThreadKind } from '../machine/shared/platform.ts';
import { portOf } from './node-port.ts';
import type { Birth } from './node-thread.ts';
import { ROOT } from './root.ts';

const ENTRY = join(ROOT, 'dist/host/cli/node-thread.js');

/** Node as a place to run machines. */
export const nodePlatform: Platform = {
  name: `node ${process.versions.node}`,
  cores: availableParallelism(),
  now: () => performance.now(),
  spawn,
};

function spawn(kind: ThreadKind): Promise<Thread> {
  const number = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(ENTRY, { workerData: { kind, number } satisfies Birth, name: kind });
  const port = portOf(worker);
  const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
  return new Promise((resolve, reject) => {
    // An uncaught error ends the thread; whoever uses it sees that by `ended`.
    worker.on('error', reject);
    void ended.then(() => reject(new Error(`a ${kind} thread ended before it was ready`)));
    const stop = listen(port, (notice) => {
      if (notice.type !== 'ready') return;
      stop();
      const waitedMs = (): number | null => waited(Atomics.load(number, 0));
      resolve({ kind, port, ended, terminate: () => void worker.terminate(), waitedMs });
    });
  });
}

/**
 * What the scheduler of Linux says of a thread: ns on a processor, ns waiting for one, how often.
 * Source: https://docs.kernel.org/scheduler/sched-stats.html
 */
function waited(thread: number): number | null {
  if (thread === 0) return null;
  try {
    const [, ns] = readFileSync(`/proc/self/task/${thread}/schedstat`, 'utf8').split(' ');
    return Number(ns) / 1e6;
  } catch (error) {
    // It has ended, or this kernel counts nothing.
    if (error instanceof Error && 'code' in error) return null;
    throw error;
  }
}
