// Threads in a browser: module workers that run browser-thread.ts. A browser does not say when a worker has ended, and one
// that is busy goes on for two seconds after terminate(). So each thread holds a Web Lock for as long as it lives: whoever
// asks for the same lock gets it when the thread has really ended, whatever ended it.

import { listen } from '../machine/shared/control.ts';
import { inlinePlatform } from '../machine/inline-platform.ts';
import type { Platform, Port, Thread, ThreadKind } from '../machine/shared/platform.ts';
import { hasThreads } from './requirements.ts';
import { nameOf } from './thread-name.ts';

const surroundings = {
  name: browserName(),
  cores: navigator.hardwareConcurrency,
  now: () => performance.now(),
};

const inline = inlinePlatform(surroundings);

/** This browser as a place to run machines; without threads all of them run on this one. */
export const browserPlatform: Platform = {
  ...surroundings,
  spawn: (kind) => (hasThreads ? spawn(kind) : inline.spawn(kind)),
};

async function spawn(kind: ThreadKind): Promise<Thread> {
  const lock = `isolab-${crypto.randomUUID()}`;
  const name = nameOf(kind, lock);
  const worker = new Worker(new URL('./browser-thread.ts', import.meta.url), { type: 'module', name });
  const port: Port = worker;
  await new Promise<void>((resolve, reject) => {
    const stop = listen(port, (notice) => {
      if (notice.type !== 'ready') return;
      stop();
      resolve();
    });
    // Of code that could not be loaded there is no message, only the event.
    worker.onerror = (event) => {
      worker.terminate();
      event.preventDefault(); // it is told below, and nothing of it is left to report
      reject(
        new Error(`a ${kind} thread cannot be started: ${event.message || 'its code cannot be loaded'}`),
      );
    };
  });
  // A thread says that it is ready when it has the lock, so this request stands behind it.
  const ended = navigator.locks.request(lock, () => undefined);
  // An uncaught error does not end a worker, but nothing of ours can be relied on after it.
  worker.onerror = () => worker.terminate();
  return { kind, port, ended, terminate: () => worker.terminate() };
}

/** `chromium 156`, `firefox 140`; the whole user agent where nothing in it is known. */
function browserName(): string {
  const { userAgent } = navigator;
  const [, chromium] = /(?:Headless)?Chrom(?:e|ium)\/(\d+)/.exec(userAgent) ?? [];
  if (chromium !== undefined) return `chromium ${chromium}`;
  const [, firefox] = /Firefox\/(\d+)/.exec(userAgent) ?? [];
  if (firefox !== undefined) return `firefox ${firefox}`;
  const [, safari] = /Version\/(\d+)\S* Safari\//.exec(userAgent) ?? [];
  return safari === undefined ? userAgent : `safari ${safari}`;
}
