// What has come of a request that its driver will not answer. Whoever finds that out (death.ts, held.ts, submit.ts) tells what stands
// above them: ../fs/finish.ts, set at boot. What a driver has answered goes to `finish` there directly.

let handler: u32 = 0;

/** @param index table index of (request, status) -> void */
export function set_end_request(index: u32): void {
  handler = index;
}

/** @param status its result; or PARKED where it waits on, ASK_SUCCESSOR (held.ts) where its device has another driver already */
export function end_request(request: i32, status: i32): void {
  call_indirect<void>(handler, request, status);
}
