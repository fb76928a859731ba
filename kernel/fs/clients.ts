// The kernel's side of a client: its open files and its system call in progress, of which there is at most one. Client 0 is the
// in-thread client; the others have a system-call slot (abi/syscall.ts). A client's request to a driver is in requests.ts.

import { MACHINE_BASE, MAX_CLIENTS, USER_BASE, USER_SIZE } from '../abi/map';
import { M_CLIENTS } from '../abi/machine';
import { MAX_CHANNELS, MAX_FDS } from '../abi/limits';

export { PARKED } from '../abi/operation';

export const CL_CALL = 0; // number of the system call in progress, 0 none
export const CL_FD = 4;
export const CL_RESULT = 8;
export const CL_TAKEN = 12; // sequence of the last request taken from the slot
export const CL_PENDING = 16; // entries of its batch that are not answered yet
export const CL_FILE = 20; // of its vector, 0 of a batch
export const CL_COUNT = 24; // entries of its batch
export const CL_FDS = 64; // MAX_FDS file pointers
export const CL_SIZE = 128;

/** After the clients come the drivers that call other drivers' symbols, by their channels (ipc/symbols.ts). */
const clients = memory.data((MAX_CLIENTS + MAX_CHANNELS) * CL_SIZE);

export function clients_init(): void {
  store<u32>(MACHINE_BASE, <u32>clients, M_CLIENTS);
}

// @ts-ignore: decorator
@inline
export function client_at(client: i32): usize {
  return clients + client * CL_SIZE;
}

// @ts-ignore: decorator
@inline
export function file_of(client: i32, fd: i32): usize {
  return <u32>fd < <u32>MAX_FDS ? <usize>load<u32>(client_at(client) + ((<usize>fd) << 2), CL_FDS) : 0;
}

export function set_fd(client: i32, fd: i32, file: usize): void {
  store<u32>(client_at(client) + ((<usize>fd) << 2), <u32>file, CL_FDS);
}

/** @returns the lowest free descriptor, or -1 */
export function free_fd(client: i32): i32 {
  for (let fd = 0; fd < MAX_FDS; fd++) if (!file_of(client, fd)) return fd;
  return -1;
}

/** Whether a range lies in the part of the user area that belongs to the client. */
// @ts-ignore: decorator
@inline
export function access_ok(client: i32, address: usize, length: i32): bool {
  return (
    <u32>length <= <u32>USER_SIZE &&
    <u32>address - <u32>(USER_BASE + client * USER_SIZE) <= <u32>(USER_SIZE - length) &&
    client >= 0 // there is no caller: a module's init, a timer
  );
}
