import { cleanText } from '../../linker/wasm/bytes.ts';
import { joinParameters, type Probed, type ProbeOptions } from '../../machine/modprobe/modprobe.ts';
import type { Command } from '../command.ts';
import { UsageError } from '../errors.ts';
import type { Options } from '../options.ts';
import { print } from '../streams.ts';

export const modprobe: Command = {
  name: 'modprobe',
  summary: 'Loads a module and what it depends on, or removes it with what nobody uses then',
  usage: '[OPTION]... MODULE [NAME=VALUE]...\n       modprobe -r|-a [OPTION]... MODULE...',
  details: 'MODULE is a name or an alias.',
  options: {
    'a,all': 'every word is a module',
    'r,remove': 'remove',
    'remove-holders': 'remove those who use it first',
    'D,show-depends': 'print what would be loaded as if nothing were',
    'R,resolve-alias': 'print the modules that the name stands for',
    'n,dry-run': 'print what would be done, and do nothing',
    'v,verbose': 'print what is done',
    'q,quiet': 'do not say what went wrong',
    'f,force': 'load and remove by force',
    'b,use-blacklist': 'the blacklist is for names as well',
    'i,ignore-install': 'ignore commands and softdeps of the configuration',
    'first-time': 'fail if it is loaded already, or is not there to be removed',
  },
  completes: 'module',
  async run(call) {
    const { options, operands, context, machine } = call;
    if (operands.length === 0) throw new UsageError('ERROR: missing parameters.');
    const probe = await context.modules.modprobe();
    const asked = optionsOf(options);
    let status = 0;
    const said = async ({ out, errors, status: failed }: Probed): Promise<void> => {
      await call.print(out.map((line) => `${cleanText(line)}\n`).join(''));
      await print(call.err, errors.map((line) => `${cleanText(line)}\n`).join(''));
      status ||= failed;
    };
    if (options.has('remove')) {
      for (const name of operands) await said(await probe.remove(machine, name, asked));
    } else if (options.has('all')) {
      for (const name of operands) await said(await probe.insert(machine, name, '', asked));
    } else {
      const [name = '', ...parameters] = operands;
      await said(await probe.insert(machine, name, joinParameters(parameters), asked));
    }
    return status;
  },
};

function optionsOf(options: Options): ProbeOptions {
  return {
    dryRun: options.has('dry-run'),
    showDepends: options.has('show-depends'),
    showAlias: options.has('resolve-alias'),
    verbose: options.has('verbose'),
    quiet: options.has('quiet'),
    force: options.has('force'),
    firstTime: options.has('first-time'),
    useBlacklist: options.has('use-blacklist'),
    ignoreCommands: options.has('ignore-install'),
    all: options.has('all'),
    removeHolders: options.has('remove-holders'),
  };
}
