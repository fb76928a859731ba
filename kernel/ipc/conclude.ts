// Returns the result of a system call to its caller: a client with a slot, or a driver that has called another's symbol.

import { MAX_CLIENTS, SLOTS_BASE } from '../abi/map';
import { SLOT_ANSWER, SLOT_KILLED, SLOT_RESULT, SLOT_SIZE, SLOT_SLEEPING } from '../abi/syscall';
import { EIO } from '../abi/errno';
import { CL_CALL, CL_RESULT, CL_TAKEN, client_at } from '../fs/clients';
import { answer_gate } from './gate-buffer';

// @ts-ignore: decorator
@inline
export function slot_at(client: i32): usize {
  return SLOTS_BASE + client * SLOT_SIZE;
}

/** Gives a client its result. The in-thread client (0) reads its result from its record. */
export function answer_client(client: i32, killed: bool): void {
  if (!client) return;
  if (client >= MAX_CLIENTS) return answer_gate(client - MAX_CLIENTS);
  const slot = slot_at(client);
  const record = client_at(client);
  store<i32>(slot, killed ? -EIO : load<i32>(record, CL_RESULT), SLOT_RESULT);
  store<u32>(slot, u32(killed), SLOT_KILLED);
  atomic.store<u32>(slot, load<u32>(record, CL_TAKEN), SLOT_ANSWER);
  if (atomic.load<u32>(slot, SLOT_SLEEPING)) atomic.notify(slot + SLOT_ANSWER, 1);
}

/** Ends a parked system call with its result. */
// @ts-ignore: decorator
@inline
export function conclude(client: i32, result: i32): void {
  store<u32>(client_at(client), result, CL_RESULT);
  store<u32>(client_at(client), 0, CL_CALL);
  if (client) answer_client(client, false);
}
