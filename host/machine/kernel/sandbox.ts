// Drivers in sandboxes: on the kernel's thread, each in a domain of its own. `gate` is the kernel's import through which a
// request runs: a JavaScript frame that catches what the driver traps with, and no more than that, since every call pays for it
// (kernel/ipc/gate.ts).
//
// What the kernel itself traps with when a driver has called it is no driver's: it unwinds everything (CallTrapped).

import type { Domain } from '../../domain/domain.ts';
import { DriverExit } from '../../domain/fault.ts';
import type { KernelExports } from '../../domain/image.ts';
import type { Carriers } from '../../domain/imports.ts';
import { ModuleError } from '../../domain/module-error.ts';
import { Fenced } from '../../ipc/driver-side.ts';
import type { Served } from '../../ipc/posted.ts';
import { SandboxSide, type KernelCall } from '../../ipc/sandbox-side.ts';
import { GATE_TRAPPED, K_ANNOUNCED } from '../../../kernel/abi/channel.ts';
import { MAX_CHANNELS } from '../../../kernel/abi/limits.ts';
import { M_REPLY_HANDLE, M_TIMERS } from '../../../kernel/abi/machine.ts';
import { MACHINE_BASE } from '../../../kernel/abi/map.ts';
import { wordOf } from '../shared/channel-words.ts';
import { post } from '../shared/control.ts';
import { DriverDomain } from '../shared/driver-domain.ts';
import type { DriverNotice, DriverStart, DomainOptions, ThreadRuntime } from '../shared/protocol.ts';
import { clock } from '../shared/task.ts';

const HANDLE = (MACHINE_BASE + M_REPLY_HANDLE) >> 2;
const TIMERS = (MACHINE_BASE + M_TIMERS) >> 2;
/** ms that are as good as for ever. */
const NEVER = 1e9;

/** The kernel trapped in a call by a driver. */
export class CallTrapped extends Error {
  override readonly name = 'CallTrapped';

  constructor(cause: unknown) {
    super('the kernel trapped', { cause });
  }
}

const NOT_FORMED = (): never => {
  throw new Error('a driver is entered that is not formed');
};

interface Sandbox {
  start: DriverStart;
  domain: DriverDomain;
  side: SandboxSide;
  /** The rest of its load. */
  initialise: () => Served;
  special: Served['special'];
  /** Its memory. */
  words: Int32Array;
}

export class Sandboxes {
  private readonly host: ThreadRuntime;
  private readonly call: KernelCall;
  private readonly list: (Sandbox | null)[] = Array.from({ length: MAX_CHANNELS }, () => null);
  private count = 0;
  private kernel!: Domain<KernelExports>;
  private domainOptions!: DomainOptions;
  private run: KernelExports['gate_enter'] = () => GATE_TRAPPED;

  /** @param call calls the kernel for a driver */
  constructor(host: ThreadRuntime, call: KernelCall) {
    this.host = host;
    this.call = call;
  }

  /** The kernel has been instantiated. */
  attach(kernel: Domain<KernelExports>, options: DomainOptions): void {
    this.kernel = kernel;
    this.domainOptions = options;
    this.run = kernel.exports.gate_enter;
  }

  /** The kernel's imports. */
  readonly carriers: Omit<Carriers, 'post'> = {
    gate: (ticket) => {
      try {
        return this.run(ticket);
      } catch (thrown) {
        return this.trapped(ticket & (MAX_CHANNELS - 1), thrown);
      }
    },
    gate_special: (channel, operation, argument0, argument1) => {
      try {
        return this.list[channel]?.special(operation, argument0, argument1) ?? GATE_TRAPPED;
      } catch (thrown) {
        return this.trapped(channel, thrown);
      }
    },
    gate_handle: (channel) => this.list[channel]?.words[HANDLE] ?? 0,
  };

  /**
   * Loads a driver; how that ended has been said.
   * @param expected it stands ready for the end of another: its init waits for `enter`
   */
  load(start: DriverStart, expected: boolean): void {
    const { kernel, memory, channel, generation, previous } = start;
    const words = new Int32Array(kernel.buffer);
    const announced = words[wordOf(channel, K_ANNOUNCED)] === generation;
    if (!announced && !expected) return; // the kernel has refused it, which has been said
    const side = new SandboxSide(kernel, memory, channel, generation, this.call, previous);
    if (side.over) return;
    const domain = new DriverDomain(memory, this.domainOptions, {
      exit: () => {}, // the thread is the kernel's
      copies: this.host.copies,
      tell: (about, notice) => this.tell(about, notice),
    });
    const sandbox: Sandbox = {
      ...{ start, domain, side, words: domain.domain.words },
      ...{ initialise: NOT_FORMED, special: () => GATE_TRAPPED },
    };
    this.list[channel] = sandbox;
    this.count++;
    this.loading(sandbox, () => (sandbox.initialise = domain.form(start, side).initialise));
    if (announced) this.enter(channel, generation);
  }

  /** The kernel has heard of a driver that was loaded: its init runs, and it serves. */
  enter(channel: number, generation: number): void {
    const sandbox = this.list[channel];
    if (sandbox?.start.generation !== generation) return;
    const { side, domain } = sandbox;
    if (!this.loading(sandbox, () => (sandbox.special = sandbox.initialise().special))) return;
    const slot = this.kernel.gateSlot(channel);
    this.kernel.table.set(slot, domain.domain.exports.serve_ring);
    if (!side.over) this.kernel.exports.gate_open(channel, slot);
  }

  /** Does a part of a load. @returns whether it was done */
  private loading({ start, side }: Sandbox, act: () => void): boolean {
    const { channel, generation } = start;
    try {
      act();
      return true;
    } catch (thrown) {
      if (thrown instanceof ModuleError) {
        this.drop(channel, generation);
      } else {
        this.trapped(channel, thrown);
        side.gone(); // the kernel has not seen it
      }
      return false;
    }
  }

  private tell({ channel, generation }: DriverStart, notice: DriverNotice): void {
    post(this.host.port, { type: 'driver', channel, generation, notice });
  }

  /** Ends a driver that has thrown something; what the kernel has thrown goes on. */
  private trapped(channel: number, thrown: unknown): number {
    const sandbox = this.list[channel];
    if (!sandbox) throw thrown;
    const at = clock();
    const { start, side, domain } = sandbox;
    this.drop(channel, start.generation);
    side.left();
    if (thrown instanceof CallTrapped) {
      this.kernel.exports.gate_unwound(channel);
      side.gone();
      this.tell(start, { type: 'oops' });
      throw thrown;
    }
    // Whoever was fenced is known to be gone, and an exit has been told.
    if (!(thrown instanceof Fenced || thrown instanceof DriverExit))
      this.tell(start, { type: 'fault', caught: domain.caught(thrown), at });
    return GATE_TRAPPED;
  }

  /** Takes a driver out, if it is this incarnation. */
  drop(channel: number, generation: number): void {
    if (this.list[channel]?.start.generation !== generation) return;
    this.list[channel] = null;
    this.kernel.table.set(this.kernel.gateSlot(channel), null);
    this.count--;
  }

  /** Runs the timers that are due. @returns ms until the next */
  turn(): number {
    let least = NEVER;
    if (this.count === 0) return least;
    const { exports } = this.kernel;
    for (let channel = 0; channel < MAX_CHANNELS; channel++) {
      const sandbox = this.list[channel];
      if (!sandbox || sandbox.words[TIMERS] === 0 || !sandbox.side.alive()) continue;
      if (!exports.gate_claim(channel)) continue;
      try {
        least = Math.min(least, sandbox.domain.domain.exports.run_timers());
      } catch (thrown) {
        this.trapped(channel, thrown);
        sandbox.side.gone();
        continue;
      }
      exports.gate_release(channel);
    }
    return least;
  }
}
