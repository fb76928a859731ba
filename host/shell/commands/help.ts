import { helpOf, type Command } from '../command.ts';
import { Complaint } from '../errors.ts';

const LANGUAGE = `Words are separated by blanks; '…', "…" and \\ keep them together; # begins a comment.
  A ; B     one after the other          A && B    B if A worked         A || B    B if A failed
  A | B     A's output is B's input      $?        status of the last command
  > FILE  >> FILE  < FILE  2> FILE  2>&1           to and from the machine's files
A script stops at a line that has something else of sh: if, for, $NAME, $(…), <<, &.
`;

export const help: Command = {
  name: 'help',
  summary: 'Lists the commands, or explains one',
  usage: '[COMMAND]...',
  options: {},
  completes: 'command',
  async run({ shell, operands, print }) {
    if (operands.length === 0) {
      const rows = [...shell.commands.values()].map(
        ({ name, summary }) => `  ${name.padEnd(10)}${summary.toLowerCase()[0]}${summary.slice(1)}\n`,
      );
      await print(`${rows.join('')}\n${LANGUAGE}\nCOMMAND --help explains a command.\n`);
      return;
    }
    for (const name of operands) {
      const command = shell.commands.get(name);
      if (command === undefined) throw new Complaint(`no such command: ${name}`);
      await print(helpOf(command));
    }
  },
};
