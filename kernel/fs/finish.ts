// Ends parked system calls: a driver has answered or will not, or a requested module was loaded.

import { MACHINE_BASE } from '../abi/map';
import { M_CALL_CLIENT } from '../abi/machine';
import { OP_REQUEST, SYS_CLOSE, SYS_EXIT, SYS_OPEN, SYS_READ, SYS_REAP } from '../abi/operation';
import { conclude } from '../ipc/conclude';
import { redirect, reopen_done } from '../ipc/submit';
import { trace_done } from '../ipc/trace';
import { entry_done } from './batch';
import { CL_CALL, client_at, PARKED } from './clients';
import { file_free } from './files';
import {
  FIRST_ENTRY,
  FIRST_REOPEN,
  request_at,
  RQ_ARGUMENT0,
  RQ_ARGUMENT1,
  RQ_FILE,
  RQ_OPERATION,
} from './requests';
import { opened, sys_exit, sys_open } from './syscalls';

/** Ends a parked request with its driver's answer, and its system call with it. */
export function finish(request: i32, status: i32): void {
  trace_done(request, status);
  if (request >= FIRST_ENTRY) return entry_done(request, status);
  if (request >= FIRST_REOPEN) return reopen_done(request - FIRST_REOPEN, status);
  const call = load<u32>(client_at(request), CL_CALL);
  if (call == SYS_READ) return conclude(request, status); // the most frequent call first
  const file = <usize>load<u32>(request_at(request), RQ_FILE);
  if (call == SYS_OPEN) {
    status = opened(request, file, status);
  } else if (call == SYS_CLOSE) {
    file_free(file);
    status = 0;
  } else if (call == SYS_EXIT || call == SYS_REAP) {
    file_free(file);
    status = sys_exit(request);
    if (status == PARKED) return;
    if (call == SYS_REAP) {
      store<u32>(client_at(request), 0, CL_CALL); // its caller was answered before
      return;
    }
  }
  conclude(request, status);
}

/** The handler of `end_request` (../ipc/end-request.ts): the driver of a request has died, or the request was held too long. */
export function request_ended(request: i32, status: i32): void {
  const result = redirect(request, status);
  if (result != PARKED) finish(request, result);
}

/** The supervisor has handled the request for a module: the client's open goes on. */
export function module_requested(client: i32): void {
  const request = request_at(client);
  if (load<u32>(client_at(client), CL_CALL) != SYS_OPEN || load<u32>(request, RQ_OPERATION) != OP_REQUEST)
    return;
  store<u32>(request, 0, RQ_OPERATION);
  store<u32>(MACHINE_BASE, client + 1, M_CALL_CLIENT);
  const result = sys_open(client, load<u32>(request, RQ_ARGUMENT0), load<u32>(request, RQ_ARGUMENT1));
  store<u32>(MACHINE_BASE, 0, M_CALL_CLIENT);
  if (result != PARKED) conclude(client, result); // else its driver opens it now
}
