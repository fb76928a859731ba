// One life of a kernel, from boot to death: its memory, its thread, its heartbeat. A machine that reboots starts a new one. The
// memory may be read from outside at any time. It goes back to the pool when no thread can write to it any longer.

import type { StaticData } from '../../domain/domain.ts';
import type { Fault } from '../../domain/fault.ts';
import { abandon } from '../../ipc/client-side.ts';
import { ring } from '../../ipc/doorbell.ts';
import { LOG_TEXT_MAX } from '../../../kernel/abi/log.ts';
import { M_MAIL_ACK, M_MAIL_SEQUENCE, M_PING, M_PONG, M_POSTED } from '../../../kernel/abi/machine.ts';
import { KERNEL_MEMORY, MACHINE_BASE, MAILBOX_BASE, MAX_CLIENTS } from '../../../kernel/abi/map.ts';
import { Control, listen } from '../shared/control.ts';
import type { Thread } from '../shared/platform.ts';
import type { Images, KernelMethods, Notice } from '../shared/protocol.ts';
import type { Resources } from './resources.ts';
import type { DetectedBy, Placement } from '../shared/types.ts';

const POSTED = (MACHINE_BASE + M_POSTED) >> 2;
const PING = (MACHINE_BASE + M_PING) >> 2;
const PONG = (MACHINE_BASE + M_PONG) >> 2;
const MAIL_SEQUENCE = (MACHINE_BASE + M_MAIL_SEQUENCE) >> 2;
const MAIL_ACK = (MACHINE_BASE + M_MAIL_ACK) >> 2;
/** Heartbeats per deadline. */
const BEATS = 16;
/** A check that comes so many periods after the last was stalled itself, so it does not declare the kernel dead. */
const STALLED_PERIODS = 4;

export interface LifeOptions {
  placement: Placement;
  images: Images;
  number: number;
  deadlineMs: number;
  panicOnOops: boolean;
  /** SLUB_… of kernel/abi/heap.ts; 0 for the default. */
  slubDebug: number;
  cores: number;
  blacklist: string;
  requests: boolean;
}

export interface LifeEvents {
  notice(notice: Notice): void;
  /** The kernel is dead; called once. */
  died(by: DetectedBy, fault: Fault | null): void;
}

/** The ms that a measurement may take beyond a deadline. */
const MEASUREMENT_MS = 30_000;

const encoder = new TextEncoder();

export class KernelLife {
  readonly memory: WebAssembly.Memory;
  readonly words: Int32Array;
  readonly thread: Thread;
  readonly control: Control<KernelMethods>;
  readonly number: number;
  /** Static data in the kernel's domain, the modules' too. */
  statics: StaticData[] = [];
  dead = false;
  private readonly resources: Resources;
  private readonly events: LifeEvents;
  private readonly deadlineMs: number;
  private readonly users = new Set<Promise<unknown>>();
  private readonly bytes: Uint8Array;
  private mail: Promise<void> = Promise.resolve();
  private heartbeatTimer: unknown = null;
  private extraMs = 0;
  private releasing: Promise<void> | null = null;

  private constructor(
    resources: Resources,
    memory: WebAssembly.Memory,
    thread: Thread,
    options: LifeOptions,
    events: LifeEvents,
  ) {
    this.resources = resources;
    this.memory = memory;
    this.words = new Int32Array(memory.buffer);
    this.bytes = new Uint8Array(memory.buffer);
    this.thread = thread;
    this.control = new Control<KernelMethods>(thread, () => void Atomics.add(this.words, POSTED, 1));
    this.number = options.number;
    this.deadlineMs = options.deadlineMs;
    this.events = events;
    listen(thread.port, (notice) => {
      if (notice.type === 'halted') this.die(notice.by, notice.fault);
      else if (!this.dead) events.notice(notice);
    });
    void thread.ended.then(() => this.die('thread ended', null));
  }

  /** Boots a kernel on a fresh memory and a fresh thread. Rejects when it died on the way. */
  static async boot(resources: Resources, options: LifeOptions, events: LifeEvents): Promise<KernelLife> {
    const memory = await resources.takeMemory(KERNEL_MEMORY);
    const thread = await resources.takeThread('kernel');
    const life = new KernelLife(resources, memory, thread, options, events);
    life.startHeartbeat();
    try {
      life.statics = await life.control.methods.boot({ ...options, memory });
    } catch (error) {
      life.end('the kernel does not boot');
      void life.release();
      throw error;
    }
    resources.prepareLater('kernel');
    return life;
  }

  /** Rings the kernel's doorbell. */
  ring(): void {
    ring(this.words);
  }

  /** Pings the kernel periodically. Where no echo comes the kernel is declared dead, before the deadline is over. */
  private startHeartbeat(): void {
    const period = this.deadlineMs / BEATS;
    let sentAt = this.resources.platform.now();
    let lookedAt = sentAt;
    this.heartbeatTimer = setInterval(() => {
      const now = this.resources.platform.now();
      // The kernel may be on this thread: it has a turn before the next check.
      const stalled = now - lookedAt > STALLED_PERIODS * period;
      lookedAt = now;
      if (Atomics.load(this.words, PING) === Atomics.load(this.words, PONG)) {
        sentAt = now;
        Atomics.add(this.words, PING, 1);
        this.ring();
      } else if (!stalled && now - sentAt >= this.deadlineMs - 2 * period + this.extraMs) {
        this.die('heartbeat', null);
      }
    }, period);
  }

  /**
   * Runs work that occupies the kernel's thread, such as a bare spinning loop. On a busy computer it may take long without
   * being a hang.
   */
  async withLongerDeadline<T>(work: () => Promise<T>): Promise<T> {
    this.extraMs += MEASUREMENT_MS;
    try {
      return await work();
    } finally {
      this.extraMs -= MEASUREMENT_MS;
    }
  }

  /** Sends lines to the kernel's log, each when the kernel has taken the one before. */
  log(level: number, lines: string[] | Promise<string[]>): void {
    this.mail = this.mail.then(async () => {
      for (const line of await lines) await this.send(level, line);
    });
  }

  private async send(level: number, line: string): Promise<void> {
    if (this.dead) return;
    const text = encoder.encode(line).subarray(0, LOG_TEXT_MAX);
    this.words[MAILBOX_BASE >> 2] = level;
    this.words[(MAILBOX_BASE >> 2) + 1] = text.length;
    this.bytes.set(text, MAILBOX_BASE + 8);
    const before = Atomics.load(this.words, MAIL_ACK);
    Atomics.add(this.words, MAIL_SEQUENCE, 1);
    this.ring();
    const taken = Atomics.waitAsync(this.words, MAIL_ACK, before, this.deadlineMs);
    if (taken.async) await taken.value;
  }

  /** Resolves when every line given to `log` is in it. */
  get logged(): Promise<void> {
    return this.mail;
  }

  /** Registers a user of this memory, such as a driver's thread or a client. @param done resolves when it cannot write any more */
  usedUntil(done: Promise<unknown>): void {
    this.users.add(done);
    void done.then(() => this.users.delete(done));
  }

  private die(by: DetectedBy, fault: Fault | null): void {
    if (this.dead) return;
    this.events.died(by, fault);
    this.end(`the kernel has died (${by})`);
  }

  /** Ends the kernel as a panic: the supervisor has lost an essential driver. */
  panic(): void {
    this.die('panic', null);
  }

  /** Ends this life: callers are told, clients are woken, the thread is ended. The memory can still be read. */
  end(why: string): void {
    if (this.dead) return;
    this.dead = true;
    clearInterval(this.heartbeatTimer);
    abandon(this.memory, MAX_CLIENTS);
    this.control.rejectAll(why);
    this.thread.terminate();
  }

  /** Gives the memory back once no thread can write to it. The caller does not read it any more. */
  release(): Promise<void> {
    return (this.releasing ??= this.returnMemory());
  }

  private async returnMemory(): Promise<void> {
    await Promise.all([this.thread.ended, ...this.users]);
    this.resources.giveMemory(this.memory);
  }
}
