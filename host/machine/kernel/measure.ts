// Measuring on the kernel's thread. Subject and floor (./floors.ts) run in alternating batches on the same threads.

import type { Domain } from '../../domain/domain.ts';
import type { KernelExports } from '../../domain/image.ts';
import {
  ENTRY_BUFFER,
  ENTRY_CALL,
  ENTRY_FD,
  ENTRY_LENGTH,
  ENTRY_OFFSET,
  ENTRY_RESULT,
  ENTRY_SIZE,
} from '../../../kernel/abi/batch.ts';
import { TRANSPORT_POST } from '../../../kernel/abi/channel.ts';
import { M_TRACE_LEVEL } from '../../../kernel/abi/machine.ts';
import { MACHINE_BASE, USER_BASE, USER_SIZE } from '../../../kernel/abi/map.ts';
import {
  O_RDONLY,
  SYS_CLOSE,
  SYS_OPEN,
  SYS_PREAD,
  SYS_READ,
  SYS_SUBMIT,
} from '../../../kernel/abi/operation.ts';
import { batch, WarmUp, type Loop } from './batches.ts';
import { BATCH, CannotMeasure, type Floors } from './floors.ts';
import type { Measured, MeasureSpec } from '../shared/types.ts';

const TRACE_LEVEL = (MACHINE_BASE + M_TRACE_LEVEL) >> 2;

/**
 * A pair is dropped where its floor took this many times the best of the warm-up: another process had the core. Otherwise a
 * spinning pair of threads would measure the scheduler on a busy computer.
 */
const DISTURBED = 3;
/** Floors of threads that block, whose pairs are never dropped: the scheduler is part of what they measure. */
const BLOCKING_FLOORS: readonly Measured['floorName'][] = [
  'wait/notify round trip',
  'postMessage round trip',
];
/** ms after which a measurement ends with the pairs that it has, or fails where those are less than half. */
const BUDGET_MS = 8000;
/** The address of a batch's entries, after what it reads. */
const ENTRIES = USER_BASE + USER_SIZE / 2;

/** A system call of the in-thread client that waits in the event loop. */
export type Call = (number: number, a: number, b: number, c: number, d: number) => Promise<number>;

/** A measurement in steps; each step is one pair of batches. */
export interface BenchRun {
  measured: Measured;
  /** @returns whether there is more to do */
  step(): Promise<boolean>;
  end(): Promise<void>;
}

export class Bench {
  private readonly domain: Domain<KernelExports>;
  private readonly floors: Floors;
  private readonly call: Call;
  /** Runs an entry into the kernel, where a trap is an oops. */
  private readonly enter: <T>(entry: () => T) => T;

  constructor(domain: Domain<KernelExports>, floors: Floors, call: Call, enter: <T>(entry: () => T) => T) {
    this.domain = domain;
    this.floors = floors;
    this.call = call;
    this.enter = enter;
  }

  /** Opens the device, whose path must be at USER_BASE. Throws CannotMeasure where it cannot be opened or read. */
  async prepare(spec: MeasureSpec): Promise<BenchRun> {
    const { bytes } = spec;
    if (bytes > USER_SIZE / 2)
      throw new CannotMeasure(`a read is measured up to ${USER_SIZE / 2} bytes, not ${bytes}`);
    const fd = await this.call(SYS_OPEN, USER_BASE, O_RDONLY, 0, 0);
    if (fd < 0) throw new CannotMeasure(`cannot be opened (errno ${-fd}): ${spec.path}`);
    const call = this.subject(spec, fd);
    const level = this.domain.words[TRACE_LEVEL] ?? 0;
    const [subject, floor] = spec.untraced
      ? [this.atTraceLevel(call, 1), { name: 'untraced call' as const, loop: this.atTraceLevel(call, 0) }]
      : [call, this.floors.of(spec, fd)];
    const measured: Measured = { subject: [], floor: [], floorName: floor.name, dropped: 0 };
    let deadline = Infinity;
    const warm = [new WarmUp(floor.loop), new WarmUp(subject)] as const;
    return {
      measured,
      step: async () => {
        this.enter(() => this.domain.exports.poll());
        const cold = warm.find((each) => !each.done);
        if (cold) {
          await cold.step();
          deadline = performance.now() + BUDGET_MS;
          return true;
        }
        if (performance.now() > deadline) {
          const { length } = measured.floor;
          if (length >= spec.samples / 2) return false;
          throw new CannotMeasure(
            `this computer is too busy: only ${length} of ${length + measured.dropped} pairs were undisturbed`,
          );
        }
        const floorNs = await batch(floor.loop, spec.batchMs);
        const subjectNs = await batch(subject, spec.batchMs);
        if (floorNs > warm[0].best * DISTURBED && !BLOCKING_FLOORS.includes(floor.name)) {
          measured.dropped++;
        } else {
          measured.floor.push(floorNs);
          measured.subject.push(subjectNs);
        }
        return measured.subject.length < spec.samples;
      },
      end: async () => {
        if (spec.untraced) this.domain.words[TRACE_LEVEL] = level;
        await this.call(SYS_CLOSE, fd, 0, 0, 0);
      },
    };
  }

  /** The same loop with the trace at a level. */
  private atTraceLevel(loop: Loop, level: number): Loop {
    const { words } = this.domain;
    return (rounds) => {
      words[TRACE_LEVEL] = level;
      return loop(rounds);
    };
  }

  private subject({ operation, path, bytes }: MeasureSpec, fd: number): Loop {
    const kernel = this.domain.exports;
    const { user } = this.floors;
    const check = (result: number): void => {
      if (result !== bytes) throw new CannotMeasure(`a read of ${bytes} bytes answered ${result}: ${path}`);
    };
    if (operation === 'batch') return this.batches(fd, bytes, path);
    if (this.floors.transport(fd) === TRANSPORT_POST)
      return async (rounds) => {
        for (let i = 0; i < rounds; i++) check(await this.call(SYS_PREAD, fd, USER_BASE, bytes, 0));
      };
    if (operation === 'syscall')
      return (rounds) => check(this.enter(() => user.repeat(rounds, SYS_READ, fd, USER_BASE, bytes)));
    return (rounds) => check(this.enter(() => kernel.bench_dispatch(rounds, fd, USER_BASE, bytes)));
  }

  /** Batches of positioned reads, all in flight at once; a round is one read. */
  private batches(fd: number, bytes: number, path: string): Loop {
    const view = new DataView(this.domain.memory.buffer);
    for (let i = 0; i < BATCH; i++) {
      const at = ENTRIES + i * ENTRY_SIZE;
      view.setInt32(at + ENTRY_CALL, SYS_READ, true);
      view.setInt32(at + ENTRY_FD, fd, true);
      view.setInt32(at + ENTRY_BUFFER, USER_BASE, true);
      view.setInt32(at + ENTRY_LENGTH, bytes, true);
      view.setBigInt64(at + ENTRY_OFFSET, 0n, true);
    }
    return (rounds) => {
      const batches = Math.ceil(rounds / BATCH);
      const count = this.enter(() => this.floors.user.repeat(batches, SYS_SUBMIT, ENTRIES, BATCH, 0));
      const last = view.getInt32(ENTRIES + (BATCH - 1) * ENTRY_SIZE + ENTRY_RESULT, true);
      if (count !== BATCH || last !== bytes)
        throw new CannotMeasure(`a batch of reads of ${bytes} bytes answered ${last}: ${path}`);
    };
  }
}
