// The load of a soak: clients in threads of their own that open, read, write and close, and one that knows every write to the
// disk that was acknowledged. A call may fail as a driver's death explains it; it must return, and must not lie.

import { EIO, ENODEV, ENOMEM, ENXIO, ETIMEDOUT } from '../../../kernel/abi/errno.ts';
import { O_RDONLY, O_RDWR, SEEK_SET } from '../../../kernel/abi/operation.ts';
import type { Random } from '../../fault/random.ts';
import type { Client } from '../../machine/shared/types.ts';
import { attempt } from '../attempt.ts';
import { pass } from '../wait.ts';

/** What a call may answer whose driver has died, dies, or has no memory left. */
const EXPLAINED = new Set([EIO, ENXIO, ETIMEDOUT, ENODEV, ENOMEM]);
export const BLOCK = 512;
/** A client rests after so many calls: the supervisor shares its thread. */
const BURST = 8;

/** What all clients of a soak count. */
export class Tally {
  calls = 0;
  failed = 0;
  acknowledged = 0;
  verified = 0;
  lost = 0;
  readonly stuck: string[] = [];
  /** Answers that no machine may give, and how often. */
  readonly wrong = new Map<string, number>();
  private readonly patienceMs: number;

  /** @param patienceMs after which a call counts as one that never returns */
  constructor(patienceMs: number) {
    this.patienceMs = patienceMs;
  }

  /** Makes a call. @returns its value; a negative errno where the client has no answer any more */
  async call<T extends number | { result: number }>(
    what: string,
    make: () => Promise<T>,
  ): Promise<T | number> {
    this.calls++;
    const made = await attempt(make, this.patienceMs);
    if (!made.ok) {
      if (made.failure === 'no answer') this.stuck.push(what);
      else this.accuse(`${what}: ${made.failure}`);
      return -EIO;
    }
    const status = typeof made.value === 'number' ? made.value : made.value.result;
    if (status < 0) {
      this.failed++;
      if (!EXPLAINED.has(-status)) this.accuse(`${what}: errno ${-status}`);
    }
    return made.value;
  }

  accuse(what: string): void {
    this.wrong.set(what, (this.wrong.get(what) ?? 0) + 1);
  }

  /** Makes a call of which nothing is expected but that it returns. */
  async provoke(what: string, make: () => Promise<number>): Promise<void> {
    this.calls++;
    const made = await attempt(make, this.patienceMs);
    if (!made.ok && made.failure === 'no answer') this.stuck.push(what);
  }
}

export const statusOf = (value: number | { result: number }): number =>
  typeof value === 'number' ? value : value.result;

/** A device that anybody may use, and what a good read of it looks like. */
export interface Target {
  path: string;
  /** Whether writes are taken. */
  writable: boolean;
  good(data: Uint8Array, asked: number): boolean;
}

/** Opens, reads, writes and closes devices at random until it is told to stop. */
export async function roam(
  client: Client,
  targets: readonly Target[],
  random: Random,
  tally: Tally,
  stopped: () => boolean,
): Promise<void> {
  while (!stopped()) {
    const { path, writable, good } = random.pick(targets);
    const fd = statusOf(
      await tally.call(`open ${path}`, () => client.open(path, writable ? O_RDWR : O_RDONLY)),
    );
    if (fd >= 0) {
      for (let i = random.below(BURST); i > 0; i--) {
        const count = 1 + random.below(BLOCK);
        if (writable && random.once(2)) {
          await tally.call(`write ${path}`, () => client.write(fd, new Uint8Array(count)));
          continue;
        }
        const read = await tally.call(`read ${path}`, () => client.read(fd, count));
        if (typeof read === 'number' || read.result < 0) continue;
        if (read.result > count || !good(read.data, count))
          tally.accuse(`read ${path}: ${read.result} bytes`);
      }
      await tally.call(`close ${path}`, () => client.close(fd));
    }
    await pass(random.below(3));
  }
}

/** Writes stamped blocks, reads them back, and knows what must be there. */
export class Verifier {
  private readonly client: Client;
  private readonly path: string;
  private readonly random: Random;
  private readonly tally: Tally;
  /** For each block what a read may give: the last acknowledged write, and those of which nobody knows. */
  private readonly known: { sure: number; maybe: number[] }[];
  private stamp = 0;
  private fd = -1;

  constructor(client: Client, path: string, blocks: number, random: Random, tally: Tally) {
    this.client = client;
    this.path = path;
    this.random = random;
    this.tally = tally;
    this.known = Array.from({ length: blocks }, () => ({ sure: 0, maybe: [] }));
  }

  async run(stopped: () => boolean): Promise<void> {
    while (!stopped()) {
      for (let i = 0; i < BURST; i++) {
        const block = this.random.below(this.known.length);
        await (this.random.once(2) ? this.write(block) : this.read(block));
      }
      await pass(this.random.below(2));
    }
  }

  /** Reads every block once more; nothing is going on by now. */
  async finish(): Promise<void> {
    for (let block = 0; block < this.known.length; block++)
      if (!(await this.read(block)) && !(await this.read(block)))
        this.tally.accuse(`block ${block} of ${this.path} cannot be read at the end`);
    if (this.fd >= 0) await this.tally.call(`close ${this.path}`, () => this.client.close(this.fd));
  }

  /** The disk's file at a block; -1 where it cannot be had now. */
  private async at(block: number): Promise<number> {
    const { client, path, tally } = this;
    if (this.fd < 0) this.fd = statusOf(await tally.call(`open ${path}`, () => client.open(path, O_RDWR)));
    if (this.fd < 0) return -1;
    const moved = await tally.call(`lseek ${path}`, () => client.lseek(this.fd, block * BLOCK, SEEK_SET));
    if (statusOf(moved) === block * BLOCK) return this.fd;
    await this.reopen();
    return -1;
  }

  /** What it has open is of a driver that is no more. */
  private async reopen(): Promise<void> {
    const { fd } = this;
    this.fd = -1;
    await this.tally.call(`close ${this.path}`, () => this.client.close(fd));
  }

  private async write(block: number): Promise<void> {
    const fd = await this.at(block);
    if (fd < 0) return;
    const stamp = ++this.stamp;
    const known = this.known[block]!;
    const status = await this.tally.call(`write ${this.path}`, () =>
      this.client.write(fd, content(block, stamp)),
    );
    if (status === BLOCK) {
      this.tally.acknowledged++;
      this.known[block] = { sure: stamp, maybe: [] };
      return;
    }
    known.maybe.push(stamp); // it may have been done, and not been told
    await this.reopen();
  }

  /** @returns whether it could be read */
  private async read(block: number): Promise<boolean> {
    const fd = await this.at(block);
    if (fd < 0) return false;
    const read = await this.tally.call(`read ${this.path}`, () => this.client.read(fd, BLOCK));
    if (typeof read === 'number' || read.result < 0) {
      await this.reopen();
      return false;
    }
    this.tally.verified++;
    const stamp = stampOf(block, read.data);
    const { sure, maybe } = this.known[block]!;
    if (stamp !== null && (stamp === sure || maybe.includes(stamp))) return true;
    if (stamp === null) this.tally.accuse(`block ${block} of ${this.path} is no block that was ever written`);
    else this.tally.lost++;
    this.known[block] = { sure: stamp ?? 0, maybe: [] };
    return true;
  }
}

function content(block: number, stamp: number): Uint8Array {
  const words = new Uint32Array(BLOCK / 4);
  for (let i = 0; i < words.length; i++) words[i] = (Math.imul(stamp, 0x9e3779b1) + i * 7 + block) >>> 0;
  words[0] = stamp;
  return new Uint8Array(words.buffer);
}

/** Of which write a block is: 0 for one that was never written, null for none. */
function stampOf(block: number, data: Uint8Array): number | null {
  if (data.length !== BLOCK) return null;
  if (data.every((byte) => byte === 0)) return 0;
  const stamp = new DataView(data.buffer, data.byteOffset).getUint32(0, true);
  const right = content(block, stamp);
  return data.every((byte, i) => byte === right[i]) ? stamp : null;
}
