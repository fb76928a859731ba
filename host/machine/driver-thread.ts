// A driver's thread: one domain with one driver in it, behind a channel. It lives for one incarnation: it loads, serves until
// it is told to stop, fenced or trapped, and is never used again.

import { Domain } from '../domain/domain.ts';
import { DriverExit, toFault, Warned, type Fault } from '../domain/fault.ts';
import type { DomainExports, Image } from '../domain/image.ts';
import { domainImports } from '../domain/imports.ts';
import { insmod, rmmod } from '../domain/loader.ts';
import { ModuleError } from '../domain/module-error.ts';
import { installStackCapture } from '../domain/stack.ts';
import { DriverSide, Fenced, type Courier } from '../ipc/driver-side.ts';
import { PostedDriverEnd, type Served } from '../ipc/posted.ts';
import { ModuleSymbols } from '../linker/symbols.ts';
import { CHANNEL_SIZE, Q_ECHO, R_ECHO } from '../../kernel/abi/channel.ts';
import { CHANNELS_BASE, USER_BASE } from '../../kernel/abi/map.ts';
import { EINVAL } from '../../kernel/abi/errno.ts';
import { UNLOAD_DECIDED } from '../../kernel/abi/module.ts';
import { OP_CLEANUP, OP_ECHO, OP_ECHO_RING, OP_ECHO_WAIT, OP_SYMBOL } from '../../kernel/abi/operation.ts';
import { LOG_TEXT_MAX } from '../../kernel/abi/log.ts';
import { post } from './control.ts';
import { Gates } from './gates.ts';
import { Memory } from './inspect.ts';
import { FLOOR_RING, type UserExports } from './floors.ts';
import type { DriverStart, PostedLink, ThreadHost } from './protocol.ts';
import { readSlubDebug } from './slub-debug.ts';

/** Warnings of one incarnation that reach the log: one that warns in a loop must not bury the supervisor. */
const MOST_WARNINGS = 16;
/** ms between two looks at timers and at the supervisor's words, where requests come as messages. */
const TICK_MS = 50;

class Incarnation {
  private readonly host: ThreadHost;
  private readonly start: DriverStart;
  private readonly side: DriverSide;
  private echo: UserExports | null = null;
  private domain: Domain<DomainExports> | null = null;
  private warnings = 0;

  constructor(host: ThreadHost, start: DriverStart) {
    this.host = host;
    this.start = start;
    const { kernel, memory, channel, generation, previous } = start;
    this.side = new DriverSide(kernel, memory, channel, generation, host.copies(kernel, memory), previous);
  }

  live(): void {
    const { loaded, images, memory, channel, deadlineMs, options } = this.start;
    try {
      const imports = domainImports(
        this.side,
        (code) => this.host.exit(code),
        (text) => this.warned(text),
      );
      const domain = new Domain<DomainExports>(images.domain, memory, imports);
      this.domain = domain;
      const slubDebug = readSlubDebug(this.start.kernel);
      domain.exports.boot(domain.slots, memory.buffer.byteLength, channel, deadlineMs, slubDebug);
      domain.publish();
      const gates = new Gates(this.side, domain);
      const bound = new Map(this.start.gates.map((gate) => [gate.name, gates.caller(gate)]));
      const inserted = insmod(domain, loaded, options, bound);
      post(this.host.port, { type: 'live', statics: domain.statics });
      const { serve, serve_ring, served_handle, served_position } = domain.exports;
      const special = (operation: number, argument0: number, argument1: number): number =>
        operation === OP_SYMBOL
          ? gates.serve(loaded, inserted)
          : this.special(domain, operation, argument0, argument1);
      if (this.start.link) {
        const served = { serve, served_handle, served_position, special };
        this.servePosted(domain, served, this.start.link);
        return;
      }
      const courier = this.besideDriver(images.courier, { serve_ring, served_handle, special });
      this.side.run(courier as unknown as Courier, () => domain.exports.run_timers());
    } catch (thrown) {
      this.ended(thrown);
    }
  }

  /** Requests come as messages: this thread's event loop serves. */
  private servePosted(domain: Domain<DomainExports>, served: Served, { port, kind }: PostedLink): void {
    const { kernel, channel, generation } = this.start;
    const died = (thrown: unknown): void => this.ended(thrown);
    new PostedDriverEnd(new Int32Array(kernel.buffer), channel, generation, served, died).listen(port, kind);
    const tick = setInterval(() => {
      try {
        if (!this.side.alive()) clearInterval(tick);
        else domain.exports.run_timers();
      } catch (thrown) {
        clearInterval(tick);
        died(thrown);
      }
    }, TICK_MS);
  }

  /** Operations that are not the device's. */
  private special(
    domain: Domain<DomainExports>,
    operation: number,
    argument0: number,
    argument1: number,
  ): number {
    if (operation === OP_CLEANUP) return this.unload(domain);
    return this.pong(operation, argument0, argument1);
  }

  private unload(domain: Domain<DomainExports>): number {
    try {
      const { loaded } = this.start;
      const unloaded = rmmod(domain, loaded.name, { loaded, how: UNLOAD_DECIDED });
      post(this.host.port, { type: 'unloaded', ...unloaded });
      return 0;
    } catch (error) {
      if (error instanceof ModuleError) return -error.errno; // the kernel has it live again
      throw error;
    }
  }

  /** The other end of the floors of a call (./measure.ts). */
  private pong(operation: number, rounds: number, from: number): number {
    this.echo ??= this.besideDriver(this.start.images.user, {
      syscall: () => -EINVAL,
      bounce: () => -EINVAL,
    }) as unknown as UserExports;
    const base = CHANNELS_BASE + this.start.channel * CHANNEL_SIZE;
    if (operation === OP_ECHO) this.echo.floor_pong(rounds, base + Q_ECHO, base + R_ECHO, from);
    else if (operation === OP_ECHO_WAIT)
      this.echo.floor_wait_pong(rounds, base + Q_ECHO, base + R_ECHO, from);
    else if (operation === OP_ECHO_RING) this.echo.floor_ring_pong(rounds, FLOOR_RING, from);
    else return -EINVAL;
    return 0;
  }

  /** Instantiates code of the host's own on the kernel's memory; the driver has no part in it. */
  private besideDriver(image: Image, host: Record<string, unknown>): WebAssembly.Exports {
    const constant = (value: number): WebAssembly.Global => new WebAssembly.Global({ value: 'i32' }, value);
    const env = {
      memory: this.start.kernel,
      __indirect_function_table: new WebAssembly.Table({ element: 'anyfunc', initial: 1 }),
      __memory_base: constant(USER_BASE), // these images have neither data nor globals
      __table_base: constant(0),
    };
    const imports = { env, host: host as WebAssembly.ModuleImports };
    return new WebAssembly.Instance(image.module, imports).exports;
  }

  /** However it ended: the callers are told first, then the supervisor. */
  private ended(thrown: unknown): void {
    if (thrown instanceof ModuleError) {
      post(this.host.port, { type: 'refused', errno: thrown.errno, message: thrown.message });
      return;
    }
    if (thrown instanceof Fenced || thrown instanceof DriverExit) return;
    this.side.gone();
    post(this.host.port, { type: 'fault', fault: this.faultOf(thrown) });
  }

  /** A warning by the driver, which goes on: the supervisor writes it into the log. */
  private warned(text: number): void {
    if (++this.warnings > MOST_WARNINGS) return;
    const { memory } = this.start;
    const message = text === 0 ? '' : new Memory(memory).text(text, LOG_TEXT_MAX);
    post(this.host.port, { type: 'warning', fault: this.faultOf(new Warned(message)) });
  }

  private faultOf(thrown: unknown): Fault {
    const { loaded, images } = this.start;
    const files = [loaded, images.domain, images.courier];
    const symbols = (name: string): ModuleSymbols | null => {
      const file = files.find((each) => each.name === name);
      return file ? new ModuleSymbols(file.bytes, file.map, file.shifts) : null;
    };
    return toFault(thrown, symbols, (this.domain?.stackPointer.value ?? null) as number | null);
  }
}

/** Makes this thread a driver's; it waits for its start. */
export function runDriverThread(host: ThreadHost): void {
  installStackCapture();
  host.port.addEventListener('message', ({ data }) => {
    const start = data as DriverStart;
    if (start.type === 'start') new Incarnation(host, start).live();
  });
  host.port.start?.();
  post(host.port, { type: 'ready' });
}
