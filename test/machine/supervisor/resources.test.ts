// A lab that is closed leaves no thread, not even one that was given up shortly before. And the idle work.

import { expect, test } from 'vitest';
import { nodePlatform } from '../../../host/cli/node-platform.ts';
import type { Thread, ThreadKind } from '../../../host/machine/shared/platform.ts';
import { Resources } from '../../../host/machine/supervisor/resources.ts';
import { nextTask } from '../../../host/machine/shared/task.ts';

test.each([
  ['a spare thread too many', 2],
  ['one that comes back when there are enough', 3],
])('%s has ended when the lab is closed', async (_what, threads) => {
  const ends: (() => void)[] = [];
  /** Threads whose end becomes known when the test says so. */
  const spawn = async (kind: ThreadKind): Promise<Thread> => {
    const thread = await nodePlatform.spawn(kind);
    const said = new Promise<void>((resolve) => ends.push(resolve));
    return { ...thread, ended: thread.ended.then(() => said) };
  };
  const resources = new Resources({ ...nodePlatform, spawn });
  const taken: Thread[] = [];
  while (taken.length < threads) taken.push(await resources.takeThread('driver'));
  for (const thread of taken) resources.giveThread(thread);
  await resources.ready(); // the idle work ends the surplus spares
  expect(resources.threadsInUse).toBe(0);
  let closed = false;
  const closing = resources.close().then(() => void (closed = true));
  const last = ends.pop()!;
  for (const end of ends) end();
  await Promise.all(taken.slice(0, -1).map(({ ended }) => ended));
  await nextTask();
  expect(closed).toBe(false);
  last();
  await closing;
  expect(resources.threads).toBe(0);
});

test('what is put off is done when there is time, or when somebody says that there is', async () => {
  const resources = new Resources(nodePlatform);
  const done: string[] = [];
  resources.whenIdle(() => done.push('later'));
  expect(done).toEqual([]);
  await resources.ready();
  expect(done).toEqual(['later']);
  await new Promise<void>((resolve) => resources.whenIdle(resolve));
  resources.whenIdle(() => done.push('never'));
  await resources.close();
  expect(done).toEqual(['later']);
});

test('a spare thread that could not be started fails nobody later', async () => {
  let threads = 0;
  const spawn = async (kind: ThreadKind): Promise<Thread> => {
    if (threads++ === 0) throw new Error('no more threads');
    return nodePlatform.spawn(kind);
  };
  const resources = new Resources({ ...nodePlatform, spawn });
  resources.prepare('driver');
  await resources.ready();
  const thread = await resources.takeThread('driver');
  thread.terminate();
  await thread.ended;
  await resources.close();
  expect(threads).toBe(2);
});
