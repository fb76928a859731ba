// `isolab fuzz` in the terminal: targets from disk, progress while it runs, the counts at its end.

import { BadModule } from '../linker/module/module-file.ts';
import { runCampaign, type Target, type MutantResult } from '../fault/campaign.ts';
import type { Mutation } from '../fault/mutate.ts';
import { reportOf, tallyTable } from '../fault/tally.ts';
import { projectTargets } from '../fault/targets.ts';
import { completionLines, type Completion } from '../lab/interruption.ts';
import type { SidePlacement } from '../machine/shared/types.ts';
import { Failure, refused, type Io } from './io.ts';
import { LiveLine, type Screen } from './live-line.ts';
import { loadModuleFile, nodeLab, type NodeLab } from './machines.ts';

export interface FuzzOptions {
  count: number;
  /** Of the first mutant. */
  seed: number;
  placements: readonly SidePlacement[];
  mutation: Mutation | undefined;
  /** A file; null for the project's modules. */
  driver: string | null;
  /** Whether each mutant is told. */
  detailed: boolean;
  json: boolean;
}

/** Bystanders on every machine, where they are not the target. */
const BYSTANDERS = ['zero', 'ramdisk'];
/** Mutants between two lines of progress where they cannot be written over. */
const STEP = 500;

/** @returns the exit code */
export async function runFuzz(options: FuzzOptions, io: Io, screen: Screen): Promise<number> {
  const lab = await nodeLab();
  const line = new LiveLine(io, screen);
  try {
    const targets = await targetsOf(options.driver, lab);
    const modules = await projectModules(lab);
    const every = screen.isTTY ? 20 : STEP;
    const campaign = await runCampaign({
      ...{ targets, placements: options.placements, seed: options.seed, count: options.count },
      mutation: options.mutation,
      bystanders: BYSTANDERS.map((name) => modules.get(name)!),
      boot: (placement, { deadlineMs }) => lab.boot(placement, { deadlineMs }),
      threads: () => lab.resources.threadsInUse,
      stopped: () => io.signal.aborted,
      tried: (tried, done) => {
        if (options.detailed) line.keep(detail(tried));
        else if (done % every === 0)
          line.show(`${done} of ${options.count}: ${tried.module}, seed ${tried.seed}`);
      },
    });
    line.clear();
    const report = reportOf(campaign, options.seed);
    const done = campaign.tried.length;
    const course: Completion = {
      interrupted: io.signal.aborted && done < options.count,
      extent: [{ what: 'mutants', done, of: options.count }],
    };
    const table = (): string =>
      [tallyTable(report), ...completionLines(course).map((line) => `${line}\n`)].join('');
    io.out(options.json ? `${JSON.stringify({ ...report, ...course }, null, 2)}\n` : table());
    return report.failures.length > 0 ? 1 : 0;
  } finally {
    line.clear();
    await lab.close();
  }
}

async function projectModules(lab: NodeLab) {
  const names = lab.modules.list();
  return new Map(await Promise.all(names.map(async (name) => [name, await lab.modules.load(name)] as const)));
}

async function targetsOf(driver: string | null, lab: NodeLab): Promise<Target[]> {
  if (driver === null) return projectTargets(await projectModules(lab));
  try {
    const module = await loadModuleFile(driver);
    const known = projectTargets(await projectModules(lab)).find((each) => each.module.name === module.name);
    return [{ ...known, module }];
  } catch (error) {
    if (error instanceof BadModule)
      throw new Failure(`the driver cannot be read: ${error.message}: ${driver}`);
    throw refused('the driver cannot be read', driver, error);
  }
}

/** All of one mutant. */
function detail({ seed, module, mutation, description, sha256, outcomes }: MutantResult): string {
  const told = Object.entries(outcomes).map(([placement, outcome]) =>
    [
      `  ${placement}: ${outcome.class}, ${outcome.kind}${outcome.detail ? `: ${outcome.detail}` : ''}`,
      ...outcome.changed.map((each) => `    ${each}`),
      ...(outcome.failure === null ? [] : [`    FAILURE: ${outcome.failure}`]),
    ].join('\n'),
  );
  return [`seed ${seed}, ${module}, ${mutation}: ${description}`, `  sha256 ${sha256}`, ...told].join('\n');
}
