// Incarnations of drivers on their channels: the kernel adopts one that the supervisor has started, and announces its module.

import {
  CHANNEL_ATTACHED,
  K_ANNOUNCED,
  K_GENERATION,
  K_RING,
  RING_SIZE,
  RING_SLOTS,
  S_GENERATION,
  S_DRIVER_HOST,
  S_STATE,
  S_TRANSPORT,
  TRANSPORT_GATE,
} from '../abi/channel';
import { MAX_CHANNELS } from '../abi/limits';
import { MOD_NAME } from '../abi/module';
import {
  channel_at,
  DEAD,
  endpoint_at,
  endpoint_generation,
  EP_BUSY,
  EP_GENERATION,
  EP_DRIVER_HOST,
  EP_MODULE,
  EP_RING,
  EP_SIZE,
  EP_TRANSPORT,
  flight_at,
  BUSY_NO_REQUEST,
  set_state,
  UP,
} from './endpoint';
import { ring_driver_host } from './ring';
import { trace_incarnation } from './trace';

/** Adopts an incarnation that the supervisor has started on this channel. */
export function endpoint_adopt(channel: i32): void {
  const ep = endpoint_at(channel);
  const state = load<u32>(ep);
  if (state && state != DEAD) return;
  const ch = channel_at(channel);
  const generation = atomic.load<u32>(ch, K_GENERATION);
  if (atomic.load<u32>(ch, S_STATE) != CHANNEL_ATTACHED || atomic.load<u32>(ch, S_GENERATION) != generation)
    return;
  const ring = <usize>load<u32>(ch, K_RING);
  const host = load<u32>(ch, S_DRIVER_HOST);
  memory.fill(ring, 0, RING_SIZE);
  memory.fill(flight_at(channel, 0), 0, RING_SLOTS * 4);
  set_state(channel, 0);
  memory.fill(ep, 0, EP_SIZE);
  store<u32>(ep, <u32>ring, EP_RING);
  store<u32>(ep, <u32>(host && host <= <u32>MAX_CHANNELS ? channel_at(host - 1) : ch), EP_DRIVER_HOST);
  const transport = load<u32>(ch, S_TRANSPORT);
  store<u32>(ep, transport, EP_TRANSPORT);
  if (transport == TRANSPORT_GATE) store<u32>(ep, BUSY_NO_REQUEST, EP_BUSY);
  store<u32>(ep, generation, EP_GENERATION);
  set_state(channel, UP);
}

/** Announces the module of an incarnation, or says that it is gone (0). */
export function set_endpoint_module(channel: i32, mod: usize): void {
  store<u32>(endpoint_at(channel), <u32>mod, EP_MODULE);
  if (!mod) return;
  const generation = endpoint_generation(channel);
  trace_incarnation(channel, generation, mod + MOD_NAME);
  atomic.store<u32>(channel_at(channel), generation, K_ANNOUNCED);
  atomic.notify(channel_at(channel) + K_ANNOUNCED, -1);
  ring_driver_host(<usize>load<u32>(endpoint_at(channel), EP_DRIVER_HOST)); // the thread of a pool does not wait for one of its drivers
}
