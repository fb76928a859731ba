// A driver as its machine keeps it, over all of its incarnations. Types alone.

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
  /** Another after an update. */
  loaded: LoadedModule;
  options: LoadOptions;
  /** Channels of its incarnations that have died since it was last up. */
  readonly dead: Set<number>;
  /** Null in the kernel's own domain, and between two incarnations. */
  incarnation: Incarnation | null;
  unloaded: Unloaded;
  /** Its last death was that of another in its pool. */
  diedWithPool: boolean;
  /** While it is being unloaded: told of its death, after which nobody starts it again. */
  leaving: (() => void) | null;
}

/** What the machine is to its drivers. */
export interface MachineServices {
  readonly placement: Placement;
  /** Places of drivers that do not go by the placement. */
  readonly places: Places;
  readonly deadlineMs: number;
  readonly images: Images;
  readonly slubDebug: number;
  readonly resources: Resources;
  readonly coreDumps: CoreDumps;
  /** How drivers in threads of their own are reached. */
  readonly transport: ThreadTransport;
  /** Whether one of them may have a successor ready. */
  readonly standsBy: boolean;
  /** The kernel that lives; throws MachineDied. */
  alive(): KernelLife;
  emit(event: MachineEvent): void;
  /** Runs a piece of recovery, which `settled` waits for. */
  recover(work: () => Promise<void>): Promise<void>;
  /** Something that a shutdown waits for. */
  track(work: Promise<unknown>): void;
}
