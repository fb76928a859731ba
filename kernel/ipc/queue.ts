// The queue of an endpoint: requests that wait because the ring is full, the driver runs its cleanup, or a sandbox is busy.

import { request_at, RQ_NEXT } from '../fs/requests';
import { EP_HEAD, EP_TAIL } from './endpoint';

export function enqueue(ep: usize, request: i32): void {
  store<u32>(request_at(request), 0, RQ_NEXT);
  const tail = load<u32>(ep, EP_TAIL);
  if (tail) store<u32>(request_at(tail - 1), request + 1, RQ_NEXT);
  else store<u32>(ep, request + 1, EP_HEAD);
  store<u32>(ep, request + 1, EP_TAIL);
}

/** Takes the next request. @returns request, or -1 */
export function dequeue(ep: usize): i32 {
  const next = <i32>load<u32>(ep, EP_HEAD) - 1;
  if (next < 0) return next;
  const behind = load<u32>(request_at(next), RQ_NEXT);
  store<u32>(ep, behind, EP_HEAD);
  if (!behind) store<u32>(ep, 0, EP_TAIL);
  return next;
}
