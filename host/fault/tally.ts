// The counts of a campaign: for a machine to read (schema isolab.fuzz/1) and as a table for people.

import type { SidePlacement } from '../machine/shared/types.ts';
import { failures, type Campaign } from './campaign.ts';
import { MUTATIONS, type Mutation } from './mutate.ts';
import { KINDS, type Kind, type OutcomeClass } from './outcome.ts';

export interface Tally {
  mutants: number;
  /** The three counts; together they are the number of mutants. */
  classes: Record<OutcomeClass, number>;
  /** Among the altered: those after which kernel and bystanders were whole. */
  survived: number;
  kinds: Record<Kind, number>;
}

export interface FuzzReport {
  schema: 'isolab.fuzz/1';
  seed: number;
  count: number;
  distinct: number;
  seconds: number;
  disturbed: Campaign['disturbed'];
  placements: Partial<
    Record<
      SidePlacement,
      Tally & { slowestLoadMs: number; boots: number; mutations: Partial<Record<Mutation, Tally>> }
    >
  >;
  failures: {
    seed: number;
    module: string;
    mutation: Mutation;
    description: string;
    sha256: string;
    placement: SidePlacement;
    failure: string;
  }[];
}

function emptyTally(): Tally {
  const kinds = Object.fromEntries(KINDS.map((kind) => [kind, 0])) as Record<Kind, number>;
  return { mutants: 0, classes: { refused: 0, harmless: 0, altered: 0 }, survived: 0, kinds };
}

/** Counts outcomes on one placement; of one kind of mutation where it is given. */
export function tallyOf(
  { tried }: Pick<Campaign, 'tried'>,
  placement: SidePlacement,
  mutation?: Mutation,
): Tally {
  const tally = emptyTally();
  for (const each of tried) {
    const outcome = each.outcomes[placement];
    if (!outcome || (mutation !== undefined && each.mutation !== mutation)) continue;
    tally.mutants++;
    tally.classes[outcome.class]++;
    tally.kinds[outcome.kind]++;
    if (outcome.class === 'altered' && outcome.survived) tally.survived++;
  }
  return tally;
}

export function reportOf(campaign: Campaign, seed: number): FuzzReport {
  const { tried, distinct, seconds, disturbed, slowestLoadMs, boots } = campaign;
  const placements = Object.keys(boots) as SidePlacement[];
  return {
    schema: 'isolab.fuzz/1',
    ...{ seed, count: tried.length, distinct, seconds, disturbed },
    placements: Object.fromEntries(
      placements.map((placement) => {
        const mutations = MUTATIONS.map((each) => [each, tallyOf(campaign, placement, each)] as const);
        return [
          placement,
          {
            ...tallyOf(campaign, placement),
            slowestLoadMs: slowestLoadMs[placement] ?? 0,
            boots: boots[placement] ?? 0,
            mutations: Object.fromEntries(mutations.filter(([, { mutants }]) => mutants > 0)),
          },
        ];
      }),
    ),
    failures: failures(campaign).map(({ tried: each, placement, failure }) => {
      const { seed: own, module, mutation, description, sha256 } = each;
      return { seed: own, module, mutation, description, sha256, placement, failure };
    }),
  };
}

type Column = [head: string, of: (tally: Tally) => number];

const COLUMNS: readonly Column[] = [
  ['tried', ({ mutants }) => mutants],
  ['refused', ({ classes }) => classes.refused],
  ['harmless', ({ classes }) => classes.harmless],
  ['altered', ({ classes }) => classes.altered],
  ['whole', ({ survived }) => survived],
];

/** Kinds of an altered module's end, as the table calls them. */
const ENDS: readonly [Kind, string][] = [
  ['wrong answers', 'wrong'],
  ['leak', 'leak'],
  ['stays', 'stay'],
  ['leftovers', 'left'],
  ['trap', 'trap'],
  ['hang', 'hang'],
  ['protocol', 'lie'],
  ['exit', 'exit'],
  ['silent damage', 'silent'],
  ['panic', 'panic'],
];

/** At most 100 columns. */
export function tallyTable(report: FuzzReport): string {
  const lines: string[] = [];
  for (const [placement, tally] of Object.entries(report.placements)) {
    const heads = [...COLUMNS.map(([head]) => head), ...ENDS.map(([, head]) => head)];
    const row = (name: string, counts: readonly (string | number)[]): string =>
      name.padEnd(10) +
      counts.map((count, i) => String(count).padStart(Math.max(heads[i]!.length, 3) + 1)).join('');
    const numbers = (each: Tally): number[] => [
      ...COLUMNS.map(([, of]) => of(each)),
      ...ENDS.map(([kind]) => each.kinds[kind]),
    ];
    const isolated = placement !== 'monolithic';
    lines.push(
      ...[placement, row('', heads)],
      ...Object.entries(tally.mutations).map(([mutation, each]) => row(mutation, numbers(each))),
      ...[row('all', numbers(tally)), ''],
      `  refused   ${tally.classes.refused}: ${tally.kinds.container} by the reader, ${tally.kinds.engine} by the engine, ${tally.kinds['load step']} by a step of the load; nothing changed`,
      `  harmless  ${tally.classes.harmless}: loaded, did the same work, unloaded; nothing changed`,
      `  altered   ${tally.classes.altered}: ${isolated ? 'contained' : 'told'}; kernel and bystanders whole after ${tally.survived}`,
      `  the slowest load took ${Math.round(tally.slowestLoadMs)} ms; ${tally.boots} machines were booted`,
      '',
    );
  }
  const { count, distinct, seed, seconds, disturbed } = report;
  lines.push(
    `${count} mutants, ${distinct} of them distinct, from seed ${seed} on, in ${seconds.toFixed(1)} s`,
  );
  for (const { seed: own, failure } of disturbed)
    lines.push(`seed ${own} was tried again with more time, and then was in order: ${failure}`);
  for (const each of report.failures)
    lines.push(
      `FAILURE seed ${each.seed} (${each.module}, ${each.mutation}: ${each.description}) on ${each.placement}: ${each.failure}`,
    );
  if (report.failures.length === 0)
    lines.push('no damaged container changed anything, and no exception escaped');
  return `${lines.join('\n')}\n`;
}
