// Ends a request that its driver will not answer. death.ts, held.ts and submit.ts call this; the handler is in ../fs/finish.ts, above
// them, and is set at boot. The answer of a driver goes to `finish` there directly.

let handler: u32 = 0;

/** @param index table index of (request, status) -> void */
export function set_end_request(index: u32): void {
  handler = index;
}

/** @param status its result; or PARKED where it is held, TO_SUCCESSOR (held.ts) where its device has a successor already */
export function end_request(request: i32, status: i32): void {
  call_indirect<void>(handler, request, status);
}
