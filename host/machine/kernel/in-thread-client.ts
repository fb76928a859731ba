// The in-thread client: system calls of the kernel's own thread, by which a console and the tools ask. A call runs the kernel's
// loop until it is answered; where messages are carried by the event loop, or a driver has to be loaded first, the event loop
// goes on meanwhile.

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

/** What of the kernel's thread a client needs. */
export interface KernelEntry {
  /** Runs an entry into the kernel; a trap in it ends the entry. */
  answer<T>(entry: () => T): Answer<T>;
  /** Whether the kernel still runs. */
  runs(): boolean;
  /** Whether some driver is reached by messages. */
  eventful(): boolean;
}

const NOTHING = (): void => {};

export class InThreadClient implements CallMethods {
  private readonly domain: Domain<KernelExports>;
  private readonly kernel: KernelExports;
  private readonly entry: KernelEntry;
  /** Calls that wait for their turn: the client has one at a time. */
  private turn: Promise<unknown> = Promise.resolve();
  private waiting: (() => void)[] = [];
  /** Those that wait, for their turn or for their result. */
  private busy = 0;
  private killed = false;

  constructor(domain: Domain<KernelExports>, entry: KernelEntry) {
    this.domain = domain;
    this.kernel = domain.exports;
    this.entry = entry;
  }

  /** The kernel has done something: a call that waits goes on if that was its result. */
  looked(): void {
    if (this.waiting.length > 0 && this.kernel.syscall_result() !== PARKED) this.wake();
  }

  /** The call in progress ended in a trap. */
  kill(): void {
    this.killed = true;
    this.wake();
  }

  private wake(): void {
    for (const resolve of this.waiting.splice(0)) resolve();
  }

  /** Enters the kernel for a call. @returns its result; PARKED also where a trap has unwound this that was somebody else's */
  private enter(entry: () => number): Answer<number> {
    this.killed = false;
    const answer = this.entry.answer(entry);
    return answer.ok || this.killed || !this.entry.runs() ? answer : { ok: true, value: PARKED };
  }

  /** Begins a system call and waits for its result in the event loop. */
  eventually(number: number, a = 0, b = 0, c = 0, d = 0): Promise<Answer<number>> {
    return this.inTurn(() => this.finish(() => this.kernel.syscall_begin(number, a, b, c, d)));
  }

  private async inTurn<T>(work: () => Promise<T>): Promise<T> {
    const before = this.turn;
    let over = (): void => {};
    this.turn = new Promise<void>((resolve) => (over = resolve));
    this.busy++;
    await before;
    try {
      return await work();
    } finally {
      this.busy--;
      over();
    }
  }

  /** Waits in the event loop for the result of a call. @param look its result, or PARKED */
  private async finish(look: () => number): Promise<Answer<number>> {
    let result = this.enter(look);
    while (result.ok && result.value === PARKED) {
      await new Promise<void>((resolve) => this.waiting.push(resolve));
      if (this.killed) return { ok: false, why: 'killed' };
      result = this.enter(() => this.kernel.syscall_result());
    }
    return result;
  }

  /**
   * Makes a call and does something with its result, before any other.
   * @param prepare writes what the call needs in the client's memory
   */
  private make<T>(
    prepare: () => void,
    words: number[],
    then: (result: number) => T,
  ): MaybePromise<Answer<T>> {
    const [number = 0, a = 0, b = 0, c = 0, d = 0] = words;
    const done = (answer: Answer<number>): Answer<T> =>
      answer.ok ? { ok: true, value: then(answer.value) } : answer;
    if (this.entry.eventful() || this.busy > 0) {
      return this.inTurn(async () => {
        prepare();
        return done(await this.finish(() => this.kernel.syscall_begin(number, a, b, c, d)));
      });
    }
    prepare();
    const answer = this.enter(() => this.kernel.syscall(number, a, b, c, d));
    if (!answer.ok || answer.value !== PARKED) return done(answer);
    // It waits for the successor of a driver, which cannot be loaded while this thread runs the loop; or was unwound.
    return this.inTurn(async () => done(await this.finish(() => this.kernel.syscall_result())));
  }

  /** Its buffer is the first of the user area. */
  putText(text: string): void {
    const encoded = new TextEncoder().encode(`${text}\0`).subarray(0, USER_SIZE);
    this.domain.bytes.set(encoded, USER_BASE);
  }

  open(path: string, flags: number): MaybePromise<Answer<SystemCallResult>> {
    const prepare = (): void => this.putText(path);
    return this.make<SystemCallResult>(prepare, [SYS_OPEN, USER_BASE, flags], (result) => {
      const wanted = this.kernel.wanted_module();
      return { result, data: null, ...(wanted && { wanted: this.domain.textAt(wanted, PATH_MAX) }) };
    });
  }

  callPath(number: number, path: string, b: number, c: number): MaybePromise<Answer<SystemCallResult>> {
    const prepare = (): void => this.putText(path);
    return this.make(prepare, [number, USER_BASE, b, c], (result) => ({ result, data: null }));
  }

  stat(path: string): MaybePromise<Answer<SystemCallResult>> {
    const at = USER_BASE + PATH_MAX;
    const prepare = (): void => this.putText(path);
    return this.make(prepare, [SYS_STAT, USER_BASE, at], (result) => ({
      result,
      data: this.domain.bytes.slice(at, at + STAT_SIZE),
    }));
  }

  entries(fd: number): MaybePromise<Answer<SystemCallResult>> {
    return this.take(SYS_GETDENTS, fd, USER_SIZE);
  }

  read(fd: number, count: number): MaybePromise<Answer<SystemCallResult>> {
    return this.take(SYS_READ, fd, count);
  }

  private take(number: number, fd: number, count: number): MaybePromise<Answer<SystemCallResult>> {
    return this.make(NOTHING, [number, fd, USER_BASE, count], (result) => {
      const length = Math.min(Math.max(result, 0), USER_SIZE);
      return { result, data: this.domain.bytes.slice(USER_BASE, USER_BASE + length) };
    });
  }

  write(fd: number, data: Uint8Array): MaybePromise<Answer<SystemCallResult>> {
    if (data.length > USER_SIZE) return { ok: true, value: { result: -EINVAL, data: null } };
    const prepare = (): void => this.domain.bytes.set(data, USER_BASE);
    return this.make(prepare, [SYS_WRITE, fd, USER_BASE, data.length], (result) => ({ result, data: null }));
  }

  ioctl(fd: number, command: number, buffer: Uint8Array): MaybePromise<Answer<SystemCallResult>> {
    if (buffer.length > USER_SIZE) return { ok: true, value: { result: -EINVAL, data: null } };
    const prepare = (): void => this.domain.bytes.set(buffer, USER_BASE);
    return this.make(prepare, [SYS_IOCTL, fd, command, USER_BASE], (result) => ({
      result,
      data: this.domain.bytes.slice(USER_BASE, USER_BASE + buffer.length),
    }));
  }

  call(number: number, a: number, b: number, c: number, d = 0): MaybePromise<Answer<SystemCallResult>> {
    return this.make(NOTHING, [number, a, b, c, d], (result) => ({ result, data: null }));
  }
}
