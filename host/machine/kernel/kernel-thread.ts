// The kernel's thread: the kernel's domain, its loop driven by the thread's event loop, and the in-thread client.
//
// Every entry into the kernel goes through `enterForClient` (the in-thread client) or `enterFromLoop`, where a trap becomes an
// oops. Prohibited: deciding what the kernel decides.

import { Domain, type StaticData } from '../../domain/domain.ts';
import { DriverExit, type Fault } from '../../domain/fault.ts';
import { installStackCapture } from '../../domain/stack.ts';
import type { KernelExports } from '../../domain/image.ts';
import { kernelImports } from '../../domain/imports.ts';
import { ModuleError } from '../../domain/module-error.ts';
import { PATH_MAX } from '../../../kernel/abi/limits.ts';
import { LEVEL_EMERG } from '../../../kernel/abi/log.ts';
import {
  M_CALL_CLIENT,
  M_DOORBELL,
  M_POSTED,
  M_REQUEST_MODULE,
  M_SLEEPING,
  M_STATE,
  STATE_PANIC,
} from '../../../kernel/abi/machine.ts';
import { MACHINE_BASE } from '../../../kernel/abi/map.ts';
import { PARKED } from '../../../kernel/abi/operation.ts';
import { PostedKernelEnd, type PostedKind } from '../../ipc/posted.ts';
import { expose, post } from '../shared/control.ts';
import { KernelOopses } from './kernel-oopses.ts';
import { InThreadClient } from './in-thread-client.ts';
import { CannotMeasure, Floors } from './floors.ts';
import { Bench } from './measure.ts';
import { ModuleMethods } from './module-methods.ts';
import { nextTask } from '../shared/task.ts';
import type {
  Answer,
  CallMethods,
  SandboxStart,
  KernelBoot,
  KernelMethods,
  ThreadRuntime,
  ExpectedSuccessor,
} from '../shared/protocol.ts';
import { CallTrapped, Sandboxes } from './sandbox.ts';
import { Failover } from './failover.ts';
import type { Measured, MeasureSpec } from '../shared/types.ts';

const POSTED = (MACHINE_BASE + M_POSTED) >> 2;
const DOORBELL = (MACHINE_BASE + M_DOORBELL) >> 2;
const SLEEPING = (MACHINE_BASE + M_SLEEPING) >> 2;
const CALL_CLIENT = (MACHINE_BASE + M_CALL_CLIENT) >> 2;
/** ms of work after which the event loop gets a turn. */
const MAX_TURN_MS = 4;
/** Empty polls before the thread sleeps, so that the next call of a busy client finds it awake. */
const IDLE_POLLS = 20;
/** The ms by which the kernel says "no deadline". */
const FOREVER = 1e9;

/** The call was ended by a trap, or by do_exit. */
class Ended extends Error {}

export class KernelThread implements KernelMethods {
  private readonly runtime: ThreadRuntime;
  private domain!: Domain<KernelExports>;
  private kernel!: KernelExports;
  private bench!: Bench;
  private oopses!: KernelOopses;
  private modules!: ModuleMethods;
  private halted = false;
  /** Messages that have arrived, of those that M_POSTED counts. */
  private messagesSeen = 0;
  /** Channels whose transport posts messages. */
  private readonly posted = new Map<number, PostedKernelEnd>();
  private client!: InThreadClient;
  private readonly sandboxes: Sandboxes;
  private readonly failover = new Failover(
    () => this.domain,
    (...words) => this.announce(...words),
    (...words) => void this.enterFromLoop(() => this.sandboxes.enter(...words)),
  );

  constructor(runtime: ThreadRuntime) {
    this.runtime = runtime;
    this.sandboxes = new Sandboxes(runtime, this.gateCall.bind(this));
    runtime.port.addEventListener('message', () => void this.messagesSeen++);
    void runtime.ended?.then(() => (this.halted = true));
  }

  boot(options: KernelBoot): StaticData[] {
    const { memory, images, number, deadlineMs, panicOnOops, slubDebug } = options;
    const { cores, blacklist, requests } = options;
    const complain = (channel: number, generation: number, reason: number): void =>
      post(this.runtime.port, { type: 'complaint', channel, generation, reason });
    this.domain = new Domain<KernelExports>(
      images.kernel,
      memory,
      kernelImports(
        memory,
        complain,
        (text) => this.oopses.warn(text),
        (client, alias) => {
          const text = this.domain.textAt(alias, PATH_MAX);
          post(this.runtime.port, { type: 'request', client, alias: text });
        },
        { ...this.sandboxes.carriers, post: (channel, at) => this.posted.get(channel)?.send(at) },
      ),
    );
    this.kernel = this.domain.exports;
    this.sandboxes.attach(this.domain, { images, deadlineMs, slubDebug });
    this.oopses = new KernelOopses(this.domain, images.kernel);
    this.kernel.boot(this.domain.slots, number, deadlineMs, panicOnOops ? 1 : 0, slubDebug, cores);
    this.domain.publish();
    this.domain.publishNames();
    this.kernel.set_blacklist(this.domain.text(blacklist));
    if (!requests) this.domain.words[(MACHINE_BASE + M_REQUEST_MODULE) >> 2] = 0;
    this.client = new InThreadClient(this.domain, {
      answer: (entry) => this.answer(entry),
      eventful: () => this.posted.size > 0,
      runs: () => !this.halted,
    });
    this.modules = new ModuleMethods(this.domain, this.oopses, this.client, {
      poll: () => void this.enterFromLoop(() => this.kernel.poll()),
      answer: (entry) => this.answer(entry),
    });
    const floors = new Floors(this.domain, images.user, (channel) => this.posted.get(channel));
    this.bench = new Bench(
      this.domain,
      floors,
      async (...words) => this.must(await this.client.callAsync(...words)),
      (entry) => this.enterForClient(entry),
    );
    this.kernel.running();
    void this.run();
    return this.domain.statics;
  }

  /** The loop: handles what there is, and sleeps on the doorbell when there is nothing. */
  private async run(): Promise<void> {
    const { words } = this.domain;
    let idle = 0;
    let turnStart = performance.now();
    while (!this.halted) {
      if (this.enterFromLoop(() => this.kernel.poll()) > 0) idle = 0;
      else idle++;
      if (this.failover.check()) idle = 0;
      const due = this.enterFromLoop(() => this.sandboxes.runTimers());
      this.client.checkResult();
      if (idle < IDLE_POLLS) {
        const posted = (Atomics.load(words, POSTED) - this.messagesSeen) | 0;
        if (posted <= 0 && performance.now() - turnStart < MAX_TURN_MS) continue;
        await nextTask();
      } else {
        if (this.enterFromLoop(() => this.kernel.sleep_begin()) <= 0) continue;
        const bell = this.kernel.heard_bell();
        const next = this.enterFromLoop(() => this.kernel.wait_time());
        if (this.failover.check()) continue; // wait_time has fenced a driver past its deadline
        // A SLEEPING of 0 says that wait_time has run the loop: an answer does not ring then.
        const left = words[SLEEPING] === 0 ? 0 : Math.min(due, next);
        const slept = Atomics.waitAsync(words, DOORBELL, bell, left >= FOREVER ? Infinity : left);
        await (slept.async ? slept.value : nextTask());
        this.enterFromLoop(() => (this.kernel.sleep_end(), 0));
        idle = 0;
      }
      turnStart = performance.now();
    }
  }

  /** One entry by the loop. @returns -1 where it ended in a trap */
  private enterFromLoop<T>(entry: () => T): T | -1 {
    if (this.halted) return -1;
    try {
      return entry();
    } catch (thrown) {
      this.onTrap(thrown);
      return -1;
    }
  }

  /** One entry by the in-thread client; throws Ended. */
  private enterForClient<T>(entry: () => T): T {
    if (this.halted) throw new Ended('the kernel has stopped');
    this.kernel.sleep_end();
    try {
      return entry();
    } catch (thrown) {
      if (thrown instanceof ModuleError || thrown instanceof CannotMeasure) throw thrown;
      this.onTrap(thrown);
      throw new Ended('the call ended in a trap');
    } finally {
      // The loop may sleep on the doorbell, which is not rung any more since sleep_end has cleared the flag.
      Atomics.add(this.domain.words, DOORBELL, 1);
      Atomics.notify(this.domain.words, DOORBELL);
    }
  }

  /** A call by a driver in a sandbox. A trap of the kernel in it unwinds the driver and its callers too. */
  private gateCall(channel: number, operation: number, a: number, b: number, length: number): number {
    let status: number;
    try {
      status = this.kernel.gate_call(channel, operation, a, b, length);
    } catch (thrown) {
      throw thrown instanceof CallTrapped ? thrown : new CallTrapped(thrown);
    }
    return status === PARKED ? this.gateWait(channel) : status;
  }

  /** Runs the loop until another driver has answered the one on `channel`. A trap meanwhile is that of another task. */
  private gateWait(channel: number): number {
    const { words, stackPointer } = this.domain;
    const client = words[CALL_CLIENT]!;
    const stack = stackPointer.value as number;
    for (;;) {
      try {
        return this.kernel.gate_wait(channel);
      } catch (thrown) {
        this.onTrap(thrown);
        if (this.halted) throw new CallTrapped(new Ended('the kernel has stopped'));
        words[CALL_CLIENT] = client;
        stackPointer.value = stack;
      }
    }
  }

  /** Handles a trap in the kernel's domain: logs an oops and ends the task whose call it was. */
  private onTrap(caught: unknown): void {
    if (this.halted) return;
    const thrown = caught instanceof CallTrapped ? caught.cause : caught;
    let fault: Fault | null = null;
    const stackPointer = this.domain.stackPointer.value as number;
    try {
      this.domain.resetStack();
      if (!(thrown instanceof DriverExit)) {
        fault = this.oopses.faultOf(thrown, stackPointer);
        if (fault.kind === 'host') throw thrown;
        this.oopses.log(fault);
        post(this.runtime.port, { type: 'oops', fault });
        if (this.kernel.oops()) return this.halt('panic', fault);
      }
      if (this.domain.words[(MACHINE_BASE + M_STATE) >> 2] === STATE_PANIC) return this.halt('panic', null);
      const client = this.kernel.kill_current();
      if (client === 0) this.client.kill();
      if (client >= 0) this.reap(client);
    } catch (again) {
      this.halt('trap', fault ?? this.oopses.faultOf(again));
    }
  }

  /** Closes the task's files, as do_exit does. They stay open where a driver traps at that too. */
  private reap(client: number): void {
    try {
      this.kernel.reap(client);
    } catch (thrown) {
      if (!(thrown instanceof DriverExit)) {
        const fault = this.oopses.faultOf(thrown);
        if (fault.kind === 'host') throw thrown;
        this.oopses.log(fault);
        this.kernel.oops();
      }
      this.kernel.kill_current();
      this.domain.log(LEVEL_EMERG, 'Fixing recursive fault but reboot is needed!');
    }
  }

  private halt(by: 'panic' | 'trap', fault: Fault | null): void {
    this.halted = true;
    post(this.runtime.port, { type: 'halted', by, fault });
  }

  private answer<T>(entry: () => T): Answer<T> {
    try {
      return { ok: true, value: this.enterForClient(entry) };
    } catch (error) {
      if (error instanceof ModuleError)
        return { ok: false, why: 'refused', errno: error.errno, message: error.message };
      if (error instanceof Ended) return { ok: false, why: 'killed' };
      throw error;
    }
  }

  expectSuccessor = (successor: ExpectedSuccessor): ReturnType<Failover['expect']> =>
    this.failover.expect(successor);
  forgetSuccessor = (channel: number): void => this.failover.forget(channel);
  ready = (): void => this.oopses.read();
  insmod: KernelMethods['insmod'] = (...words) => this.modules.insmod(...words);
  rmmod: KernelMethods['rmmod'] = (...words) => this.modules.rmmod(...words);
  announce: ModuleMethods['announce'] = (...words) => this.modules.announce(...words);
  replaceModule: KernelMethods['replaceModule'] = (name) => this.modules.replace(name);
  deleteModule: KernelMethods['deleteModule'] = (...words) => this.modules.delete(...words);
  cancelRequests: KernelMethods['cancelRequests'] = (...words) => this.modules.cancelRequests(...words);

  startSandbox({ file, ...start }: SandboxStart): void {
    this.enterFromLoop(() => this.kernel.poll()); // so that the kernel adopts the endpoint
    const expected = this.failover.expects(start.channel, start.generation);
    const driverStart = { ...start, kernel: this.domain.memory, loaded: this.modules.files.of(file) };
    this.enterFromLoop(() => this.sandboxes.load(driverStart, expected));
    this.client.checkResult();
  }

  endSandbox(channel: number, generation: number): void {
    this.enterFromLoop(() => this.kernel.poll()); // so that the kernel gives up the endpoint and calls it no more
    this.sandboxes.drop(channel, generation);
    this.client.checkResult();
  }

  requested(client: number): Answer<null> {
    return this.answer(() => (this.kernel.module_requested(client), null));
  }

  connect(channel: number, port: MessagePort, kind: PostedKind): void {
    this.posted.get(channel)?.close();
    const arrived = (): void => {
      this.enterFromLoop(() => this.kernel.poll());
      this.client.checkResult();
    };
    this.posted.set(channel, new PostedKernelEnd(this.domain.words, channel, port, kind, arrived));
  }

  open: CallMethods['open'] = (...words) => this.client.open(...words);
  callPath: CallMethods['callPath'] = (...words) => this.client.callPath(...words);
  stat: CallMethods['stat'] = (...words) => this.client.stat(...words);
  ioctl: CallMethods['ioctl'] = (...words) => this.client.ioctl(...words);
  entries: CallMethods['entries'] = (...words) => this.client.entries(...words);
  read: CallMethods['read'] = (...words) => this.client.read(...words);
  write: CallMethods['write'] = (...words) => this.client.write(...words);
  call: CallMethods['call'] = (...words) => this.client.call(...words);

  private must(answer: Answer<number>): number {
    if (!answer.ok) throw new Ended('the call ended in a trap');
    return answer.value;
  }

  async measure(spec: MeasureSpec): Promise<Measured> {
    this.client.putText(spec.path);
    const run = await this.bench.prepare(spec);
    try {
      while (await run.step()) await nextTask();
    } finally {
      if (!this.halted) await run.end();
    }
    return run.measured;
  }
}

/** Makes this thread a kernel's. */
export function runKernelThread(runtime: ThreadRuntime): void {
  installStackCapture();
  expose(new KernelThread(runtime), runtime.port);
}
