// Drivers in sandboxes: on the kernel's thread, each in a domain of its own. `gate` is the kernel's import by which a request
// runs: a JavaScript frame that catches what the driver traps with, and no more than that, since every call pays for it.
//
// What the kernel itself traps with when a driver has called it is no driver's: it unwinds everything (CallTrapped).

import { DriverExit } from '../domain/fault.ts';
import type { KernelExports } from '../domain/image.ts';
import type { Carriers } from '../domain/imports.ts';
import { ModuleError } from '../domain/module-error.ts';
import { Fenced } from '../ipc/driver-side.ts';
import type { Served } from '../ipc/posted.ts';
import { SandboxSide, type KernelCall } from '../ipc/sandbox-side.ts';
import { CHANNEL_SIZE, GATE_TRAPPED, R_HANDLE, R_POSITION, REPLY_LINE } from '../../kernel/abi/channel.ts';
import { MAX_CHANNELS } from '../../kernel/abi/limits.ts';
import { M_REPLY_HANDLE, M_REPLY_POSITION, M_TIMERS } from '../../kernel/abi/machine.ts';
import { CHANNELS_BASE, MACHINE_BASE } from '../../kernel/abi/map.ts';
import { OP_IOCTL } from '../../kernel/abi/operation.ts';
import { post } from './control.ts';
import { DriverDomain } from './driver-domain.ts';
import type { DriverNotice, DriverStart, ThreadHost } from './protocol.ts';

const HANDLE = (MACHINE_BASE + M_REPLY_HANDLE) >> 2;
const POSITION = (MACHINE_BASE + M_REPLY_POSITION) >> 2;
const TIMERS = (MACHINE_BASE + M_TIMERS) >> 2;
const lineOf = (channel: number): number => (CHANNELS_BASE + channel * CHANNEL_SIZE + REPLY_LINE) >> 2;
/** ms that are as good as for ever. */
const NEVER = 1e9;

/** The kernel trapped in a call by a driver. */
export class CallTrapped extends Error {
  override readonly name = 'CallTrapped';

  constructor(cause: unknown) {
    super('the kernel trapped', { cause });
  }
}

interface Sandbox {
  start: DriverStart;
  house: DriverDomain;
  side: SandboxSide;
  serve: Gate;
  special: Served['special'];
  /** Its memory. */
  words: Int32Array;
  /** Requests that run in it, and its loading. */
  depth: number;
}

type Gates = Pick<KernelExports, 'gate_close' | 'gate_open'>;
type Gate = (
  operation: number,
  handle: number,
  device: number,
  positionLow: number,
  positionHigh: number,
  buffer: number,
  count: number,
) => number;

export class Sandboxes {
  private readonly host: ThreadHost;
  private readonly enter: KernelCall;
  private readonly gates: () => Gates;
  private readonly list: (Sandbox | null)[] = Array.from({ length: MAX_CHANNELS }, () => null);
  private count = 0;
  private kernel: Int32Array = new Int32Array(0);

  /**
   * @param enter calls the kernel for a driver
   * @param gates keeps requests from a driver
   */
  constructor(host: ThreadHost, enter: KernelCall, gates: () => Gates) {
    this.host = host;
    this.enter = enter;
    this.gates = gates;
  }

  /** The kernel's import. */
  readonly gate: Carriers['gate'] = (channel, operation, handle, device, low, high, buffer, count) => {
    const sandbox = this.list[channel];
    if (!sandbox) return GATE_TRAPPED;
    sandbox.depth++;
    try {
      const status =
        operation > OP_IOCTL
          ? sandbox.special(operation, buffer, count)
          : sandbox.serve(operation, handle, device, low, high, buffer, count);
      const { kernel } = this;
      const { words } = sandbox;
      const line = lineOf(channel);
      kernel[line + (R_HANDLE >> 2)] = words[HANDLE]!;
      kernel[line + (R_POSITION >> 2)] = words[POSITION]!;
      kernel[line + (R_POSITION >> 2) + 1] = words[POSITION + 1]!;
      sandbox.depth--;
      return status;
    } catch (thrown) {
      this.trapped(sandbox, thrown);
      return GATE_TRAPPED;
    }
  };

  /** Loads a driver. @returns whether it is live; where not, that has been said */
  load(start: DriverStart): boolean {
    const { kernel, memory, channel, generation, previous } = start;
    this.kernel = new Int32Array(kernel.buffer);
    const copies = this.host.copies(kernel, memory);
    const side = new SandboxSide(kernel, memory, channel, generation, copies, this.enter, previous);
    if (side.over) return false;
    const house = new DriverDomain(start, {
      exit: () => {}, // the thread is the kernel's
      tell: (about, notice) => this.tell(about, notice),
    });
    const sandbox: Sandbox = {
      ...{ start, house, side, serve: house.domain.exports.serve_gate, depth: 1 },
      ...{ special: () => GATE_TRAPPED, words: house.domain.words },
    };
    this.list[channel] = sandbox;
    this.count++;
    try {
      sandbox.special = house.load(start, side).special;
      sandbox.depth = 0;
      return !side.over;
    } catch (thrown) {
      if (!(thrown instanceof ModuleError)) {
        this.trapped(sandbox, thrown);
        side.gone(); // the kernel has not seen it
      } else {
        this.drop(channel, generation);
      }
      return false;
    }
  }

  private tell({ channel, generation }: DriverStart, notice: DriverNotice): void {
    post(this.host.port, { type: 'driver', channel, generation, notice });
  }

  /** Ends a driver that has thrown something; what the kernel has thrown goes on. */
  private trapped(sandbox: Sandbox, thrown: unknown): void {
    const { start, side, house } = sandbox;
    this.drop(start.channel, start.generation);
    side.left();
    if (thrown instanceof CallTrapped) {
      side.gone();
      this.tell(start, { type: 'oops' });
      throw thrown;
    }
    // Whoever was fenced is known to be gone, and an exit has been told.
    if (thrown instanceof Fenced || thrown instanceof DriverExit) return;
    this.tell(start, { type: 'fault', caught: house.caught(thrown) });
  }

  /** Takes a driver out, if it is this incarnation. */
  drop(channel: number, generation: number): void {
    if (this.list[channel]?.start.generation !== generation) return;
    this.list[channel] = null;
    this.count--;
  }

  /** Runs the timers that are due, and answers the supervisor. @returns ms until the next timer */
  turn(): number {
    let least = NEVER;
    if (this.count === 0) return least;
    for (const sandbox of this.list) {
      if (!sandbox || sandbox.depth > 0 || !sandbox.side.alive() || sandbox.words[TIMERS] === 0) continue;
      const { channel } = sandbox.start;
      // A timer may call the kernel, and the kernel serve others meanwhile.
      if (this.gates().gate_close(channel) === 0) continue;
      sandbox.depth++;
      try {
        least = Math.min(least, sandbox.house.domain.exports.run_timers());
        sandbox.depth--;
      } catch (thrown) {
        this.trapped(sandbox, thrown);
        sandbox.side.gone();
        continue;
      }
      this.gates().gate_open(channel);
    }
    return least;
  }
}
