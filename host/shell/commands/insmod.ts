import { ModuleError } from '../../domain/module-error.ts';
import { BadModule } from '../../linker/wasm/bytes.ts';
import { joinParameters } from '../../machine/modprobe/modprobe.ts';
import type { Command } from '../command.ts';
import { Complaint, UsageError } from '../errors.ts';

export const insmod: Command = {
  name: 'insmod',
  summary: 'Loads a module, and nothing that it depends on',
  usage: '[-f|-u] MODULE [NAME=VALUE]...',
  details: "MODULE is the name of one of the lab's modules or, in a terminal, a file NAME.ko.wasm.",
  options: {
    'f,force': 'do not look at versions; it taints the kernel',
    'u,update': 'take the place of the loaded module of this name, while it is used',
  },
  completes: 'module',
  async run({ context, machine, options, operands }) {
    const [name, ...parameters] = operands;
    if (name === undefined) throw new UsageError('ERROR: missing filename.');
    const given = joinParameters(parameters);
    let loaded;
    try {
      loaded = await context.modules.store.load(name);
    } catch (error) {
      throw new Complaint(`ERROR: ${unreadable(name, error)}`);
    }
    try {
      if (options.has('update')) await machine.update(loaded, parameters.length > 0 ? given : undefined);
      else await machine.insmod(loaded, given, { force: options.has('force') });
    } catch (error) {
      throw error instanceof ModuleError ? new Complaint(`ERROR: ${error.message}`) : error;
    }
  },
};

/** What insmod says to a file that cannot even be tried. */
export function unreadable(name: string, error: unknown): string {
  if (!(error instanceof Error)) throw error;
  if (error instanceof BadModule || error instanceof WebAssembly.CompileError)
    return `could not insert module ${name}: Invalid module format (${error.message})`;
  return `could not load module ${name}: ${error.message}`;
}
