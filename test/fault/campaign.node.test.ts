// Damaged modules on real machines of both placements: a damaged container changes nothing, altered code is contained where it
// is isolated and told where it is not, and no exception escapes. In the long run ten thousand of them; by default the
// first of the same seeds, about one in fifty.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runProgram } from '../../host/cli/program.ts';
import type { LoadedModule } from '../../host/domain/loaded.ts';
import { failures, runCampaign, type Campaign, type CampaignSetting } from '../../host/fault/campaign.ts';
import { MUTATIONS } from '../../host/fault/mutate.ts';
import { reportOf, tallyOf, tallyTable, type FuzzReport } from '../../host/fault/tally.ts';
import { projectTargets } from '../../host/fault/targets.ts';
import type { Machine } from '../../host/machine/shared/types.ts';
import { MIN_DEADLINE_MS } from '../../kernel/abi/limits.ts';
import { rounds } from '../long.ts';
import { loadC } from '../support/fixtures.ts';
import { PLACEMENTS } from '../support/machine.ts';
import { threadLab, type ThreadLab } from '../support/threads.ts';

const SEED = 1;
const COUNT = rounds(180, 10_000);

let lab: ThreadLab;
let modules: Map<string, LoadedModule>;

beforeAll(async () => {
  lab = await threadLab();
  const names = lab.modules.list();
  modules = new Map(
    await Promise.all(names.map(async (name) => [name, await lab.modules.load(name)] as const)),
  );
});
afterAll(() => lab.close());

const module = (name: string): LoadedModule => modules.get(name)!;

function setting(): CampaignSetting {
  return {
    targets: projectTargets(modules),
    bystanders: [module('zero'), module('ramdisk')],
    placements: PLACEMENTS,
    ...{ seed: SEED, count: COUNT },
    boot: (placement, { deadlineMs }) => lab.boot(placement, { deadlineMs }),
    threads: () => lab.resources.threadsInUse,
  };
}

describe('damaged modules', () => {
  let campaign: Campaign;
  beforeAll(async () => {
    const targets = [...projectTargets(modules), { module: await loadC('rot13') }];
    campaign = await runCampaign({ ...setting(), targets });
  });

  test('change nothing where they are refused, harm nobody where they are isolated, throw nothing', () => {
    const told = failures(campaign).map(
      ({ tried, placement, failure }) =>
        `seed ${tried.seed}, ${tried.module}, ${tried.description}, ${placement}: ${failure}`,
    );
    expect(told).toEqual([]);
  });

  // These modules are small: there are only so many ways in which a field of theirs can be wrong.
  test('are all tried, each seed once, and most of them differ', () => {
    expect(campaign.tried.map(({ seed }) => seed)).toEqual(Array.from({ length: COUNT }, (_, i) => SEED + i));
    for (const { outcomes } of campaign.tried) expect(Object.keys(outcomes)).toEqual([...PLACEMENTS]);
    expect(campaign.distinct).toBe(new Set(campaign.tried.map(({ sha256 }) => sha256)).size);
    expect(campaign.distinct).toBeGreaterThan(COUNT * 0.7);
    expect(new Set(campaign.tried.map(({ mutation }) => mutation))).toEqual(new Set(MUTATIONS));
  });

  test.each(PLACEMENTS)('are counted, on a %s machine: refused, harmless, altered', (placement) => {
    const { classes, kinds, survived } = tallyOf(campaign, placement);
    expect(classes.refused + classes.harmless + classes.altered).toBe(COUNT);
    for (const count of Object.values(classes)) expect(count).toBeGreaterThan(COUNT / 50);
    expect(Object.values(kinds).reduce((sum, count) => sum + count, 0)).toBe(COUNT);
    for (const kind of ['container', 'engine', 'load step', 'trap', 'hang'] as const)
      expect(kinds[kind], kind).toBeGreaterThan(0);
    if (placement === 'microkernel') expect(survived).toBe(classes.altered);
  });

  test('are refused alike by both machines before their code runs', () => {
    for (const { outcomes, seed } of campaign.tried) {
      const [a, b] = PLACEMENTS.map((placement) => outcomes[placement]!);
      if (a!.kind === 'container' || a!.kind === 'engine') expect(b, String(seed)).toEqual(a);
    }
  });

  test('with code that was altered are valid, and refused by no reader', () => {
    for (const { mutation, outcomes, seed } of campaign.tried)
      if (mutation === 'code')
        for (const { kind } of Object.values(outcomes))
          expect(['container', 'engine'], String(seed)).not.toContain(kind);
  });

  test('end under the deadline when their start function or init does not', () => {
    // On processors that others use too: two deadlines, and what ending a thread takes.
    for (const slowest of Object.values(campaign.slowestLoadMs)) {
      expect(slowest).toBeGreaterThan(0);
      expect(slowest).toBeLessThan(6 * MIN_DEADLINE_MS);
    }
  });

  test('make a report, and a table that fits a terminal', () => {
    const report = reportOf(campaign, SEED);
    expect(report).toMatchObject({ schema: 'isolab.fuzz/1', seed: SEED, count: COUNT, failures: [] });
    const lines = tallyTable(report).split('\n');
    for (const line of lines.filter((each) => !each.startsWith('seed ')))
      expect(line.length).toBeLessThan(101);
    expect(lines).toContain('no damaged container changed anything, and no exception escaped');
  });
});

describe('a campaign', () => {
  const few = (change: Partial<CampaignSetting>): Promise<Campaign> =>
    runCampaign({
      ...{ ...setting(), targets: [{ module: module('null') }], placements: ['monolithic'] },
      ...{ seed: 1, count: 4, mutation: 'number', ...change },
    });
  /** A machine that is another one in some respect. */
  const lying = (change: (machine: Machine) => Partial<Machine>): CampaignSetting['boot'] => {
    return async (placement, options) => {
      const machine = await lab.boot(placement, options);
      const changed = change(machine);
      return new Proxy(machine, {
        get: (_, name) => {
          if (name in changed) return Reflect.get(changed, name) as unknown;
          const own: unknown = Reflect.get(machine, name);
          return typeof own === 'function' ? (own.bind(machine) as unknown) : own;
        },
      });
    };
  };

  test('ends the same way each time', async () => {
    const outcomes = async () => (await few({ count: 12, mutation: undefined })).tried;
    expect(await outcomes()).toEqual(await outcomes());
  });

  test('fails where a refused module has changed something', async () => {
    let refusals = 0;
    const boot = lying((machine) => ({
      insmod: (loaded, parameters) =>
        machine.insmod(loaded, parameters).catch((error: Error) => {
          refusals++;
          throw error;
        }),
      accounting: () => ({ ...machine.accounting(), symbols: machine.accounting().symbols + refusals }),
    }));
    // An import that nobody has.
    const campaign = await few({ boot, mutation: 'name', count: 40 });
    expect(refusals).toBeGreaterThan(0);
    const told = failures(campaign);
    expect(told.length).toBeGreaterThan(0);
    expect(reportOf(campaign, 1).failures.length).toBe(told.length);
    expect(tallyTable(reportOf(campaign, 1))).toMatch(/FAILURE seed \d+ \(null, name: .*symbols: /);
  });

  test('fails where an exception escapes, and says with which seed', async () => {
    const known = new Set<string>();
    const boot = lying((machine) => ({
      insmod: (loaded, parameters) => {
        if (loaded.name === 'null' && known.size > 0 && !known.has(loaded.sha256)) throw new TypeError('oh');
        known.add(loaded.sha256);
        return machine.insmod(loaded, parameters);
      },
    }));
    known.add(module('null').sha256).add(module('zero').sha256).add(module('ramdisk').sha256);
    const campaign = await few({ boot, count: 20 });
    const told = failures(campaign);
    expect(told.length).toBeGreaterThan(0);
    for (const { failure, tried } of told) {
      expect(failure).toMatch(/^insmod: TypeError: oh/);
      expect(tried.seed).toBeGreaterThan(0);
    }
  });

  test('does not begin with a module that does not work', async () => {
    const targets = [{ module: module('stacked') }]; // and no base
    await expect(few({ targets, mutation: 'code', count: 1 })).rejects.toThrow(
      /^the whole module is not in order: stacked: .*Unknown symbol/,
    );
  });

  test('stops when it is told to', async () => {
    let asked = 0;
    const { tried } = await few({ count: 1000, mutation: 'truncation', stopped: () => asked++ === 3 });
    expect(tried.length).toBe(3);
  });
});

describe('isolab fuzz', () => {
  async function isolab(...argv: string[]) {
    return isolabUntil(new AbortController().signal, ...argv);
  }

  async function isolabUntil(signal: AbortSignal, ...argv: string[]) {
    const seen = { out: '', progress: '' };
    const io = {
      out: (text: string) => void (seen.out += text),
      progress: (line: string) => void (seen.progress += `${line}\n`),
      signal,
    };
    return { code: await runProgram(['fuzz', ...argv], io), ...seen };
  }

  test('--json prints the counts of both machines', async () => {
    const { code, out } = await isolab('--count', '6', '--seed', '40', '--json');
    const report = JSON.parse(out) as FuzzReport;
    expect(code).toBe(0);
    expect(report).toMatchObject({ schema: 'isolab.fuzz/1', seed: 40, count: 6, failures: [] });
    for (const placement of PLACEMENTS) {
      const { classes } = report.placements[placement]!;
      expect(classes.refused + classes.harmless + classes.altered).toBe(6);
    }
  });

  test('interrupted, it says how far it came', async () => {
    const { code, out } = await isolabUntil(AbortSignal.abort('SIGINT'), '--count', '6', '--json');
    expect(code).toBe(130);
    const extent = [{ what: 'mutants', done: 0, of: 6 }];
    expect(JSON.parse(out)).toMatchObject({ count: 0, interrupted: true, extent });
  });

  test('--replay tells all of one mutant', async () => {
    const { code, out, progress } = await isolab('--replay', '41', '--placement', 'monolithic');
    expect(code).toBe(0);
    expect(progress).toMatch(/^seed 41, ramdisk, \w+: .*\n {2}sha256 [0-9a-f]{64}\n {2}monolithic: /);
    expect(out).not.toContain('microkernel');
  });

  test.each([
    [['--mutation', 'colour'], 2, /'colour' is invalid\. Allowed choices are bits, /],
    [['--count', '-1'], 2, /a whole number/],
    [['--driver', 'nowhere.ko.wasm'], 1, /the driver cannot be read: .*nowhere\.ko\.wasm/],
  ] as const)('%s is not understood', async (argv, code, sentence) => {
    const result = await isolab(...argv);
    expect(result.code).toBe(code);
    expect(result.progress).toMatch(sentence);
  });
});
