// Drivers in sandboxes: on the kernel's thread, each in a domain of its own. The kernel runs a request through its import `gate`:
// a JavaScript frame that catches the driver's trap. It does nothing else, because every call pays for it (kernel/ipc/gate.ts).
//
// A trap of the kernel in a driver's call is not the driver's. It unwinds the driver and its callers too (CallTrapped).

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
/** ms that stand for no limit. */
const NEVER = 1e9;

/** The kernel trapped in a call by a driver. */
export class CallTrapped extends Error {
  override readonly name = 'CallTrapped';

  constructor(cause: unknown) {
    super('the kernel trapped', { cause });
  }
}

const notFormed = (): never => {
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
  private readonly runtime: ThreadRuntime;
  private readonly call: KernelCall;
  private readonly byChannel: (Sandbox | null)[] = Array.from({ length: MAX_CHANNELS }, () => null);
  private count = 0;
  private kernel!: Domain<KernelExports>;
  private domainOptions!: DomainOptions;
  private gateEnter: KernelExports['gate_enter'] = () => GATE_TRAPPED;

  /** @param call calls the kernel for a driver */
  constructor(runtime: ThreadRuntime, call: KernelCall) {
    this.runtime = runtime;
    this.call = call;
  }

  /** The kernel has been instantiated. */
  attach(kernel: Domain<KernelExports>, options: DomainOptions): void {
    this.kernel = kernel;
    this.domainOptions = options;
    this.gateEnter = kernel.exports.gate_enter;
  }

  /** The kernel's imports for sandboxes. */
  readonly carriers: Omit<Carriers, 'post'> = {
    gate: (ticket) => {
      try {
        return this.gateEnter(ticket);
      } catch (thrown) {
        return this.onTrap(ticket & (MAX_CHANNELS - 1), thrown);
      }
    },
    gate_special: (channel, operation, argument0, argument1) => {
      try {
        return this.byChannel[channel]?.special(operation, argument0, argument1) ?? GATE_TRAPPED;
      } catch (thrown) {
        return this.onTrap(channel, thrown);
      }
    },
    gate_handle: (channel) => this.byChannel[channel]?.words[HANDLE] ?? 0,
  };

  /**
   * Loads a driver; notices say how that ended.
   * @param expected it is a standby: its init waits for `enter`
   */
  load(start: DriverStart, expected: boolean): void {
    const { kernel, memory, channel, generation, previous } = start;
    const words = new Int32Array(kernel.buffer);
    const announced = words[wordOf(channel, K_ANNOUNCED)] === generation;
    if (!announced && !expected) return; // the kernel has refused it, which `announce` has answered
    const side = new SandboxSide(kernel, memory, channel, generation, this.call, previous);
    if (side.mustStop) return;
    const domain = new DriverDomain(memory, this.domainOptions, {
      exit: () => {}, // the thread is the kernel's
      copies: this.runtime.copies,
      notify: (hosted, notice) => this.notify(hosted, notice),
    });
    const sandbox: Sandbox = {
      ...{ start, domain, side, words: domain.domain.words },
      ...{ initialise: notFormed, special: () => GATE_TRAPPED },
    };
    this.byChannel[channel] = sandbox;
    this.count++;
    this.loadStep(sandbox, () => (sandbox.initialise = domain.form(start, side).initialise));
    if (announced) this.enter(channel, generation);
  }

  /** Runs the init of a driver that the kernel has announced; it serves from then on. */
  enter(channel: number, generation: number): void {
    const sandbox = this.byChannel[channel];
    if (sandbox?.start.generation !== generation) return;
    const { side, domain } = sandbox;
    if (!this.loadStep(sandbox, () => (sandbox.special = sandbox.initialise().special))) return;
    const slot = this.kernel.gateSlot(channel);
    this.kernel.table.set(slot, domain.domain.exports.serve_ring);
    if (!side.mustStop) this.kernel.exports.gate_open(channel, slot);
  }

  /** Does a step of a load. @returns whether it succeeded */
  private loadStep({ start, side }: Sandbox, act: () => void): boolean {
    const { channel, generation } = start;
    try {
      act();
      return true;
    } catch (thrown) {
      if (thrown instanceof ModuleError) {
        this.drop(channel, generation);
      } else {
        this.onTrap(channel, thrown);
        side.markDead(); // the kernel is not in a call of it and has not seen the trap
      }
      return false;
    }
  }

  private notify({ channel, generation }: DriverStart, notice: DriverNotice): void {
    post(this.runtime.port, { type: 'driver', channel, generation, notice });
  }

  /** Ends a driver that has trapped. Where the kernel has trapped it throws on. */
  private onTrap(channel: number, thrown: unknown): number {
    const sandbox = this.byChannel[channel];
    if (!sandbox) throw thrown;
    const at = clock();
    const { start, side, domain } = sandbox;
    this.drop(channel, start.generation);
    side.endCopy();
    if (thrown instanceof CallTrapped) {
      this.kernel.exports.gate_unwound(channel);
      side.markDead();
      this.notify(start, { type: 'oops' });
      throw thrown;
    }
    // The supervisor knows of a fenced incarnation, and the exit notice was posted.
    if (!(thrown instanceof Fenced || thrown instanceof DriverExit))
      this.notify(start, { type: 'fault', caught: domain.caught(thrown), at });
    return GATE_TRAPPED;
  }

  /** Removes a driver, if it is this incarnation. */
  drop(channel: number, generation: number): void {
    if (this.byChannel[channel]?.start.generation !== generation) return;
    this.byChannel[channel] = null;
    this.kernel.table.set(this.kernel.gateSlot(channel), null);
    this.count--;
  }

  /** Runs the timers that are due. @returns ms until the next */
  runTimers(): number {
    let least = NEVER;
    if (this.count === 0) return least;
    const { exports } = this.kernel;
    for (let channel = 0; channel < MAX_CHANNELS; channel++) {
      const sandbox = this.byChannel[channel];
      if (!sandbox || sandbox.words[TIMERS] === 0 || !sandbox.side.alive()) continue;
      if (!exports.gate_claim(channel)) continue;
      try {
        least = Math.min(least, sandbox.domain.domain.exports.run_timers());
      } catch (thrown) {
        this.onTrap(channel, thrown);
        sandbox.side.markDead();
        continue;
      }
      exports.gate_release(channel);
    }
    return least;
  }
}
