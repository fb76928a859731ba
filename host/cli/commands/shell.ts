// `isolab shell`: commands on a machine, or on both.

import { InvalidArgumentError, Option, type Command } from 'commander';
import { parsePlaces, PLACEMENTS, type Places } from '../../machine/shared/place.ts';
import { BadPolicy, parsePolicies } from '../../machine/supervisor/policy-text.ts';
import type { Placement } from '../../machine/shared/types.ts';
import { checkFolder, checkStandardInput } from '../files/user-files.ts';
import { Exit, type Io } from '../io.ts';

const HELP = `
Boots a machine without modules; modprobe and insmod load the project's, or those of --modules, and opening a device
loads its driver. The commands are those of Linux: insmod, rmmod, lsmod, dmesg, cat, dd, ps, …; help lists them.

On a terminal the shell is interactive, with a history and completion; otherwise it runs the commands of its standard
input, or those of -c. The exit code is the status of the last command.

A placement says where drivers live, --place where single ones do: in the kernel's memory (kernel), in a memory of their own
on the kernel's thread (sandbox), in a worker that several share (pool:NAME), or in a worker each (worker).

--both runs every line on a monolithic machine and on a microkernel and shows what differs. Where the terminal has room
they stand side by side: = alike, | different, < and > on one side alone.

--policy says what the death of a driver in a domain of its own leads to: permanent, transient or temporary; essential;
intensity:RESTARTS/MS; backoff:BASE/CAP and stable:MS; owners:restart; and last command:LINE, a line of this shell that is run
before each restart with the driver, the cause and the incarnation as further words, and decides by its status.

$ isolab shell -c 'modprobe stacked; lsmod; cat /proc/modules; rmmod base'
$ isolab shell --policy lkdtm=transient,intensity:3/5000,essential
$ isolab shell --policy 'lkdtm=command:echo died:' -c 'modprobe lkdtm; echo BUG > /dev/lkdtm; sleep 0.5'
$ isolab shell --both -c 'modprobe lkdtm; echo BUG > /dev/lkdtm; ps'
`;

interface Options {
  placement?: Placement;
  place?: Places;
  both?: true;
  command?: string;
  modules?: string;
  config?: string;
  cores?: string;
  policy: string[];
}

function places(text: string): Places {
  try {
    return parsePlaces(text);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new InvalidArgumentError(`${error.message}.`);
  }
}

/** Collects what is given for drivers, when it is understood. */
function policy(text: string, before: string[]): string[] {
  try {
    parsePolicies([text]);
  } catch (error) {
    if (!(error instanceof BadPolicy)) throw error;
    throw new InvalidArgumentError(`${error.message}.`);
  }
  return [...before, text];
}

export function addShell(program: Command, io: Io): void {
  program
    .command('shell')
    .summary('insmod, lsmod, dmesg, cat … on a machine, or on both')
    .description('A shell on a machine: interactively, from a script, or for a line of commands.')
    .addOption(
      new Option('--placement <name>', 'which machine; default: microkernel')
        .choices(PLACEMENTS)
        .conflicts('both'),
    )
    .option('--both', 'both machines, and what differs between them')
    .option(
      '--place <module=place,…>',
      'where single drivers live: kernel, sandbox, pool:NAME, worker',
      places,
    )
    .option('-c, --command <commands>', 'run these commands and leave')
    .option('--modules <folder>', 'the modules that may be loaded, *.ko.wasm; default: those of the project')
    .option(
      '--config <file>',
      "modprobe's configuration; default: modprobe.conf and modprobe.d of the modules",
    )
    .option(
      '--cores <folder>',
      'write a core of each driver that dies there: NAME.GENERATION.TIME.PID.NUMBER.core',
    )
    .option(
      '--policy <driver=words>',
      "what a driver's death leads to; may be given again for others",
      policy,
      [],
    )
    .addHelpText('after', HELP)
    .action(async (options: Options) => {
      if (options.command === undefined) checkStandardInput();
      if (options.cores !== undefined) checkFolder('a core', options.cores);
      const { runShell } = await import('../shell/shell-session.ts');
      const status = await runShell(
        {
          placements: options.both ? ['monolithic', 'microkernel'] : [options.placement ?? 'microkernel'],
          commands: options.command ?? null,
          folder: options.modules ?? null,
          configuration: options.config ?? null,
          cores: options.cores ?? null,
          places: options.place ?? new Map(),
          policies: options.policy,
        },
        io,
        process,
      );
      if (status !== 0) throw new Exit(status);
    });
}
