// The supervisor restarts drivers that have died. The policy decides (./policy.ts); this carries it out. A recovery goes on until
// the driver is up, has ended, was given up, or its machine has died. It waits for its back-off and for a recovery command
// without blocking anything else, and can be cancelled while it waits.
//
// Prohibited: deciding (./policy.ts does), loading and ending drivers (./drivers.ts does).

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
  relevantDeaths,
  type Cause,
  type Death,
  type Intensity,
  type Policy,
} from './policy.ts';
import { parseModulePolicy, type PartialPolicy } from './policy-text.ts';
import type { DriverStatus, Recover } from '../shared/types.ts';

/** How long a recovery command may take, in ms. */
const COMMAND_MS = 30_000;

/** The part of a driver that its policy needs. */
export interface Supervised extends Owner {
  readonly policy: Policy;
  deaths: Death[];
  /** When it was last up; while it is being loaded, when the load began. */
  upSince: number;
  restarts: number;
  /** Why its present incarnation has died; null while it lives. */
  cause: Cause | null;
  /** An owner of symbols that it uses, where the load of its present incarnation failed because that owner died. */
  lostOwner: Owner | null;
  /** Set while it is being recovered. */
  recovery: Recovery | null;
}

/** A recovery under way, which can be cancelled. */
export class Recovery {
  cancelled = false;
  private wake: () => void = () => {};

  cancel(): void {
    this.cancelled = true;
    this.wake();
  }

  /** Waits for the first of three: the result of `work`, null after `ms`, null when the recovery is cancelled. */
  async until<T>(ms: number, work: Promise<T> = new Promise<T>(() => {})): Promise<T | null> {
    if (this.cancelled) return null;
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
  setState(driver: D, state: DriverStatus['state']): void;
  /** Ends its incarnation, where it has one. */
  endIncarnation(driver: D): void;
  /** It will have no successor: the requests that wait for one are answered. */
  cancelRequests(driver: D, life: KernelLife): void;
  /** Throws ModuleError when it was refused or has died in its init, MachineDied. */
  load(driver: D): Promise<void>;
  /** Runs a piece of recovery, which Machine.settled waits for. */
  recover(work: () => Promise<void>): Promise<void>;
}

export interface SupervisorOptions {
  /** The machine's policy, for what neither `policies` nor the module say; DEFAULT_POLICY for the rest. */
  policy?: PartialPolicy;
  /** Policies of single drivers, by their keys (linker/alias.ts). They override the modules' own. */
  policies?: ReadonlyMap<string, PartialPolicy>;
  /** Asked before the restart of a driver whose policy has a command. */
  recover?: Recover;
}

/** A machine that panics for the loss of a driver more often than that is not rebooted. */
const PANIC_LIMIT: Intensity = { restarts: 3, periodMs: 60_000 };

/** The panics of one machine. */
class Panics {
  private recent: number[] = [];

  note(now: number): void {
    this.recent = [...this.recent.filter((at) => now - at < PANIC_LIMIT.periodMs), now];
  }

  get tooMany(): boolean {
    return this.recent.length > PANIC_LIMIT.restarts;
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

  /** Whether the machine must not be rebooted. */
  get panickedTooOften(): boolean {
    return this.panics.tooMany;
  }

  /** The policy of a driver that is loaded now. A malformed policy of the module is ignored, which the log says. */
  policyOf({ name, file }: Owner['loaded'], life: KernelLife): Policy {
    let ofModule: PartialPolicy = {};
    try {
      const [restart] = file.modinfo.get('restart') ?? [];
      if (restart !== undefined) ofModule = parseModulePolicy(restart);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      life.log(LEVEL_WARNING, [`supervisor: ${name}: its restart policy is ignored: ${error.message}`]);
    }
    const configured = this.options.policies?.get(keyOf(name));
    return { ...DEFAULT_POLICY, ...this.options.policy, ...ofModule, ...configured };
  }

  /** Whether a driver that dies now is restarted at once, for any cause. */
  restartsAtOnce({ policy, deaths, upSince }: D): boolean {
    if (policy.restart !== 'permanent' || (this.options.recover && policy.command !== null)) return false;
    const now = this.callbacks.now();
    const cause = { by: 'trap', inInit: false, code: null } as const;
    const decision = decide(policy, [...deaths, { at: now, lived: now - upSince }], cause, now);
    return decision.act === 'restart' && decision.afterMs === 0;
  }

  /** A driver has died while it was not being unloaded. Resolves when it is up again or is not restarted any more. */
  async died(driver: D, life: KernelLife, cause: Cause): Promise<void> {
    this.notifyUsers(driver, life);
    await this.recover(driver, life, cause, null);
  }

  /** Tells or restarts the drivers that use the symbols of one that has died, as their policies say. */
  private notifyUsers(owner: D, life: KernelLife): void {
    for (const user of usersOf(owner, this.callbacks.drivers)) {
      if (user.state !== 'up') continue;
      const line = `supervisor: ${owner.loaded.name} has died, whose symbols ${user.loaded.name} uses`;
      life.log(LEVEL_NOTICE, [line]);
      if (user.policy.owners !== 'restart') continue;
      this.notifyUsers(user, life);
      void this.callbacks.recover(() => this.recover(user, life, null, owner));
    }
  }

  /**
   * @param cause of its death; null where it is restarted because an owner has died
   * @param owner that owner
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
      await this.restartUntilUp(driver, life, recovery, cause, owner);
    } catch (error) {
      // The machine reboots and loads the driver again.
      if (!(error instanceof MachineDied)) throw error;
    } finally {
      if (driver.recovery === recovery) driver.recovery = null;
    }
  }

  private async restartUntilUp(
    driver: D,
    life: KernelLife,
    recovery: Recovery,
    first: Cause | null,
    firstOwner: Owner | null,
  ): Promise<void> {
    const { callbacks } = this;
    let ownerDeaths = 0;
    for (let cause = first, owner = firstOwner; ; { cause, lostOwner: owner } = driver) {
      callbacks.endIncarnation(driver);
      const why = cause ? causeText(cause) : `${owner!.loaded.name} has died`;
      if (cause && !(await this.mayRestart(driver, life, recovery, cause, why))) return;
      if (recovery.cancelled) return; // since `mayRestart` resolved
      driver.restarts++;
      callbacks.setState(driver, 'starting');
      life.log(LEVEL_NOTICE, [
        `supervisor: restarting ${driver.loaded.name} (${why}), restart ${driver.restarts}`,
      ]);
      const failure = await this.tryLoad(driver);
      if (!failure || life.dead) return;
      if (driver.cause) continue;
      if (!driver.lostOwner) return this.giveUp(driver, life, this.failureReason(driver, failure));
      // The driver's init may be what kills the owner, so this could go on forever.
      if (++ownerDeaths === MAX_INIT_DEATHS) {
        const { name } = driver.lostOwner.loaded;
        return this.giveUp(
          driver,
          life,
          `${name} died ${MAX_INIT_DEATHS} times in a row while it was loaded`,
        );
      }
    }
  }

  /** Loads a driver. @returns why it was refused or has died, null where it is up; throws MachineDied */
  private async tryLoad(driver: D): Promise<ModuleError | null> {
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
    callbacks.setState(driver, 'up');
    return null;
  }

  private failureReason({ loaded }: D, { message }: ModuleError): string {
    const missing = ownersOf(loaded, this.callbacks.drivers).find(
      ({ state }) => state === 'failed' || state === 'ended',
    );
    return missing ? `${missing.loaded.name} is gone, whose symbols it uses` : message;
  }

  /** Loads a driver into a kernel that has just booted. Does not wait for the recovery of a driver that dies. */
  async reload(driver: D, life: KernelLife): Promise<void> {
    const failure = await this.tryLoad(driver);
    if (!failure) return;
    const { cause, lostOwner } = driver;
    if (cause || lostOwner) void this.callbacks.recover(() => this.recover(driver, life, cause, lostOwner));
    else await this.giveUp(driver, life, this.failureReason(driver, failure));
  }

  /** Asks the policy and its command, and waits for the back-off. @returns whether the driver is to be restarted */
  private async mayRestart(
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
    driver.deaths = relevantDeaths(policy, [...driver.deaths, { at: now, lived }], now);
    const decision = decide(policy, driver.deaths, cause, now);
    if (decision.act === 'rest') {
      life.log(LEVEL_NOTICE, [`supervisor: ${loaded.name} has left (${why}): not restarted`]);
      callbacks.setState(driver, 'ended');
      callbacks.cancelRequests(driver, life);
      return false;
    }
    if (decision.act !== 'restart') {
      await this.giveUp(driver, life, `${decision.reason} (${why})`);
      return false;
    }
    if (decision.afterMs > 0) {
      const restart = `restart ${driver.restarts + 1} in ${decision.afterMs} ms`;
      life.log(LEVEL_NOTICE, [`supervisor: ${loaded.name} died (${why}), ${restart}`]);
      callbacks.setState(driver, 'waiting');
      await recovery.until(decision.afterMs);
    }
    return (await this.askCommand(driver, life, recovery, cause)) && !recovery.cancelled && !life.dead;
  }

  private async askCommand(driver: D, life: KernelLife, recovery: Recovery, { by }: Cause): Promise<boolean> {
    const { policy, loaded, restarts } = driver;
    if (!this.options.recover || policy.command === null || recovery.cancelled || life.dead) return true;
    if (driver.state !== 'waiting') this.callbacks.setState(driver, 'waiting');
    const death = { driver: loaded.name, cause: by, incarnation: restarts + 1, command: policy.command };
    try {
      const answer = await recovery.until(COMMAND_MS, this.options.recover(death));
      if (answer === 'restart' || recovery.cancelled || life.dead) return true;
      const took = `its recovery command has not ended in ${COMMAND_MS / 1000} s`;
      await this.giveUp(driver, life, answer === null ? took : 'its recovery command says so');
      return false;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      life.log(LEVEL_WARNING, [`supervisor: the recovery command of ${loaded.name} failed: ${why}`]);
      return true;
    }
  }

  /** Gives up a driver. Where it is essential the machine panics. */
  async giveUp(driver: D, life: KernelLife, reason: string): Promise<void> {
    const { name } = driver.loaded;
    this.callbacks.setState(driver, 'failed');
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
