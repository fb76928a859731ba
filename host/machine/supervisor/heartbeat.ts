// The pulse of drivers' threads: every so often each is asked for an echo (S_PING, D_PONG), which its loop gives between two
// requests. That finds the one that hangs while nobody waits for it; one that is asked for something has a deadline
// (kernel/ipc/deadline.ts). Looks are counted, not time: a supervisor that was held up itself accuses nobody.
//
// Given up is who has missed two looks in a row without any sign of life: an echo, a heart that beats (D_HEART), a call of
// another driver that is under way (K_GATE).

import { ringDriver } from '../../ipc/driver-bell.ts';
import {
  CHANNEL_SIZE,
  D_HEART,
  D_PONG,
  K_GATE,
  S_DRIVER_HOST,
  S_PING,
  S_TRANSPORT,
  TRANSPORT_GATE,
} from '../../../kernel/abi/channel.ts';
import { CHANNELS_BASE } from '../../../kernel/abi/map.ts';

/** Looks in a row that may be missed. */
const MOST_MISSED = 2;

export class HeartbeatMonitor {
  private readonly words: Int32Array;
  private readonly channel: number;
  private heart = 0;
  private missed = 0;

  /** @param words the kernel's memory */
  constructor(words: Int32Array, channel: number) {
    this.words = words;
    this.channel = channel;
  }

  private at(offset: number): number {
    return (CHANNELS_BASE + this.channel * CHANNEL_SIZE + offset) >> 2;
  }

  private word(offset: number): number {
    return Atomics.load(this.words, this.at(offset));
  }

  /** Looks once. @returns whether it lives, as far as can be told */
  look(): boolean {
    if (this.word(S_TRANSPORT) === TRANSPORT_GATE) return true; // it has no thread of its own
    const heart = this.word(D_HEART);
    if (this.word(S_PING) === this.word(D_PONG)) {
      this.missed = 0;
      Atomics.add(this.words, this.at(S_PING), 1);
      const host = this.word(S_DRIVER_HOST);
      ringDriver(this.words, host === 0 ? this.channel : host - 1);
    } else if (heart !== this.heart || this.word(K_GATE) !== 0) {
      this.missed = 0;
    } else {
      this.missed++;
    }
    this.heart = heart;
    return this.missed < MOST_MISSED;
  }
}
