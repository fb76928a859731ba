// Core dumps of drivers that die. Modules, messages and log are read when the driver dies; its memory is
// kept, and is packed when nothing of the driver runs any more. The successor starts meanwhile. Only a shutdown waits for a core.

import type { LoadedModule } from '../../domain/loaded.ts';
import { LEVEL_WARNING } from '../../../kernel/abi/log.ts';
import { snapshotForCore, packCore, type CoreSnapshot, type CoreHeader } from '../inspect/core.ts';
import type { Incarnation } from './incarnation.ts';
import type { Resources } from './resources.ts';
import type { DetectedBy, OnCore, Placement } from '../shared/types.ts';

/** Deaths that leave a core. A wanted end (an exit, the operator's kill) leaves none. */
const LEAVES_CORE: ReadonlySet<DetectedBy> = new Set<DetectedBy>(['trap', 'deadline', 'protocol']);
/** The most cores that are being written at a time: each keeps a memory, and memories are few. */
const MAX_PENDING = 4;

/** The part of a driver that is read here. */
interface DeadDriver {
  readonly loaded: LoadedModule;
  readonly incarnation: Incarnation | null;
  readonly restarts: number;
}

interface CoreDumpServices {
  readonly placement: Placement;
  readonly resources: Pick<Resources, 'keepMemory' | 'releaseMemory'>;
  track(work: Promise<unknown>): void;
}

export class CoreDumps {
  private readonly services: CoreDumpServices;
  private readonly onCore: OnCore | null;
  private pending = 0;

  /** @param onCore null: no cores are made */
  constructor(services: CoreDumpServices, onCore: OnCore | null) {
    this.services = services;
    this.onCore = onCore;
  }

  /** Writes the core of a driver that has died. Its memory must not have been given back yet. */
  dump(
    { loaded: { name, sha256 }, incarnation, restarts }: DeadDriver,
    death: Pick<CoreHeader, 'by' | 'fault'>,
    oops: Promise<string[]>,
  ): void {
    if (!this.onCore || !incarnation || !LEAVES_CORE.has(death.by)) return;
    const { life, memory, channel, generation } = incarnation;
    const label = `${name}.${restarts + 1}`;
    if (this.pending === MAX_PENDING) {
      life.log(LEVEL_WARNING, [`supervisor: no core of ${label}: ${MAX_PENDING} others are being written`]);
      return;
    }
    this.pending++;
    this.services.resources.keepMemory(memory);
    const identity = { driver: name, sha256, generation: restarts + 1, boot: life.number };
    const sources = { placement: this.services.placement, kernel: life.memory, memory, channel };
    const snapshot = snapshotForCore({ ...identity, ...sources, incarnation: generation, ...death });
    this.services.track(this.write(this.onCore, label, snapshot, oops, incarnation));
  }

  private async write(
    onCore: OnCore,
    label: string,
    snapshot: CoreSnapshot,
    oops: Promise<string[]>,
    incarnation: Incarnation,
  ): Promise<void> {
    const { life } = incarnation;
    try {
      await onCore(await this.pack(snapshot, oops, incarnation), label);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      life.log(LEVEL_WARNING, [`supervisor: the core of ${label} is lost: ${why}`]);
    } finally {
      this.pending--;
    }
  }

  private async pack(
    snapshot: CoreSnapshot,
    oops: Promise<string[]>,
    incarnation: Incarnation,
  ): Promise<Uint8Array<ArrayBuffer>> {
    try {
      await Promise.resolve(); // the caller ends the incarnation in this turn, with a reason of its own
      await incarnation.end();
      return await packCore(snapshot, await oops, incarnation.memory);
    } finally {
      this.services.resources.releaseMemory(incarnation.memory);
    }
  }
}
