// request_module: who opens a device that nobody answers for has its module loaded, as Linux does by an alias. The kernel asks
// the supervisor, whose modprobe knows the files, and goes on meanwhile; then the caller looks again (../fs/finish.ts).
//
// The call of a client thread is parked until then. The in-thread client must not wait, since its thread is the one that
// loads: it is answered at once, and the host opens again when the module is there.

import { MACHINE_BASE } from '../abi/map';
import { M_REQUEST_MODULE } from '../abi/machine';
import { DT_CHR, MINOR_BITS } from '../abi/file';
import { ENOENT, ENXIO } from '../abi/errno';
import { O_NOREQUEST, OP_REQUEST } from '../abi/operation';
import { PARKED } from '../fs/clients';
import { device_by_major } from '../fs/devices';
import { devfs_root } from '../fs/devfs';
import { found_name, found_parent, found_rdev, found_type } from '../fs/found';
import { request_at, RQ_ARGUMENT0, RQ_ARGUMENT1, RQ_FILE, RQ_OPERATION } from '../fs/requests';
import { ask_for_module } from '../lib/host';
import { cstr } from '../lib/cstr';
import { snprintf } from '../lib/format';
import { name_error } from '../lib/name';

const alias = memory.data(80);
let wanted: bool = false;

/** Whether what could not be opened has an alias, which is in `alias` then. */
function has_alias(error: i32): bool {
  if (error == -ENOENT && found_parent == devfs_root() && !name_error(found_name))
    return snprintf(alias, 80, cstr('devname:%s'), found_name) > 8;
  if (error != -ENXIO || found_type != DT_CHR) return false;
  const major = found_rdev >> MINOR_BITS;
  if (device_by_major(major)) return false; // its driver is being restarted
  const minor = found_rdev & ((1 << MINOR_BITS) - 1);
  return snprintf(alias, 80, cstr('char-major-%u-%u'), major, minor) > 0;
}

/**
 * The open of `name` has failed with `error`, right before.
 * @returns the error, or PARKED while a module is asked for
 */
export function open_failed(client: i32, error: i32, name: usize, flags: i32): i32 {
  if (flags & O_NOREQUEST || !load<u32>(MACHINE_BASE, M_REQUEST_MODULE) || !has_alias(error)) return error;
  if (!client) {
    wanted = true;
    return error;
  }
  const request = request_at(client);
  store<u32>(request, OP_REQUEST, RQ_OPERATION);
  store<u32>(request, 0, RQ_FILE);
  store<u32>(request, <u32>name, RQ_ARGUMENT0);
  store<u32>(request, flags | O_NOREQUEST, RQ_ARGUMENT1);
  ask_for_module(client, alias);
  return PARKED;
}

/** What the in-thread client's last open has missed, a C string; 0 where it has missed nothing. */
export function wanted_module(): usize {
  const answer = wanted ? alias : 0;
  wanted = false;
  return answer;
}
