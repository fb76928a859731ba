// The kernel's side of a hot standby (../supervisor/standby.ts). When a driver is fenced its successor is announced at once, without
// the supervisor, which hears of both later.

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
  private expected: { successor: ExpectedSuccessor; resolve: (answer: Announcement) => void }[] = [];
  private readonly kernel: () => Pick<Domain<KernelExports>, 'memory' | 'words'>;
  private readonly announce: (file: FileRef, flags: number, channel: number) => Answer<Gate[]>;
  private readonly enter: (channel: number, generation: number) => void;

  /**
   * @param kernel   its domain, once it has booted
   * @param announce announces a module to the kernel
   * @param enter    starts the init of a standby on this thread, where the successor is in a sandbox
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

  /**
   * Expects a successor. Resolves when its predecessor is fenced, or when it is forgotten.
   * @returns how it was announced; null where it was not: it was forgotten, is dead, or its predecessor has preserved state
   */
  expect(successor: ExpectedSuccessor): Promise<Announcement> {
    const announced = new Promise<Announcement>((resolve) => this.expected.push({ successor, resolve }));
    this.check();
    return announced;
  }

  /** Forgets the successor on a channel. */
  forget(channel: number): void {
    for (const { successor, resolve } of this.expected) if (successor.channel === channel) resolve(null);
    this.expected = this.expected.filter(({ successor }) => successor.channel !== channel);
  }

  /** Whether an incarnation is expected. */
  expects(channel: number, generation: number): boolean {
    return this.expected.some(
      ({ successor }) => successor.channel === channel && successor.generation === generation,
    );
  }

  /**
   * Announces a successor whose predecessor is fenced; to be called after each poll.
   * @returns whether there was one; there may be more
   */
  check(): boolean {
    if (this.expected.length === 0) return false;
    const { words } = this.kernel();
    const due = this.expected.find(
      ({ successor: { of } }) => words[wordOf(of.channel, K_GENERATION)] !== of.generation,
    );
    if (!due) return false;
    this.expected = this.expected.filter((each) => each !== due);
    this.failOver(due);
    return true;
  }

  /** Announces a successor, where it may take over. */
  private failOver({ successor, resolve }: Failover['expected'][number]): void {
    const { memory, words } = this.kernel();
    const lives = words[wordOf(successor.channel, K_GENERATION)] === successor.generation;
    const canTakeOver = lives && !readRanges(memory, successor.name);
    const answer = canTakeOver ? this.announce(successor.file, successor.flags, successor.channel) : null;
    resolve(answer);
    if (answer?.ok) this.enter(successor.channel, successor.generation);
  }
}
