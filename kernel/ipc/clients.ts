// System-call slots (abi/syscall.ts): how clients in threads of their own ask and are answered.

import { MAX_CLIENTS, SLOTS_BASE } from '../abi/map';
import {
  SLOT_ANSWER,
  SLOT_ARGUMENT,
  SLOT_ATTACHED,
  SLOT_KILLED,
  SLOT_NUMBER,
  SLOT_RESULT,
  SLOT_SEQUENCE,
  SLOT_SIZE,
  SLOT_SLEEPING,
} from '../abi/syscall';
import { EIO } from '../abi/errno';
import { CL_CALL, CL_RESULT, CL_TAKEN, client_at, PARKED } from '../fs/clients';
import { system_call } from '../fs/syscalls';
import { answer_gate } from './symbols';

// @ts-ignore: decorator
@inline
function slot_at(client: i32): usize {
  return SLOTS_BASE + client * SLOT_SIZE;
}

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

/** Gives the client its result; client 0 finds its own in its record. */
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
