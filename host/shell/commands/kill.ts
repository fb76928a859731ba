import { keyOf } from '../../linker/module/alias.ts';
import { MachineDied } from '../../machine/shared/control.ts';
import { KERNEL_PID } from '../../machine/inspect/oops-context.ts';
import { forEach, type Call, type Command } from '../command.ts';
import { Complaint, UsageError } from '../errors.ts';
import { processes } from '../processes.ts';
import { signalName, signalNumber, signalTable } from '../signal-names.ts';

export const kill: Command = {
  name: 'kill',
  summary: "Ends a driver's thread, as if it had died by itself",
  usage: '[-s SIGNAL | -SIGNAL] DRIVER|PID...\n       kill -l [SIGNAL]...',
  details: `The supervisor starts the driver again. Where the kernel's thread runs the driver there is no thread to end.
A signal may be given, by name or number; it is always the same end, but for 0, which only looks whether there is such a
driver. -l lists the signals, or says the number of a name and the name of a number (or of a status above 128).`,
  options: null,
  completes: 'driver',
  async run(call) {
    const [first = '', ...rest] = call.words;
    if (first === '-l' || first === '-L') return listed(call, rest);
    const [signal, operands] = signalOf(call.words);
    if (operands.length === 0) throw new UsageError('not enough arguments');
    return forEach({ ...call, operands }, async (operand) => end(call, operand, signal), [Complaint]);
  },
};

function known(text: string): number {
  const number = signalNumber(text);
  if (number === null) throw new UsageError(`${text}: invalid signal specification`);
  return number;
}

/** The signal that is asked for, and whom. */
function signalOf(words: readonly string[]): [signal: number, operands: readonly string[]] {
  const [first = '', second, ...rest] = words;
  if (first === '--') return [known('TERM'), words.slice(1)];
  if (first === '-s' || first === '-n') {
    if (second === undefined) throw new UsageError(`option requires an argument -- '${first[1]}'`);
    return [known(second), rest[0] === '--' ? rest.slice(1) : rest];
  }
  if (!first.startsWith('-')) return [known('TERM'), words];
  const signal = known(first.slice(1));
  return [signal, second === '--' ? rest : words.slice(1)];
}

async function listed(call: Call, operands: readonly string[]): Promise<number> {
  if (operands.length === 0) {
    await call.print(signalTable());
    return 0;
  }
  return forEach(
    { ...call, operands },
    async (operand) => {
      const told = /^\d+$/.test(operand) ? signalName(Number(operand)) : signalNumber(operand);
      if (told === null) throw new Complaint(`${operand}: invalid signal specification`);
      await call.print(`${told}\n`);
    },
    [Complaint],
  );
}

function end({ machine }: Call, operand: string, signal: number): void {
  const found = processes(machine).find(({ pid, name }) =>
    /^\d+$/.test(operand) ? pid === Number(operand) : name === keyOf(operand),
  );
  if (!found) throw new Complaint(`(${operand}) - No such process`);
  if (signal === 0) return;
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
}
