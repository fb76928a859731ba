// A campaign: thousands of damaged modules, each made from a seed, offered to a machine of each placement. What is counted is
// how each ended (./outcome.ts); what is kept is whatever must never happen, with what it takes to try it again alone.
//
// Mutant number i has the seed `seed + i` and is made of target number `(seed + i) mod targets`, so that a seed alone says
// what was tried. Mutants of one target are tried one after the other, on machines that have its bystanders.

import { loadModule } from '../domain/load-file.ts';
import type { LoadedModule } from '../domain/loaded.ts';
import { BadModule } from '../linker/module/module-file.ts';
import { sha256 } from '../linker/module/sha256.ts';
import { MIN_DEADLINE_MS } from '../../kernel/abi/limits.ts';
import type { SidePlacement } from '../machine/shared/types.ts';
import { Bench, type BenchSetting, type Target } from './bench.ts';
import { sectionPlaces } from './fields.ts';
import { exceptionText } from './guard.ts';
import { mutate, type Mutant, type Mutation } from './mutate.ts';
import { refused, type Outcome } from './outcome.ts';

export type { Target } from './bench.ts';

export interface CampaignSetting extends Omit<BenchSetting, 'deadlineMs' | 'bystanders'> {
  targets: readonly Target[];
  /** Loaded on each machine, but for those that the target or what it stands on is. */
  bystanders: readonly LoadedModule[];
  placements: readonly SidePlacement[];
  /** Of the first mutant. */
  seed: number;
  count: number;
  /** The kind of damage; else each seed chooses. */
  mutation?: Mutation | undefined;
  /** At least MIN_DEADLINE_MS, which it is by default. */
  deadlineMs?: number;
  /** Asked before each mutant. */
  stopped?: () => boolean;
  /** Told after each mutant. */
  tried?: (tried: MutantResult, done: number) => void;
}

/** One mutant, and what became of it. */
export interface MutantResult {
  seed: number;
  module: string;
  mutation: Mutation;
  description: string;
  sha256: string;
  outcomes: Partial<Record<SidePlacement, Outcome>>;
}

export interface Campaign {
  tried: MutantResult[];
  /** Different files among the mutants. */
  distinct: number;
  /** The longest that a load took, whatever its start function and init did, in ms. */
  slowestLoadMs: Partial<Record<SidePlacement, number>>;
  /** Machines that were booted. */
  boots: Partial<Record<SidePlacement, number>>;
  /** Where a deadline passed on an isolated machine, and all was well when more time was given. */
  disturbed: { seed: number; failure: string }[];
  seconds: number;
}

/** What a second try has, where a machine that had to share its processors may have missed a deadline. */
const MORE_TIME = 8;

/** Runs a campaign. Rejects where a target itself does not load and work. */
export async function runCampaign(setting: CampaignSetting): Promise<Campaign> {
  return new Runner(setting).run();
}

/** The target of a seed. */
export function targetOf<T>(targets: readonly T[], seed: number): T {
  const target = targets[seed % targets.length];
  if (target === undefined) throw new RangeError(`there is nothing to damage for seed ${seed}`);
  return target;
}

class Runner {
  private readonly setting: CampaignSetting;
  private readonly since = performance.now();
  private readonly seen = new Set<string>();
  private readonly campaign: Campaign = {
    ...{ tried: [], distinct: 0, slowestLoadMs: {}, boots: {}, disturbed: [], seconds: 0 },
  };

  constructor(setting: CampaignSetting) {
    this.setting = setting;
  }

  async run(): Promise<Campaign> {
    const { targets, seed, count } = this.setting;
    const { campaign } = this;
    for (const target of targets) {
      const seeds = Array.from({ length: count }, (_, i) => seed + i).filter(
        (each) => targetOf(targets, each) === target,
      );
      if (seeds.length > 0) await this.damage(target, seeds);
    }
    campaign.tried.sort((a, b) => a.seed - b.seed);
    campaign.distinct = this.seen.size;
    campaign.seconds = (performance.now() - this.since) / 1000;
    return campaign;
  }

  private bench(placement: SidePlacement, target: Target, deadlineMs: number): Bench {
    const used = [target.module, ...(target.below ?? []), ...(target.above ?? [])].map(({ name }) => name);
    const bystanders = this.setting.bystanders.filter(({ name }) => !used.includes(name));
    return new Bench(placement, target, { ...this.setting, deadlineMs, bystanders });
  }

  /** All mutants of one target. */
  private async damage(target: Target, seeds: readonly number[]): Promise<void> {
    const { placements, deadlineMs = MIN_DEADLINE_MS, stopped, tried, mutation } = this.setting;
    const benches = placements.map((placement) => this.bench(placement, target, deadlineMs));
    try {
      for (const seed of seeds) {
        if (stopped?.() === true) return;
        const mutant = mutate(target.module.bytes, seed, mutation);
        const done = await this.tryOne(target, seed, mutant, benches);
        this.campaign.tried.push(done);
        tried?.(done, this.campaign.tried.length);
      }
    } finally {
      for (const bench of benches) await this.close(bench);
    }
  }

  private async close(bench: Bench): Promise<void> {
    const { slowestLoadMs, boots } = this.campaign;
    const { placement } = bench;
    slowestLoadMs[placement] = Math.max(slowestLoadMs[placement] ?? 0, bench.slowestLoadMs);
    boots[placement] = (boots[placement] ?? 0) + bench.boots;
    await bench.end();
  }

  private async tryOne(
    target: Target,
    seed: number,
    { bytes, mutation, description }: Mutant,
    benches: readonly Bench[],
  ): Promise<MutantResult> {
    const { module } = target;
    const sum = sha256(bytes);
    this.seen.add(sum);
    const tried: MutantResult = {
      seed,
      module: module.name,
      mutation,
      description,
      sha256: sum,
      outcomes: {},
    };
    const read = await readMutant(bytes, module.name);
    for (const bench of benches) {
      const { placement } = bench;
      if ('class' in read) {
        const changed = bench.unchanged();
        tried.outcomes[placement] = { ...read, failure: read.failure ?? changed };
        continue;
      }
      const runs = !sameBytes(runningParts(bytes), runningParts(module.bytes));
      tried.outcomes[placement] = await this.offer(bench, target, read, runs, seed);
    }
    return tried;
  }

  private async offer(
    bench: Bench,
    target: Target,
    mutant: LoadedModule,
    runs: boolean,
    seed: number,
  ): Promise<Outcome> {
    const outcome = await bench.try(mutant, runs);
    if (outcome.failure === null || bench.placement === 'monolithic' || !outcome.late) return outcome;
    const { deadlineMs = MIN_DEADLINE_MS } = this.setting;
    const patient = this.bench(bench.placement, target, deadlineMs * MORE_TIME);
    try {
      const second = await patient.try(mutant, runs);
      if (second.failure === null) this.campaign.disturbed.push({ seed, failure: outcome.failure });
      return second;
    } finally {
      await patient.end();
    }
  }
}

/** The mutant as a machine would be given it, or its refusal. */
async function readMutant(bytes: Uint8Array<ArrayBuffer>, name: string): Promise<LoadedModule | Outcome> {
  try {
    return await loadModule(bytes, null, name);
  } catch (thrown) {
    if (thrown instanceof BadModule) return refused('container', thrown.message);
    if (thrown instanceof WebAssembly.CompileError) return refused('engine', thrown.message);
    return { ...refused('container', ''), failure: exceptionText(thrown) };
  }
}

/** Everything that an engine or a loader's layout goes by: all sections but those that only describe. */
function runningParts(bytes: Uint8Array): Uint8Array {
  const parts = sectionPlaces(bytes).filter(({ id, name }) => id !== 0 || name === 'dylink.0');
  return Uint8Array.from(parts.flatMap(({ start, end }) => [...bytes.subarray(start, end)]));
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}

/** Those among the tried that must never be. */
export function failures({
  tried,
}: Pick<Campaign, 'tried'>): { tried: MutantResult; placement: SidePlacement; failure: string }[] {
  return tried.flatMap((each) =>
    Object.entries(each.outcomes).flatMap(([placement, { failure }]) =>
      failure === null ? [] : [{ tried: each, placement: placement as SidePlacement, failure }],
    ),
  );
}
