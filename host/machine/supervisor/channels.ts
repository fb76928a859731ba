// Channels as the supervisor holds them: found free, held while something is made ready or may still be written to, free again.

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

/** ms between two looks at a channel that somebody still holds. */
export const CHANNEL_PERIOD = 20;

/** Finds a free channel and holds it; waits while the only ones are held by zombies. Throws ModuleError, MachineDied. */
export async function holdChannel(life: KernelLife): Promise<number> {
  for (;;) {
    // Nobody gives a channel back then, and the memory may be another kernel's.
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

/** Zeroes what an earlier holder has left, but for the kernel's own words. */
export function clearChannel({ words }: KernelLife, channel: number): void {
  const kept = new Set([wordOf(channel, K_GENERATION), wordOf(channel, K_RING), wordOf(channel, S_STATE)]);
  for (let at = wordOf(channel, 0); at < wordOf(channel, CHANNEL_DATA); at++)
    if (!kept.has(at)) words[at] = 0;
}

/** Gives a channel back; the memory of a dead kernel may be another's already. */
export function freeChannel(life: KernelLife, channel: number): void {
  if (!life.dead) Atomics.store(life.words, wordOf(channel, S_STATE), CHANNEL_FREE);
}
