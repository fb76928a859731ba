// A driver's domain and the drivers in it: one in a sandbox or a worker, several in a pool. The domain's image boots before its
// drivers are chosen. Loading a driver returns the functions that serve its requests; the caller brings the requests, on a thread
// of its choice.
//
// A driver calls the kernel over its own channel. The domain's image says which driver is calling (M_CALL_MODULE). A driver
// copies by the grant of the request that it serves.

import type { Gate } from '../../domain/announce.ts';
import { Domain } from '../../domain/domain.ts';
import { caught, modulesOf, Warned, type Caught } from '../../domain/fault.ts';
import type { DomainExports, Image } from '../../domain/image.ts';
import { domainImports, type KernelGate } from '../../domain/imports.ts';
import { form, initialise, release, rmmod, type Formed, type Inserted } from '../../domain/loader.ts';
import { ModuleError } from '../../domain/module-error.ts';
import type { DriverLoop, DriverSide } from '../../ipc/driver-side.ts';
import type { CopyMaker } from '../../ipc/copy.ts';
import type { Served } from '../../ipc/posted.ts';
import { CHANNEL_SIZE, Q_ECHO, R_ECHO } from '../../../kernel/abi/channel.ts';
import { EINVAL } from '../../../kernel/abi/errno.ts';
import { LOG_TEXT_MAX } from '../../../kernel/abi/log.ts';
import { M_CALL_MODULE, M_SERVED_MODULE } from '../../../kernel/abi/machine.ts';
import { CHANNELS_BASE, MACHINE_BASE, USER_BASE } from '../../../kernel/abi/map.ts';
import { UNLOAD_DECIDED } from '../../../kernel/abi/module.ts';
import { OP_CLEANUP, OP_ECHO, OP_ECHO_RING, OP_ECHO_WAIT, OP_SYMBOL } from '../../../kernel/abi/operation.ts';
import { preserveRanges } from './preserved-ranges.ts';
import { FLOOR_RING, type UserExports } from './user-program.ts';
import { Gates } from './symbol-calls.ts';
import { Memory } from './memory-view.ts';
import type { DriverNotice, DriverStart, Images, DomainOptions } from './protocol.ts';

/** The most warnings of one incarnation that reach the log, so that a warning in a loop does not flood it. */
const MAX_WARNINGS = 16;
const CALL_MODULE = (MACHINE_BASE + M_CALL_MODULE) >> 2;
const SERVED_MODULE = (MACHINE_BASE + M_SERVED_MODULE) >> 2;

/** One driver in a domain. */
export interface HostedDriver {
  readonly start: DriverStart;
  readonly side: DriverSide;
  warnings: number;
  /** Its struct module; 0 before it is live. */
  mod: number;
}

/** What a driver has once it is formed. */
interface FormedParts {
  formed: Formed;
  special: Served['special'];
}

/** A driver that is formed, or will be when it is initialised because it has a start function. */
export interface FormedDriver {
  readonly driver: HostedDriver;
  /**
   * Runs its init, once the kernel has announced it.
   * @returns what serves its requests; throws ModuleError, or what it trapped with
   */
  initialise(): Served;
  /** Drops a driver that was not initialised. */
  undo(): void;
}

/** What a domain needs from its thread. */
export interface DomainCallbacks {
  /** A driver has exited, and the notice of that was posted. Ends the thread, where that is the driver's. */
  exit(code: number): void;
  /** Posts a notice of a driver to the supervisor. */
  notify(start: DriverStart, notice: DriverNotice): void;
  copies: CopyMaker;
}

export class DriverDomain {
  readonly domain: Domain<DomainExports>;
  readonly drivers: HostedDriver[] = [];
  private served: HostedDriver | null = null;
  private readonly callbacks: DomainCallbacks;
  private readonly images: Images;
  private readonly modules = new Map<number, HostedDriver>();
  private echo: UserExports | null = null;

  /** Boots the domain's image in an empty memory. */
  constructor(
    memory: WebAssembly.Memory,
    { images, deadlineMs, slubDebug }: DomainOptions,
    callbacks: DomainCallbacks,
  ) {
    this.images = images;
    this.callbacks = callbacks;
    const gate: KernelGate = {
      call: (operation, a, b, data, length) => this.caller.side.call(operation, a, b, data, length),
      copyOut: (to, from, count) => this.serving.side.copyOut(to, from, count),
      copyIn: (to, from, count) => this.serving.side.copyIn(to, from, count),
      callFor: (...words) => this.caller.side.callFor(...words),
      copyPrevious: (...words) => this.caller.side.copyPrevious(...words),
    };
    const imports = domainImports(
      gate,
      (code) => this.onExit(code),
      (text) => this.onWarning(text),
    );
    this.domain = new Domain<DomainExports>(images.domain, memory, imports);
    const { exports, slots } = this.domain;
    exports.boot(slots, memory.buffer.byteLength, deadlineMs, slubDebug);
    this.domain.publish();
  }

  /** The driver whose request is served, or that is being loaded. */
  get current(): HostedDriver | null {
    return this.served;
  }

  set current(driver: HostedDriver | null) {
    if (this.served === driver) return;
    this.served = driver;
    this.domain.words[SERVED_MODULE] = driver?.mod ?? 0;
  }

  private get serving(): HostedDriver {
    if (!this.current) throw new Error('a driver copies while none is served');
    return this.current;
  }

  /** The driver whose code runs. */
  private get caller(): HostedDriver {
    if (this.drivers.length === 1) return this.drivers[0]!;
    return this.modules.get(this.domain.words[CALL_MODULE]!) ?? this.serving;
  }

  /**
   * Loads a driver; blocks the thread until the kernel has announced it.
   * @returns what serves its requests; throws ModuleError, Fenced, or what it trapped with
   */
  load(start: DriverStart, side: DriverSide): Served {
    const formed = this.form(start, side);
    side.awaitAnnounced();
    return formed.initialise();
  }

  /**
   * Forms a driver: links it into the domain without running its code. A driver with a start function is formed when it is
   * initialised. Throws ModuleError, or what it trapped with.
   */
  form(start: DriverStart, side: DriverSide): FormedDriver {
    const driver: HostedDriver = { start, side, warnings: 0, mod: 0 };
    this.drivers.push(driver);
    const formNow = (): FormedParts => this.reportRefusal(driver, () => this.formParts(driver));
    const formedAhead = start.loaded.file.hasStart ? null : formNow();
    return {
      driver,
      initialise: () => {
        const parts = formedAhead ?? formNow();
        return this.reportRefusal(driver, () => this.initialise(driver, parts));
      },
      undo: () => {
        if (formedAhead) release(this.domain, start.loaded.name, formedAhead.formed.mod);
        this.forget(driver);
      },
    };
  }

  private formParts(driver: HostedDriver): FormedParts {
    const { start, side } = driver;
    const { loaded, options } = start;
    const { domain } = this;
    this.current = driver;
    const gates = new Gates(side, domain);
    const inThisDomain = ({ owner }: Gate): boolean =>
      this.drivers.some((each) => each.start.loaded.name === owner);
    const elsewhere = start.gates.filter((gate) => !inThisDomain(gate));
    const bound = new Map(elsewhere.map((gate) => [gate.name, gates.caller(gate)]));
    const formed = form(domain, loaded, options.flags, bound);
    const special = (operation: number, argument0: number, argument1: number): number => {
      if (operation === OP_SYMBOL) return gates.serve(loaded, formed);
      if (operation === OP_CLEANUP) return this.unload(driver, formed, argument0 !== 0);
      return this.answerEcho(operation, argument0, argument1);
    };
    side.attach(this.driverLoop(start, special));
    return { formed, special };
  }

  private initialise(driver: HostedDriver, { formed, special }: FormedParts): Served {
    const { domain } = this;
    const { loaded, options, statics } = driver.start;
    this.current = driver;
    const { mod } = initialise(domain, formed, options);
    this.modules.set(mod, driver);
    driver.mod = domain.words[SERVED_MODULE] = mod;
    const own = statics ? [this.images.domain.name, loaded.name] : [loaded.name];
    this.callbacks.notify(driver.start, {
      type: 'live',
      statics: domain.statics.filter(({ name }) => own.includes(name)),
    });
    const { serve, served_handle, served_position } = domain.exports;
    return { serve, served_handle, served_position, special };
  }

  /** Does a step of a load; posts a notice where it is refused. */
  private reportRefusal<T>(driver: HostedDriver, act: () => T): T {
    try {
      return act();
    } catch (error) {
      if (error instanceof ModuleError) {
        this.forget(driver);
        this.callbacks.notify(driver.start, { type: 'refused', errno: error.errno, message: error.message });
      }
      throw error;
    }
  }

  private forget(driver: HostedDriver): void {
    this.drivers.splice(this.drivers.indexOf(driver), 1);
  }

  /** @param replaced it is unloaded for a successor, which gets its ranges as they are now */
  private unload(driver: HostedDriver, { mod }: Inserted, replaced: boolean): number {
    const { loaded } = driver.start;
    if (replaced)
      this.callbacks.notify(driver.start, { type: 'preserved', previous: preserveRanges(driver.start) });
    try {
      const unloaded = rmmod(this.domain, loaded.name, { loaded, how: UNLOAD_DECIDED });
      this.callbacks.notify(driver.start, { type: 'unloaded', ...unloaded });
    } catch (error) {
      if (!(error instanceof ModuleError)) throw error;
      if (replaced) this.callbacks.notify(driver.start, { type: 'preserved', previous: null });
      return -error.errno; // the kernel sets it live again
    }
    this.modules.delete(mod);
    this.forget(driver);
    return 0;
  }

  /** Runs the driver's end of the floors of a call (../kernel/floors.ts). */
  private answerEcho(operation: number, rounds: number, from: number): number {
    const none = { syscall: () => -EINVAL, bounce: () => -EINVAL };
    this.echo ??= this.instantiateBeside(this.images.user, none) as unknown as UserExports;
    const base = CHANNELS_BASE + this.serving.start.channel * CHANNEL_SIZE;
    if (operation === OP_ECHO) this.echo.floor_pong(rounds, base + Q_ECHO, base + R_ECHO, from);
    else if (operation === OP_ECHO_WAIT)
      this.echo.floor_wait_pong(rounds, base + Q_ECHO, base + R_ECHO, from);
    else if (operation === OP_ECHO_RING) this.echo.floor_ring_pong(rounds, FLOOR_RING, from);
    else return -EINVAL;
    return 0;
  }

  private driverLoop({ kernel }: DriverStart, special: Served['special']): DriverLoop {
    const { exports, memory } = this.domain;
    const { serve_ring, served_handle, peek, poke, peek_byte, poke_byte } = exports;
    const words = { peek, poke, peek_byte, poke_byte };
    const { out, in: into } = this.callbacks.copies(kernel, memory);
    const copies = { bulk_out: out, bulk_in: into };
    const host = { serve_ring, served_handle, special, ...words, ...copies };
    return this.instantiateBeside(this.images.driverLoop, host) as unknown as DriverLoop;
  }

  /** Instantiates host code on the kernel's memory, which the drivers cannot reach. */
  private instantiateBeside(image: Image, host: Record<string, unknown>): WebAssembly.Exports {
    const constant = (value: number): WebAssembly.Global => new WebAssembly.Global({ value: 'i32' }, value);
    const env = {
      memory: this.drivers[0]!.start.kernel,
      __indirect_function_table: new WebAssembly.Table({ element: 'anyfunc', initial: 1 }),
      __memory_base: constant(USER_BASE), // these images have neither data nor globals
      __table_base: constant(0),
    };
    const imports = { env, host: host as unknown as WebAssembly.ModuleImports };
    return new WebAssembly.Instance(image.module, imports).exports;
  }

  /** A driver has called do_exit. */
  private onExit(code: number): void {
    const { side, start } = this.caller;
    side.markDead();
    this.callbacks.notify(start, { type: 'exit', code });
    this.callbacks.exit(code);
  }

  /** A driver has asked for a warning, and goes on. The supervisor writes it into the log. */
  private onWarning(text: number): void {
    const { caller } = this;
    if (++caller.warnings > MAX_WARNINGS) return;
    const message = text === 0 ? '' : new Memory(this.domain.memory).line(text, LOG_TEXT_MAX);
    this.callbacks.notify(caller.start, { type: 'warning', caught: this.caught(new Warned(message)) });
  }

  /** The driver that trapped: the one whose code ran, not the one that had called it. */
  driverOf(caught: Caught): HostedDriver | null {
    if (this.drivers.length === 1) return this.drivers[0]!;
    for (const name of modulesOf(caught)) {
      const driver = this.drivers.find(({ start }) => start.loaded.name === name);
      if (driver) return driver;
    }
    return this.current;
  }

  caught(thrown: unknown): Caught {
    return caught(thrown, this.domain.stackPointer.value as number);
  }
}
