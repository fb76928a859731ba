// Measuring on the kernel's thread. Subject and floor run in alternating batches on the same threads: the floor of a call in
// the monolith is an indirect call into another instance; in the microkernel it is a bare shared-memory round trip between
// the very two threads that carry the call; the floor of a read is a memory copy of its size.

import type { Domain } from '../domain/domain.ts';
import type { Image, KernelExports } from '../domain/image.ts';
import { CHANNEL_SIZE, Q_ECHO, R_ECHO } from '../../kernel/abi/channel.ts';
import { EBUSY } from '../../kernel/abi/errno.ts';
import { CHANNELS_BASE, USER_BASE, USER_SIZE } from '../../kernel/abi/map.ts';
import { O_RDONLY, SYS_CLOSE, SYS_OPEN, SYS_READ } from '../../kernel/abi/operation.ts';
import { batch, WarmUp, type Loop } from './batches.ts';
import type { Measured, MeasureSpec, Placement } from './types.ts';

/** Exports of kernel/user.ts. */
export interface UserExports {
  repeat(rounds: number, number: number, a: number, b: number, c: number): number;
  target(file: number, buffer: number, count: number, position: number): number;
  floor_indirect(rounds: number, slot: number): number;
  floor_copy(rounds: number, to: number, from: number, count: number): void;
  floor_ping(rounds: number, request: number, reply: number, from: number): number;
  floor_pong(rounds: number, request: number, reply: number, from: number): void;
}

/**
 * A pair is dropped where its floor took this many times the warm floor's best: somebody else had the core. Without this a
 * spinning pair of threads on a busy computer measures the scheduler.
 */
const DISTURBED = 3;
/** ms after which a measurement makes do with half of its pairs, or is refused. */
const BUDGET_MS = 8000;

/** What was asked for cannot be measured; the kernel is well. */
export class CannotMeasure extends Error {
  override readonly name = 'CannotMeasure';
}

/** A run that is made step by step: each step is one pair of batches. */
export interface BenchRun {
  measured: Measured;
  /** @returns whether there is more to do */
  step(): boolean;
  end(): void;
}

export class Bench {
  private readonly domain: Domain<KernelExports>;
  private readonly placement: Placement;
  private readonly user: UserExports;
  private echoed = 0;

  constructor(domain: Domain<KernelExports>, image: Image, placement: Placement) {
    this.domain = domain;
    this.placement = placement;
    const host = { syscall: domain.exports.syscall } as unknown as WebAssembly.ModuleImports;
    const instance = (): UserExports =>
      domain.instantiate(image.module, USER_BASE, 0, { host }).exports as unknown as UserExports;
    this.user = instance();
    // Another instance of the same program: the engine cannot inline a call into it.
    domain.table.set(domain.hostSlot, instance().target);
  }

  /** The path lies at USER_BASE. Throws where the device cannot be opened or read. */
  prepare(spec: MeasureSpec): BenchRun {
    const { kernel, bytes } = { kernel: this.domain.exports, bytes: spec.bytes };
    if (bytes > USER_SIZE / 2)
      throw new CannotMeasure(`a read is measured up to ${USER_SIZE / 2} bytes, not ${bytes}`);
    const fd = kernel.syscall(SYS_OPEN, USER_BASE, O_RDONLY, 0, 0);
    if (fd < 0) throw new CannotMeasure(`cannot be opened (errno ${-fd}): ${spec.path}`);
    const subject = this.subject(spec, fd);
    const floor = this.floor(spec, fd);
    const measured: Measured = { subject: [], floor: [], floorName: floor.name, dropped: 0 };
    let until = Infinity;
    const warm = [new WarmUp(floor.loop), new WarmUp(subject)] as const;
    return {
      measured,
      step: () => {
        kernel.poll();
        const cold = warm.find((each) => !each.done);
        if (cold) {
          cold.step();
          until = performance.now() + BUDGET_MS;
          return true;
        }
        if (performance.now() > until) {
          const { length } = measured.floor;
          if (length >= spec.samples / 2) return false;
          throw new CannotMeasure(
            `this computer is too busy: only ${length} of ${length + measured.dropped} pairs were undisturbed`,
          );
        }
        const beneath = batch(floor.loop, spec.batchMs);
        const above = batch(subject, spec.batchMs);
        if (beneath > warm[0].best * DISTURBED) {
          measured.dropped++;
        } else {
          measured.floor.push(beneath);
          measured.subject.push(above);
        }
        return measured.subject.length < spec.samples;
      },
      end: () => void kernel.syscall(SYS_CLOSE, fd, 0, 0, 0),
    };
  }

  private subject({ operation, path, bytes }: MeasureSpec, fd: number): Loop {
    const kernel = this.domain.exports;
    const check = (result: number): void => {
      if (result !== bytes) throw new CannotMeasure(`a read of ${bytes} bytes answered ${result}: ${path}`);
    };
    if (operation === 'syscall')
      return (rounds) => check(this.user.repeat(rounds, SYS_READ, fd, USER_BASE, bytes));
    return (rounds) => check(kernel.bench_dispatch(rounds, fd, USER_BASE, bytes));
  }

  private floor({ operation, bytes }: MeasureSpec, fd: number): { name: Measured['floorName']; loop: Loop } {
    if (operation === 'read') {
      const from = USER_BASE + USER_SIZE / 2;
      return { name: 'memory copy', loop: (rounds) => this.user.floor_copy(rounds, USER_BASE, from, bytes) };
    }
    if (this.placement === 'monolithic') {
      const slot = this.domain.hostSlot;
      return { name: 'indirect call', loop: (rounds) => void this.user.floor_indirect(rounds, slot) };
    }
    return { name: 'shared-memory round trip', loop: (rounds) => this.echo(fd, rounds) };
  }

  /** Bare round trips on two words of the channel, with the driver's thread at the other end. */
  private echo(fd: number, rounds: number): void {
    const kernel = this.domain.exports;
    const from = this.echoed;
    this.echoed = (from + rounds) | 0;
    let channel = kernel.bench_echo(fd, rounds, from);
    // Somebody else's request is in flight: the loop goes on until it is answered.
    while (channel === -EBUSY) {
      kernel.poll();
      channel = kernel.bench_echo(fd, rounds, from);
    }
    if (channel < 0) throw new CannotMeasure(`the driver's thread does not echo (errno ${-channel})`);
    const base = CHANNELS_BASE + channel * CHANNEL_SIZE;
    const lost = this.user.floor_ping(rounds, base + Q_ECHO, base + R_ECHO, from);
    const status = kernel.bench_echo_end();
    if (lost !== 0 || status < 0)
      throw new CannotMeasure(`the driver's thread was lost in a round trip (errno ${-status})`);
  }
}
