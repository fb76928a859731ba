// After a trap in the kernel's domain: the task ends as Linux ends it, what it held stays held, taint D is set, the call
// mark is reset; a setting decides whether to go on. The text of an oops is written by the host, which knows the frames.

import { MACHINE_BASE } from './abi/map';
import {
  M_CALL_CLIENT,
  M_DOORBELL,
  M_CALL_MODULE,
  M_CALL_OPERATION,
  M_OOPS_LIMIT,
  M_OOPSES,
  M_PANIC_ON_OOPS,
  M_STATE,
  M_TAINT,
  STATE_PANIC,
  TAINT_DIE,
} from './abi/machine';
import { answer_client } from './ipc/conclude';
import { endpoint_oops } from './ipc/death';
import { set_log_owner } from './ipc/driver-log';
import { CL_CALL, client_at, PARKED } from './fs/clients';
import { sys_exit } from './fs/syscalls';
import { OP_TIMER, SYS_REAP } from './abi/operation';
import { cstr } from './lib/cstr';
import { panicked } from './lib/warn';

/** The client whose call is in progress, -1 where there is none. */
export function current_client(): i32 {
  return load<i32>(MACHINE_BASE, M_CALL_CLIENT) - 1;
}

function reset_mark(): void {
  store<u32>(MACHINE_BASE, 0, M_CALL_CLIENT);
  store<u32>(MACHINE_BASE, 0, M_CALL_MODULE);
  store<u32>(MACHINE_BASE, 0, M_CALL_OPERATION);
}

/** Channel + 1 of the driver in whose call the kernel has trapped, 0 where it was no driver's. */
let caller: i32 = 0;

/** An oops begins: what is logged is the kernel's own again, not the driver's whose call was being served. */
export function oops_enter(): void {
  caller = set_log_owner(0);
}

/** Counts an oops and sets taint D; the text is in the log already. @returns whether this kernel must stop */
export function oops(): bool {
  store<u32>(MACHINE_BASE, load<u32>(MACHINE_BASE, M_OOPSES) + 1, M_OOPSES);
  store<u32>(MACHINE_BASE, load<u32>(MACHINE_BASE, M_TAINT) | TAINT_DIE, M_TAINT);
  const limit = load<u32>(MACHINE_BASE, M_OOPS_LIMIT);
  if (load<u32>(MACHINE_BASE, M_CALL_OPERATION) == OP_TIMER)
    panicked(cstr('Kernel panic - not syncing: Fatal exception in interrupt'));
  else if (load<u32>(MACHINE_BASE, M_PANIC_ON_OOPS))
    panicked(cstr('Kernel panic - not syncing: Fatal exception'));
  else if (limit && load<u32>(MACHINE_BASE, M_OOPSES) >= limit)
    panicked(cstr('Kernel panic - not syncing: Oopsed too often (kernel.oops_limit is %u)'), limit);
  return load<u32>(MACHINE_BASE, M_STATE) == STATE_PANIC;
}

/** Ends who had called: a client is answered as killed, a driver is given up. @returns the client, or -1 */
export function kill_current(): i32 {
  const client = current_client();
  reset_mark();
  if (client >= 0) store<u32>(client_at(client), 0, CL_CALL); // its request may have waited
  if (client > 0) answer_client(client, true);
  if (caller) endpoint_oops(caller - 1);
  caller = 0;
  atomic.add<u32>(MACHINE_BASE, 1, M_DOORBELL); // whoever has rung beside it may have been unwound unheard
  return client;
}

/** Closes the files of a client that was ended, as do_exit does. @returns 0, or PARKED while a driver is asked */
export function reap(client: i32): i32 {
  store<u32>(MACHINE_BASE, client + 1, M_CALL_CLIENT);
  const result = sys_exit(client);
  store<u32>(MACHINE_BASE, 0, M_CALL_CLIENT);
  if (result == PARKED) store<u32>(client_at(client), SYS_REAP, CL_CALL);
  return result;
}
