// A machine of one placement on which damaged modules are tried, one after the other: loaded, used, unloaded. Each meets a
// kernel that is as it was after its boot; where one leaves something behind, the next gets another machine.

import type { LoadedModule } from '../domain/loaded.ts';
import type { Machine, MachineEvent, SidePlacement } from '../machine/shared/types.ts';
import { useModule } from './exercise.ts';
import { attempt, endingText, until, type Ending } from './guard.ts';
import { differences, fill, takeSnapshot, type MachineSnapshot } from './look.ts';
import { judge, type ModuleRun, type Outcome, type ReportedFault } from './outcome.ts';

/** A module to damage, and what it needs to work. */
export interface Target {
  module: LoadedModule;
  /** As insmod takes them. */
  parameters?: string;
  /** Loaded before it. */
  below?: readonly LoadedModule[];
  /** Loaded on top of it, and used as well. */
  above?: readonly LoadedModule[];
}

export interface BenchSetting {
  boot(placement: SidePlacement, options: { deadlineMs: number }): Promise<Machine>;
  deadlineMs: number;
  /** Drivers that must not notice anything. */
  bystanders: readonly LoadedModule[];
  /** Threads that live, spare ones too. */
  threads?: () => number;
}

/** A step that takes this many deadlines has no answer any more. */
const PATIENCE = 20;
/** The whole module is loaded after each that was altered, and after one in so many of the others. */
const SAMPLE = 8;
/** Threads that have not ended after this many deadlines will not. */
const REST = 6;
/** Boots of a machine on which the whole module does not work. */
const MOST_ATTEMPTS = 3;
/** Modules that one machine is used for: engines keep what was loaded into a table that lives. */
const MOST_TRIALS = 400;

type Insmod = { module: LoadedModule; parameters?: string | undefined };

export class Bench {
  readonly placement: SidePlacement;
  /** The longest that a load took, in ms. */
  slowestLoadMs = 0;
  boots = 0;
  private readonly setting: BenchSetting;
  private readonly target: Target;
  private machine: Machine | null = null;
  private before: MachineSnapshot = {};
  private golden: string[] = [];
  private trials = 0;

  constructor(placement: SidePlacement, target: Target, setting: BenchSetting) {
    this.placement = placement;
    this.target = target;
    this.setting = setting;
  }

  /** Tries a module. @param runs whether something that runs differs from the target's */
  async try(module: LoadedModule, runs: boolean): Promise<Outcome> {
    const machine = this.machine ?? (await this.fresh());
    const { course, changed } = await this.once(machine, { ...this.target, module });
    this.slowestLoadMs = Math.max(this.slowestLoadMs, course.loadMs);
    const { placement, golden } = this;
    const outcome = judge({ placement, course, golden, changed });
    const whole = outcome.failure === null && changed?.length === 0;
    // What was there must have left a place for the module as it was.
    const same = outcome.class !== 'altered' && this.trials % SAMPLE !== 0;
    if (whole && !same) await this.again(machine, outcome, runs);
    if (!whole || outcome.failure !== null || !outcome.survived || ++this.trials >= MOST_TRIALS)
      await this.end();
    return outcome;
  }

  /** Loads the whole module after a damaged one. */
  private async again(machine: Machine, outcome: Outcome, runs: boolean): Promise<void> {
    const { course, changed } = await this.once(machine, this.target);
    const { golden, placement } = this;
    const same = judge({ placement, course, golden, changed });
    if (same.kind === 'same work') return;
    outcome.survived = false;
    outcome.late ||= same.late;
    outcome.changed.push(
      `the whole module afterwards: ${same.kind} ${same.detail} ${same.changed.join('; ')}`,
    );
    if (placement !== 'monolithic' || !runs || outcome.class === 'refused')
      outcome.failure = outcome.changed.at(-1)!;
    else if (outcome.class === 'harmless')
      Object.assign(outcome, { class: 'altered', kind: 'silent damage' });
  }

  /** Cheaply, without a call: whether a file that was not even offered to the machine has changed anything. */
  unchanged(): string | null {
    if (!this.machine) return null;
    const counts = Object.entries(this.machine.accounting());
    const wrong = counts.find(([name, value]) => this.before[name] !== String(value));
    return wrong ? `${wrong[0]}: ${wrong[1]} instead of ${this.before[wrong[0]]}` : null;
  }

  async end(): Promise<void> {
    const { machine } = this;
    this.machine = null;
    if (machine) await attempt(() => machine.shutdown(), this.patience);
  }

  private get patience(): number {
    return PATIENCE * this.setting.deadlineMs;
  }

  /** A machine with the bystanders, on which the whole module has been loaded, used and unloaded. */
  private async fresh(): Promise<Machine> {
    for (let attempts = 1; ; attempts++) {
      const { boot, deadlineMs } = this.setting;
      const machine = await boot(this.placement, { deadlineMs });
      this.machine = machine;
      this.boots++;
      this.trials = 0;
      const ending = await attempt(() => this.prepare(machine), this.patience);
      const wrong = ending.how === 'done' ? ending.value : endingText(ending);
      if (wrong === null) return machine;
      await this.end();
      // A busy computer may miss a deadline.
      if (attempts === MOST_ATTEMPTS)
        throw new Error(`the whole module is not in order: ${this.target.module.name}: ${wrong}`);
    }
  }

  /** @returns null, or what is wrong with the whole module or with the bystanders */
  private async prepare(machine: Machine): Promise<string | null> {
    const { bystanders } = this.setting;
    for (const module of bystanders) await machine.insmod(module, parametersOf(module));
    await fill(machine, bystanders);
    // Twice: what is made at a first use, such as a slab cache, is there from then on.
    await this.once(machine, this.target);
    this.before = await takeSnapshot(machine, bystanders);
    const { course, changed } = await this.once(machine, this.target);
    const { faults, refusal, escaped, stays } = course;
    const told = [refusal, stays, ...escaped, ...faults.map(({ text }) => text), ...(changed ?? ['it dies'])];
    this.golden = course.answers;
    return told.filter((text) => text !== null).join('; ') || null;
  }

  /** Loads, uses and unloads, and looks what is left of it. */
  private async once(
    machine: Machine,
    target: Target,
  ): Promise<{ course: ModuleRun; changed: string[] | null }> {
    const { setting } = this;
    const threads = setting.threads?.();
    const trial = new Trial(machine, this.patience);
    const { course } = trial;
    await trial.run(target, this.target.module.file.modinfo.get('persist') ?? []);
    if (course.died || course.escaped.length > 0) return { course, changed: null };
    const rest = (): boolean => machine.status().zombies === 0 && setting.threads?.() === threads;
    const rested = await until(rest, REST * setting.deadlineMs);
    const after = await attempt(() => takeSnapshot(machine, setting.bystanders), this.patience);
    if (after.how === 'escaped') course.escaped.push(after.what);
    if (after.how === 'no answer') course.escaped.push('a machine at rest gives no answer');
    if (after.how !== 'done')
      return { course, changed: after.how === 'died' ? null : [`a look: ${after.how}`] };
    const changed = differences(this.before, after.value);
    if (!rested) changed.push(`threads: ${setting.threads?.()} instead of ${threads}`);
    return { course, changed };
  }
}

/** A bystander needs no more than what it is asked to hold. */
function parametersOf({ file }: LoadedModule): string {
  return file.parameters.some(({ name, type }) => name === 'size' && type === 'uint') ? 'size=65536' : '';
}

/** One course of one module on a machine. */
class Trial {
  readonly course: ModuleRun = {
    ...{ refusal: null, answers: [], faults: [], killed: false, died: false, stays: null },
    ...{ leaked: 0, loadMs: 0, escaped: [] },
  };
  private readonly machine: Machine;
  private readonly patience: number;
  /** Settled when a machine that died has no thread left. */
  private off: Promise<unknown> | null = null;
  /** What is to be unloaded, the latest last. */
  private readonly loaded: string[] = [];

  constructor(machine: Machine, patience: number) {
    this.machine = machine;
    this.patience = patience;
  }

  private get over(): boolean {
    return this.course.died || this.course.escaped.length > 0;
  }

  async run(
    { module, parameters = '', below = [], above = [] }: Target,
    kept: readonly string[],
  ): Promise<void> {
    const stop = this.machine.subscribe((event) => this.heard(event));
    try {
      for (const each of below) await this.insmod({ module: each });
      const since = performance.now();
      const refusal = await this.insmod({ module, parameters });
      this.course.loadMs = performance.now() - since;
      this.course.refusal = refusal;
      if (refusal === null) await this.use(module, above, kept);
      await this.settle();
      for (const name of this.loaded.reverse()) await this.rmmod(name, name === module.name);
    } finally {
      stop();
      await this.off;
    }
  }

  private heard(event: MachineEvent): void {
    if (event.type === 'fault') {
      const { by, fault } = event;
      const text = fault ? `${by}: ${fault.kind}: ${fault.message}, ${fault.frames[0]?.text ?? ''}` : by;
      this.course.faults.push({ by, kind: fault?.kind ?? null, text } satisfies ReportedFault);
    }
    // A machine that reboots loads its drivers again, the damaged one too: that is not what is tried here.
    if (event.type !== 'state' || event.state !== 'rebooting') return;
    this.course.died = true;
    this.off = attempt(() => this.machine.shutdown(), this.patience);
  }

  /** Takes a step's ending down. @returns its value, or null */
  private async step<T>(what: string, work: () => Promise<T>): Promise<Ending<T> | null> {
    if (this.over) return null;
    const ending = await attempt(work, this.patience);
    if (ending.how === 'killed') this.course.killed = true;
    if (ending.how === 'died') this.course.died = true;
    if (ending.how === 'no answer') this.course.escaped.push(`${what} was never answered`);
    if (ending.how === 'escaped') this.course.escaped.push(`${what}: ${ending.what}`);
    return ending;
  }

  /** @returns null, or why it is not loaded */
  private async insmod({ module, parameters = '' }: Insmod): Promise<string | null> {
    const ending = await this.step('insmod', () => this.machine.insmod(module, parameters));
    if (ending?.how === 'refused') return ending.error.message;
    if (ending?.how !== 'done') return ending?.how ?? 'not tried';
    this.loaded.push(module.name);
    return null;
  }

  private async use(
    module: LoadedModule,
    above: readonly LoadedModule[],
    kept: readonly string[],
  ): Promise<void> {
    const { answers } = this.course;
    for (const each of above) {
      const refusal = await this.insmod({ module: each });
      if (refusal !== null) answers.push(`${each.name}: ${refusal}`);
    }
    for (const { name } of [module, ...above]) {
      const ending = await this.step('a call', () => useModule(this.machine, name, kept));
      answers.push(...(ending?.how === 'done' ? ending.value : [ending?.how ?? '']));
    }
  }

  private async settle(): Promise<void> {
    await this.step('recovery', () => this.machine.settled());
  }

  /** Unloads; by force where it must be. */
  private async rmmod(name: string, tried: boolean): Promise<void> {
    for (const force of [false, true, true]) {
      const ending = await this.step('rmmod', () => this.machine.rmmod(name, { force }));
      if (ending?.how === 'done') {
        if (tried) this.course.leaked = ending.value.leakedBytes;
        return;
      }
      await this.settle();
      if (ending?.how === 'refused') this.course.stays = ending.error.message;
      if (ending === null || this.over || !this.machine.status().drivers.some((each) => each.name === name))
        break;
    }
  }
}
