// A driver's thread. The supervisor has it prepare a domain, then starts one driver in it, or the drivers of a pool one after the
// other, each with a channel of its own. The thread serves them until it is stopped or fenced, or a driver traps. A trap of one
// driver of a pool ends all of them. A trap unwinds the stack, so the thread can prepare another domain, with another memory and
// another table, from which nothing of the dead one can be reached.

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

/** ms between two checks of the timers and of the fence, where the transport posts messages. */
const TICK_MS = 50;

/** A pool forms a new driver after so many ms without a request, or after MAX_DELAY_MS in any case. */
const IDLE_MS = 0.2;
const MAX_DELAY_MS = 2;

/** ms from the notice of a driver's death to that of the other drivers of its pool. */
const OTHERS_DELAY_MS = 2;

class HostedDrivers {
  private readonly runtime: ThreadRuntime;
  private readonly domain: DriverDomain;
  /** Drivers that the kernel has not announced yet. */
  private readonly unannounced: FormedDriver[] = [];
  /** The drivers that it serves. */
  private readonly serving: HostedDriver[] = [];
  /** Drivers of a pool that are still to be formed. */
  private readonly toForm: DriverStart[] = [];
  /** How many drivers of a pool were started so far; S_ATTENTION counts the same for the supervisor. */
  private started = 0;
  /** Wakes the thread of a pool. */
  private bell: DriverBell | null = null;

  constructor(runtime: ThreadRuntime, memory: WebAssembly.Memory, options: DomainOptions) {
    this.runtime = runtime;
    this.domain = new DriverDomain(memory, options, {
      exit: (code) => this.runtime.exit(code),
      copies: this.runtime.copies,
      notify: (start, notice) => this.notify(start, notice),
    });
    runtime.copies(memory, memory); // compiles the copying code ahead
  }

  get memory(): WebAssembly.Memory {
    return this.domain.domain.memory;
  }

  start(start: DriverStart): void {
    if (start.hostChannel === start.channel) return this.serveOne(start);
    this.toForm.push(start);
    if (++this.started === 1) void this.servePool(start);
  }

  private notify(start: DriverStart, notice: DriverNotice): void {
    const { channel, generation } = start;
    post(this.runtime.port, { type: 'driver', channel, generation, notice });
  }

  private sideFor({ kernel, memory, channel, generation, previous }: DriverStart): DriverSide {
    return new DriverSide(kernel, memory, channel, generation, previous);
  }

  /** Loads and serves the only driver. */
  private serveOne(start: DriverStart): void {
    const side = this.sideFor(start);
    const { domain } = this;
    try {
      const served = domain.load(start, side);
      if (start.link) return this.servePosted(start, side, served, start.link);
      side.run(() => domain.domain.exports.run_timers());
    } catch (thrown) {
      this.reportFault(start, [side], thrown);
    }
  }

  /** Serves a transport that posts messages, in this thread's event loop. */
  private servePosted(
    start: DriverStart,
    side: DriverSide,
    served: Served,
    { port, kind }: PostedLink,
  ): void {
    const { kernel, channel, generation } = start;
    const { domain } = this.domain;
    const died = (thrown: unknown): void => this.reportFault(start, [side], thrown);
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

  /** Serves the drivers of a pool, and forms those that are started, until the pool ends. */
  private async servePool(first: DriverStart): Promise<void> {
    const words = new Int32Array(first.kernel.buffer);
    const base = CHANNELS_BASE + first.hostChannel * CHANNEL_SIZE;
    const bell = new DriverBell(words, first.hostChannel);
    this.bell = bell;
    const stopped = (): boolean => Atomics.load(words, (base + S_STOP) >> 2) !== 0;
    const interrupted = (): boolean =>
      Atomics.load(words, (base + S_ATTENTION) >> 2) !== this.started || stopped();
    try {
      while (!stopped()) {
        for (let start = this.toForm.shift(); start; start = this.toForm.shift()) {
          this.serveUntilIdle(bell);
          this.form(start);
        }
        if (interrupted()) this.round();
        else this.serve(bell, interrupted);
        // The start message of a driver that S_ATTENTION counts comes through the event loop.
        await nextTask();
      }
    } catch (thrown) {
      // Drivers that are not announced yet are not marked dead: the kernel would take that for a refusal.
      const caught = this.domain.caught(thrown);
      const faulty = this.domain.driverOf(caught);
      const sides = this.domain.drivers.map(({ side }) => side).filter((side) => side.announced);
      const own = sides.filter((side) => side === faulty?.side);
      this.reportFault(faulty?.start ?? first, own, thrown, caught);
      // The driver that died is restarted before the others.
      if (own.length > 0) Atomics.wait(words, (base + S_STOP) >> 2, 0, OTHERS_DELAY_MS);
      for (const side of sides) if (!own.includes(side) && !side.mustStop) side.markDead();
    }
  }

  /** Forms a driver that was started in a pool. */
  private form(start: DriverStart): void {
    const side = this.sideFor(start);
    this.ignoreRefusal(() => void this.unannounced.push(this.domain.form(start, side)));
  }

  /** Initialises the drivers that the kernel has announced, and drops those that were ended meanwhile. */
  private initialiseAnnounced(): void {
    const ready = this.unannounced.filter(({ driver: { side } }) => side.mustStop || side.announced);
    for (const each of ready) {
      this.unannounced.splice(this.unannounced.indexOf(each), 1);
      const { driver, initialise, undo } = each;
      if (driver.side.mustStop) {
        undo();
        this.notify(driver.start, { type: 'left' });
        continue;
      }
      this.ignoreRefusal(() => {
        initialise();
        this.serving.push(driver);
        this.bell?.resetSpins();
      });
    }
  }

  /** Does a step of a load, for which DriverDomain posts the notice of a refusal. */
  private ignoreRefusal(act: () => void): void {
    try {
      act();
    } catch (error) {
      if (!(error instanceof ModuleError)) throw error;
    }
  }

  /** Serves the pool's drivers until it is idle, because they have to wait while another driver is formed. */
  private serveUntilIdle(bell: DriverBell): void {
    const until = performance.now() + MAX_DELAY_MS;
    const hasWork = (): boolean => this.hasWork();
    this.initialiseAnnounced(); // drops an ended driver that may have the name of the next one
    while (this.serving.length > 0 && performance.now() < until) {
      if (this.round()) continue;
      bell.sleep(IDLE_MS, hasWork);
      if (!this.round()) break;
    }
    this.domain.domain.exports.run_timers();
  }

  /** Whether there is a request to serve, or a driver was announced or ended. */
  private hasWork(): boolean {
    return (
      this.serving.some(({ side }) => side.mustStop || side.hasWork()) ||
      this.unannounced.some(({ driver: { side } }) => side.mustStop || side.announced)
    );
  }

  /** Serves all drivers in turn until another one is started, or the pool ends. */
  private serve(bell: DriverBell, interrupted: () => boolean): void {
    const hasWork = (): boolean => interrupted() || this.hasWork();
    /** When it became idle; null while it works and after a sleep. */
    let idleSince: number | null = null;
    while (!interrupted()) {
      const worked = this.round();
      const untilTimer = this.domain.domain.exports.run_timers();
      if (worked) idleSince = null;
      else idleSince ??= performance.now();
      if (idleSince === null || performance.now() - idleSince < bell.spinMs) continue;
      bell.sleep(untilTimer, hasWork);
      idleSince = null;
    }
  }

  /** Serves at most one request of each driver. @returns whether there was any */
  private round(): boolean {
    const { serving, domain } = this;
    let worked = false;
    if (this.unannounced.length > 0) this.initialiseAnnounced();
    for (let i = serving.length - 1; i >= 0; i--) {
      const driver = serving[i]!;
      if (driver.side.mustStop) {
        serving.splice(i, 1);
        this.notify(driver.start, { type: 'left' });
        continue;
      }
      domain.current = driver;
      if (driver.side.turn(1)) worked = true;
    }
    return worked;
  }

  /** Reports the end of a driver: to the kernel first, which answers the callers, then to the supervisor. */
  private reportFault(
    start: DriverStart,
    sides: readonly DriverSide[],
    thrown: unknown,
    caught: Caught | null = null,
  ): void {
    // The notices of a refusal and of an exit were posted, and a fenced incarnation is known to have ended.
    if (thrown instanceof ModuleError || thrown instanceof Fenced || thrown instanceof DriverExit) return;
    const at = clock();
    for (const side of sides) side.markDead();
    this.notify(start, { type: 'fault', caught: caught ?? this.domain.caught(thrown), at });
  }
}

/** Makes this thread a driver's, which waits for the message to prepare a domain. */
export function runDriverThread(runtime: ThreadRuntime): void {
  installStackCapture();
  let images: Images | null = null;
  let kernel: WebAssembly.Memory | null = null;
  let hosted: HostedDrivers | null = null;
  const files = new Files();
  runtime.port.addEventListener('message', ({ data }) => {
    const message = data as PrepareDomain | DriverThreadStart;
    if (message.type === 'prepare') {
      const { memory, used, deadlineMs, slubDebug } = message;
      images = message.images ?? images;
      if (!images) throw new Error('a thread prepares a domain without images');
      if (used) wipe(memory);
      hosted = new HostedDrivers(runtime, memory, { images, deadlineMs, slubDebug });
    } else if (message.type === 'start') {
      if (!hosted) throw new Error('a driver is started on a thread without a domain');
      const { file, ...start } = message;
      kernel = message.kernel ?? kernel;
      if (!kernel) throw new Error('a driver is started without a kernel');
      const { memory } = hosted;
      hosted.start({ ...start, kernel, memory, loaded: files.of(file) });
    }
  });
  runtime.port.start?.();
  post(runtime.port, { type: 'ready' });
}
