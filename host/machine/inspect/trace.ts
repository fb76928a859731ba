// The trace (kernel/abi/trace.ts) read out of a kernel's memory: the records of its ring, and the statistics of its channels.
// The kernel may be writing, dead or damaged: every address is checked, a record's sequence is looked at before and after its
// contents, and its check; nothing throws and nothing is written.

import { MAX_CHANNELS, NAME_SIZE } from '../../../kernel/abi/limits.ts';
import {
  M_TRACE_CLOCK,
  M_TRACE_LAST,
  M_TRACE_LEVEL,
  M_TRACE_NAMES,
  M_TRACE_RING,
  M_TRACE_STATISTICS,
  M_TRACE_STEP,
} from '../../../kernel/abi/machine.ts';
import { MACHINE_BASE, MAX_CLIENTS, POOL_BASE } from '../../../kernel/abi/map.ts';
import * as operations from '../../../kernel/abi/operation.ts';
import {
  STAT_BUCKETS,
  STAT_CALLS,
  STAT_ERRORS,
  STAT_GENERATION,
  STAT_SAMPLES,
  STAT_SIZE,
  STAT_TIME,
  TN_CHANNEL,
  TN_GENERATION,
  TN_NAME,
  TN_SEQUENCE,
  TN_SINCE,
  TR_CHANNEL,
  TR_CHECK,
  TR_FLAGS,
  TR_GENERATION,
  TR_OPERATION,
  TR_SEQUENCE,
  TR_START,
  TR_STATUS,
  TR_TIME,
  TR_WHO,
  TRACE_CHECK_0,
  TRACE_CHECK_1,
  TRACE_CHECK_2,
  TRACE_CHECK_3,
  TRACE_CHECK_4,
  TRACE_CHECK_5,
  TRACE_CHECK_6,
  TRACE_EXACT,
  TRACE_GRAIN,
  TRACE_KERNEL,
  TRACE_NAME_SIZE,
  TRACE_NAMES,
  TRACE_RECORD_SIZE,
  TRACE_RECORDS,
} from '../../../kernel/abi/trace.ts';
import { Memory } from '../shared/memory-view.ts';
import type { CallStatistics, TraceRecord, TraceView } from '../shared/types.ts';

/** `read` for OP_READ. */
const OPERATIONS = new Map(
  Object.entries(operations)
    .filter(([name]) => name.startsWith('OP_'))
    .map(([name, number]) => [number, name.slice('OP_'.length).toLowerCase()]),
);

/** An incarnation that is or was on a channel. */
interface Name {
  channel: number;
  generation: number;
  /** ns since boot. */
  since: number;
  name: string;
}

/** A kernel's memory, and the tables of the trace in it. */
class TraceMemory extends Memory {
  private readonly words: Int32Array;

  constructor(kernel: WebAssembly.Memory) {
    super(kernel);
    this.words = new Int32Array(kernel.buffer);
  }

  /** The address of a table that the machine block points at, or 0. */
  table(root: number, bytes: number): number {
    const at = this.u32(MACHINE_BASE + root);
    return at >= POOL_BASE && at % 8 === 0 && at + bytes <= this.size ? at : 0;
  }

  /** A word at an aligned address in the memory, as it is now. */
  word(address: number): number {
    return Atomics.load(this.words, address >> 2) >>> 0;
  }

  /** A number that counts or measures something: what is none, or negative, is 0. */
  amount(address: number): number {
    const value = this.f64(address);
    return Number.isFinite(value) && value > 0 ? value : 0;
  }

  /** What `read` gives, if the entry with that sequence was there before and afterwards. */
  steady<T>(at: number, slot: number, slots: number, read: (sequence: number) => T | null): T | null {
    const sequence = this.word(at);
    if (sequence === 0 || sequence % slots !== slot) return null;
    const entry = read(sequence);
    return this.word(at) === sequence ? entry : null;
  }
}

/** In the order in which they came. */
function readNames(memory: TraceMemory): Name[] {
  const table = memory.table(M_TRACE_NAMES, TRACE_NAMES * TRACE_NAME_SIZE);
  const names: (Name & { sequence: number })[] = [];
  for (let slot = 0; table !== 0 && slot < TRACE_NAMES; slot++) {
    const at = table + slot * TRACE_NAME_SIZE;
    const entry = memory.steady(at + TN_SEQUENCE, slot, TRACE_NAMES, (sequence) => ({
      sequence,
      channel: memory.u32(at + TN_CHANNEL),
      generation: memory.u32(at + TN_GENERATION),
      since: memory.amount(at + TN_SINCE),
      name: memory.text(at + TN_NAME, NAME_SIZE),
    }));
    if (entry) names.push(entry);
  }
  return names.sort((a, b) => a.sequence - b.sequence);
}

const unnamed = (channel: number): string => `channel ${channel}`;

function nameOf(names: readonly Name[], channel: number, generation: number): string {
  const found = names.findLast((each) => each.channel === channel && each.generation === generation);
  return found?.name ?? unnamed(channel);
}

/** @param at ns since boot */
function callerOf(names: readonly Name[], who: number, at: number): string {
  if (who === 0) return 'console';
  if (who === TRACE_KERNEL) return 'kernel';
  if (who < MAX_CLIENTS) return `client ${who}`;
  const channel = who - MAX_CLIENTS;
  return names.findLast((each) => each.channel === channel && each.since <= at)?.name ?? unnamed(channel);
}

const FACTORS = [
  TRACE_CHECK_0,
  TRACE_CHECK_1,
  TRACE_CHECK_2,
  TRACE_CHECK_3,
  TRACE_CHECK_4,
  TRACE_CHECK_5,
  TRACE_CHECK_6,
];

/** The check over a record's words. */
function checkOf(memory: Memory, at: number): number {
  return FACTORS.reduce((sum, factor, i) => (sum + Math.imul(memory.u32(at + i * 4), factor)) | 0, 0) >>> 0;
}

/** The records that can be read, oldest first; without a kernel there are none. */
export function readTrace(kernel: WebAssembly.Memory | undefined): TraceView {
  if (!kernel) return { records: [], lost: 0, level: 0 };
  const memory = new TraceMemory(kernel);
  const table = memory.table(M_TRACE_RING, TRACE_RECORDS * TRACE_RECORD_SIZE);
  const found: TraceRecord[] = [];
  for (let slot = 0; table !== 0 && slot < TRACE_RECORDS; slot++) {
    const at = table + slot * TRACE_RECORD_SIZE;
    const record = memory.steady(at + TR_SEQUENCE, slot, TRACE_RECORDS, (sequence) => {
      if (memory.u32(at + TR_CHECK) !== checkOf(memory, at)) return null;
      const [channel, generation] = [memory.u8(at + TR_CHANNEL), memory.u32(at + TR_GENERATION)];
      const startNs = memory.amount(at + TR_START);
      const operation = memory.u8(at + TR_OPERATION);
      return {
        ...{ sequence, channel, generation, startNs, caller: '', driver: '' },
        endNs: startNs + memory.u32(at + TR_TIME) * TRACE_GRAIN,
        who: memory.u8(at + TR_WHO),
        operation: OPERATIONS.get(operation) ?? `operation ${operation}`,
        status: memory.u32(at + TR_STATUS) | 0,
        exact: (memory.u8(at + TR_FLAGS) & TRACE_EXACT) !== 0,
      };
    });
    if (record) found.push(record);
  }
  const last = memory.word(MACHINE_BASE + M_TRACE_LAST);
  // Numbers begin anew after 2^32: they are ordered by how far they are from the last.
  const records = found.sort((a, b) => ((a.sequence - last) | 0) - ((b.sequence - last) | 0));
  const names = readNames(memory);
  for (const record of records) {
    record.driver = nameOf(names, record.channel, record.generation);
    record.caller = callerOf(names, record.who, record.startNs);
  }
  return {
    records,
    lost: Math.max(0, last - records.length),
    level: memory.u32(MACHINE_BASE + M_TRACE_LEVEL),
  };
}

/** What the channels of a kernel count, for the present or last incarnation on each that had one. */
export function readStatistics(kernel: WebAssembly.Memory | undefined): CallStatistics {
  if (!kernel) return { clockNs: 0, stepNs: 0, channels: [] };
  const memory = new TraceMemory(kernel);
  const table = memory.table(M_TRACE_STATISTICS, MAX_CHANNELS * STAT_SIZE);
  const names = readNames(memory);
  const channels: CallStatistics['channels'] = [];
  for (let channel = 0; table !== 0 && channel < MAX_CHANNELS; channel++) {
    const at = table + channel * STAT_SIZE;
    const generation = memory.u32(at + STAT_GENERATION);
    const name = names.findLast((each) => each.channel === channel && each.generation === generation);
    if (!name) continue;
    channels.push({
      ...{ driver: name.name, channel, generation, sinceNs: name.since },
      calls: memory.amount(at + STAT_CALLS),
      errors: memory.amount(at + STAT_ERRORS),
      timeNs: memory.amount(at + STAT_TIME),
      samples: Array.from({ length: STAT_BUCKETS }, (_, i) => memory.amount(at + STAT_SAMPLES + i * 8)),
    });
  }
  return {
    clockNs: memory.amount(MACHINE_BASE + M_TRACE_CLOCK),
    stepNs: memory.amount(MACHINE_BASE + M_TRACE_STEP),
    channels,
  };
}
