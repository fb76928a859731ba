// Cores of drivers that die, for whoever wants them. What a driver was is put down when it dies; its memory is kept from others,
// and packed when nothing of the driver runs any more. Nobody waits for a core but a shutdown: its successor starts meanwhile.

import type { LoadedModule } from '../../domain/loaded.ts';
import { LEVEL_WARNING } from '../../../kernel/abi/log.ts';
import { snapshotForCore, packCore, type CoreSnapshot, type CoreHeader } from '../inspect/core.ts';
import type { Incarnation } from './incarnation.ts';
import type { Resources } from './resources.ts';
import type { DetectedBy, OnCore, Placement } from '../shared/types.ts';

/** Deaths that leave a core: not those that somebody wanted. */
const LEAVES_CORE: ReadonlySet<DetectedBy> = new Set<DetectedBy>(['trap', 'deadline', 'protocol']);
/** Cores that are being made or written at a time: each keeps a memory, of which there are not many. */
const MOST = 4;

/** What is looked at of a driver. */
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
  private readonly take: OnCore | null;
  private underWay = 0;

  /** @param take null: nobody wants any */
  constructor(host: CoreDumpServices, take: OnCore | null) {
    this.services = host;
    this.take = take;
  }

  /** A driver has died; its memory has not been given back yet. */
  died(
    { loaded: { name, sha256 }, incarnation, restarts }: DeadDriver,
    death: Pick<CoreHeader, 'by' | 'fault'>,
    oops: Promise<string[]>,
  ): void {
    if (!this.take || !incarnation || !LEAVES_CORE.has(death.by)) return;
    const { life, memory, channel, generation } = incarnation;
    const label = `${name}.${restarts + 1}`;
    if (this.underWay === MOST) {
      life.log(LEVEL_WARNING, [`supervisor: no core of ${label}: ${MOST} others are being written`]);
      return;
    }
    this.underWay++;
    this.services.resources.keepMemory(memory);
    const who = { driver: name, sha256, generation: restarts + 1, boot: life.number };
    const where = { placement: this.services.placement, kernel: life.memory, memory, channel };
    const known = snapshotForCore({ ...who, ...where, incarnation: generation, ...death });
    this.services.track(this.write(this.take, label, known, oops, incarnation));
  }

  private async write(
    take: OnCore,
    label: string,
    known: CoreSnapshot,
    oops: Promise<string[]>,
    incarnation: Incarnation,
  ): Promise<void> {
    const { life } = incarnation;
    try {
      await take(await this.pack(known, oops, incarnation), label);
    } catch (error) {
      const words = error instanceof Error ? error.message : String(error);
      life.log(LEVEL_WARNING, [`supervisor: the core of ${label} is lost: ${words}`]);
    } finally {
      this.underWay--;
    }
  }

  private async pack(
    known: CoreSnapshot,
    oops: Promise<string[]>,
    incarnation: Incarnation,
  ): Promise<Uint8Array<ArrayBuffer>> {
    try {
      await Promise.resolve(); // whoever tells of the death ends it next, and says why
      await incarnation.end();
      return await packCore(known, await oops, incarnation.memory);
    } finally {
      this.services.resources.releaseMemory(incarnation.memory);
    }
  }
}
