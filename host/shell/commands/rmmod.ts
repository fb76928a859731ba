import { ModuleError } from '../../domain/module-error.ts';
import { forEach, type Command } from '../command.ts';
import { Complaint, UsageError } from '../errors.ts';

export const rmmod: Command = {
  name: 'rmmod',
  summary: 'Removes modules',
  usage: '[-v] MODULE...',
  options: { 'v,verbose': 'tell what is removed' },
  completes: 'loaded',
  async run(call) {
    const { machine, options, operands } = call;
    if (operands.length === 0) throw new UsageError('ERROR: missing module name.');
    return forEach(
      call,
      async (name) => {
        if (options.has('verbose')) await call.print(`rmmod ${name}\n`);
        try {
          await machine.rmmod(nameOf(name));
        } catch (error) {
          throw error instanceof ModuleError ? new Complaint(`ERROR: ${error.message}`) : error;
        }
      },
      [Complaint],
    );
  },
};

/** A module's name out of a name or a file. */
export function nameOf(operand: string): string {
  return operand.replace(/^.*\//, '').replace(/(\.ko)?(\.wasm)?$/, '');
}
