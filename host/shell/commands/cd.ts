import { ENOTDIR } from '../../../kernel/abi/errno.ts';
import type { Command } from '../command.ts';
import { Complaint, FileError, UsageError } from '../errors.ts';
import { tidied } from '../directory.ts';

export const cd: Command = {
  name: 'cd',
  summary: 'Changes the working directory, in which relative paths begin',
  usage: '[DIRECTORY | -]',
  details: 'Without a DIRECTORY: the root. A - is the one before, which is printed.',
  options: {},
  completes: 'directory',
  async run({ operands, directory, files, print }) {
    const [to = '/', more] = operands;
    if (more !== undefined) throw new UsageError('too many arguments');
    if (to === '-' && directory.previous === null) throw new Complaint('there is no directory before: -');
    const path = to === '-' ? directory.previous! : to;
    const { result, stat } = await files.client.stat(path);
    if (result < 0) throw new FileError(path, -result);
    if (stat?.type !== 'directory') throw new FileError(path, ENOTDIR);
    directory.move(tidied(directory.resolve(path)).replace(/(.)\/$/, '$1'));
    if (to === '-') await print(`${directory.path}\n`);
  },
};
