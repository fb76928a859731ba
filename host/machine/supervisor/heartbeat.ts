// The heartbeat of drivers' threads. The supervisor pings each thread (S_PING), and the thread's loop echoes between two requests
// (D_PONG). This finds a thread that hangs while no client waits for it; a request has a deadline (kernel/ipc/deadline.ts). Checks
// are counted, not time, so a stalled supervisor gives up no driver.
//
// A driver is given up after two checks in a row without a sign of life: an echo, a host call (D_HEART), or a call of another
// driver that is under way (K_GATE).

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

/** Checks in a row without a sign of life after which the driver is given up. */
const MAX_MISSED = 2;

export class HeartbeatMonitor {
  private readonly words: Int32Array;
  private readonly channel: number;
  private lastHeart = 0;
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

  /** Checks once. @returns false where the driver is to be given up */
  check(): boolean {
    if (this.word(S_TRANSPORT) === TRANSPORT_GATE) return true; // it has no thread of its own
    const heart = this.word(D_HEART);
    if (this.word(S_PING) === this.word(D_PONG)) {
      this.missed = 0;
      Atomics.add(this.words, this.at(S_PING), 1);
      const host = this.word(S_DRIVER_HOST);
      ringDriver(this.words, host === 0 ? this.channel : host - 1);
    } else if (heart !== this.lastHeart || this.word(K_GATE) !== 0) {
      this.missed = 0;
    } else {
      this.missed++;
    }
    this.lastHeart = heart;
    return this.missed < MAX_MISSED;
  }
}
