// A driver as its machine keeps it, over all of its incarnations. Types only.

import type { LoadedModule } from '../../domain/loaded.ts';
import type { LoadOptions, Unloaded } from '../../domain/loader.ts';
import type { ThreadTransport } from '../../ipc/transport.ts';
import type { CoreDumps } from './core-dumps.ts';
import type { Incarnation } from './incarnation.ts';
import type { KernelLife } from './kernel-life.ts';
import type { Images } from '../shared/protocol.ts';
import type { Resources } from './resources.ts';
import type { Supervised } from './supervise.ts';
import type { Place, Places } from '../shared/place.ts';
import type { MachineEvent, Placement } from '../shared/types.ts';

export interface Driver extends Supervised {
  readonly place: Place;
  /** An update replaces it. */
  loaded: LoadedModule;
  options: LoadOptions;
  /** Channels of its incarnations that have died since it was last up. */
  readonly deadChannels: Set<number>;
  /** Null in the kernel's own domain, and between two incarnations. */
  incarnation: Incarnation | null;
  unloaded: Unloaded;
  /** Another driver in its pool caused its last death. */
  diedWithPool: boolean;
  /** Set while it is being unloaded; called when it dies meanwhile. It is not restarted then. */
  unloading: (() => void) | null;
}

/** What the machine provides to its drivers. */
export interface MachineServices {
  readonly placement: Placement;
  /** Places of drivers that differ from the placement. */
  readonly places: Places;
  readonly deadlineMs: number;
  readonly images: Images;
  readonly slubDebug: number;
  readonly resources: Resources;
  readonly coreDumps: CoreDumps;
  /** How drivers in threads of their own are reached. */
  readonly transport: ThreadTransport;
  /** Whether a driver may have a hot standby. */
  readonly hotStandby: boolean;
  /** The kernel that lives; throws MachineDied. */
  alive(): KernelLife;
  emit(event: MachineEvent): void;
  /** Runs a piece of recovery, which `settled` waits for. */
  recover(work: () => Promise<void>): Promise<void>;
  /** Registers work that a shutdown waits for. */
  track(work: Promise<unknown>): void;
}
