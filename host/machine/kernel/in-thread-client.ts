// The in-thread client: system calls on the kernel's own thread, for the console and the tools. A call runs the kernel's loop
// until it is answered. Where messages are carried by the event loop, or a driver has to be loaded first, the call waits in the
// event loop instead.

import type { Domain } from '../../domain/domain.ts';
import type { KernelExports } from '../../domain/image.ts';
import { STAT_SIZE } from '../../../kernel/abi/file.ts';
import { EINVAL } from '../../../kernel/abi/errno.ts';
import { PATH_MAX } from '../../../kernel/abi/limits.ts';
import { USER_BASE, USER_SIZE } from '../../../kernel/abi/map.ts';
import {
  PARKED,
  SYS_GETDENTS,
  SYS_IOCTL,
  SYS_OPEN,
  SYS_READ,
  SYS_STAT,
  SYS_WRITE,
} from '../../../kernel/abi/operation.ts';
import type { Answer, CallMethods, MaybePromise, SystemCallResult } from '../shared/protocol.ts';

/** What the client needs of the kernel's thread. */
export interface KernelEntry {
  /** Runs an entry into the kernel; a trap in it ends the entry. */
  answer<T>(entry: () => T): Answer<T>;
  /** Whether the kernel still runs. */
  runs(): boolean;
  /** Whether the transport of some driver needs the event loop. */
  eventful(): boolean;
}

const noop = (): void => {};

export class InThreadClient implements CallMethods {
  private readonly domain: Domain<KernelExports>;
  private readonly kernel: KernelExports;
  private readonly entry: KernelEntry;
  /** The last call that was queued: the client makes one at a time. */
  private lastCall: Promise<unknown> = Promise.resolve();
  /** Wake the call that waits for its result. */
  private wakers: (() => void)[] = [];
  /** Calls that wait in the queue or for their result. */
  private pendingCalls = 0;
  private killed = false;

  constructor(domain: Domain<KernelExports>, entry: KernelEntry) {
    this.domain = domain;
    this.kernel = domain.exports;
    this.entry = entry;
  }

  /** Wakes the waiting call where its result is there; to be called after each entry into the kernel. */
  checkResult(): void {
    if (this.wakers.length > 0 && this.kernel.syscall_result() !== PARKED) this.wake();
  }

  /** The call in progress ended in a trap. */
  kill(): void {
    this.killed = true;
    this.wake();
  }

  private wake(): void {
    for (const resolve of this.wakers.splice(0)) resolve();
  }

  /** Enters the kernel for a call. @returns its result; PARKED also where the trap of another task has unwound this entry */
  private enter(entry: () => number): Answer<number> {
    this.killed = false;
    const answer = this.entry.answer(entry);
    return answer.ok || this.killed || !this.entry.runs() ? answer : { ok: true, value: PARKED };
  }

  /** Begins a system call and waits for its result in the event loop. */
  callAsync(number: number, a = 0, b = 0, c = 0, d = 0): Promise<Answer<number>> {
    return this.serialize(() => this.awaitResult(() => this.kernel.syscall_begin(number, a, b, c, d)));
  }

  private async serialize<T>(work: () => Promise<T>): Promise<T> {
    const before = this.lastCall;
    let release = (): void => {};
    this.lastCall = new Promise<void>((resolve) => (release = resolve));
    this.pendingCalls++;
    await before;
    try {
      return await work();
    } finally {
      this.pendingCalls--;
      release();
    }
  }

  /** Waits in the event loop for the result of a call. @param poll its result, or PARKED */
  private async awaitResult(poll: () => number): Promise<Answer<number>> {
    let result = this.enter(poll);
    while (result.ok && result.value === PARKED) {
      await new Promise<void>((resolve) => this.wakers.push(resolve));
      if (this.killed) return { ok: false, why: 'killed' };
      result = this.enter(() => this.kernel.syscall_result());
    }
    return result;
  }

  /**
   * Makes a call, and handles its result before the next call.
   * @param prepare writes the arguments in the client's memory
   * @param then    reads the result from there
   */
  private systemCall<T>(
    prepare: () => void,
    words: number[],
    then: (result: number) => T,
  ): MaybePromise<Answer<T>> {
    const [number = 0, a = 0, b = 0, c = 0, d = 0] = words;
    const done = (answer: Answer<number>): Answer<T> =>
      answer.ok ? { ok: true, value: then(answer.value) } : answer;
    if (this.entry.eventful() || this.pendingCalls > 0) {
      return this.serialize(async () => {
        prepare();
        return done(await this.awaitResult(() => this.kernel.syscall_begin(number, a, b, c, d)));
      });
    }
    prepare();
    const answer = this.enter(() => this.kernel.syscall(number, a, b, c, d));
    if (!answer.ok || answer.value !== PARKED) return done(answer);
    // The call waits for a driver's successor, which cannot be loaded while this thread runs the loop; or it was unwound.
    return this.serialize(async () => done(await this.awaitResult(() => this.kernel.syscall_result())));
  }

  /** Writes a text to the client's buffer, the first of the user area. */
  putText(text: string): void {
    const encoded = new TextEncoder().encode(`${text}\0`).subarray(0, USER_SIZE);
    this.domain.bytes.set(encoded, USER_BASE);
  }

  open(path: string, flags: number): MaybePromise<Answer<SystemCallResult>> {
    const prepare = (): void => this.putText(path);
    return this.systemCall<SystemCallResult>(prepare, [SYS_OPEN, USER_BASE, flags], (result) => {
      const wanted = this.kernel.wanted_module();
      return { result, data: null, ...(wanted && { wanted: this.domain.textAt(wanted, PATH_MAX) }) };
    });
  }

  callPath(number: number, path: string, b: number, c: number): MaybePromise<Answer<SystemCallResult>> {
    const prepare = (): void => this.putText(path);
    return this.systemCall(prepare, [number, USER_BASE, b, c], (result) => ({ result, data: null }));
  }

  stat(path: string): MaybePromise<Answer<SystemCallResult>> {
    const at = USER_BASE + PATH_MAX;
    const prepare = (): void => this.putText(path);
    return this.systemCall(prepare, [SYS_STAT, USER_BASE, at], (result) => ({
      result,
      data: this.domain.bytes.slice(at, at + STAT_SIZE),
    }));
  }

  entries(fd: number): MaybePromise<Answer<SystemCallResult>> {
    return this.readBytes(SYS_GETDENTS, fd, USER_SIZE);
  }

  read(fd: number, count: number): MaybePromise<Answer<SystemCallResult>> {
    return this.readBytes(SYS_READ, fd, count);
  }

  private readBytes(number: number, fd: number, count: number): MaybePromise<Answer<SystemCallResult>> {
    return this.systemCall(noop, [number, fd, USER_BASE, count], (result) => {
      const length = Math.min(Math.max(result, 0), USER_SIZE);
      return { result, data: this.domain.bytes.slice(USER_BASE, USER_BASE + length) };
    });
  }

  write(fd: number, data: Uint8Array): MaybePromise<Answer<SystemCallResult>> {
    if (data.length > USER_SIZE) return { ok: true, value: { result: -EINVAL, data: null } };
    const prepare = (): void => this.domain.bytes.set(data, USER_BASE);
    return this.systemCall(prepare, [SYS_WRITE, fd, USER_BASE, data.length], (result) => ({
      result,
      data: null,
    }));
  }

  ioctl(fd: number, command: number, buffer: Uint8Array): MaybePromise<Answer<SystemCallResult>> {
    if (buffer.length > USER_SIZE) return { ok: true, value: { result: -EINVAL, data: null } };
    const prepare = (): void => this.domain.bytes.set(buffer, USER_BASE);
    return this.systemCall(prepare, [SYS_IOCTL, fd, command, USER_BASE], (result) => ({
      result,
      data: this.domain.bytes.slice(USER_BASE, USER_BASE + buffer.length),
    }));
  }

  call(number: number, a: number, b: number, c: number, d = 0): MaybePromise<Answer<SystemCallResult>> {
    return this.systemCall(noop, [number, a, b, c, d], (result) => ({ result, data: null }));
  }
}
