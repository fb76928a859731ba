// The floors of a call: the cheapest operation of its kind that the engine can do, run by the threads that carry the call. The
// loops are in kernel/user.ts. For a floor of two threads the driver's thread runs the other end on request (OP_ECHO and its like).

import type { Domain } from '../../domain/domain.ts';
import type { Image, KernelExports } from '../../domain/image.ts';
import type { PostedKernelEnd } from '../../ipc/posted.ts';
import {
  CHANNEL_SIZE,
  Q_ECHO,
  R_ECHO,
  S_TRANSPORT,
  TRANSPORT_GATE,
  TRANSPORT_POST,
  TRANSPORT_WAIT,
} from '../../../kernel/abi/channel.ts';
import { EBUSY } from '../../../kernel/abi/errno.ts';
import { CHANNELS_BASE, USER_BASE, USER_SIZE } from '../../../kernel/abi/map.ts';
import { OP_ECHO, OP_ECHO_RING, OP_ECHO_WAIT } from '../../../kernel/abi/operation.ts';
import type { Loop } from './batches.ts';
import type { Measured, MeasureSpec } from '../shared/types.ts';
import { FLOOR_RING, type UserExports } from '../shared/user-program.ts';

/** Entries of a batch that is measured. */
export const BATCH = 32;
/** The operation cannot be measured; the kernel has not failed. */
export class CannotMeasure extends Error {
  override readonly name = 'CannotMeasure';
}

export interface Floor {
  name: Measured['floorName'];
  loop: Loop;
}

export class Floors {
  readonly user: UserExports;
  private readonly domain: Domain<KernelExports>;
  private readonly posted: (channel: number) => PostedKernelEnd | undefined;
  private readonly sent = new Map<number, number>();

  /** @param posted the kernel's end of a channel whose transport posts messages */
  constructor(
    domain: Domain<KernelExports>,
    image: Image,
    posted: (channel: number) => PostedKernelEnd | undefined,
  ) {
    this.domain = domain;
    this.posted = posted;
    // Another instance of the same program: the engine cannot inline a call into it.
    const instance = (bounce: (a: number, b: number, c: number, d: number) => number): UserExports => {
      const host = { syscall: domain.exports.syscall, bounce } as unknown as WebAssembly.ModuleImports;
      return domain.instantiate(image.module, USER_BASE, 0, { host }).exports as unknown as UserExports;
    };
    const { target } = instance(() => 0);
    domain.table.set(domain.hostSlot, target);
    this.user = instance((a, b, c, d) => {
      try {
        return target(a, b, c, d);
      } catch {
        return -1;
      }
    });
  }

  /** How messages to the driver behind an open file travel: TRANSPORT_, null where it is called directly. */
  transport(fd: number): number | null {
    const endpoint = this.domain.exports.bench_endpoint(fd);
    if (endpoint < 0) throw new CannotMeasure(`the driver behind it cannot be measured (errno ${-endpoint})`);
    if (endpoint === 0) return null;
    return this.domain.words[(CHANNELS_BASE + (endpoint - 1) * CHANNEL_SIZE + S_TRANSPORT) >> 2]!;
  }

  /** The floor of an operation on an open file. */
  of({ operation, bytes }: Pick<MeasureSpec, 'operation' | 'bytes'>, fd: number): Floor {
    const { user } = this;
    if (operation === 'read') {
      const from = USER_BASE + USER_SIZE / 2;
      return { name: 'memory copy', loop: (rounds) => user.floor_copy(rounds, USER_BASE, from, bytes) };
    }
    const transport = this.transport(fd);
    if (transport === null) {
      const slot = this.domain.hostSlot;
      return { name: 'indirect call', loop: (rounds) => void user.floor_indirect(rounds, slot) };
    }
    if (transport === TRANSPORT_GATE)
      return { name: 'wasm to JavaScript to wasm', loop: (rounds) => void user.floor_gate(rounds) };
    const channel = this.domain.exports.bench_endpoint(fd) - 1;
    if (transport === TRANSPORT_POST)
      return { name: 'postMessage round trip', loop: (rounds) => this.post(channel, rounds) };
    const base = CHANNELS_BASE + channel * CHANNEL_SIZE;
    const [request, reply] = [base + Q_ECHO, base + R_ECHO];
    if (operation === 'batch') {
      const ping = (rounds: number, from: number): number =>
        user.floor_ring_ping(rounds, FLOOR_RING, BATCH, from);
      return { name: 'bare ring', loop: (rounds) => this.echo(channel, OP_ECHO_RING, rounds, ping) };
    }
    if (transport === TRANSPORT_WAIT) {
      const ping = (rounds: number, from: number): number =>
        user.floor_wait_ping(rounds, request, reply, from);
      return {
        name: 'wait/notify round trip',
        loop: (rounds) => this.echo(channel, OP_ECHO_WAIT, rounds, ping),
      };
    }
    const ping = (rounds: number, from: number): number => user.floor_ping(rounds, request, reply, from);
    return { name: 'shared-memory round trip', loop: (rounds) => this.echo(channel, OP_ECHO, rounds, ping) };
  }

  /** One end of a floor of two threads; the driver's thread runs the other. */
  private echo(
    channel: number,
    operation: number,
    rounds: number,
    ping: (rounds: number, from: number) => number,
  ): void {
    const kernel = this.domain.exports;
    // The bare ring and the round trips each have a sequence of their own.
    const key = operation === OP_ECHO_RING ? -1 : channel;
    const from = this.sent.get(key) ?? 0;
    this.sent.set(key, (from + rounds) | 0);
    let started = kernel.bench_echo(channel, operation, rounds, from);
    // A request of another client is in flight: the loop goes on until it is answered.
    while (started === -EBUSY) {
      kernel.poll();
      started = kernel.bench_echo(channel, operation, rounds, from);
    }
    if (started < 0) throw new CannotMeasure(`the driver's thread does not echo (errno ${-started})`);
    const lost = ping(rounds, from);
    const status = kernel.bench_echo_end();
    if (lost !== 0 || status < 0)
      throw new CannotMeasure(`the driver's thread was lost in a round trip (errno ${-status})`);
  }

  private async post(channel: number, rounds: number): Promise<void> {
    const end = this.posted(channel);
    if (!end) throw new CannotMeasure(`no messages are exchanged on channel ${channel}`);
    for (let i = 0; i < rounds; i++) await end.echo();
  }
}
