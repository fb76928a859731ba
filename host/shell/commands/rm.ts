import { ENOENT } from '../../../kernel/abi/errno.ts';
import { forEach, type Command } from '../command.ts';
import { Complaint, strerror, UsageError } from '../errors.ts';

export const rm: Command = {
  name: 'rm',
  summary: 'Removes names from /dev; the devices stay',
  usage: '[-f] FILE...',
  options: { 'f,force': 'what is not there is no error' },
  completes: 'path',
  async run(call) {
    const force = call.options.has('force');
    if (call.operands.length === 0 && !force) throw new UsageError('missing operand');
    return forEach(
      call,
      async (path) => {
        const result = await call.files.client.unlink(path);
        if (result >= 0 || (force && result === -ENOENT)) return;
        throw new Complaint(`cannot remove '${path}': ${strerror(-result)}`);
      },
      [Complaint],
    );
  },
};
