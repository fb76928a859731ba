// A client in a thread of its own: system calls through its slot, and reading on a schedule, which shows how a client sees a
// crash. When its kernel dies it waits until it is attached to the next one.

import { installStackCapture } from '../../domain/stack.ts';
import { ClientSide, type CallResult } from '../../ipc/client-side.ts';
import { EINVAL } from '../../../kernel/abi/errno.ts';
import { STAT_SIZE } from '../../../kernel/abi/file.ts';
import { PATH_MAX } from '../../../kernel/abi/limits.ts';
import { USER_SIZE } from '../../../kernel/abi/map.ts';
import {
  O_RDONLY,
  SYS_EXIT,
  SYS_GETDENTS,
  SYS_IOCTL,
  SYS_OPEN,
  SYS_READ,
  SYS_STAT,
  SYS_WRITE,
} from '../../../kernel/abi/operation.ts';
import { expose } from '../shared/control.ts';
import { probeRecovery } from './recovery-probe.ts';
import { nextTask } from '../shared/task.ts';
import type {
  Answer,
  ClientMethods,
  MaybePromise,
  SystemCallResult,
  ThreadRuntime,
} from '../shared/protocol.ts';
import type { RecoveryProbe, ReadingReport } from '../shared/types.ts';
import { BLOCKING, EVENT_LOOP, type WaitStrategy } from './wait-strategy.ts';

const READ_SIZE = 64;
const FAILURES_SHOWN = 5;

class ClientThread implements ClientMethods {
  private readonly wait: WaitStrategy;
  private side: ClientSide | null = null;
  /** The last call that was queued: calls share a slot and a buffer. */
  private lastCall: Promise<unknown> = Promise.resolve();
  /** Wakes what waits for the next kernel. */
  private wake: () => void = () => {};
  private reading: { stop: boolean; done: Promise<ReadingReport> } | null = null;

  constructor({ ended }: ThreadRuntime) {
    this.wait = ended ? EVENT_LOOP : BLOCKING;
    void ended?.then(() => {
      this.side?.cancel();
      if (this.reading) this.reading.stop = true;
      this.wake();
    });
  }

  attach(memory: WebAssembly.Memory, client: number): void {
    this.side = new ClientSide(memory, client);
    this.wake();
  }

  private kernel(): ClientSide {
    if (!this.side) throw new Error('the client is attached to no machine');
    return this.side;
  }

  private serialize<T>(work: () => Promise<T>): Promise<T> {
    const done = this.lastCall.then(work);
    this.lastCall = done.catch(() => undefined); // the caller gets the error
    return done;
  }

  /**
   * Makes a system call after those before it.
   * @param prepare writes the arguments in the buffer
   * @param take    reads the result from there
   */
  private systemCall(
    words: (side: ClientSide) => [number, number, number, number, number?],
    prepare: (side: ClientSide) => void = () => {},
    take: (side: ClientSide, result: number) => Uint8Array | null = () => null,
  ): Promise<Answer<SystemCallResult>> {
    return this.serialize(async () => {
      const side = this.kernel();
      prepare(side);
      const { result, killed } = await this.wait.call(side, ...words(side));
      return killed
        ? { ok: false, why: 'killed' }
        : { ok: true, value: { result, data: take(side, result) } };
    });
  }

  call(number: number, a: number, b: number, c: number, d = 0): Promise<Answer<SystemCallResult>> {
    return this.systemCall(() => [number, a, b, c, d]);
  }

  open(path: string, flags: number): Promise<Answer<SystemCallResult>> {
    return this.callPath(SYS_OPEN, path, flags, 0);
  }

  callPath(number: number, path: string, b: number, c: number): Promise<Answer<SystemCallResult>> {
    return this.systemCall(
      ({ address }) => [number, address, b, c],
      (side) => side.putPath(path),
    );
  }

  stat(path: string): Promise<Answer<SystemCallResult>> {
    return this.systemCall(
      ({ address }) => [SYS_STAT, address, address + PATH_MAX, 0],
      (side) => side.putPath(path),
      ({ buffer }) => buffer.slice(PATH_MAX, PATH_MAX + STAT_SIZE),
    );
  }

  entries(fd: number): Promise<Answer<SystemCallResult>> {
    return this.readBytes(SYS_GETDENTS, fd, USER_SIZE);
  }

  read(fd: number, count: number): Promise<Answer<SystemCallResult>> {
    return this.readBytes(SYS_READ, fd, count);
  }

  private readBytes(number: number, fd: number, count: number): Promise<Answer<SystemCallResult>> {
    return this.systemCall(
      ({ address }) => [number, fd, address, count],
      () => {},
      ({ buffer }, result) => buffer.slice(0, Math.min(Math.max(result, 0), USER_SIZE)),
    );
  }

  write(fd: number, data: Uint8Array): MaybePromise<Answer<SystemCallResult>> {
    if (data.length > USER_SIZE) return { ok: true, value: { result: -EINVAL, data: null } };
    return this.systemCall(
      ({ address }) => [SYS_WRITE, fd, address, data.length],
      ({ buffer }) => buffer.set(data),
    );
  }

  ioctl(fd: number, command: number, data: Uint8Array): MaybePromise<Answer<SystemCallResult>> {
    if (data.length > USER_SIZE) return { ok: true, value: { result: -EINVAL, data: null } };
    return this.systemCall(
      ({ address }) => [SYS_IOCTL, fd, command, address],
      ({ buffer }) => buffer.set(data),
      ({ buffer }) => buffer.slice(0, data.length),
    );
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
    this.wake();
    const report = await reading.done;
    this.reading = null;
    return report;
  }

  /** One read each period. The latency of a late read counts from its intended start. */
  private async readOnSchedule(
    path: string,
    periodMs: number,
    reading: { stop: boolean },
  ): Promise<ReadingReport> {
    const report: ReadingReport = { calls: 0, failed: 0, worstMs: 0, failures: [] };
    let fd = -1;
    let side = this.kernel();
    let intended = performance.now();
    while (!reading.stop) {
      if (side.abandoned) {
        fd = -1;
        if (side === this.side) await new Promise<void>((resolve) => (this.wake = resolve));
        side = this.kernel();
        continue;
      }
      const result = await this.serialize(() => this.openOrRead(side, path, fd));
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
        // Reads that a stall has delayed count from their intended start too.
        intended += periodMs;
      }
      const wait = intended - performance.now();
      if (wait > 0) await this.wait.pause(wait);
      await nextTask();
    }
    if (fd >= 0 && !side.abandoned) await this.serialize(async () => this.wait.call(side, SYS_EXIT));
    return report;
  }

  probeRecovery(path: string, order: Uint8Array, bytes: number, patienceMs: number): Promise<RecoveryProbe> {
    const next = async (side: ClientSide): Promise<void> => {
      if (side === this.side) await new Promise<void>((resolve) => (this.wake = resolve));
    };
    const request = { path, order, bytes, patienceMs };
    return this.serialize(() => probeRecovery(this.wait, () => this.kernel(), next, request));
  }

  private async openOrRead(side: ClientSide, path: string, fd: number): Promise<CallResult> {
    if (fd >= 0) return this.wait.call(side, SYS_READ, fd, side.address, READ_SIZE);
    side.putPath(path);
    return this.wait.call(side, SYS_OPEN, side.address, O_RDONLY);
  }

  leave(): Promise<void> {
    return this.serialize(async () => {
      const { side } = this;
      if (side && !side.abandoned) {
        await this.wait.call(side, SYS_EXIT);
        side.detach();
      }
      this.side = null;
    });
  }
}

/** Makes this thread a client's. */
export function runClientThread(runtime: ThreadRuntime): void {
  installStackCapture();
  expose(new ClientThread(runtime), runtime.port);
}
