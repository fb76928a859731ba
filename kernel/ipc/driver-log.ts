// What drivers of other domains may write into the log, and what the kernel writes about their calls: a burst, then a few lines
// a second, so that none of them can push everybody else's lines out of the ring. What is suppressed is counted, and told
// under the driver's name.
//
// Prohibited: going round this with log_write while a driver's call is served.

import { DRIVER_LOG_BURST, DRIVER_LOG_RATE, MAX_CHANNELS } from '../abi/limits';
import { LEVEL_WARNING, LOG_TEXT_MAX } from '../abi/log';
import { MOD_NAME } from '../abi/module';
import { cstr } from '../lib/cstr';
import { vsnprintf } from '../lib/format';
import { now } from '../lib/host';
import { log_write } from '../lib/log';
import { endpoint_generation, endpoint_module } from './endpoint';

// A budget, one a channel: a bucket that fills up with time and from which each line takes one.
const BUDGET_LINES = 0; // f64
const BUDGET_TIME = 8; // f64 ms, when it was last looked at
const BUDGET_GENERATION = 16; // of the incarnation that it belongs to
const BUDGET_SUPPRESSED = 20; // lines since the last that was let through
const BUDGET_TOLD = 24; // 1 where its first suppressed line was told of, since it was full
const BUDGET_SIZE = 32;

const budgets = memory.data(MAX_CHANNELS * BUDGET_SIZE, 8);
const line = memory.data(256);
const words = memory.data(8);
/** Channel + 1 of the driver whose call is being served. */
let speaker: i32 = 0;

/** What is logged from now on is on this driver's account. @param who channel + 1, 0 for the kernel itself. @returns who it was before */
export function speak_for(who: i32): i32 {
  const before = speaker;
  speaker = who;
  return before;
}

/** Takes a line out of the budget. @returns false where it is empty */
function allowed(channel: i32): bool {
  const budget = budgets + channel * BUDGET_SIZE;
  const time = now();
  if (load<u32>(budget, BUDGET_GENERATION) != endpoint_generation(channel)) {
    memory.fill(budget, 0, BUDGET_SIZE);
    store<u32>(budget, endpoint_generation(channel), BUDGET_GENERATION);
    store<f64>(budget, <f64>DRIVER_LOG_BURST, BUDGET_LINES);
    store<f64>(budget, time, BUDGET_TIME);
  }
  const grown = ((time - load<f64>(budget, BUDGET_TIME)) * <f64>DRIVER_LOG_RATE) / 1000;
  let lines = load<f64>(budget, BUDGET_LINES) + grown;
  if (lines >= <f64>DRIVER_LOG_BURST) {
    lines = <f64>DRIVER_LOG_BURST;
    store<u32>(budget, 0, BUDGET_TOLD);
  }
  store<f64>(budget, lines < 1 ? lines : lines - 1, BUDGET_LINES);
  store<f64>(budget, time, BUDGET_TIME);
  const suppressed = load<u32>(budget, BUDGET_SUPPRESSED);
  store<u32>(budget, lines < 1 ? suppressed + 1 : 0, BUDGET_SUPPRESSED);
  if (lines < 1) {
    if (!load<u32>(budget, BUDGET_TOLD)) tell(channel, cstr('%s: logs too much, messages are suppressed'), 0);
    store<u32>(budget, 1, BUDGET_TOLD);
  } else if (suppressed) {
    tell(channel, cstr('%s: %u messages suppressed'), suppressed);
  }
  return lines >= 1;
}

/** Not by printk, whose line may be what is just being let through. */
function tell(channel: i32, format: usize, count: u32): void {
  const mod = endpoint_module(channel);
  store<u32>(words, mod ? <u32>(mod + MOD_NAME) : <u32>cstr('endpoint'));
  store<u32>(words, count, 4);
  log_write(LEVEL_WARNING, line, vsnprintf(line, LOG_TEXT_MAX + 1, format, words));
}

/** Where all lines of the kernel's domain go. */
export function log_emit(level: i32, text: usize, length: i32): void {
  if (!speaker || allowed(speaker - 1)) log_write(level, text, length);
}
