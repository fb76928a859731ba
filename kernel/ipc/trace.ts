// The trace of calls between domains (abi/trace.ts): a ring of records, the incarnations by channel, statistics by channel. Only the
// kernel's thread writes it, without a lock.
//
// Reading the clock costs 50 ns and a call 400, so the time is cached. The clock is read for the first event after a poll of the
// loop, after a sleep, after an entry by the host and after TRACE_SPINS of waiting. It is also read for one call in TRACE_STRIDE,
// drawn at random. Between two reads a program on the kernel's own thread makes at most 2 * TRACE_STRIDE - 2 calls, so the cached
// time is too old by at most the time of these calls and of what the program does between them.
//
// A call whose start was read from the clock has its end read from the clock too. Only those are samples of the latency. Whether a
// call is a sample depends on what was before it and on the random draw, not on how long it takes: each is weighted with the
// inverse of its probability (the Horvitz-Thompson estimator).

import { MACHINE_BASE } from '../abi/map';
import {
  M_TRACE_CLOCK,
  M_TRACE_LAST,
  M_TRACE_LEVEL,
  M_TRACE_NAMED,
  M_TRACE_NAMES,
  M_TRACE_RING,
  M_TRACE_STATISTICS,
  M_TRACE_STEP,
} from '../abi/machine';
import { MAX_CHANNELS, NAME_SIZE } from '../abi/limits';
import { GFP_KERNEL } from '../abi/gfp';
import { PAGE_PAGES } from '../abi/heap';
import { OP_ECHO } from '../abi/operation';
import {
  STAT_BUCKETS,
  STAT_CALLS,
  STAT_ERRORS,
  STAT_GENERATION,
  STAT_LEAST,
  STAT_LEAST_LOG,
  STAT_SAMPLES,
  STAT_SIZE,
  STAT_SUB_BITS,
  STAT_SUBS,
  STAT_TIME,
  TN_CHANNEL,
  TN_GENERATION,
  TN_NAME,
  TN_SEQUENCE,
  TN_SINCE,
  TR_CHECK,
  TR_GENERATION,
  TR_OPERATION,
  TR_SEQUENCE,
  TR_START,
  TR_STATUS,
  TR_TIME,
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
  TRACE_STRIDE,
} from '../abi/trace';
import {
  entry_client,
  FIRST_ENTRY,
  FIRST_REOPEN,
  request_at,
  RQ_CHANNEL,
  RQ_OPERATION,
  RQ_STARTED,
} from '../fs/requests';
import { endpoint_generation } from './endpoint';
import { now } from '../lib/host';
import { log_epoch } from '../lib/log';
import { strscpy } from '../lib/text';
import { get_owned_run } from '../mm/pages';
import { page_address } from '../mm/page';

const NS_PER_MS: f64 = 1e6;
/** The low bits of a start, which its time does not use, say how it was taken. */
const HOW: u64 = TRACE_GRAIN - 1;
// How a start was taken.
const CACHED: u64 = 0;
/** From the clock, which was read in any case. */
const FROM_CLOCK: u64 = 1;
/** From the clock, by a random draw. */
const DRAWN: u64 = 2;

/** The cached time, as M_TRACE_CLOCK has it. */
let clock: u64 = 0;
let ring: usize = 0;
let names: usize = 0;
let statistics: usize = 0;
/** Whether the cached time is too old. */
let stale: bool = true;
/** Calls until one is drawn. */
let until_drawn: u32 = 1;
let random: u32 = 1;

function zeroed(bytes: u32): usize {
  const page = get_owned_run(0, (bytes + 4095) / 4096, bytes, PAGE_PAGES, GFP_KERNEL);
  if (!page) unreachable(); // at boot there is memory
  const address = page_address(page);
  memory.fill(address, 0, bytes);
  return address;
}

export function trace_init(): void {
  ring = zeroed(TRACE_RECORDS * TRACE_RECORD_SIZE);
  names = zeroed(TRACE_NAMES * TRACE_NAME_SIZE);
  statistics = zeroed(MAX_CHANNELS * STAT_SIZE);
  store<u32>(MACHINE_BASE, <u32>ring, M_TRACE_RING);
  store<u32>(MACHINE_BASE, <u32>names, M_TRACE_NAMES);
  store<u32>(MACHINE_BASE, <u32>statistics, M_TRACE_STATISTICS);
  store<u32>(MACHINE_BASE, 1, M_TRACE_LEVEL);
}

/** Marks the cached time as too old: the next event reads the clock. */
// @ts-ignore: decorator
@inline
export function trace_stale(): void {
  stale = true;
}

/** Updates the cached time. @param time in ms, as `now` has it */
export function trace_clock(time: f64): void {
  const read = (<u64>((time - log_epoch()) * NS_PER_MS)) & ~HOW;
  if (read <= clock) return;
  const step = <f64>(read - clock);
  const least = load<f64>(MACHINE_BASE, M_TRACE_STEP);
  if (!(least <= step) || !least) store<f64>(MACHINE_BASE, step, M_TRACE_STEP);
  clock = read;
  store<f64>(MACHINE_BASE, <f64>read, M_TRACE_CLOCK);
}

function read_clock(): u64 {
  trace_clock(now());
  stale = false;
  return clock;
}

/** @returns the start of a call, for `trace_begin`; 0 where nothing is traced */
// @ts-ignore: decorator
@inline
export function trace_start(): u64 {
  if (!load<u32>(MACHINE_BASE, M_TRACE_LEVEL)) return 0;
  if (stale) return read_clock() | FROM_CLOCK;
  return --until_drawn ? clock | CACHED : draw();
}

function draw(): u64 {
  random = random * 1664525 + 1013904223;
  until_drawn = 1 + ((random >> 16) % (2 * TRACE_STRIDE - 1)); // TRACE_STRIDE on the average
  return read_clock() | DRAWN;
}

/**
 * Writes what is known of a call before its answer into the next record. No other call may begin before `trace_end`.
 * @param caller client, MAX_CLIENTS + channel of a driver, or TRACE_KERNEL
 * @param channel of the driver that is called
 * @param start what `trace_start` gave when it began
 * @returns the record's check so far, for `trace_end`
 */
// @ts-ignore: decorator
@inline
export function trace_begin(caller: i32, channel: i32, generation: u32, operation: i32, start: u64): u32 {
  const number = load<u32>(MACHINE_BASE, M_TRACE_LAST) + 1;
  const record = record_at(number);
  const what: u32 = operation | (channel << 8) | (caller << 16) | ((start & HOW ? TRACE_EXACT : 0) << 24);
  const at = reinterpret<u64>(<f64>(start & ~HOW));
  store<u32>(record, number, TR_SEQUENCE);
  store<u32>(record, what, TR_OPERATION);
  store<u32>(record, generation, TR_GENERATION);
  store<u64>(record, at, TR_START);
  return (
    number * TRACE_CHECK_0 +
    what * TRACE_CHECK_1 +
    generation * TRACE_CHECK_2 +
    (<u32>at * TRACE_CHECK_4 + <u32>(at >> 32) * TRACE_CHECK_5)
  );
}

/** Completes the record of a call. */
// @ts-ignore: decorator
@inline
export function trace_end(check: u32, channel: i32, start: u64, status: i32): void {
  const how = start & HOW;
  const took = (stale || how ? read_clock() : clock) - (start & ~HOW);
  const number = load<u32>(MACHINE_BASE, M_TRACE_LAST) + 1;
  const record = record_at(number);
  const grains = <u32>(took / TRACE_GRAIN);
  store<u32>(MACHINE_BASE, number, M_TRACE_LAST);
  store<i32>(record, status, TR_STATUS);
  store<u32>(record, grains, TR_TIME);
  store<u32>(record, check + (status * TRACE_CHECK_3 + grains * TRACE_CHECK_6), TR_CHECK);
  const st = statistics + channel * STAT_SIZE;
  store<f64>(st, load<f64>(st, STAT_CALLS) + 1, STAT_CALLS);
  if (status < 0) store<f64>(st, load<f64>(st, STAT_ERRORS) + 1, STAT_ERRORS);
  if (how) sample(st, <f64>took, how == DRAWN ? TRACE_STRIDE : 1);
}

// @ts-ignore: decorator
@inline
function record_at(number: u32): usize {
  return ring + (number & (TRACE_RECORDS - 1)) * TRACE_RECORD_SIZE;
}

function sample(st: usize, ns: f64, weight: f64): void {
  store<f64>(st, load<f64>(st, STAT_TIME) + ns * weight, STAT_TIME);
  const at = st + ((<usize>bucket(<u64>ns)) << 3);
  store<f64>(at, load<f64>(at, STAT_SAMPLES) + weight, STAT_SAMPLES);
}

function bucket(ns: u64): u32 {
  if (ns < <u64>STAT_LEAST) return 0;
  const octave = 63 - <u32>clz(ns);
  const sub = (<u32>(ns >> (<u64>(octave - STAT_SUB_BITS)))) & (STAT_SUBS - 1);
  return min<u32>(1 + (octave - STAT_LEAST_LOG) * STAT_SUBS + sub, STAT_BUCKETS - 1);
}

/** Traces the end of a request to a driver; does nothing where that was traced already, or it was never sent. */
// @ts-ignore: decorator
@inline
export function trace_done(request: i32, status: i32): void {
  const record = request_at(request);
  const start = load<u64>(record, RQ_STARTED);
  if (!start) return;
  store<u64>(record, 0, RQ_STARTED);
  const channel = load<i32>(record, RQ_CHANNEL);
  trace_request(request, channel, endpoint_generation(channel), start, status);
}

/** The same with the call's data as arguments. @param start what `trace_start` gave when it was sent */
// @ts-ignore: decorator
@inline
export function trace_request(request: i32, channel: i32, generation: u32, start: u64, status: i32): void {
  const operation = load<i32>(request_at(request), RQ_OPERATION);
  if (!start || operation == OP_ECHO) return; // an echo is a measurement's own
  trace_end(trace_begin(caller_of(request), channel, generation, operation, start), channel, start, status);
}

// @ts-ignore: decorator
@inline
function caller_of(request: i32): i32 {
  if (request < FIRST_REOPEN) return request; // clients, then drivers that call others
  return request < FIRST_ENTRY ? TRACE_KERNEL : entry_client(request);
}

/** Notes the name of a new incarnation on a channel, for its records, and resets the channel's statistics. */
export function trace_incarnation(channel: i32, generation: u32, name: usize): void {
  const number = load<u32>(MACHINE_BASE, M_TRACE_NAMED) + 1;
  const entry = names + (number % TRACE_NAMES) * TRACE_NAME_SIZE;
  store<u32>(entry, 0, TN_SEQUENCE);
  store<u32>(entry, channel, TN_CHANNEL);
  store<u32>(entry, generation, TN_GENERATION);
  store<f64>(entry, <f64>read_clock(), TN_SINCE);
  strscpy(entry + TN_NAME, name, NAME_SIZE);
  atomic.store<u32>(entry, number, TN_SEQUENCE);
  store<u32>(MACHINE_BASE, number, M_TRACE_NAMED);
  const st = statistics + channel * STAT_SIZE;
  memory.fill(st, 0, STAT_SIZE);
  store<u32>(st, generation, STAT_GENERATION);
}
