// Copies to and from the caller's memory for code that both images share. Each image sets its own functions: ./uaccess.ts in the
// kernel's, ../ipc/domain/gates.ts in a driver's domain.

let out: u32 = 0;
let into: u32 = 0;

/** @param to_user, from_user table indices of copy_to_user and copy_from_user */
export function set_usercopy(to_user: u32, from_user: u32): void {
  out = to_user;
  into = from_user;
}

/** @returns how many bytes could not be copied: 0 or all */
export function to_user(to: usize, from: usize, count: usize): usize {
  return call_indirect<usize>(out, to, from, count);
}

export function from_user(to: usize, from: usize, count: usize): usize {
  return call_indirect<usize>(into, to, from, count);
}
