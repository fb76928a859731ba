// A driver's thread: what a driver host runs on. The supervisor has it prepare a domain, then starts in it one driver, or one
// after the other the drivers of a pool, each behind a channel of its own. It serves them until it is stopped, fenced or traps.
// A trap of one driver of a pool ends all of them. A trap has unwound everything: the thread can prepare another domain, in
// another memory and with another table, and reaches nothing of the dead one from there.

import { DriverExit, type Caught } from '../../domain/fault.ts';
import { ModuleError } from '../../domain/module-error.ts';
import { installStackCapture } from '../../domain/stack.ts';
import { DriverBell } from '../../ipc/driver-bell.ts';
import { DriverSide, Fenced } from '../../ipc/driver-side.ts';
import { PostedDriverEnd, type Served } from '../../ipc/posted.ts';
import { CHANNEL_SIZE, S_ATTENTION, S_STOP } from '../../../kernel/abi/channel.ts';
import { CHANNELS_BASE } from '../../../kernel/abi/map.ts';
import { post } from '../shared/control.ts';
import { Files } from '../shared/module-files.ts';
import { DriverDomain, type FormedDriver, type HostedDriver } from '../shared/driver-domain.ts';
import type {
  DriverNotice,
  DriverStart,
  PrepareDomain,
  Images,
  DomainOptions,
  PostedLink,
  DriverThreadStart,
  ThreadRuntime,
} from '../shared/protocol.ts';
import { wipe } from '../shared/wipe.ts';
import { clock, nextTask } from '../shared/task.ts';

/** ms between two looks at timers and at the supervisor's words, where requests come as messages. */
const TICK_MS = 50;

/** ms without a request after which a pool takes in another driver, and after which it does so, whatever comes. */
const LULL_MS = 0.2;
const LONGEST_MS = 2;

/** ms that the end of a driver is known before that of those whom it takes along. */
const MATES_AFTER_MS = 2;

class HostedDrivers {
  private readonly host: ThreadRuntime;
  private readonly domain: DriverDomain;
  /** Those of which the kernel has not heard yet. */
  private readonly unannounced: FormedDriver[] = [];
  /** Those that it serves. */
  private readonly serving: HostedDriver[] = [];
  /** Drivers of a pool that are still to be loaded, and how many have come in all. */
  private readonly waiting: DriverStart[] = [];
  private arrived = 0;
  /** That wakes the thread of a pool. */
  private bell: DriverBell | null = null;

  constructor(host: ThreadRuntime, memory: WebAssembly.Memory, options: DomainOptions) {
    this.host = host;
    this.domain = new DriverDomain(memory, options, {
      exit: (code) => this.host.exit(code),
      copies: this.host.copies,
      tell: (about, notice) => this.tell(about, notice),
    });
    host.copies(memory, memory); // so that its code is there when a driver comes
  }

  get memory(): WebAssembly.Memory {
    return this.domain.domain.memory;
  }

  start(start: DriverStart): void {
    if (start.hostChannel === start.channel) return this.serveOne(start);
    this.waiting.push(start);
    if (++this.arrived === 1) void this.servePool(start);
  }

  private tell(start: DriverStart, notice: DriverNotice): void {
    const { channel, generation } = start;
    post(this.host.port, { type: 'driver', channel, generation, notice });
  }

  private sideOf({ kernel, memory, channel, generation, previous }: DriverStart): DriverSide {
    return new DriverSide(kernel, memory, channel, generation, previous);
  }

  /** Loads and serves the only driver. */
  private serveOne(start: DriverStart): void {
    const side = this.sideOf(start);
    const { domain } = this;
    try {
      const served = domain.load(start, side);
      if (start.link) return this.servePosted(start, side, served, start.link);
      side.run(() => domain.domain.exports.run_timers());
    } catch (thrown) {
      this.ended(start, [side], thrown);
    }
  }

  /** Requests come as messages: this thread's event loop serves. */
  private servePosted(
    start: DriverStart,
    side: DriverSide,
    served: Served,
    { port, kind }: PostedLink,
  ): void {
    const { kernel, channel, generation } = start;
    const { domain } = this.domain;
    const died = (thrown: unknown): void => this.ended(start, [side], thrown);
    new PostedDriverEnd(new Int32Array(kernel.buffer), channel, generation, served, died).listen(port, kind);
    const tick = setInterval(() => {
      try {
        if (!side.alive()) clearInterval(tick);
        else domain.exports.run_timers();
      } catch (thrown) {
        clearInterval(tick);
        died(thrown);
      }
    }, TICK_MS);
  }

  /** Serves the drivers of a pool, and takes in those that come, until the pool ends. */
  private async servePool(first: DriverStart): Promise<void> {
    const words = new Int32Array(first.kernel.buffer);
    const base = CHANNELS_BASE + first.hostChannel * CHANNEL_SIZE;
    const bell = new DriverBell(words, first.hostChannel);
    this.bell = bell;
    const stopped = (): boolean => Atomics.load(words, (base + S_STOP) >> 2) !== 0;
    const called = (): boolean =>
      Atomics.load(words, (base + S_ATTENTION) >> 2) !== this.arrived || stopped();
    try {
      while (!stopped()) {
        for (let start = this.waiting.shift(); start; start = this.waiting.shift()) {
          this.serveUntilLull(bell);
          this.form(start);
        }
        if (called()) this.round();
        else this.serve(bell, called);
        // What was announced is on its way through the event loop.
        await nextTask();
      }
    } catch (thrown) {
      // Of those that the kernel has not heard of yet it hears otherwise: that they were refused is not what happened.
      const caught = this.domain.caught(thrown);
      const faulty = this.domain.driverOf(caught);
      const sides = this.domain.drivers.map(({ side }) => side).filter((side) => side.announced);
      const own = sides.filter((side) => side === faulty?.side);
      this.ended(faulty?.start ?? first, own, thrown, caught);
      // Whose end it is comes back before those who are taken along.
      if (own.length > 0) Atomics.wait(words, (base + S_STOP) >> 2, 0, MATES_AFTER_MS);
      for (const side of sides) if (!own.includes(side) && !side.over) side.gone();
    }
  }

  /** A driver has come to a pool. */
  private form(start: DriverStart): void {
    const side = this.sideOf(start);
    this.ignoreRefusal(() => void this.unannounced.push(this.domain.form(start, side)));
  }

  /** The drivers of which the kernel has heard, or which are not wanted any more, wait no longer. */
  private initialiseAnnounced(): void {
    const ready = this.unannounced.filter(({ driver: { side } }) => side.over || side.announced);
    for (const each of ready) {
      this.unannounced.splice(this.unannounced.indexOf(each), 1);
      const { driver, initialise, undo } = each;
      if (driver.side.over) {
        undo();
        this.tell(driver.start, { type: 'left' });
        continue;
      }
      this.ignoreRefusal(() => {
        initialise();
        this.serving.push(driver);
        this.bell?.renew();
      });
    }
  }

  /** Does a part of a load, whose refusal has been told. */
  private ignoreRefusal(act: () => void): void {
    try {
      act();
    } catch (error) {
      if (!(error instanceof ModuleError)) throw error;
    }
  }

  /** Serves those who are there before another is formed, over which they have to wait. */
  private serveUntilLull(bell: DriverBell): void {
    const until = performance.now() + LONGEST_MS;
    const expected = (): boolean => this.expected();
    this.initialiseAnnounced(); // one of the same name as that may be there that is not wanted any more
    while (this.serving.length > 0 && performance.now() < until) {
      if (this.round()) continue;
      bell.sleep(LULL_MS, expected);
      if (!this.round()) break;
    }
    this.domain.domain.exports.run_timers();
  }

  /** Whether something waits to be served, or a driver has been announced. */
  private expected(): boolean {
    return (
      this.serving.some(({ side }) => side.over || side.expected()) ||
      this.unannounced.some(({ driver: { side } }) => side.over || side.announced)
    );
  }

  /** Serves all in turn until another is announced, or the pool ends. */
  private serve(bell: DriverBell, called: () => boolean): void {
    const expected = (): boolean => called() || this.expected();
    /** When it was first idle since it worked, or slept. */
    let since: number | null = null;
    while (!called()) {
      const worked = this.round();
      const left = this.domain.domain.exports.run_timers();
      if (worked) since = null;
      else since ??= performance.now();
      if (since === null || performance.now() - since < bell.spinMs) continue;
      bell.sleep(left, expected);
      since = null;
    }
  }

  /** Serves what there is, each in turn. @returns whether there was anything */
  private round(): boolean {
    const { serving, domain } = this;
    let worked = false;
    if (this.unannounced.length > 0) this.initialiseAnnounced();
    for (let i = serving.length - 1; i >= 0; i--) {
      const driver = serving[i]!;
      if (driver.side.over) {
        serving.splice(i, 1);
        this.tell(driver.start, { type: 'left' });
        continue;
      }
      domain.current = driver;
      if (driver.side.turn(1)) worked = true;
    }
    return worked;
  }

  /** However it ended: the callers are told first, then the supervisor. */
  private ended(
    start: DriverStart,
    sides: readonly DriverSide[],
    thrown: unknown,
    caught: Caught | null = null,
  ): void {
    // A refusal has been told, and whoever was fenced is known to be gone.
    if (thrown instanceof ModuleError || thrown instanceof Fenced || thrown instanceof DriverExit) return;
    const at = clock();
    for (const side of sides) side.gone();
    this.tell(start, { type: 'fault', caught: caught ?? this.domain.caught(thrown), at });
  }
}

/** Makes this thread a driver's; it waits for a domain to prepare. */
export function runDriverThread(host: ThreadRuntime): void {
  installStackCapture();
  let images: Images | null = null;
  let kernel: WebAssembly.Memory | null = null;
  let hosted: HostedDrivers | null = null;
  const files = new Files();
  host.port.addEventListener('message', ({ data }) => {
    const message = data as PrepareDomain | DriverThreadStart;
    if (message.type === 'prepare') {
      const { memory, used, deadlineMs, slubDebug } = message;
      images = message.images ?? images;
      if (!images) throw new Error('a thread prepares a domain without images');
      if (used) wipe(memory);
      hosted = new HostedDrivers(host, memory, { images, deadlineMs, slubDebug });
    } else if (message.type === 'start') {
      if (!hosted) throw new Error('a driver is started on a thread without a domain');
      const { file, ...start } = message;
      kernel = message.kernel ?? kernel;
      if (!kernel) throw new Error('a driver is started without a kernel');
      const { memory } = hosted;
      hosted.start({ ...start, kernel, memory, loaded: files.of(file) });
    }
  });
  host.port.start?.();
  post(host.port, { type: 'ready' });
}
