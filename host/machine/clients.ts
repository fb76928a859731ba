// Clients as those above the machine see them: the in-thread client of the kernel's thread, and clients in threads of their
// own, which move on to the next kernel when theirs has died.

import { exitFor } from '../ipc/client-side.ts';
import { SYS_CLOSE, SYS_IOCTL, SYS_LSEEK } from '../../kernel/abi/operation.ts';
import { Control, unwrap, type Remote } from './control.ts';
import type { KernelLife } from './life.ts';
import type { Thread } from './platform.ts';
import type { Answer, ClientMethods, SystemCallResult } from './protocol.ts';
import type { Client, ClientThread, ReadingReport } from './types.ts';

type CallMethods = Pick<Remote<ClientMethods>, 'open' | 'read' | 'write' | 'call'>;

/** A client whose calls are made by the methods of some thread. */
class RemoteClient implements Client {
  private readonly methods: () => CallMethods;

  constructor(methods: () => CallMethods) {
    this.methods = methods;
  }

  private async result(answer: Promise<Answer<SystemCallResult>>): Promise<number> {
    return unwrap(await answer).result;
  }

  async open(path: string, flags: number): Promise<number> {
    return this.result(this.methods().open(path, flags));
  }

  async close(fd: number): Promise<number> {
    return this.result(this.methods().call(SYS_CLOSE, fd, 0, 0));
  }

  async read(fd: number, count: number): Promise<{ result: number; data: Uint8Array }> {
    const { result, data } = unwrap(await this.methods().read(fd, count));
    return { result, data: data ?? new Uint8Array() };
  }

  async write(fd: number, data: Uint8Array): Promise<number> {
    return this.result(this.methods().write(fd, data));
  }

  async lseek(fd: number, offset: number, whence: number): Promise<number> {
    return this.result(this.methods().call(SYS_LSEEK, fd, offset, whence));
  }

  async ioctl(fd: number, command: number, argument: number): Promise<number> {
    return this.result(this.methods().call(SYS_IOCTL, fd, command, argument));
  }
}

/** The in-thread client of whatever kernel lives now. */
export function consoleOf(life: () => KernelLife): Client {
  return new RemoteClient(() => life().control.methods);
}

export class MachineClient extends RemoteClient implements ClientThread {
  readonly index: number;
  readonly thread: Thread;
  private readonly control: Control<ClientMethods>;
  /** Resolves when its thread has ended, by whomever, and its place is free. */
  readonly gone: Promise<void>;
  private ended = false;
  private life: KernelLife | null = null;
  private moved: () => void = () => {};

  constructor(index: number, thread: Thread, onEnd: () => void) {
    const control = new Control<ClientMethods>(thread);
    super(() => control.methods);
    this.index = index;
    this.thread = thread;
    this.control = control;
    this.gone = thread.ended.then(async () => {
      this.ended = true;
      if (this.life) await exitFor(this.life.memory, index);
      this.moved();
      onEnd();
    });
  }

  /** Gives the client a kernel; the one before is no longer used by it. */
  async attach(life: KernelLife): Promise<void> {
    this.life = life;
    await this.control.methods.attach(life.memory, this.index);
    this.moved();
    life.usedUntil(new Promise<void>((resolve) => (this.moved = resolve)));
    if (this.ended) this.moved();
  }

  /** Gives the client the next kernel, if it lives. */
  async follow(life: KernelLife): Promise<void> {
    try {
      await this.attach(life);
    } catch (error) {
      if (!this.ended) throw error;
    }
  }

  startReading(path: string, periodMs: number): Promise<void> {
    return this.control.methods.startReading(path, periodMs);
  }

  stopReading(): Promise<ReadingReport> {
    return this.control.methods.stopReading();
  }

  async end(): Promise<void> {
    await this.control.methods.leave();
    await this.stop();
  }

  /** Ends the thread without asking. */
  async stop(): Promise<void> {
    this.control.giveUp('the client was ended');
    this.thread.terminate();
    await this.gone;
  }
}
