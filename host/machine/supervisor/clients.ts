// The clients of a machine: the in-thread client on the kernel's thread, and clients in threads of their own. The latter are
// attached to the next kernel when theirs has died.

import { exitFor } from '../../ipc/client-side.ts';
import { readEntries, readStat, type DirectoryEntry, type FileStat } from '../../ipc/names.ts';
import { MAX_CLIENTS } from '../../../kernel/abi/map.ts';
import { MINOR_BITS, S_IFCHR } from '../../../kernel/abi/file.ts';
import { EINVAL } from '../../../kernel/abi/errno.ts';
import {
  O_NOREQUEST,
  O_RDONLY,
  SYS_CLOSE,
  SYS_COMPLAIN,
  SYS_IOCTL,
  SYS_LSEEK,
  SYS_MKNOD,
  SYS_UNLINK,
} from '../../../kernel/abi/operation.ts';
import { Control, unwrap, type Remote } from '../shared/control.ts';
import type { KernelLife } from './kernel-life.ts';
import type { Thread } from '../shared/platform.ts';
import type { Answer, CallMethods, ClientMethods, SystemCallResult } from '../shared/protocol.ts';
import type { Resources } from './resources.ts';
import type { Client, ClientThread, RecoveryProbe, ReadingReport } from '../shared/types.ts';

/** The largest major number and the largest minor number that a device's name can have. */
const [MAX_MAJOR, MAX_MINOR] = [0xfff, (1 << MINOR_BITS) - 1];

/** A client whose calls are made by a remote thread's methods. */
class RemoteClient implements Client {
  private readonly methods: () => Remote<CallMethods>;
  private readonly requestModule: (alias: string) => Promise<void>;

  /** @param request loads the module that an open needs */
  constructor(
    methods: () => Remote<CallMethods>,
    request: (alias: string) => Promise<void> = () => Promise.resolve(),
  ) {
    this.methods = methods;
    this.requestModule = request;
  }

  private async result(answer: Promise<Answer<SystemCallResult>>): Promise<number> {
    return unwrap(await answer).result;
  }

  async open(path: string, flags: number): Promise<number> {
    const { result, wanted } = unwrap(await this.methods().open(path, flags));
    if (wanted === undefined) return result;
    await this.requestModule(wanted);
    return this.result(this.methods().open(path, flags | O_NOREQUEST));
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

  async ioctl(fd: number, command: number, argument: number | Uint8Array): Promise<number> {
    if (typeof argument === 'number')
      return this.result(this.methods().call(SYS_IOCTL, fd, command, argument));
    const { result, data } = unwrap(await this.methods().ioctl(fd, command, argument));
    if (data) argument.set(data);
    return result;
  }

  async stat(path: string): Promise<{ result: number; stat?: FileStat }> {
    const { result, data } = unwrap(await this.methods().stat(path));
    return result === 0 && data ? { result, stat: readStat(data) } : { result };
  }

  async readdir(path: string): Promise<{ result: number; entries: DirectoryEntry[] }> {
    const fd = await this.open(path, O_RDONLY);
    if (fd < 0) return { result: fd, entries: [] };
    try {
      const entries: DirectoryEntry[] = [];
      for (;;) {
        const { result, data } = unwrap(await this.methods().entries(fd));
        if (result < 0) return { result, entries: [] };
        if (result === 0 || !data) return { result: 0, entries };
        entries.push(...readEntries(data));
      }
    } finally {
      await this.close(fd);
    }
  }

  async mknod(path: string, mode: number, major: number, minor: number): Promise<number> {
    const fits = (value: number, most: number): boolean =>
      Number.isInteger(value) && value >= 0 && value <= most;
    if (!fits(mode, 0o777) || !fits(major, MAX_MAJOR) || !fits(minor, MAX_MINOR)) return -EINVAL;
    const dev = (major << MINOR_BITS) | minor;
    return this.result(this.methods().callPath(SYS_MKNOD, path, S_IFCHR | mode, dev));
  }

  async unlink(path: string): Promise<number> {
    return this.result(this.methods().callPath(SYS_UNLINK, path, 0, 0));
  }

  async complain(fd: number, message: string): Promise<number> {
    return this.result(this.methods().callPath(SYS_COMPLAIN, message, fd, 0));
  }
}

/** The in-thread client of the kernel that lives at the time of the call. */
export function consoleOf(life: () => KernelLife, request: (alias: string) => Promise<void>): Client {
  return new RemoteClient(() => life().control.methods, request);
}

export class MachineClient extends RemoteClient implements ClientThread {
  readonly index: number;
  readonly thread: Thread;
  private readonly control: Control<ClientMethods>;
  /** Resolves when its thread has ended for any reason and its slot is free. */
  readonly exited: Promise<void>;
  private ended = false;
  private life: KernelLife | null = null;
  private releaseKernel: () => void = () => {};

  constructor(index: number, thread: Thread, onEnd: () => void) {
    const control = new Control<ClientMethods>(thread);
    super(() => control.methods);
    this.index = index;
    this.thread = thread;
    this.control = control;
    this.exited = thread.ended.then(async () => {
      this.ended = true;
      if (this.life) await exitFor(this.life.memory, index);
      this.releaseKernel();
      onEnd();
    });
  }

  /** Attaches the client to a kernel. It no longer uses the kernel before that. */
  async attach(life: KernelLife): Promise<void> {
    this.life = life;
    await this.control.methods.attach(life.memory, this.index);
    this.releaseKernel();
    life.usedUntil(new Promise<void>((resolve) => (this.releaseKernel = resolve)));
    if (this.ended) this.releaseKernel();
  }

  /** Attaches the client to the next kernel, unless its thread has ended. */
  async reattach(life: KernelLife): Promise<void> {
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

  probeRecovery(path: string, order: Uint8Array, bytes: number, patienceMs: number): Promise<RecoveryProbe> {
    return this.control.methods.probeRecovery(path, order, bytes, patienceMs);
  }

  async end(): Promise<void> {
    await this.control.methods.leave();
    await this.stop();
  }

  /** Terminates the thread without asking it first. */
  async stop(): Promise<void> {
    this.control.rejectAll('the client was ended');
    this.thread.terminate();
    await this.exited;
  }
}

/** The clients of a machine that have threads of their own, each with a slot of its own. */
export class ClientThreads {
  private readonly clients = new Map<number, MachineClient>();
  private readonly resources: Resources;
  private readonly life: () => KernelLife;

  /** @param life the kernel that lives now; throws MachineDied where there is none */
  constructor(resources: Resources, life: () => KernelLife) {
    this.resources = resources;
    this.life = life;
  }

  async attach(): Promise<ClientThread> {
    const thread = await this.resources.takeThread('client');
    let index = 1;
    while (this.clients.has(index)) index++;
    if (index >= MAX_CLIENTS) {
      this.resources.dismiss(thread);
      throw new RangeError(`there are no more than ${MAX_CLIENTS - 1} client threads`);
    }
    const client = new MachineClient(index, thread, () => this.clients.delete(index));
    this.clients.set(index, client);
    try {
      await client.attach(this.life());
      return client;
    } catch (error) {
      await client.stop();
      throw error;
    }
  }

  /** Attaches all of them to the next kernel. */
  async reattachAll(life: KernelLife): Promise<void> {
    for (const client of this.clients.values()) await client.reattach(life);
  }

  /** Terminates their threads without asking them first. */
  async stop(): Promise<void> {
    await Promise.all([...this.clients.values()].map((client) => client.stop()));
  }
}
