// System calls of clients in threads of their own, by their slots (abi/syscall.ts).

import { SLOT_ARGUMENT, SLOT_ATTACHED, SLOT_NUMBER, SLOT_SEQUENCE } from '../abi/syscall';
import { CL_CALL, CL_RESULT, CL_TAKEN, client_at, PARKED } from '../fs/clients';
import { system_call } from '../fs/syscalls';
import { answer_client, slot_at } from './conclude';

/** Runs the system call that waits in a client's slot. @returns whether there was one */
export function serve_client(client: i32): bool {
  const slot = slot_at(client);
  const record = client_at(client);
  if (!atomic.load<u32>(slot, SLOT_ATTACHED) || load<u32>(record, CL_CALL)) return false;
  const sequence = atomic.load<u32>(slot, SLOT_SEQUENCE);
  if (sequence == load<u32>(record, CL_TAKEN)) return false;
  store<u32>(record, sequence, CL_TAKEN);
  const result = system_call(
    client,
    load<i32>(slot, SLOT_NUMBER),
    load<i32>(slot, SLOT_ARGUMENT),
    load<i32>(slot, SLOT_ARGUMENT + 4),
    load<i32>(slot, SLOT_ARGUMENT + 8),
    load<i32>(slot, SLOT_ARGUMENT + 12),
  );
  if (result != PARKED) {
    store<u32>(record, result, CL_RESULT);
    answer_client(client, false);
  }
  return true;
}
