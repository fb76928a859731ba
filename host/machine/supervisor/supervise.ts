// What becomes of a driver that has died: its policy decides (./policy.ts), this does it. A recovery goes on until the driver
// is up, at rest, given up or lost with its machine; it waits for its back-off and for a recovery command without holding
// anybody up, and can be called off while it waits.
//
// Prohibited: deciding (that is the policy's), loading and ending (that is ./drivers.ts').

import { ModuleError } from '../../domain/module-error.ts';
import { keyOf } from '../../linker/module/alias.ts';
import { LEVEL_ALERT, LEVEL_EMERG, LEVEL_NOTICE, LEVEL_WARNING } from '../../../kernel/abi/log.ts';
import { MachineDied } from '../shared/control.ts';
import type { KernelLife } from './kernel-life.ts';
import { ownersOf, usersOf, type Owner } from './symbol-owners.ts';
import {
  decide,
  DEFAULT_POLICY,
  MAX_INIT_DEATHS,
  remembered,
  type Cause,
  type Death,
  type Intensity,
  type Policy,
} from './policy.ts';
import { parseModulePolicy, type PolicyPart } from './policy-text.ts';
import type { DriverStatus, Recover } from '../shared/types.ts';

/** How long a recovery command may take, in ms. */
const COMMAND_MS = 30_000;

/** What is kept of a driver for its policy's sake. */
export interface Supervised extends Owner {
  readonly policy: Policy;
  deaths: Death[];
  /** When it was last up; while it is loaded, when that began. */
  upSince: number;
  restarts: number;
  /** What its present incarnation has died of. */
  cause: Cause | null;
  /** An owner of what it uses that died while its present incarnation was loaded, which failed. */
  lostOwner: Owner | null;
  /** While something is done about its death. */
  recovery: Recovery | null;
}

/** One recovery, as far as others can see it. */
export class Recovery {
  /** Nobody wants its end any more. */
  calledOff = false;
  private wake: () => void = () => {};

  callOff(): void {
    this.calledOff = true;
    this.wake();
  }

  /** What comes first: the result of some work, null after so many ms, or null when the recovery is called off. */
  async until<T>(ms: number, work: Promise<T> = new Promise<T>(() => {})): Promise<T | null> {
    if (this.calledOff) return null;
    let timer: unknown;
    const over = new Promise<null>((resolve) => {
      this.wake = () => resolve(null);
      timer = setTimeout(this.wake, ms);
    });
    try {
      return await Promise.race([work, over]);
    } finally {
      clearTimeout(timer);
      this.wake = () => {};
    }
  }
}

/** What the drivers do for their supervisor. */
export interface SupervisorCallbacks<D extends Supervised> {
  readonly drivers: Iterable<D>;
  now(): number;
  become(driver: D, state: DriverStatus['state']): void;
  /** Ends what is left of its incarnation. */
  endIncarnation(driver: D): void;
  /** It has no successor: whoever waits for one is answered. */
  cancelRequests(driver: D, life: KernelLife): void;
  /** Throws ModuleError when it was refused or has died in its init, MachineDied. */
  load(driver: D): Promise<void>;
  /** Runs a piece of recovery, which Machine.settled waits for. */
  recover(work: () => Promise<void>): Promise<void>;
}

export interface SupervisorOptions {
  /** What the death of a driver leads to where neither `policies` nor its module say anything; else DEFAULT_POLICY's. */
  policy?: PolicyPart;
  /** The same for single drivers, by their keys (linker/alias.ts); goes before what their modules say. */
  policies?: ReadonlyMap<string, PolicyPart>;
  /** Asked before the restart of a driver whose policy has a command. */
  recover?: Recover;
}

/** A machine that panics for the loss of a driver more often than that is not booted again. */
const PANICS: Intensity = { restarts: 3, periodMs: 60_000 };

/** The panics of one machine. */
class Panics {
  private recent: number[] = [];

  note(now: number): void {
    this.recent = [...this.recent.filter((at) => now - at < PANICS.periodMs), now];
  }

  get tooMany(): boolean {
    return this.recent.length > PANICS.restarts;
  }
}

export class Supervisor<D extends Supervised> {
  private readonly callbacks: SupervisorCallbacks<D>;
  private readonly options: SupervisorOptions;
  private readonly panics = new Panics();

  constructor(callbacks: SupervisorCallbacks<D>, options: SupervisorOptions) {
    this.callbacks = callbacks;
    this.options = options;
  }

  /** Whether the machine is not to be booted again. */
  get panickedTooOften(): boolean {
    return this.panics.tooMany;
  }

  /** The policy of a driver that is loaded now; what its module says wrongly is told in the log. */
  policyOf({ name, file }: Owner['loaded'], life: KernelLife): Policy {
    let own: PolicyPart = {};
    try {
      const [said] = file.modinfo.get('restart') ?? [];
      if (said !== undefined) own = parseModulePolicy(said);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      life.log(LEVEL_WARNING, [`supervisor: ${name}: its restart policy is ignored: ${error.message}`]);
    }
    const given = this.options.policies?.get(keyOf(name));
    return { ...DEFAULT_POLICY, ...this.options.policy, ...own, ...given };
  }

  /** Whether a driver that dies now is restarted at once, whatever it dies of. */
  atOnce({ policy, deaths, upSince }: D): boolean {
    if (policy.restart !== 'permanent' || (this.options.recover && policy.command !== null)) return false;
    const now = this.callbacks.now();
    const cause = { by: 'trap', inInit: false, code: null } as const;
    const decision = decide(policy, [...deaths, { at: now, lived: now - upSince }], cause, now);
    return decision.act === 'restart' && decision.afterMs === 0;
  }

  /** A driver has died, and nobody who unloads it waits for that. Ends when it is up or has come to its end. */
  async died(driver: D, life: KernelLife, cause: Cause): Promise<void> {
    this.tellUsers(driver, life);
    await this.recover(driver, life, cause, null);
  }

  /** Drivers that use the symbols of one that has died. */
  private tellUsers(owner: D, life: KernelLife): void {
    for (const user of usersOf(owner, this.callbacks.drivers)) {
      if (user.state !== 'up') continue;
      const line = `supervisor: ${owner.loaded.name} has died, whose symbols ${user.loaded.name} uses`;
      life.log(LEVEL_NOTICE, [line]);
      if (user.policy.owners !== 'restart') continue;
      this.tellUsers(user, life);
      void this.callbacks.recover(() => this.recover(user, life, null, owner));
    }
  }

  /**
   * @param cause of its death; null where it has not died
   * @param owner with whom it is restarted
   */
  private async recover(
    driver: D,
    life: KernelLife,
    cause: Cause | null,
    owner: Owner | null,
  ): Promise<void> {
    const recovery = new Recovery();
    driver.recovery = recovery;
    try {
      await this.attempts(driver, life, recovery, cause, owner);
    } catch (error) {
      // The machine's reboot loads it again.
      if (!(error instanceof MachineDied)) throw error;
    } finally {
      if (driver.recovery === recovery) driver.recovery = null;
    }
  }

  private async attempts(
    driver: D,
    life: KernelLife,
    recovery: Recovery,
    first: Cause | null,
    behind: Owner | null,
  ): Promise<void> {
    const { callbacks } = this;
    let ownerDeaths = 0;
    for (let cause = first, owner = behind; ; { cause, lostOwner: owner } = driver) {
      callbacks.endIncarnation(driver);
      const why = cause ? causeText(cause) : `${owner!.loaded.name} has died`;
      if (cause && !(await this.allowed(driver, life, recovery, cause, why))) return;
      if (recovery.calledOff) return; // in the turn in which that was allowed
      driver.restarts++;
      callbacks.become(driver, 'starting');
      life.log(LEVEL_NOTICE, [
        `supervisor: restarting ${driver.loaded.name} (${why}), restart ${driver.restarts}`,
      ]);
      const failure = await this.attempt(driver);
      if (!failure || life.dead) return;
      if (driver.cause) continue;
      if (!driver.lostOwner) return this.lost(driver, life, this.refusal(driver, failure));
      // An owner that its init kills dies each time.
      if (++ownerDeaths === MAX_INIT_DEATHS) {
        const { name } = driver.lostOwner.loaded;
        return this.lost(driver, life, `${name} died ${MAX_INIT_DEATHS} times in a row while it was loaded`);
      }
    }
  }

  /** Loads it. @returns why it was refused or has died, null where it is up; throws MachineDied */
  private async attempt(driver: D): Promise<ModuleError | null> {
    const { callbacks } = this;
    driver.cause = driver.lostOwner = null;
    driver.upSince = callbacks.now();
    try {
      await callbacks.load(driver);
    } catch (error) {
      if (error instanceof ModuleError) return error;
      throw error;
    }
    driver.upSince = callbacks.now();
    callbacks.become(driver, 'up');
    return null;
  }

  private refusal({ loaded }: D, { message }: ModuleError): string {
    const gone = ownersOf(loaded, this.callbacks.drivers).find(
      ({ state }) => state === 'failed' || state === 'ended',
    );
    return gone ? `${gone.loaded.name} is gone, whose symbols it uses` : message;
  }

  /** Loads a driver into a kernel that has just booted; nobody waits for the recovery of one that fails by a death. */
  async reload(driver: D, life: KernelLife): Promise<void> {
    const failure = await this.attempt(driver);
    if (!failure) return;
    const { cause, lostOwner } = driver;
    if (cause || lostOwner) void this.callbacks.recover(() => this.recover(driver, life, cause, lostOwner));
    else await this.lost(driver, life, this.refusal(driver, failure));
  }

  /** Asks the policy and its command, and waits as long as they say. @returns whether there is to be another incarnation */
  private async allowed(
    driver: D,
    life: KernelLife,
    recovery: Recovery,
    cause: Cause,
    why: string,
  ): Promise<boolean> {
    const { callbacks } = this;
    const { policy, loaded } = driver;
    const now = callbacks.now();
    const lived = cause.inInit ? null : now - driver.upSince;
    driver.deaths = remembered(policy, [...driver.deaths, { at: now, lived }], now);
    const decision = decide(policy, driver.deaths, cause, now);
    if (decision.act === 'rest') {
      life.log(LEVEL_NOTICE, [`supervisor: ${loaded.name} has left (${why}): not restarted`]);
      callbacks.become(driver, 'ended');
      callbacks.cancelRequests(driver, life);
      return false;
    }
    if (decision.act !== 'restart') {
      await this.lost(driver, life, `${decision.reason} (${why})`);
      return false;
    }
    if (decision.afterMs > 0) {
      const restart = `restart ${driver.restarts + 1} in ${decision.afterMs} ms`;
      life.log(LEVEL_NOTICE, [`supervisor: ${loaded.name} died (${why}), ${restart}`]);
      callbacks.become(driver, 'waiting');
      await recovery.until(decision.afterMs);
    }
    return (await this.commanded(driver, life, recovery, cause)) && !recovery.calledOff && !life.dead;
  }

  private async commanded(driver: D, life: KernelLife, recovery: Recovery, { by }: Cause): Promise<boolean> {
    const { policy, loaded, restarts } = driver;
    if (!this.options.recover || policy.command === null || recovery.calledOff || life.dead) return true;
    if (driver.state !== 'waiting') this.callbacks.become(driver, 'waiting');
    const asked = { driver: loaded.name, cause: by, incarnation: restarts + 1, command: policy.command };
    try {
      const said = await recovery.until(COMMAND_MS, this.options.recover(asked));
      if (said === 'restart' || recovery.calledOff || life.dead) return true;
      const took = `its recovery command has not ended in ${COMMAND_MS / 1000} s`;
      await this.lost(driver, life, said === null ? took : 'its recovery command says so');
      return false;
    } catch (error) {
      const words = error instanceof Error ? error.message : String(error);
      life.log(LEVEL_WARNING, [`supervisor: the recovery command of ${loaded.name} failed: ${words}`]);
      return true;
    }
  }

  /** A driver has come to its end: given up, or the end of the machine as well. */
  async lost(driver: D, life: KernelLife, reason: string): Promise<void> {
    const { name } = driver.loaded;
    this.callbacks.become(driver, 'failed');
    this.callbacks.cancelRequests(driver, life);
    life.log(LEVEL_ALERT, [`supervisor: giving ${name} up: ${reason}`]);
    if (!driver.policy.essential) return;
    life.log(LEVEL_EMERG, [`Kernel panic - not syncing: essential driver is lost: ${name}`]);
    await life.logged;
    this.panics.note(this.callbacks.now());
    life.panic();
  }
}

function causeText({ by, inInit, code }: Cause): string {
  return `${by}${code === null ? '' : ` ${code}`}${inInit ? ' in its init' : ''}`;
}
