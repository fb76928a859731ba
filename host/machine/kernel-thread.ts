// The kernel's thread: the kernel's domain, its loop driven by the thread's event loop, and the in-thread client.
//
// Every entry into the kernel goes through `enter` (in-thread calls) or `turn` (the loop), where a trap becomes an oops.
// Nothing here decides what the kernel decides.

import { announce, type Gate } from '../domain/announce.ts';
import type { StaticData } from '../domain/domain.ts';
import { Domain } from '../domain/domain.ts';
import {
  DriverExit,
  formatOops,
  formatWarning,
  toFault,
  Warned,
  type Fault,
  type OopsContext,
} from '../domain/fault.ts';
import { installStackCapture } from '../domain/stack.ts';
import type { KernelExports } from '../domain/image.ts';
import { kernelImports } from '../domain/imports.ts';
import { insmod, rmmod, type LoadOptions, type Unloaded } from '../domain/loader.ts';
import type { LoadedModule } from '../domain/loaded.ts';
import { ModuleError, rmmodError } from '../domain/module-error.ts';
import { ModuleSymbols } from '../linker/symbols.ts';
import { NAME_SIZE } from '../../kernel/abi/limits.ts';
import { LEVEL_ALERT, LEVEL_EMERG, LEVEL_WARNING, LOG_TEXT_MAX } from '../../kernel/abi/log.ts';
import { M_DOORBELL, M_OOPSES, M_REQUEST_MODULE, M_STATE, STATE_PANIC } from '../../kernel/abi/machine.ts';
import { UNLOAD_FORCE } from '../../kernel/abi/module.ts';
import { MACHINE_BASE, USER_BASE, USER_SIZE } from '../../kernel/abi/map.ts';
import { STAT_SIZE } from '../../kernel/abi/file.ts';
import { PATH_MAX } from '../../kernel/abi/limits.ts';
import {
  SYS_DELETE_MODULE,
  SYS_GETDENTS,
  SYS_OPEN,
  SYS_READ,
  SYS_STAT,
  SYS_WRITE,
} from '../../kernel/abi/operation.ts';
import { EAGAIN, EINVAL } from '../../kernel/abi/errno.ts';
import { offer, post } from './control.ts';
import { Memory } from './inspect.ts';
import { Bench, CannotMeasure } from './measure.ts';
import { CPU_KERNEL, oopsContext, pidOfClient } from './oops-context.ts';
import { nextTask } from './task.ts';
import type { Answer, KernelBoot, KernelMethods, SystemCallResult, ThreadHost } from './protocol.ts';
import type { Measured, MeasureSpec } from './types.ts';

const DOORBELL = (MACHINE_BASE + M_DOORBELL) >> 2;
/** ms of work without a pause after which the event loop gets its turn. */
const LONGEST_TURN = 4;
/** Empty polls before the thread sleeps: a client that comes right back finds it awake. */
const IDLE_POLLS = 200;
/** The kernel's word for "no deadline", in ms. */
const FOREVER = 1e9;

/** The call was ended by a trap, or by do_exit. */
class Ended extends Error {}

export class KernelThread implements KernelMethods {
  private readonly host: ThreadHost;
  private domain!: Domain<KernelExports>;
  private kernel!: KernelExports;
  private bench!: Bench;
  private readonly modules = new Map<string, LoadedModule>();
  /** Modules that live in domains of their own. */
  private readonly remote = new Map<string, LoadedModule>();
  private readonly symbols = new Map<string, ModuleSymbols>();
  private lastUnloaded: string | null = null;
  /** Whose work is being done where it is no client's: a tool's, else that of timers. */
  private comm: 'insmod' | 'rmmod' | 'swapper/0' = 'swapper/0';
  private halted = false;

  constructor(host: ThreadHost) {
    this.host = host;
  }

  boot(options: KernelBoot): StaticData[] {
    const { placement, memory, images, number, deadlineMs, panicOnOops, slubDebug } = options;
    const { cores, blacklist, requests } = options;
    const complain = (channel: number, generation: number, reason: number): void =>
      post(this.host.port, { type: 'complaint', channel, generation, reason });
    this.domain = new Domain<KernelExports>(
      images.kernel,
      memory,
      kernelImports(
        memory,
        complain,
        (text) => this.warned(text),
        (client, alias) => {
          const text = this.domain.textAt(alias, PATH_MAX);
          post(this.host.port, { type: 'request', client, alias: text });
        },
      ),
    );
    this.kernel = this.domain.exports;
    this.modules.set('kernel', images.kernel);
    this.kernel.boot(this.domain.slots, number, deadlineMs, panicOnOops ? 1 : 0, slubDebug, cores);
    this.domain.publish();
    this.domain.publishNames();
    this.kernel.set_blacklist(this.domain.text(blacklist));
    if (!requests) this.domain.words[(MACHINE_BASE + M_REQUEST_MODULE) >> 2] = 0;
    this.bench = new Bench(this.domain, images.user, placement);
    this.kernel.running();
    void this.run();
    return this.domain.statics;
  }

  /** The loop: takes what there is, sleeps on the doorbell when there is nothing. */
  private async run(): Promise<void> {
    const { words } = this.domain;
    let idle = 0;
    let since = performance.now();
    while (!this.halted) {
      if (this.turn(() => this.kernel.poll()) > 0) idle = 0;
      else idle++;
      if (idle < IDLE_POLLS) {
        if (performance.now() - since < LONGEST_TURN) continue;
        await nextTask();
      } else {
        if (this.turn(() => this.kernel.sleep_begin()) <= 0) continue;
        const bell = this.kernel.heard_bell();
        const left = this.turn(() => this.kernel.wait_time());
        const slept = Atomics.waitAsync(words, DOORBELL, bell, left >= FOREVER ? Infinity : left);
        await (slept.async ? slept.value : nextTask());
        this.turn(() => (this.kernel.sleep_end(), 0));
        idle = 0;
      }
      since = performance.now();
    }
  }

  /** One entry by the loop. @returns -1 where it ended in a trap */
  private turn(entry: () => number): number {
    if (this.halted) return -1;
    try {
      return entry();
    } catch (thrown) {
      this.trapped(thrown);
      return -1;
    }
  }

  /** One entry by the in-thread client; throws Ended. */
  private enter<T>(entry: () => T): T {
    if (this.halted) throw new Ended('the kernel has stopped');
    this.kernel.sleep_end();
    try {
      return entry();
    } catch (thrown) {
      if (thrown instanceof ModuleError || thrown instanceof CannotMeasure) throw thrown;
      this.trapped(thrown);
      throw new Ended('the call ended in a trap');
    } finally {
      // The loop may sleep on a doorbell that nobody rings now that the flag is down.
      Atomics.add(this.domain.words, DOORBELL, 1);
      Atomics.notify(this.domain.words, DOORBELL);
    }
  }

  /** A trap in the kernel's domain: an oops, and the task whose call it was is ended. */
  private trapped(thrown: unknown): void {
    let fault: Fault | null = null;
    const stackPointer = this.domain.stackPointer.value as number;
    try {
      this.domain.resetStack();
      if (!(thrown instanceof DriverExit)) {
        fault = toFault(thrown, (name) => this.symbolsOf(name), stackPointer);
        if (fault.kind === 'host') throw thrown;
        this.logOops(fault);
        post(this.host.port, { type: 'oops', fault });
        if (this.kernel.oops()) return this.halt('panic', fault);
      }
      if (this.domain.words[(MACHINE_BASE + M_STATE) >> 2] === STATE_PANIC) return this.halt('panic', null);
      const client = this.kernel.kill_current();
      if (client >= 0) this.reap(client);
    } catch (again) {
      this.halt('trap', fault ?? toFault(again, (name) => this.symbolsOf(name)));
    }
  }

  private context(fault: Fault): OopsContext {
    const client = this.kernel.current_client();
    const { memory, words } = this.domain;
    const task = {
      number: words[(MACHINE_BASE + M_OOPSES) >> 2]! + 1,
      cpu: CPU_KERNEL,
      pid: pidOfClient(client),
      comm: client < 0 ? this.comm : client === 0 ? 'console' : `client${client}`,
    };
    const files = this.modules.values();
    return oopsContext(fault, task, memory, memory, files, this.lastUnloaded);
  }

  private logOops(fault: Fault): void {
    for (const line of formatOops(fault, this.context(fault))) this.domain.log(LEVEL_ALERT, line);
  }

  /** A warning by something in the kernel's domain, which goes on. */
  private warned(text: number): void {
    const { memory, stackPointer } = this.domain;
    const message = text === 0 ? '' : new Memory(memory).text(text, LOG_TEXT_MAX);
    const fault = toFault(new Warned(message), (name) => this.symbolsOf(name), stackPointer.value as number);
    for (const line of formatWarning(fault, this.context(fault))) this.domain.log(LEVEL_WARNING, line);
  }

  /** The task's files are closed as do_exit does; a driver that traps at that too leaves them open. */
  private reap(client: number): void {
    try {
      this.kernel.reap(client);
    } catch (thrown) {
      if (!(thrown instanceof DriverExit)) {
        const fault = toFault(thrown, (name) => this.symbolsOf(name));
        if (fault.kind === 'host') throw thrown;
        this.logOops(fault);
        this.kernel.oops();
      }
      this.kernel.kill_current();
      this.domain.log(LEVEL_EMERG, 'Fixing recursive fault but reboot is needed!');
    }
  }

  private halt(by: 'panic' | 'trap', fault: Fault | null): void {
    this.halted = true;
    post(this.host.port, { type: 'halted', by, fault });
  }

  private symbolsOf(name: string): ModuleSymbols | null {
    const known = this.symbols.get(name);
    if (known) return known;
    const loaded = this.modules.get(name);
    if (!loaded) return null;
    const symbols = new ModuleSymbols(loaded.bytes, loaded.map, loaded.shifts);
    this.symbols.set(name, symbols);
    return symbols;
  }

  private answer<T>(entry: () => T): Answer<T> {
    try {
      return { ok: true, value: this.enter(entry) };
    } catch (error) {
      if (error instanceof ModuleError)
        return { ok: false, why: 'refused', errno: error.errno, message: error.message };
      if (error instanceof Ended) return { ok: false, why: 'killed' };
      throw error;
    }
  }

  private as<T>(comm: 'insmod' | 'rmmod', entry: () => T): Answer<T> {
    this.comm = comm;
    try {
      return this.answer(entry);
    } finally {
      this.comm = 'swapper/0';
    }
  }

  insmod(loaded: LoadedModule, options: LoadOptions): Answer<StaticData[]> {
    this.modules.set(loaded.name, loaded);
    const answer = this.as('insmod', () => {
      insmod(this.domain, loaded, options);
      return this.domain.statics;
    });
    if (
      !answer.ok &&
      answer.why === 'refused' &&
      !this.domain.statics.some(({ name }) => name === loaded.name)
    ) {
      this.modules.delete(loaded.name);
    }
    return answer;
  }

  rmmod(name: string, force: boolean): Answer<Unloaded> {
    const answer = this.as('rmmod', () => {
      const how = force ? UNLOAD_FORCE : 0;
      const holders = (): string[] => this.holders(name);
      return rmmod(this.domain, name, { loaded: this.modules.get(name), how, holders });
    });
    if (answer.ok) {
      this.modules.delete(name);
      this.symbols.delete(name);
      this.lastUnloaded = name;
    }
    return answer;
  }

  announce(loaded: LoadedModule, flags: number, channel: number): Answer<Gate[]> {
    const answer = this.answer(() => {
      this.kernel.poll(); // the endpoint is adopted before there is a module behind it
      return announce(this.domain, loaded, flags, channel, (name) => this.remote.get(name));
    });
    if (answer.ok) this.remote.set(loaded.name, loaded);
    return answer;
  }

  deleteModule(name: string, force: boolean): Answer<number> {
    return this.answer(() => {
      this.putText(name);
      const status = this.kernel.syscall(SYS_DELETE_MODULE, USER_BASE, force ? 1 : 0, 0, 0);
      if (status < 0) throw rmmodError(name, -status, status === -EAGAIN ? this.holders(name) : []);
      this.remote.delete(name);
      return status;
    });
  }

  /** The modules that use a module's symbols. */
  private holders(name: string): string[] {
    const names: string[] = [];
    for (let i = 0; ; i++) {
      const at = this.kernel.module_holder(this.domain.text(name), i);
      if (at === 0) return names;
      names.push(this.domain.textAt(at, NAME_SIZE));
    }
  }

  /** The in-thread client's buffer is the first of the user area. */
  private putText(text: string): void {
    const encoded = new TextEncoder().encode(`${text}\0`).subarray(0, USER_SIZE);
    this.domain.bytes.set(encoded, USER_BASE);
  }

  open(path: string, flags: number): Answer<SystemCallResult> {
    const answer = this.callPath(SYS_OPEN, path, flags, 0);
    const wanted = this.halted ? 0 : this.kernel.wanted_module();
    if (answer.ok && wanted !== 0) answer.value.wanted = this.domain.textAt(wanted, PATH_MAX);
    return answer;
  }

  requested(client: number): Answer<null> {
    return this.answer(() => (this.kernel.module_requested(client), null));
  }

  callPath(number: number, path: string, b: number, c: number): Answer<SystemCallResult> {
    this.putText(path);
    return this.call(number, USER_BASE, b, c);
  }

  stat(path: string): Answer<SystemCallResult> {
    const at = USER_BASE + PATH_MAX;
    const answer = this.callPath(SYS_STAT, path, at, 0);
    if (answer.ok) answer.value.data = this.domain.bytes.slice(at, at + STAT_SIZE);
    return answer;
  }

  entries(fd: number): Answer<SystemCallResult> {
    return this.take(SYS_GETDENTS, fd, USER_SIZE);
  }

  read(fd: number, count: number): Answer<SystemCallResult> {
    return this.take(SYS_READ, fd, count);
  }

  private take(number: number, fd: number, count: number): Answer<SystemCallResult> {
    return this.answer(() => {
      const result = this.kernel.syscall(number, fd, USER_BASE, count, 0);
      const length = Math.min(Math.max(result, 0), USER_SIZE);
      return { result, data: this.domain.bytes.slice(USER_BASE, USER_BASE + length) };
    });
  }

  write(fd: number, data: Uint8Array): Answer<SystemCallResult> {
    if (data.length > USER_SIZE) return { ok: true, value: { result: -EINVAL, data: null } };
    this.domain.bytes.set(data, USER_BASE);
    return this.call(SYS_WRITE, fd, USER_BASE, data.length);
  }

  call(number: number, a: number, b: number, c: number, d = 0): Answer<SystemCallResult> {
    return this.answer(() => ({ result: this.kernel.syscall(number, a, b, c, d), data: null }));
  }

  async measure(spec: MeasureSpec): Promise<Measured> {
    this.putText(spec.path);
    const run = this.enter(() => this.bench.prepare(spec));
    try {
      while (this.enter(() => run.step())) await nextTask();
    } finally {
      if (!this.halted) this.enter(() => run.end());
    }
    return run.measured;
  }
}

/** Makes this thread a kernel's. */
export function runKernelThread(host: ThreadHost): void {
  installStackCapture();
  offer(new KernelThread(host), host.port);
}
