// A lab in Node that knows every thread it has started, so that a test can end one behind the machine's back and see that
// none is left.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nodePlatform } from '../../host/cli/node-platform.ts';
import { loadLab, type Lab } from '../../host/lab/load.ts';
import type { Thread, ThreadKind } from '../../host/machine/shared/platform.ts';

const IMAGES = fileURLToPath(new URL('../../dist/images/', import.meta.url));

export interface ThreadLab extends Lab {
  /** In the order in which they were started; a spare stands behind the one that is used. */
  threads(kind: ThreadKind): Thread[];
  /** How many have not ended. */
  living(): number;
}

/** @param as makes of a thread what the lab is given for it */
export async function threadLab(as: (thread: Thread) => Thread = (thread) => thread): Promise<ThreadLab> {
  const threads: Thread[] = [];
  const living = new Set<Thread>();
  const platform = {
    ...nodePlatform,
    async spawn(kind: ThreadKind): Promise<Thread> {
      const thread = as(await nodePlatform.spawn(kind));
      threads.push(thread);
      living.add(thread);
      void thread.ended.then(() => living.delete(thread));
      return thread;
    },
  };
  const read = async (file: string) => ({
    bytes: new Uint8Array(readFileSync(join(IMAGES, file))),
    map: readFileSync(join(IMAGES, `${file}.map`), 'utf8'),
  });
  const lab = await loadLab(read, platform, { crossOriginIsolated: true, version: 'test' });
  return {
    ...lab,
    threads: (kind) => threads.filter((thread) => thread.kind === kind),
    living: () => living.size,
  };
}
