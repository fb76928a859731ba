// System calls. Each checks its arguments, then starts a device operation. It returns the answer where the driver is on this thread,
// and PARKED where a message was sent; `finish` (finish.ts) handles the answer later. Nothing here blocks.

import { MACHINE_BASE, MAX_CLIENTS } from '../abi/map';
import { M_CALL_CLIENT } from '../abi/machine';
import { MAX_FDS } from '../abi/limits';
import {
  OP_CLEANUP,
  OP_IOCTL,
  OP_LLSEEK,
  OP_OPEN,
  OP_READ,
  OP_RELEASE,
  OP_WRITE,
  SEEK_END,
  SEEK_SET,
  SYS_CLOSE,
  SYS_COMPLAIN,
  SYS_DELETE_MODULE,
  SYS_EXIT,
  SYS_GETDENTS,
  SYS_IOCTL,
  SYS_LSEEK,
  SYS_MKNOD,
  SYS_OPEN,
  SYS_PREAD,
  SYS_PWRITE,
  SYS_READ,
  SYS_READV,
  SYS_REPLACE_MODULE,
  SYS_STAT,
  SYS_SUBMIT,
  SYS_UNLINK,
  SYS_WRITE,
  SYS_WRITEV,
  O_NOREQUEST,
  O_RDWR,
} from '../abi/operation';
import { GRANT_READ, GRANT_WRITE } from '../abi/channel';
import { FMODE_READ, FMODE_WRITE } from '../abi/file';
import { MOD_ENDPOINT, MOD_STATE, MODULE_GOING } from '../abi/module';
import { EBADF, EINVAL, EMFILE, ENFILE, ENOENT, ENOSYS } from '../abi/errno';
import { CL_CALL, CL_FD, client_at, file_of, free_fd, PARKED, set_fd } from './clients';
import { sys_submit, sys_vector } from './batch';
import { request_fill } from './requests';
import {
  name_to_open,
  opened_minor,
  sys_getdents,
  sys_mknod,
  sys_stat,
  sys_unlink,
  take_text,
  taken_text,
} from './names';
import { sys_complain } from './complaint';
import { start, start_at, transfer_ok } from './dispatch';
import { file_free, file_new } from './files';
import { endpoint_replace, endpoint_submit } from '../ipc/submit';
import { find_module } from '../module/list';
import { may_replace, may_unload } from '../module/unload';
import { open_failed } from '../module/request';

export function sys_read(client: i32, fd: i32, buffer: usize, count: i32): i32 {
  const file = file_of(client, fd);
  const status = transfer_ok(client, file, FMODE_READ, buffer, count);
  return status < 0 ? status : start(client, OP_READ, file, buffer, count, GRANT_WRITE);
}

export function sys_write(client: i32, fd: i32, buffer: usize, count: i32): i32 {
  const file = file_of(client, fd);
  const status = transfer_ok(client, file, FMODE_WRITE, buffer, count);
  return status < 0 ? status : start(client, OP_WRITE, file, buffer, count, GRANT_READ);
}

function sys_positioned(client: i32, read: bool, fd: i32, buffer: usize, count: i32, offset: i32): i32 {
  const file = file_of(client, fd);
  const status = transfer_ok(client, file, read ? FMODE_READ : FMODE_WRITE, buffer, count);
  if (status < 0) return status;
  if (offset < 0) return -EINVAL;
  return start_at(client, read ? OP_READ : OP_WRITE, file, buffer, count, offset);
}

export function sys_lseek(client: i32, fd: i32, offset: i32, whence: i32): i32 {
  const file = file_of(client, fd);
  if (!file) return -EBADF;
  if (whence < SEEK_SET || whence > SEEK_END) return -EINVAL;
  return start(client, OP_LLSEEK, file, offset, whence, 0);
}

export function sys_ioctl(client: i32, fd: i32, command: i32, argument: i32): i32 {
  const file = file_of(client, fd);
  if (!file) return -EBADF;
  return start(client, OP_IOCTL, file, command, argument, 0);
}

/** @param name a path in the caller's memory */
export function sys_open(client: i32, name: usize, flags: i32): i32 {
  const asked = flags;
  flags &= ~O_NOREQUEST;
  if (flags < 0 || flags > O_RDWR) return -EINVAL;
  const dev = name_to_open(client, name, flags);
  if (dev < 0) return open_failed(client, dev, name, asked);
  const fd = free_fd(client);
  if (fd < 0) return -EMFILE;
  const minor = opened_minor();
  const file = file_new(client, <usize>dev, flags, minor);
  if (!file) return -ENFILE;
  store<u32>(client_at(client), fd, CL_FD);
  const status = start(client, OP_OPEN, file, minor, 0, 0);
  return status == PARKED ? status : opened(client, file, status);
}

export function opened(client: i32, file: usize, status: i32): i32 {
  if (status < 0) {
    file_free(file);
    return status;
  }
  const fd = load<u32>(client_at(client), CL_FD);
  set_fd(client, fd, file);
  return fd;
}

export function sys_close(client: i32, fd: i32): i32 {
  const file = file_of(client, fd);
  if (!file) return -EBADF;
  set_fd(client, fd, 0);
  const status = start(client, OP_RELEASE, file, 0, 0, 0);
  if (status == PARKED) return status;
  file_free(file);
  return 0;
}

/** Closes the open files of a client, one after the other. @returns 0 or PARKED */
export function sys_exit(client: i32): i32 {
  for (let fd = 0; fd < MAX_FDS; fd++) {
    if (file_of(client, fd) && sys_close(client, fd) == PARKED) return PARKED;
  }
  return 0;
}

/** Unloads a module in a domain of its own; the host's loader unloads those of this domain. */
export function sys_delete_module(client: i32, name: usize, force: i32): i32 {
  const taken = take_text(client, name);
  if (taken < 0) return taken;
  const mod = find_module(taken_text());
  if (!mod) return -ENOENT;
  const endpoint = load<u32>(mod, MOD_ENDPOINT);
  if (!endpoint) return -ENOSYS;
  const status = may_unload(mod, force != 0);
  if (status < 0) return status;
  store<u32>(mod, MODULE_GOING, MOD_STATE);
  request_fill(client, OP_CLEANUP, 0, 0, 0, 0);
  return endpoint_submit(client, endpoint - 1);
}

/**
 * Unloads a module for a successor. Later requests are held, and its open files are opened at the successor. Where its cleanup
 * fails it goes on.
 */
export function sys_replace_module(client: i32, name: usize): i32 {
  const taken = take_text(client, name);
  if (taken < 0) return taken;
  const mod = find_module(taken_text());
  if (!mod) return -ENOENT;
  const endpoint = load<u32>(mod, MOD_ENDPOINT);
  if (!endpoint) return -ENOSYS;
  const status = may_replace(mod);
  if (status < 0) return status;
  store<u32>(mod, MODULE_GOING, MOD_STATE);
  request_fill(client, OP_CLEANUP, 0, 1, 0, 0);
  return endpoint_replace(client, endpoint - 1);
}

/** @returns the result, or PARKED: then `finish` is called with the answer */
export function system_call(client: i32, number: i32, a: i32, b: i32, c: i32, d: i32): i32 {
  if (<u32>client >= <u32>MAX_CLIENTS) return -EINVAL;
  store<u32>(MACHINE_BASE, client + 1, M_CALL_CLIENT);
  let result: i32;
  if (number == SYS_READ) result = sys_read(client, a, b, c);
  else if (number == SYS_WRITE) result = sys_write(client, a, b, c);
  else if (number == SYS_OPEN) result = sys_open(client, a, b);
  else if (number == SYS_CLOSE) result = sys_close(client, a);
  else if (number == SYS_LSEEK) result = sys_lseek(client, a, b, c);
  else if (number == SYS_IOCTL) result = sys_ioctl(client, a, b, c);
  else if (number == SYS_PREAD) result = sys_positioned(client, true, a, b, c, d);
  else if (number == SYS_PWRITE) result = sys_positioned(client, false, a, b, c, d);
  else if (number == SYS_SUBMIT) result = sys_submit(client, a, b);
  else if (number == SYS_READV) result = sys_vector(client, OP_READ, a, b, c);
  else if (number == SYS_WRITEV) result = sys_vector(client, OP_WRITE, a, b, c);
  else if (number == SYS_DELETE_MODULE) result = sys_delete_module(client, a, b);
  else if (number == SYS_REPLACE_MODULE) result = sys_replace_module(client, a);
  else if (number == SYS_GETDENTS) result = sys_getdents(client, a, b, c);
  else if (number == SYS_STAT) result = sys_stat(client, a, b);
  else if (number == SYS_MKNOD) result = sys_mknod(client, a, b, c);
  else if (number == SYS_UNLINK) result = sys_unlink(client, a);
  else if (number == SYS_COMPLAIN) result = sys_complain(client, a, b);
  else if (number == SYS_EXIT) result = sys_exit(client);
  else result = -ENOSYS;
  store<u32>(MACHINE_BASE, 0, M_CALL_CLIENT);
  if (result == PARKED) store<u32>(client_at(client), number, CL_CALL);
  return result;
}
