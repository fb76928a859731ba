// How a driver's thread waits: it spins a little, then sleeps on the bell of its driver host's channel. It sets its flag before
// the last look, so no wake-up is lost, and a thread that is awake is not notified. The spin time adapts: it doubles after a short
// sleep and halves after a long one. On one core the thread does not spin.

import {
  CHANNEL_SIZE,
  D_BELL,
  D_SLEEPING,
  S_TRANSPORT,
  TRANSPORT_SPIN,
  TRANSPORT_WAIT,
} from '../../kernel/abi/channel.ts';
import { DRIVER_SPIN_MS, DRIVER_SPINS, LEAST_SPINS, SHORT_SLEEP_MS } from '../../kernel/abi/limits.ts';
import { M_CORES } from '../../kernel/abi/machine.ts';
import { CHANNELS_BASE, MACHINE_BASE } from '../../kernel/abi/map.ts';

const SPIN_MS = DRIVER_SPIN_MS / DRIVER_SPINS;
/** ms that stand for no limit. */
const FOREVER = 1e9;

export class DriverBell {
  /** Looks before the next sleep. */
  spins = DRIVER_SPINS;
  private readonly kernel: Int32Array;
  private readonly sleeping: number;
  private readonly bell: number;
  private readonly neverSpins: boolean;
  private readonly neverSleeps: boolean;

  /** @param hostChannel the driver host's channel */
  constructor(kernel: Int32Array, hostChannel: number) {
    const base = CHANNELS_BASE + hostChannel * CHANNEL_SIZE;
    this.kernel = kernel;
    this.sleeping = (base + D_SLEEPING) >> 2;
    this.bell = (base + D_BELL) >> 2;
    const transport = kernel[(base + S_TRANSPORT) >> 2];
    this.neverSleeps = transport === TRANSPORT_SPIN;
    this.neverSpins = transport === TRANSPORT_WAIT || kernel[(MACHINE_BASE + M_CORES) >> 2] === 1;
    if (this.neverSpins) this.spins = 1;
  }

  /** The ms that these looks take, for a thread that polls more than one channel. */
  get spinMs(): number {
    return this.spins * SPIN_MS;
  }

  /** Starts over with the longest spin, because a new driver is served, whose load is not known. */
  resetSpins(): void {
    if (!this.neverSpins) this.spins = DRIVER_SPINS;
  }

  /**
   * Sleeps until the bell rings, or for `ms`. Does not sleep where `hasWork` says that there is something to do.
   */
  sleep(ms: number, hasWork: () => boolean): void {
    if (this.neverSleeps) return;
    const { kernel, sleeping, bell } = this;
    const seen = Atomics.load(kernel, bell);
    Atomics.store(kernel, sleeping, 1);
    if (!hasWork()) {
      const before = performance.now();
      Atomics.wait(kernel, bell, seen, ms >= FOREVER ? Infinity : ms);
      this.adapt(performance.now() - before);
    }
    Atomics.store(kernel, sleeping, 0);
  }

  private adapt(slept: number): void {
    if (this.neverSpins) return;
    this.spins =
      slept < SHORT_SLEEP_MS
        ? Math.min(this.spins * 2, DRIVER_SPINS)
        : Math.max(this.spins >> 1, LEAST_SPINS);
  }
}

/** Wakes a driver's thread. */
export function ringDriver(kernel: Int32Array, hostChannel: number): void {
  const bell = (CHANNELS_BASE + hostChannel * CHANNEL_SIZE + D_BELL) >> 2;
  Atomics.add(kernel, bell, 1);
  Atomics.notify(kernel, bell);
}
