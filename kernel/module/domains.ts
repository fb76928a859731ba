// Which drivers live in one domain: those of a pool have channels of their own and one driver host.

import { CHANNEL_SIZE, S_DRIVER_HOST } from '../abi/channel';
import { CHANNELS_BASE } from '../abi/map';
import { MAX_CHANNELS } from '../abi/limits';

/** The driver host's channel + 1 of the domain behind an endpoint (channel + 1); 0 for this domain. */
export function driver_host_of(endpoint: u32): u32 {
  if (!endpoint || endpoint > <u32>MAX_CHANNELS) return endpoint;
  const host = atomic.load<u32>(CHANNELS_BASE + (endpoint - 1) * CHANNEL_SIZE, S_DRIVER_HOST);
  return host ? host : endpoint;
}

/** Whether modules behind two endpoints share a memory, so that nothing between them has to cross. */
export function in_one_domain(one: u32, other: u32): bool {
  return one == other || driver_host_of(one) == driver_host_of(other);
}
