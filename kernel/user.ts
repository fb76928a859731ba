// A user program for measuring, and the floors that its figures stand on. Each loop runs `rounds` times and is short enough
// to be called again and again, so that the engine's best compiler gets it.

/** The in-thread client's system call, bound to the kernel's export. */
@external("host", "syscall")
declare function syscall(number: i32, a: i32, b: i32, c: i32, d: i32): i32;

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
