// How a driver's thread waits: it spins a little, then sleeps on the bell of its driver host's channel. The flag goes up before
// the last look, so that no notice is lost, and nobody is notified who is awake. How long it spins adapts: twice as long after a
// short sleep, half as long after a long one; on one core it does not spin at all.

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

const LOOK_MS = DRIVER_SPIN_MS / DRIVER_SPINS;
/** ms that are as good as for ever. */
const FOREVER = 1e9;

export class DriverBell {
  /** Looks before the next sleep. */
  spins = DRIVER_SPINS;
  private readonly kernel: Int32Array;
  private readonly sleeping: number;
  private readonly bell: number;
  /** Whether it never spins, or never sleeps. */
  private readonly fixed: boolean;
  private readonly sleepless: boolean;

  /** @param hostChannel the driver host's channel */
  constructor(kernel: Int32Array, hostChannel: number) {
    const base = CHANNELS_BASE + hostChannel * CHANNEL_SIZE;
    this.kernel = kernel;
    this.sleeping = (base + D_SLEEPING) >> 2;
    this.bell = (base + D_BELL) >> 2;
    const transport = kernel[(base + S_TRANSPORT) >> 2];
    this.sleepless = transport === TRANSPORT_SPIN;
    this.fixed = transport === TRANSPORT_WAIT || kernel[(MACHINE_BASE + M_CORES) >> 2] === 1;
    if (this.fixed) this.spins = 1;
  }

  /** How long these looks take, in ms: for a thread that has more to look at than one request. */
  get spinMs(): number {
    return this.spins * LOOK_MS;
  }

  /** Somebody new is served, who may be asked much: what was learnt is no measure. */
  renew(): void {
    if (!this.fixed) this.spins = DRIVER_SPINS;
  }

  /**
   * Sleeps until somebody rings, or for so many ms.
   * @param expected whether there is something to do after all
   */
  sleep(most: number, expected: () => boolean): void {
    if (this.sleepless) return;
    const { kernel, sleeping, bell } = this;
    const seen = Atomics.load(kernel, bell);
    Atomics.store(kernel, sleeping, 1);
    if (!expected()) {
      const before = performance.now();
      Atomics.wait(kernel, bell, seen, most >= FOREVER ? Infinity : most);
      this.adapt(performance.now() - before);
    }
    Atomics.store(kernel, sleeping, 0);
  }

  private adapt(slept: number): void {
    if (this.fixed) return;
    this.spins =
      slept < SHORT_SLEEP_MS
        ? Math.min(this.spins * 2, DRIVER_SPINS)
        : Math.max(this.spins >> 1, LEAST_SPINS);
  }
}

/** Wakes a driver's thread that sleeps, whatever for. */
export function ringDriver(kernel: Int32Array, hostChannel: number): void {
  const bell = (CHANNELS_BASE + hostChannel * CHANNEL_SIZE + D_BELL) >> 2;
  Atomics.add(kernel, bell, 1);
  Atomics.notify(kernel, bell);
}
