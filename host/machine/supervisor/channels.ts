// Channels as the supervisor allocates them. A channel that is prepared, or that an ended thread may still write to, is a zombie,
// so nothing else takes it.

import { ModuleError } from '../../domain/module-error.ts';
import {
  CHANNEL_DATA,
  CHANNEL_FREE,
  CHANNEL_ZOMBIE,
  K_GENERATION,
  K_RING,
  S_STATE,
} from '../../../kernel/abi/channel.ts';
import { MAX_CHANNELS } from '../../../kernel/abi/limits.ts';
import { ENOSPC } from '../../../kernel/abi/errno.ts';
import { MachineDied } from '../shared/control.ts';
import type { KernelLife } from './kernel-life.ts';
import { pause } from '../shared/task.ts';
import { wordOf } from '../shared/channel-words.ts';

/** ms between two looks at a channel that is still held. */
export const CHANNEL_PERIOD = 20;

/** Takes a free channel. Waits where there is none but some are held by zombies. Throws ModuleError, MachineDied. */
export async function holdChannel(life: KernelLife): Promise<number> {
  for (;;) {
    // No channel becomes free then, and the memory may be another kernel's already.
    if (life.dead) throw new MachineDied('the kernel has died while a channel was waited for');
    let zombies = 0;
    for (let channel = 0; channel < MAX_CHANNELS; channel++) {
      const state = Atomics.load(life.words, wordOf(channel, S_STATE));
      if (state === CHANNEL_FREE) {
        Atomics.store(life.words, wordOf(channel, S_STATE), CHANNEL_ZOMBIE);
        return channel;
      }
      if (state === CHANNEL_ZOMBIE) zombies++;
    }
    if (zombies === 0)
      throw new ModuleError(ENOSPC, `there are no more than ${MAX_CHANNELS} channels to drivers`);
    await pause(CHANNEL_PERIOD);
  }
}

/** Zeroes a channel except for the words that the kernel keeps across incarnations. */
export function clearChannel({ words }: KernelLife, channel: number): void {
  const excepted = new Set([
    wordOf(channel, K_GENERATION),
    wordOf(channel, K_RING),
    wordOf(channel, S_STATE),
  ]);
  for (let at = wordOf(channel, 0); at < wordOf(channel, CHANNEL_DATA); at++)
    if (!excepted.has(at)) words[at] = 0;
}

/** Gives a channel back. Where the kernel is dead it does nothing: the memory may be another kernel's already. */
export function freeChannel(life: KernelLife, channel: number): void {
  if (!life.dead) Atomics.store(life.words, wordOf(channel, S_STATE), CHANNEL_FREE);
}
