// `isolab shell`: boots what is asked for, runs what is typed, piped or given, and shuts everything down again.

import { readFileSync } from 'node:fs';
import { readConfig, type ModprobeConfig } from '../../machine/modprobe/modprobe-config.ts';
import { BadPolicy, parsePolicies, type PartialPolicy } from '../../machine/supervisor/policy-text.ts';
import type { Places } from '../../machine/shared/place.ts';
import type { Machine, Placement } from '../../machine/shared/types.ts';
import { KnownModules } from '../../shell/modules.ts';
import { readAll } from '../../shell/streams.ts';
import { coreWriter } from '../files/core-writer.ts';
import { Failure, type Io } from '../io.ts';
import { nodeLab } from '../machines.ts';
import { explained, ModuleFolder } from '../files/module-folder.ts';
import { IMAGES } from '../root.ts';
import { History, historyPath } from './shell-history.ts';
import { prompt } from './shell-prompt.ts';
import { recoveryOf } from './shell-recovery.ts';
import { BothRunner, OneRunner, processInput, type Runner, type Terminal } from './shell-run.ts';

export interface ShellRequest {
  /** One, or both. */
  placements: Placement[];
  /** Of drivers that do not go by the placement. */
  places: Places;
  /** null: what is typed, or standard input. */
  commands: string | null;
  /** Folder of modules; null: the project's. */
  folder: string | null;
  /** File of modprobe's configuration; null: what is in the folder. */
  configuration: string | null;
  /** Folder for the cores of drivers that die; null: none are written. */
  cores: string | null;
  /** Of drivers: `NAME=WORDS` (machine/policy-text.ts). */
  policies: readonly string[];
}

/** @throws Failure */
function readPolicies(texts: readonly string[]): Map<string, PartialPolicy> {
  try {
    return parsePolicies(texts);
  } catch (error) {
    if (!(error instanceof BadPolicy)) throw error;
    throw new Failure(error.message);
  }
}

/** @throws Failure where the file cannot be read; what is wrong in it is among the problems */
function readConfiguration(path: string): ModprobeConfig {
  try {
    return readConfig(readFileSync(path, 'utf8'), path);
  } catch (error) {
    throw new Failure(`the configuration cannot be read: ${explained(error)}: ${path}`);
  }
}

/** @returns the status of the last command; throws Failure */
export async function runShell(request: ShellRequest, io: Io, terminal: Terminal): Promise<number> {
  const policies = readPolicies(request.policies);
  const folder = new ModuleFolder(request.folder ?? IMAGES);
  const config = request.configuration === null ? undefined : readConfiguration(request.configuration);
  const lab = await nodeLab();
  const modules = new KnownModules(folder, lab.images.kernel.file.symbols, config);
  for (const problem of modules.config.problems) io.progress(problem);
  const machines: Machine[] = [];
  let runner: Runner | null = null;
  try {
    const { requestModule } = modules;
    const cores = request.cores === null ? {} : { onCore: coreWriter(request.cores, io) };
    for (const [i, placement] of request.placements.entries()) {
      const recover = recoveryOf(() => machines[i]!, modules, terminal, io.signal);
      machines.push(
        await lab.boot(placement, {
          requestModule,
          places: request.places,
          policy: {},
          policies,
          recover,
          ...cores,
        }),
      );
    }
    const colours = terminal.stdout.isTTY === true && process.env['NO_COLOR'] === undefined;
    const input = processInput(terminal.stdin, io.signal);
    // Commands of a script have no input: it is where they come from themselves.
    const given = request.commands === null ? undefined : input;
    const [one, other] = machines as [Machine, Machine?];
    runner =
      other === undefined
        ? new OneRunner(one, modules, terminal, given)
        : new BothRunner({ monolithic: one, microkernel: other }, modules, terminal, colours, given);
    if (request.commands !== null) {
      await runner.run(request.commands, false, io.signal);
    } else if (terminal.stdin.isTTY === true && terminal.stdout.isTTY === true) {
      const history = new History(historyPath(), (text) => io.progress(`isolab: ${text}`));
      await prompt(runner, other === undefined ? one.placement : 'both', history, terminal, io.signal);
    } else {
      const script = new TextDecoder().decode(await readAll(input));
      await runner.run(script, false, io.signal);
    }
    return runner.status;
  } finally {
    runner?.close();
    // The supervisor may not have heard yet of a driver that has just died.
    if (request.cores !== null) await Promise.allSettled(machines.map((machine) => machine.settled()));
    await Promise.all(machines.map((machine) => machine.shutdown()));
    await lab.close();
  }
}
