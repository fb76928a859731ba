// After a trap in the kernel's domain: the task ends as Linux ends it, what it held stays held, taint D is set, the call
// mark is reset; a setting decides whether to go on. The text of an oops is written by the host, which knows the frames.

import { MACHINE_BASE } from './abi/map';
import {
  M_CALL_CLIENT,
  M_CALL_MODULE,
  M_CALL_OPERATION,
  M_OOPSES,
  M_PANIC_ON_OOPS,
  M_STATE,
  M_TAINT,
  STATE_PANIC,
  TAINT_DIE,
} from './abi/machine';
import { LEVEL_EMERG } from './abi/log';
import { answer_client } from './ipc/clients';
import { system_call } from './fs/syscalls';
import { SYS_EXIT } from './abi/operation';
import { cstr } from './lib/cstr';
import { pr } from './lib/printk';

/** The client whose call is in progress, -1 where there is none. */
export function current_client(): i32 {
  return load<i32>(MACHINE_BASE, M_CALL_CLIENT) - 1;
}

function reset_mark(): void {
  store<u32>(MACHINE_BASE, 0, M_CALL_CLIENT);
  store<u32>(MACHINE_BASE, 0, M_CALL_MODULE);
  store<u32>(MACHINE_BASE, 0, M_CALL_OPERATION);
}

/** Counts an oops and sets taint D; the text is in the log already. @returns whether this kernel must stop */
export function oops(): bool {
  store<u32>(MACHINE_BASE, load<u32>(MACHINE_BASE, M_OOPSES) + 1, M_OOPSES);
  store<u32>(MACHINE_BASE, load<u32>(MACHINE_BASE, M_TAINT) | TAINT_DIE, M_TAINT);
  if (!load<u32>(MACHINE_BASE, M_PANIC_ON_OOPS)) return false;
  pr(LEVEL_EMERG, cstr('Kernel panic - not syncing: Fatal exception'));
  store<u32>(MACHINE_BASE, STATE_PANIC, M_STATE);
  return true;
}

/** Ends the client whose call was in progress: it is answered as killed. @returns the client, or -1 */
export function kill_current(): i32 {
  const client = current_client();
  reset_mark();
  if (client > 0) answer_client(client, true);
  return client;
}

/** Closes the files of a client that was ended, as do_exit does. @returns 0, or PARKED while a driver is asked */
export function reap(client: i32): i32 {
  return system_call(client, SYS_EXIT, 0, 0, 0);
}
