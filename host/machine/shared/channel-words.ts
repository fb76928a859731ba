// The addresses of a channel's words (drawn in kernel/abi/channel.ts), for code outside the kernel.

import { CHANNEL_SIZE } from '../../../kernel/abi/channel.ts';
import { CHANNELS_BASE } from '../../../kernel/abi/map.ts';

/** Index of a word of a channel. */
export const wordOf = (channel: number, offset: number): number =>
  (CHANNELS_BASE + channel * CHANNEL_SIZE + offset) >> 2;
