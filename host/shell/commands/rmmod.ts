import { ModuleError } from '../../domain/module-error.ts';
import { moduleName } from '../../linker/module/alias.ts';
import { forEach, type Command } from '../command.ts';
import { Complaint, UsageError } from '../errors.ts';

export const rmmod: Command = {
  name: 'rmmod',
  summary: 'Removes modules',
  usage: '[-fv] MODULE...',
  options: {
    'f,force': 'also one that is in use; it taints the kernel',
    'v,verbose': 'tell what is removed',
  },
  completes: 'loaded',
  async run(call) {
    const { machine, options, operands } = call;
    if (operands.length === 0) throw new UsageError('ERROR: missing module name.');
    return forEach(
      call,
      async (name) => {
        if (options.has('verbose')) await call.print(`rmmod ${name}\n`);
        try {
          await machine.rmmod(moduleName(name), { force: options.has('force') });
        } catch (error) {
          throw error instanceof ModuleError ? new Complaint(`ERROR: ${error.message}`) : error;
        }
      },
      [Complaint],
    );
  },
};
