// The machine's files as a command sees them: a relative path begins in its working directory, and there is always a
// /dev/null: where the machine has none, what is written to it goes nowhere, and nothing is read from it.

import { ENOENT } from '../../kernel/abi/errno.ts';
import type { Client, DirectoryEntry, FileStat } from '../machine/shared/types.ts';
import type { WorkingDirectory } from './directory.ts';

const NULL_PATH = '/dev/null';
/** A descriptor that no kernel gives. */
const NULL_FD = 0x7fffffff;

export class View implements Client {
  private readonly client: Client;
  private readonly directory: WorkingDirectory;

  constructor(client: Client, directory: WorkingDirectory) {
    this.client = client;
    this.directory = directory;
  }

  async open(path: string, flags: number): Promise<number> {
    const whole = this.directory.resolve(path);
    const fd = await this.client.open(whole, flags);
    return fd === -ENOENT && whole === NULL_PATH ? NULL_FD : fd;
  }

  async close(fd: number): Promise<number> {
    return fd === NULL_FD ? 0 : this.client.close(fd);
  }

  async read(fd: number, count: number): Promise<{ result: number; data: Uint8Array }> {
    return fd === NULL_FD ? { result: 0, data: new Uint8Array() } : this.client.read(fd, count);
  }

  async write(fd: number, data: Uint8Array): Promise<number> {
    return fd === NULL_FD ? data.length : this.client.write(fd, data);
  }

  async lseek(fd: number, offset: number, whence: number): Promise<number> {
    return fd === NULL_FD ? 0 : this.client.lseek(fd, offset, whence);
  }

  ioctl(fd: number, command: number, argument: number | Uint8Array): Promise<number> {
    return this.client.ioctl(fd, command, argument);
  }

  stat(path: string): Promise<{ result: number; stat?: FileStat }> {
    return this.client.stat(this.directory.resolve(path));
  }

  readdir(path: string): Promise<{ result: number; entries: DirectoryEntry[] }> {
    return this.client.readdir(this.directory.resolve(path));
  }

  mknod(path: string, mode: number, major: number, minor: number): Promise<number> {
    return this.client.mknod(this.directory.resolve(path), mode, major, minor);
  }

  unlink(path: string): Promise<number> {
    return this.client.unlink(this.directory.resolve(path));
  }

  complain(fd: number, message: string): Promise<number> {
    return this.client.complain(fd, message);
  }
}
