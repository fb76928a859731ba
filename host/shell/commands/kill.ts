import { keyOf } from '../../linker/alias.ts';
import { MachineDied } from '../../machine/control.ts';
import { forEach, type Command } from '../command.ts';
import { Complaint, UsageError } from '../errors.ts';
import { KERNEL_PID } from '../../machine/oops-context.ts';
import { processes } from '../processes.ts';

export const kill: Command = {
  name: 'kill',
  summary: "Ends a driver's thread, as if it had died by itself",
  usage: 'DRIVER|PID...',
  details: `The supervisor starts the driver again. Where the kernel's thread runs the driver there is no thread to end.
A signal (-9) may be given; it is always the same end.`,
  options: null,
  completes: 'driver',
  async run(call) {
    const { machine, words } = call;
    const operands = words.filter((word, i) => i > 0 || !/^-(\d+|[A-Z]+)$/.test(word));
    const wrong = operands.find((word) => word.startsWith('-'));
    if (wrong !== undefined) throw new UsageError(`${wrong}: invalid signal specification`);
    if (operands.length === 0) throw new UsageError('not enough arguments');
    return forEach(
      { ...call, operands },
      async (operand) => {
        const found = processes(machine).find(({ pid, name }) =>
          /^\d+$/.test(operand) ? pid === Number(operand) : name === keyOf(operand),
        );
        if (!found) throw new Complaint(`(${operand}) - No such process`);
        if (found.pid === KERNEL_PID)
          throw new Complaint(
            `(${operand}) - Operation not permitted: ${found.name === 'kernel' ? 'it is' : `${found.name} runs in`} the kernel's thread, which runs everything; see reboot`,
          );
        try {
          machine.kill(found.name);
        } catch (error) {
          if (!(error instanceof Error) || error instanceof MachineDied) throw error;
          throw new Complaint(`(${operand}) - ${error.message}`);
        }
      },
      [Complaint],
    );
  },
};
