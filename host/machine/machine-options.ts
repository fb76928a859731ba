// The options of a machine. Types only.

import type { ThreadTransport } from '../ipc/transport.ts';
import type { RequestModule } from './supervisor/demand.ts';
import type { Places } from './shared/place.ts';
import type { Images } from './shared/protocol.ts';
import type { Resources } from './supervisor/resources.ts';
import type { SupervisorOptions } from './supervisor/supervise.ts';
import type { OnCore, Placement } from './shared/types.ts';

export interface MachineOptions extends SupervisorOptions {
  placement: Placement;
  /** Places of drivers that differ from the placement, by the keys of their names. */
  places?: Places;
  images: Images;
  resources: Resources;
  /** The most ms for a call, a heartbeat or an initialisation; at least MIN_DEADLINE_MS. */
  deadlineMs?: number;
  /** Whether an oops stops the kernel; by default it goes on, as Linux does. */
  panicOnOops?: boolean;
  /** Debugging of slabs as Linux's boot option: letters of FZPU, `-` for none; all of it by default. */
  slubDebug?: string;
  /** How many cores to assume; by default what the platform says. With one core no thread spins. */
  cores?: number;
  /** Whether the driver that died last, or its pool, gets a hot standby (./supervisor/standby.ts); by default it does. */
  standby?: boolean;
  /** How the kernel reaches drivers in threads of their own; by default the ring. */
  transport?: ThreadTransport;
  /** Loads what the kernel asks for; without it nothing is loaded on demand. */
  requestModule?: RequestModule;
  /** Names of modules that the kernel refuses to load (Linux's module_blacklist). */
  blacklist?: string[];
  /** Takes a core of each driver that dies in a domain of its own by a trap, a deadline or a breach of the protocol. */
  onCore?: OnCore;
}
