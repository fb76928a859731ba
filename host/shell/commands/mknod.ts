import type { Command } from '../command.ts';
import { Complaint, FileError, UsageError } from '../errors.ts';

const DEFAULT_MODE = '666';

export const mknod: Command = {
  name: 'mknod',
  summary: 'Makes a name in /dev for a character device',
  usage: '[-m MODE] FILE c MAJOR MINOR',
  details: 'The major numbers are those of /proc/devices.',
  options: { 'm,mode=MODE': `permissions in octal (${DEFAULT_MODE})` },
  completes: 'path',
  async run({ options, operands, files }) {
    const [path, type, major, minor, more] = operands;
    if (path === undefined || type === undefined) throw new UsageError(missing(operands));
    if (type !== 'c' && type !== 'u')
      throw new UsageError(`there are only character devices (c), not '${type}'`);
    if (major === undefined || minor === undefined) throw new UsageError(missing(operands));
    if (more !== undefined) throw new UsageError(`extra operand '${more}'`);
    const mode = options.get('mode') ?? DEFAULT_MODE;
    if (!/^[0-7]{1,4}$/.test(mode)) throw new Complaint(`invalid mode: '${mode}'`);
    const result = await files.client.mknod(
      path,
      parseInt(mode, 8),
      numberOf(major, 'major'),
      numberOf(minor, 'minor'),
    );
    if (result < 0) throw new FileError(path, -result);
  },
};

const missing = (operands: readonly string[]): string =>
  operands.length === 0 ? 'missing operand' : `missing operand after '${operands.at(-1)}'`;

function numberOf(text: string, what: string): number {
  if (!/^(0x[0-9a-fA-F]+|\d+)$/.test(text)) throw new Complaint(`invalid ${what} device number '${text}'`);
  return Number(text);
}
