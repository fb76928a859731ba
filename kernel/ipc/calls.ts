// Calls of the kernel by drivers in other domains. Each ends at once, except a call of another driver's symbol. The data of a call
// is copied before it is checked, so that the driver's thread cannot change it afterwards.
//
//   serve_call   a call over the channel
//   gate_call    a call by a driver on this thread

import {
  A_SEQUENCE,
  A_STATUS,
  C_ARGUMENT,
  C_DATA_LENGTH,
  C_GENERATION,
  C_OPERATION,
  C_SEQUENCE,
  CHANNEL_DATA,
  CHANNEL_DATA_SIZE,
} from '../abi/channel';
import {
  CALL_GATE_BUFFER,
  CALL_LOG,
  CALL_MODULE_ABORT,
  CALL_MODULE_LIVE,
  CALL_PROC_CREATE,
  CALL_PROC_REMOVE,
  CALL_REGISTER_CHRDEV,
  CALL_STORE_DELETE,
  CALL_STORE_MODE,
  CALL_STORE_PUBLISH,
  CALL_STORE_RETRIEVE,
  CALL_STORE_VERSION,
  CALL_SYMBOL,
  CALL_UNREGISTER_CHRDEV,
} from '../abi/operation';
import { M_CALL_CLIENT } from '../abi/machine';
import { MACHINE_BASE } from '../abi/map';
import { DEV_ENDPOINT } from '../abi/file';
import { MOD_STATE, MODULE_COMING, MODULE_LIVE } from '../abi/module';
import { ST_TAG_CHANNELS, STORE_BYTES, STORE_RANGE, STORE_U32 } from '../abi/store';
import { EINVAL, ENOENT, ENOSYS } from '../abi/errno';
import {
  channel_at,
  endpoint_at,
  endpoint_generation,
  endpoint_module,
  EP_LAST_CALL,
  EP_REPLACED,
} from './endpoint';
import { endpoint_drop_module } from './death';
import { device_add, device_by_major, device_orphan, device_remove } from '../fs/devices';
import { proc_create_for, proc_remove_for } from '../fs/proc/procfs';
import { module_followed } from '../module/list';
import { PARKED } from '../fs/clients';
import { store_delete, store_live, store_mode, store_publish, store_retrieve, store_version } from './store';
import { gate_buffer } from './gate-buffer';
import { endpoint_take_over } from './submit';
import { symbol_call } from './symbols';
import { log_emit, set_log_owner } from './driver-log';
import { strlen } from '../lib/text';

const data = memory.data(CHANNEL_DATA_SIZE + 8);

/** @returns whether there was a call */
export function serve_call(channel: i32): bool {
  const ch = channel_at(channel);
  const ep = endpoint_at(channel);
  const sequence = atomic.load<u32>(ch, C_SEQUENCE);
  if (sequence == load<u32>(ep, EP_LAST_CALL)) return false;
  store<u32>(ep, sequence, EP_LAST_CALL);
  if (load<u32>(ch, C_GENERATION) != endpoint_generation(channel)) return true;
  const length = load<u32>(ch, C_DATA_LENGTH);
  const a = load<i32>(ch, C_ARGUMENT);
  const b = load<i32>(ch, C_ARGUMENT + 4);
  let status = -EINVAL;
  if (length <= <u32>CHANNEL_DATA_SIZE) {
    memory.copy(data, ch + CHANNEL_DATA, length);
    store<u8>(data + length, 0);
    const before = set_log_owner(channel + 1);
    status = run_call(channel, load<i32>(ch, C_OPERATION), a, b, length);
    set_log_owner(before);
  }
  if (status == PARKED) return true; // it calls another driver; answer_gate answers
  store<i32>(ch, status, A_STATUS);
  atomic.store<u32>(ch, sequence, A_SEQUENCE);
  atomic.notify(ch + A_SEQUENCE, 1);
  return true;
}

/**
 * A call by a driver on this thread; its data is in the channel.
 * @returns its status; PARKED where it calls another driver: gate_wait returns the status then
 */
export function gate_call(channel: i32, operation: i32, a: i32, b: i32, length: i32): i32 {
  if (<u32>length > <u32>CHANNEL_DATA_SIZE) return -EINVAL;
  const client = load<u32>(MACHINE_BASE, M_CALL_CLIENT);
  memory.copy(data, channel_at(channel) + CHANNEL_DATA, length);
  store<u8>(data + length, 0);
  const before = set_log_owner(channel + 1);
  const status = run_call(channel, operation, a, b, length);
  set_log_owner(before);
  store<u32>(MACHINE_BASE, client, M_CALL_CLIENT);
  return status;
}

function run_call(channel: i32, operation: i32, a: i32, b: i32, length: i32): i32 {
  if (operation == CALL_LOG) {
    log_emit(a, data, length);
    return 0;
  }
  const mod = endpoint_module(channel);
  if (!mod) return -EINVAL;
  if (operation == CALL_MODULE_LIVE) {
    if (load<u32>(mod, MOD_STATE) != MODULE_COMING) return -EINVAL;
    store<u32>(mod, MODULE_LIVE, MOD_STATE);
    store_live(mod);
    endpoint_take_over(channel);
    return 0;
  }
  if (operation == CALL_GATE_BUFFER) return gate_buffer(channel, a);
  if (operation == CALL_SYMBOL) return symbol_call(channel, data, a);
  if (operation == CALL_MODULE_ABORT) {
    if (load<u32>(mod, MOD_STATE) != MODULE_COMING) return -EINVAL;
    endpoint_drop_module(channel);
    return 0;
  }
  if (operation == CALL_REGISTER_CHRDEV) return device_add(a, data, channel + 1, mod, 0, b);
  if (operation == CALL_UNREGISTER_CHRDEV) {
    const dev = device_by_major(a);
    if (!a || !dev || load<u32>(dev, DEV_ENDPOINT) != channel + 1) return -ENOENT;
    const keep = load<u32>(endpoint_at(channel), EP_REPLACED) != 0;
    // A device that a restarted driver's init removes again stays for the next successor.
    const found = load<u32>(mod, MOD_STATE) == MODULE_COMING && module_followed(mod, false);
    if (keep || found) device_orphan(dev, keep);
    else device_remove(dev);
    return 0;
  }
  if (operation == CALL_PROC_CREATE) return proc_create_for(channel + 1, mod, a, b, data);
  if (operation == CALL_PROC_REMOVE) return proc_remove_for(channel + 1, a);
  return store_call(channel, mod, operation, a, b, length);
}

/** Calls of the data store. What a call returns beside its status is put into the channel's data. */
function store_call(channel: i32, mod: usize, operation: i32, a: i32, b: u32, length: i32): i32 {
  if (operation == CALL_STORE_MODE) return store_mode(mod);
  if (operation == CALL_STORE_VERSION) return store_version(mod, data);
  if (operation == CALL_STORE_DELETE) return store_delete(mod, data);
  if (operation == CALL_STORE_RETRIEVE)
    return store_retrieve(mod, data, a, channel_at(channel) + CHANNEL_DATA, min<u32>(b, CHANNEL_DATA_SIZE));
  if (operation != CALL_STORE_PUBLISH) return -ENOSYS;
  const value = data + strlen(data) + 1;
  const least: u32 = a == STORE_U32 ? 4 : a == STORE_RANGE ? 8 : b;
  const left = <i32>(data + length - value);
  if (left < 0 || least > <u32>left) return -EINVAL;
  const first = load<u32>(value);
  if (a == STORE_U32) return store_publish(mod, data, a, first, 0, 0);
  if (a == STORE_BYTES) return store_publish(mod, data, a, <u32>value, b, 0);
  const tag = endpoint_generation(channel) * ST_TAG_CHANNELS + channel + 1;
  return store_publish(mod, data, a, first, load<u32>(value, 4), tag);
}
