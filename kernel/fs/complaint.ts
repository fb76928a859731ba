// A client's complaint about the driver behind an open file. The message goes to the log, and the supervisor ends the driver as if
// it had broken the protocol. Clients are trusted: a complaint is not verified.

import { COMPLAINT_CLIENT } from '../abi/operation';
import { DEV_ENDPOINT, ENDPOINT_NONE, FILE_DEVICE } from '../abi/file';
import { MOD_NAME } from '../abi/module';
import { EBADF, EIO, ENOSYS } from '../abi/errno';
import { LEVEL_ERR } from '../abi/log';
import { endpoint_generation, endpoint_module, endpoint_up } from '../ipc/endpoint';
import { complain } from '../lib/host';
import { cstr } from '../lib/cstr';
import { pr } from '../lib/printk';
import { file_of } from './clients';
import { file_current } from './files';
import { take_text, taken_text } from './names';

/**
 * @param text a C string in the caller's memory
 * @returns 0, -EBADF, -EIO (it is dead already), -ENOSYS (it is in the kernel's own domain), -EFAULT, -ENAMETOOLONG
 */
export function sys_complain(client: i32, text: usize, fd: i32): i32 {
  const file = file_of(client, fd);
  if (!file) return -EBADF;
  const taken = take_text(client, text);
  if (taken < 0) return taken;
  if (!file_current(file)) return -EIO;
  const endpoint = load<u32>(<usize>load<u32>(file, FILE_DEVICE), DEV_ENDPOINT);
  if (!endpoint) return -ENOSYS;
  const channel = <i32>endpoint - 1;
  if (endpoint == ENDPOINT_NONE || !endpoint_up(channel)) return -EIO;
  for (let at = taken_text(); load<u8>(at); at++) if (load<u8>(at) < 0x20) store<u8>(at, 0x3f);
  const mod = endpoint_module(channel);
  pr(
    LEVEL_ERR,
    cstr('%s: client %d complains: %s'),
    mod ? mod + MOD_NAME : cstr('endpoint'),
    client,
    taken_text(),
  );
  complain(channel, endpoint_generation(channel), COMPLAINT_CLIENT);
  return 0;
}
