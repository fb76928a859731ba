// Threads in Node: worker_threads that run the built node-thread.js, also for tests, which themselves run from source.

import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { listen } from '../machine/shared/control.ts';
import type { Platform, Thread, ThreadKind } from '../machine/shared/platform.ts';
import { portOf } from './node-port.ts';
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
  const worker = new Worker(ENTRY, { workerData: kind, name: kind });
  const port = portOf(worker);
  const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
  return new Promise((resolve, reject) => {
    // An uncaught error ends the thread; whoever uses it sees that by `ended`.
    worker.on('error', reject);
    void ended.then(() => reject(new Error(`a ${kind} thread ended before it was ready`)));
    const stop = listen(port, (notice) => {
      if (notice.type !== 'ready') return;
      stop();
      resolve({ kind, port, ended, terminate: () => void worker.terminate() });
    });
  });
}
