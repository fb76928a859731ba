// Limits the log lines of drivers in other domains, and of the kernel in their calls: a burst, then a few lines a second, so that
// a driver cannot push all other lines out of the ring. Suppressed lines are counted, and the count is logged under the driver's
// name.
//
// Prohibited: calling log_write directly while a driver's call is served.

import { DRIVER_LOG_BURST, DRIVER_LOG_RATE, MAX_CHANNELS } from '../abi/limits';
import { LEVEL_WARNING, LOG_TEXT_MAX } from '../abi/log';
import { MOD_NAME } from '../abi/module';
import { cstr } from '../lib/cstr';
import { vsnprintf } from '../lib/format';
import { now } from '../lib/host';
import { log_write } from '../lib/log';
import { endpoint_generation, endpoint_module } from './endpoint';

// A budget, one a channel: a token bucket, which fills with time and from which each line takes a token.
const BUDGET_LINES = 0; // f64
const BUDGET_TIME = 8; // f64 ms, when it was last filled
const BUDGET_GENERATION = 16; // of its incarnation
const BUDGET_SUPPRESSED = 20; // lines since the last that was let through
const BUDGET_REPORTED = 24; // 1: the start of suppression was logged, since it was last full
const BUDGET_SIZE = 32;

const budgets = memory.data(MAX_CHANNELS * BUDGET_SIZE, 8);
const line = memory.data(256);
const words = memory.data(8);
/** Channel + 1 of the driver whose call is being served. */
let log_owner: i32 = 0;

/** Charges the lines from now on to a driver. @param owner channel + 1, 0 for the kernel itself. @returns the owner before */
export function set_log_owner(owner: i32): i32 {
  const before = log_owner;
  log_owner = owner;
  return before;
}

/** Takes a line from the budget. @returns false where it is empty */
function budget_take(channel: i32): bool {
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
    store<u32>(budget, 0, BUDGET_REPORTED);
  }
  store<f64>(budget, lines < 1 ? lines : lines - 1, BUDGET_LINES);
  store<f64>(budget, time, BUDGET_TIME);
  const suppressed = load<u32>(budget, BUDGET_SUPPRESSED);
  store<u32>(budget, lines < 1 ? suppressed + 1 : 0, BUDGET_SUPPRESSED);
  if (lines < 1) {
    if (!load<u32>(budget, BUDGET_REPORTED))
      log_suppressed(channel, cstr('%s: logs too much, messages are suppressed'), 0);
    store<u32>(budget, 1, BUDGET_REPORTED);
  } else if (suppressed) {
    log_suppressed(channel, cstr('%s: %u messages suppressed'), suppressed);
  }
  return lines >= 1;
}

/** Logs about suppression. It does not use printk, whose buffer may hold the line that is being let through. */
function log_suppressed(channel: i32, format: usize, count: u32): void {
  const mod = endpoint_module(channel);
  store<u32>(words, mod ? <u32>(mod + MOD_NAME) : <u32>cstr('endpoint'));
  store<u32>(words, count, 4);
  log_write(LEVEL_WARNING, line, vsnprintf(line, LOG_TEXT_MAX + 1, format, words));
}

/** The sink of all lines of the kernel's domain. */
export function log_emit(level: i32, text: usize, length: i32): void {
  if (!log_owner || budget_take(log_owner - 1)) log_write(level, text, length);
}
