// A user program for measuring, and the floors that its figures stand on. Each loop runs `rounds` times and is short enough
// to be called again and again, so that the engine's best compiler gets it.

/** The in-thread client's system call, bound to the kernel's export. */
@external("host", "syscall")
declare function syscall(number: i32, a: i32, b: i32, c: i32, d: i32): i32;

/** The host's frame around `target` of another instance: what is left of a sandbox's gate when there is no kernel around it. */
@external("host", "bounce")
declare function bounce(a: i32, b: i32, c: i32, d: i32): i32;

/** The syscall benchmark: one system call, again and again. @returns the last result */
export function repeat(rounds: i32, number: i32, a: i32, b: i32, c: i32): i32 {
  let result = 0;
  for (let i = 0; i < rounds; i++) {
    result = syscall(number, a, b, c, 0);
    if (result < 0) break;
  }
  return result;
}

/** What the floor of a call calls: another instance's function with the signature of a driver's read. */
export function target(file: usize, buffer: usize, count: i32, position: usize): i32 {
  return count;
}

/** Floor: an indirect call into another instance. */
export function floor_indirect(rounds: i32, slot: u32): i32 {
  let sum = 0;
  for (let i = 0; i < rounds; i++) sum += call_indirect<i32>(slot, i, i, i, i);
  return sum;
}

/** Floor: a call into another instance through a JavaScript frame that catches. */
export function floor_gate(rounds: i32): i32 {
  let sum = 0;
  for (let i = 0; i < rounds; i++) sum += bounce(i, i, i, i);
  return sum;
}

/** Floor: a memory copy. */
export function floor_copy(rounds: i32, to: usize, from: usize, count: usize): void {
  for (let i = 0; i < rounds; i++) memory.copy(to, from, count);
}

/** Looks after which the other side of a round trip is taken for lost: about half a second. */
const LOST = 1 << 28;

/**
 * Floor: one side of a bare shared-memory round trip; the other side runs `floor_pong` in another thread.
 * @returns 0, or the round in which no answer came
 */
export function floor_ping(rounds: i32, request: usize, reply: usize, from: i32): i32 {
  for (let i = 1; i <= rounds; i++) {
    atomic.store<i32>(request, from + i);
    let looks = LOST;
    while (atomic.load<i32>(reply) != from + i && --looks) {}
    if (!looks) return i;
  }
  return 0;
}

export function floor_pong(rounds: i32, request: usize, reply: usize, from: i32): void {
  for (let i = 1; i <= rounds; i++) {
    while (atomic.load<i32>(request) != from + i) {}
    atomic.store<i32>(reply, from + i);
  }
}

/** Floor: the same round trip of two threads that never spin, but wait for each other. */
export function floor_wait_ping(rounds: i32, request: usize, reply: usize, from: i32): i32 {
  for (let i = 1; i <= rounds; i++) {
    atomic.store<i32>(request, from + i);
    atomic.notify(request, 1);
    while (atomic.load<i32>(reply) != from + i)
      if (atomic.wait<i32>(reply, from + i - 1, LOST_NS) == TIMED_OUT) return i;
  }
  return 0;
}

export function floor_wait_pong(rounds: i32, request: usize, reply: usize, from: i32): void {
  for (let i = 1; i <= rounds; i++) {
    while (atomic.load<i32>(request) != from + i)
      if (atomic.wait<i32>(request, from + i - 1, LOST_NS) == TIMED_OUT) return;
    atomic.store<i32>(reply, from + i);
    atomic.notify(reply, 1);
  }
}

/** ns after which the other side is taken for lost. */
const LOST_NS: i64 = 500000000;
const TIMED_OUT = 2;

// Floor of batches: a bare ring of messages of one line each, and another of their answers.
const SLOTS = 64;
const LINE = 64;
const HALF: usize = SLOTS * LINE;

// @ts-ignore: decorator
@inline
function slot(ring: usize, sequence: i32): usize {
  return ring + (sequence & (SLOTS - 1)) * LINE;
}

/**
 * Sends `messages` in batches and takes the answers to each batch; the other side runs `floor_ring_pong`.
 * @returns 0, or the message that was not answered
 */
export function floor_ring_ping(messages: i32, ring: usize, batch: i32, from: i32): i32 {
  for (let sent = 0; sent < messages; sent += batch) {
    for (let i = 1; i <= batch; i++) atomic.store<i32>(slot(ring, from + sent + i), from + sent + i);
    for (let i = 1; i <= batch; i++) {
      const sequence = from + sent + i;
      let looks = LOST;
      while (atomic.load<i32>(slot(ring, sequence) + HALF) != sequence && --looks) {}
      if (!looks) return sent + i;
    }
  }
  return 0;
}

export function floor_ring_pong(messages: i32, ring: usize, from: i32): void {
  for (let i = 1; i <= messages; i++) {
    while (atomic.load<i32>(slot(ring, from + i)) != from + i) {}
    atomic.store<i32>(slot(ring, from + i) + HALF, from + i);
  }
}
