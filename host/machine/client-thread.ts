// A client in a thread of its own: system calls through its slot, and the reading on a schedule that shows what a client
// notices of somebody else's crash. When its machine dies it waits for the next one.

import { installStackCapture } from '../domain/stack.ts';
import { ClientSide } from '../ipc/client-side.ts';
import { EINVAL } from '../../kernel/abi/errno.ts';
import { STAT_SIZE } from '../../kernel/abi/file.ts';
import { PATH_MAX } from '../../kernel/abi/limits.ts';
import { USER_SIZE } from '../../kernel/abi/map.ts';
import {
  O_RDONLY,
  SYS_EXIT,
  SYS_GETDENTS,
  SYS_OPEN,
  SYS_READ,
  SYS_STAT,
  SYS_WRITE,
} from '../../kernel/abi/operation.ts';
import { offer } from './control.ts';
import { outlive } from './outlive.ts';
import { nextTask } from './task.ts';
import type { Answer, ClientMethods, SystemCallResult, ThreadHost } from './protocol.ts';
import type { Outlived, ReadingReport } from './types.ts';

/** Nobody notifies it: a thread that may block sleeps on it more exactly than a timer would. */
const pause = new Int32Array(new SharedArrayBuffer(4));
const READ_SIZE = 64;
const FAILURES_SHOWN = 5;

class ClientThread implements ClientMethods {
  private side: ClientSide | null = null;
  private attached: () => void = () => {};
  private reading: { stop: boolean; done: Promise<ReadingReport> } | null = null;

  attach(memory: WebAssembly.Memory, client: number): void {
    this.side = new ClientSide(memory, client);
    this.attached();
  }

  private machine(): ClientSide {
    if (!this.side) throw new Error('the client is attached to no machine');
    return this.side;
  }

  call(number: number, a: number, b: number, c: number, d = 0): Answer<SystemCallResult> {
    const { result, killed } = this.machine().call(number, a, b, c, d);
    return killed ? { ok: false, why: 'killed' } : { ok: true, value: { result, data: null } };
  }

  open(path: string, flags: number): Answer<SystemCallResult> {
    return this.callPath(SYS_OPEN, path, flags, 0);
  }

  callPath(number: number, path: string, b: number, c: number): Answer<SystemCallResult> {
    const side = this.machine();
    side.buffer.set(new TextEncoder().encode(`${path}\0`).subarray(0, USER_SIZE));
    return this.call(number, side.address, b, c);
  }

  stat(path: string): Answer<SystemCallResult> {
    const side = this.machine();
    const answer = this.callPath(SYS_STAT, path, side.address + PATH_MAX, 0);
    if (answer.ok) answer.value.data = side.buffer.slice(PATH_MAX, PATH_MAX + STAT_SIZE);
    return answer;
  }

  entries(fd: number): Answer<SystemCallResult> {
    return this.take(SYS_GETDENTS, fd, USER_SIZE);
  }

  read(fd: number, count: number): Answer<SystemCallResult> {
    return this.take(SYS_READ, fd, count);
  }

  private take(number: number, fd: number, count: number): Answer<SystemCallResult> {
    const side = this.machine();
    const answer = this.call(number, fd, side.address, count);
    if (answer.ok)
      answer.value.data = side.buffer.slice(0, Math.min(Math.max(answer.value.result, 0), USER_SIZE));
    return answer;
  }

  write(fd: number, data: Uint8Array): Answer<SystemCallResult> {
    const side = this.machine();
    if (data.length > USER_SIZE) return { ok: true, value: { result: -EINVAL, data: null } };
    side.buffer.set(data);
    return this.call(SYS_WRITE, fd, side.address, data.length);
  }

  startReading(path: string, periodMs: number): void {
    if (this.reading) throw new Error(`the client is reading already, and cannot read ${path}`);
    const reading = { stop: false, done: Promise.resolve() as unknown as Promise<ReadingReport> };
    reading.done = this.readOnSchedule(path, periodMs, reading);
    this.reading = reading;
  }

  async stopReading(): Promise<ReadingReport> {
    if (!this.reading) throw new Error('the client is not reading');
    const { reading } = this;
    reading.stop = true;
    this.attached();
    const report = await reading.done;
    this.reading = null;
    return report;
  }

  /** One read each period; a late one counts from when it should have begun. */
  private async readOnSchedule(
    path: string,
    periodMs: number,
    reading: { stop: boolean },
  ): Promise<ReadingReport> {
    const report: ReadingReport = { calls: 0, failed: 0, worstMs: 0, failures: [] };
    let fd = -1;
    let side = this.machine();
    let intended = performance.now();
    while (!reading.stop) {
      if (side.abandoned) {
        fd = -1;
        if (side === this.side) await new Promise<void>((resolve) => (this.attached = resolve));
        side = this.machine();
        continue;
      }
      const result = fd < 0 ? this.openFor(side, path) : side.call(SYS_READ, fd, side.address, READ_SIZE);
      const ended = performance.now();
      if (fd < 0 && result.result >= 0) {
        fd = result.result;
      } else {
        report.calls++;
        report.worstMs = Math.max(report.worstMs, ended - intended);
        if (result.killed || result.result < 0) {
          report.failed++;
          if (report.failures.length < FAILURES_SHOWN) {
            report.failures.push(result.killed ? 'killed in the call' : `errno ${-result.result}`);
          }
          if (!side.abandoned && fd >= 0) fd = -1;
        }
        // What a stall has delayed counts from its intended start too.
        intended += periodMs;
      }
      const wait = intended - performance.now();
      if (wait > 0) Atomics.wait(pause, 0, 0, wait);
      await nextTask();
    }
    if (fd >= 0 && !side.abandoned) side.call(SYS_EXIT);
    return report;
  }

  outlive(path: string, order: Uint8Array, bytes: number, patienceMs: number): Promise<Outlived> {
    const next = async (side: ClientSide): Promise<void> => {
      if (side === this.side) await new Promise<void>((resolve) => (this.attached = resolve));
    };
    return outlive(() => this.machine(), next, { path, order, bytes, patienceMs });
  }

  private openFor(side: ClientSide, path: string): { result: number; killed: boolean } {
    side.buffer.set(new TextEncoder().encode(`${path}\0`));
    return side.call(SYS_OPEN, side.address, O_RDONLY);
  }

  leave(): void {
    if (this.side && !this.side.abandoned) {
      this.side.call(SYS_EXIT);
      this.side.detach();
    }
    this.side = null;
  }
}

/** Makes this thread a client's. */
export function runClientThread(host: ThreadHost): void {
  installStackCapture();
  offer(new ClientThread(), host.port);
}
