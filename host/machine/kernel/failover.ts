// The kernel's side of a standby (../supervisor/standby.ts): the moment that a driver is fenced, its successor is announced, which waits for
// nothing else. The supervisor hears of both when it has time to.

import type { Gate } from '../../domain/announce.ts';
import type { Domain } from '../../domain/domain.ts';
import type { KernelExports } from '../../domain/image.ts';
import { K_GENERATION } from '../../../kernel/abi/channel.ts';
import { wordOf } from '../shared/channel-words.ts';
import type { FileRef } from '../shared/module-files.ts';
import { readRanges } from '../shared/store-entries.ts';
import type { Answer, ExpectedSuccessor } from '../shared/protocol.ts';

type Announcement = Answer<Gate[]> | null;

export class Failover {
  private waiting: { successor: ExpectedSuccessor; resolve: (answer: Announcement) => void }[] = [];
  private readonly kernel: () => Pick<Domain<KernelExports>, 'memory' | 'words'>;
  private readonly announce: (file: FileRef, flags: number, channel: number) => Answer<Gate[]>;
  private readonly enter: (channel: number, generation: number) => void;

  /**
   * @param kernel   its domain, once it has booted
   * @param announce makes a module known to the kernel
   * @param enter    has a driver go on that stands ready on this thread, if it is one
   */
  constructor(
    kernel: () => Pick<Domain<KernelExports>, 'memory' | 'words'>,
    announce: (file: FileRef, flags: number, channel: number) => Answer<Gate[]>,
    enter: (channel: number, generation: number) => void,
  ) {
    this.kernel = kernel;
    this.announce = announce;
    this.enter = enter;
  }

  /** @returns how it was announced; null where it was not, because it is not wanted any more, is dead, or its predecessor has preserved state */
  expect(successor: ExpectedSuccessor): Promise<Announcement> {
    const announced = new Promise<Announcement>((resolve) => this.waiting.push({ successor, resolve }));
    this.look();
    return announced;
  }

  /** Who waits behind a channel does so no longer. */
  forget(channel: number): void {
    for (const { successor, resolve } of this.waiting) if (successor.channel === channel) resolve(null);
    this.waiting = this.waiting.filter(({ successor }) => successor.channel !== channel);
  }

  /** Whether an incarnation waits. */
  expects(channel: number, generation: number): boolean {
    return this.waiting.some(
      ({ successor }) => successor.channel === channel && successor.generation === generation,
    );
  }

  /** To be called whenever the kernel has looked at its channels. @returns whether somebody waits no longer: others may */
  look(): boolean {
    if (this.waiting.length === 0) return false;
    const { words } = this.kernel();
    const due = this.waiting.find(
      ({ successor: { of } }) => words[wordOf(of.channel, K_GENERATION)] !== of.generation,
    );
    if (!due) return false;
    this.waiting = this.waiting.filter((each) => each !== due);
    this.failOver(due);
    return true;
  }

  /** Whom somebody has waited for is fenced. */
  private failOver({ successor, resolve }: Failover['waiting'][number]): void {
    const { memory, words } = this.kernel();
    const lives = words[wordOf(successor.channel, K_GENERATION)] === successor.generation;
    const able = lives && !readRanges(memory, successor.name);
    const answer = able ? this.announce(successor.file, successor.flags, successor.channel) : null;
    resolve(answer);
    if (answer?.ok) this.enter(successor.channel, successor.generation);
  }
}
