// The machine's files for commands: system calls of a client, whose negative results become errors with the file's name.

import { O_RDONLY, O_WRONLY, SEEK_CUR, SEEK_SET } from '../../kernel/abi/operation.ts';
import { EIO } from '../../kernel/abi/errno.ts';
import type { Client } from '../machine/shared/types.ts';
import { FileError } from './errors.ts';
import { throwIfInterrupted, type Signal } from './signal.ts';
import { joined, type Input, type Output } from './streams.ts';

/** Bytes a call when a file is read or written as a whole. */
export const PIECE = 0x10000;

/** An open file. Every method throws FileError. */
export class OpenFile implements Input, Output {
  readonly path: string;
  private readonly client: Client;
  private readonly fd: number;
  private readonly signal: Signal;

  constructor(path: string, client: Client, fd: number, signal: Signal) {
    this.path = path;
    this.client = client;
    this.fd = fd;
    this.signal = signal;
  }

  private checked(result: number): number {
    if (result < 0) throw new FileError(this.path, -result);
    return result;
  }

  /** One read; empty at the end. */
  async some(count: number): Promise<Uint8Array> {
    throwIfInterrupted(this.signal);
    const { result, data } = await this.client.read(this.fd, count);
    this.checked(result);
    return data;
  }

  async read(most = PIECE): Promise<Uint8Array | null> {
    const data = await this.some(Math.min(most, PIECE));
    return data.length > 0 ? data : null;
  }

  /** One write. @returns the bytes taken, at least 1 where there are any */
  async put(bytes: Uint8Array): Promise<number> {
    throwIfInterrupted(this.signal);
    const taken = this.checked(await this.client.write(this.fd, bytes));
    // A driver may say anything; one that takes nothing for ever must not hang us.
    if (bytes.length > 0 && taken === 0) throw new FileError(this.path, EIO);
    return Math.min(taken, bytes.length);
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) at += await this.put(bytes.subarray(at, at + PIECE));
  }

  async seek(offset: number, whence = SEEK_SET): Promise<number> {
    return this.checked(await this.client.lseek(this.fd, offset, whence));
  }

  /** @param argument a number, or a buffer, which then holds what the driver has left in it */
  async ioctl(command: number, argument: number | Uint8Array): Promise<number> {
    throwIfInterrupted(this.signal);
    return this.checked(await this.client.ioctl(this.fd, command, argument));
  }

  /** Moves on by so many bytes, reading where the file does not seek. */
  async skip(count: number): Promise<void> {
    if ((await this.client.lseek(this.fd, count, SEEK_CUR)) >= 0) return;
    for (let left = count; left > 0;) {
      const { length } = await this.some(Math.min(left, PIECE));
      if (length === 0) return;
      left -= length;
    }
  }

  async close(): Promise<void> {
    await this.client.close(this.fd);
  }
}

export class Files {
  readonly client: Client;
  private readonly signal: Signal;

  constructor(client: Client, signal: Signal) {
    this.client = client;
    this.signal = signal;
  }

  /** @throws FileError */
  async open(path: string, flags: number): Promise<OpenFile> {
    throwIfInterrupted(this.signal);
    const fd = await this.client.open(path, flags);
    if (fd < 0) throw new FileError(path, -fd);
    return new OpenFile(path, this.client, fd, this.signal);
  }

  /** Opens, works, and closes however that ended. */
  async with<T>(path: string, flags: number, work: (file: OpenFile) => Promise<T>): Promise<T> {
    const file = await this.open(path, flags);
    let done = false;
    try {
      const value = await work(file);
      done = true;
      return value;
    } finally {
      // Where it failed, the client may be no more; the first error is the one to tell.
      await (done ? file.close() : file.close().catch(() => undefined));
    }
  }

  async bytes(path: string): Promise<Uint8Array> {
    return this.with(path, O_RDONLY, async (file) => {
      const pieces: Uint8Array[] = [];
      for (let piece = await file.read(); piece !== null; piece = await file.read()) pieces.push(piece);
      return joined(pieces);
    });
  }

  async text(path: string): Promise<string> {
    return new TextDecoder().decode(await this.bytes(path));
  }

  /** Writes a text by one call, as a file under /proc/sys wants it. */
  async putText(path: string, text: string): Promise<void> {
    await this.with(path, O_WRONLY, (file) => file.write(new TextEncoder().encode(text)));
  }
}
