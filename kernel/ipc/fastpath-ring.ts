// A read or write of the in-thread client over an idle ring: sent, waited for and taken in one function, if the answer is the next
// event. Otherwise the loop goes on waiting for it (loop.ts).
//
// A look at an answer that is not there yet takes the cache line from the driver's thread, which has to fetch it back to write, so
// the look delays the answer. Therefore the first look is made when the answer is likely to be there. That time is learned by
// endpoint: it grows after a first look in vain, and shrinks a little after each that found the answer.

import { MACHINE_BASE } from '../abi/map';
import { M_CORES, M_DOORBELL, M_HEARD } from '../abi/machine';
import { LONGEST_PAUSE, PROMPT_LOOKS } from '../abi/limits';
import {
  R_GENERATION,
  R_POSITION,
  R_SEQUENCE,
  R_STATUS,
  R_TAG,
  TRANSPORT_RING,
  TRANSPORT_SPIN,
} from '../abi/channel';
import { FILE_POSITION } from '../abi/file';
import { EIO } from '../abi/errno';
import { PARKED } from '../fs/clients';
import {
  request_at,
  RQ_CHANNEL,
  RQ_DEADLINE,
  RQ_FILE,
  RQ_LENGTH,
  RQ_OPERATION,
  RQ_POSITIONED,
  RQ_STARTED,
} from '../fs/requests';
import { answer_valid } from './answer';
import {
  EP_DEADLINE,
  EP_DONE,
  EP_GENERATION,
  EP_HEAD,
  EP_PAUSE,
  EP_SEQUENCE,
  EP_TRANSPORT,
  flight_at,
  UP,
} from './endpoint';
import { completion, send } from './ring';
import { trace_begin, trace_end, trace_start } from './trace';

/** EP_PAUSE counts parts of a step. */
const PARTS = 16;
/** A first look in vain makes the pause longer by 1/LONGER of it and a step; one with an answer makes it shorter by 1/SHORTER. */
const LONGER = 16;
const SHORTER = 256;

let noise: u32 = 1;

/** Waits for so many steps of a computation that no engine can skip or run in parallel: wasm has no pause instruction. */
// @ts-ignore: decorator
@inline
function pause(steps: u32): void {
  let number = noise;
  for (let i: u32 = 0; i < steps; i++) number = number * 1664525 + 1013904223;
  noise = number;
}

/** Whether a ring is idle, and its driver's thread can work while this one waits. */
// @ts-ignore: decorator
@inline
export function ring_idle(ep: usize): bool {
  const transport = load<u32>(ep, EP_TRANSPORT);
  return (
    load<u32>(ep) == UP &&
    (transport == TRANSPORT_RING || transport == TRANSPORT_SPIN) &&
    load<u32>(ep, EP_SEQUENCE) == load<u32>(ep, EP_DONE) &&
    !load<u32>(ep, EP_HEAD) &&
    !doorbell_rung() &&
    load<u32>(MACHINE_BASE, M_CORES) != 1
  );
}

/**
 * Sends a read or write that has been filled over an idle ring, and waits for a moment.
 * @returns as endpoint_submit
 */
export function ring_transfer(ep: usize, channel: i32, request: i32): i32 {
  const record = request_at(request);
  if (!send(ep, channel, request)) return -EIO; // it runs its cleanup
  // While the driver works, this does what its answer does not depend on.
  const started = trace_start();
  const generation = load<u32>(ep, EP_GENERATION);
  const sequence = load<u32>(ep, EP_SEQUENCE);
  const operation = load<i32>(record, RQ_OPERATION);
  const check = started ? trace_begin(request, channel, generation, operation, started) : 0;
  store<u32>(record, channel, RQ_CHANNEL);
  store<f64>(record, 0, RQ_DEADLINE);
  const r = completion(ep, sequence);
  if (await_answer(ep, r, sequence)) {
    const status = load<i32>(r, R_STATUS);
    const position = load<i64>(r, R_POSITION);
    const matches = load<u32>(r, R_TAG) == sequence && load<u32>(r, R_GENERATION) == generation;
    if (matches && answer_valid(status, load<i32>(record, RQ_LENGTH), position)) {
      store<u32>(flight_at(channel, sequence), 0);
      store<u32>(ep, sequence, EP_DONE);
      store<f64>(ep, 0, EP_DEADLINE);
      if (!load<u32>(record, RQ_POSITIONED))
        store<i64>(<usize>load<u32>(record, RQ_FILE), position, FILE_POSITION);
      if (started) trace_end(check, channel, started, status);
      return status;
    }
  }
  store<u64>(record, started, RQ_STARTED);
  return PARKED; // endpoint_reply handles a bad answer
}

/** Whether the doorbell was rung since the last full poll. */
// @ts-ignore: decorator
@inline
export function doorbell_rung(): bool {
  return atomic.load<i32>(MACHINE_BASE, M_DOORBELL) != load<i32>(MACHINE_BASE, M_HEARD);
}

/** Waits a short time for an answer. @returns whether it came before any other event */
// @ts-ignore: decorator
@inline
function await_answer(ep: usize, r: usize, sequence: u32): bool {
  const parts = load<u32>(ep, EP_PAUSE);
  pause(parts / PARTS);
  if (atomic.load<u32>(r, R_SEQUENCE) == sequence) {
    store<u32>(ep, parts - parts / SHORTER, EP_PAUSE);
    return true;
  }
  store<u32>(ep, min<u32>(parts + parts / LONGER + PARTS, LONGEST_PAUSE * PARTS), EP_PAUSE);
  for (let looks = PROMPT_LOOKS; looks > 0; looks--) {
    if (atomic.load<u32>(r, R_SEQUENCE) == sequence) return true;
    if (doorbell_rung()) break;
  }
  store<u32>(ep, parts / 2, EP_PAUSE); // this call takes longer, or another event came first
  return false;
}
