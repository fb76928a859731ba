import { EACCES } from '../../../kernel/abi/errno.ts';
import { O_RDONLY, O_RDWR } from '../../../kernel/abi/operation.ts';
import type { Call, Command } from '../command.ts';
import { FileError, UsageError } from '../errors.ts';
import type { OpenFile } from '../files.ts';
import { readAll } from '../streams.ts';

// Linux's _IOC: which way the argument goes and how many bytes it has.
const SIZE_SHIFT = 16;
const SIZE_MASK = 0x3fff;
const DIRECTION_SHIFT = 30;
const WRITES = 1;
const READS = 2;

export const ioctl: Command = {
  name: 'ioctl',
  summary: 'Asks a device for something of its own',
  usage: 'FILE REQUEST [ARGUMENT | -]',
  details: `REQUEST and ARGUMENT (0) are numbers, 0x… in hexadecimal; what the driver answers is printed.
With - the argument is the address of the bytes of the input, and those that the driver leaves there are printed as they
are: as many as REQUEST says by Linux's _IOR and _IOWR, none for its _IOW, and as many as were read where it does not say.`,
  options: null,
  completes: 'path',
  async run(call) {
    const [path, request, argument = '0', more] = call.words;
    if (path === undefined || request === undefined) throw new UsageError('missing operand');
    if (more !== undefined) throw new UsageError(`extra operand '${more}'`);
    const command = numberOf(request, 'request');
    const value = argument === '-' ? null : numberOf(argument, 'argument');
    const file = await opened(call, path);
    try {
      if (value !== null) return await call.print(`${await file.ioctl(command | 0, value | 0)}\n`);
      const given = await readAll(call.in);
      const size = (command >>> SIZE_SHIFT) & SIZE_MASK;
      const buffer = new Uint8Array(Math.max(given.length, size));
      buffer.set(given);
      await file.ioctl(command | 0, buffer);
      const direction = command >>> DIRECTION_SHIFT;
      if (direction & READS) await call.out.write(buffer.subarray(0, size));
      else if (!(direction & WRITES)) await call.out.write(buffer);
    } finally {
      await file.close().catch(() => undefined);
    }
  },
};

/** For reading and writing, else for reading. */
async function opened({ files }: Call, path: string): Promise<OpenFile> {
  try {
    return await files.open(path, O_RDWR);
  } catch (error) {
    if (!(error instanceof FileError) || error.errno !== EACCES) throw error;
    return files.open(path, O_RDONLY);
  }
}

function numberOf(text: string, what: string): number {
  const value = /^-?(0x[0-9a-f]+|\d+)$/i.test(text)
    ? Number(text.replace('-', '')) * (text.startsWith('-') ? -1 : 1)
    : NaN;
  if (!(value >= -0x80000000 && value <= 0xffffffff)) throw new UsageError(`invalid ${what}: '${text}'`);
  return value;
}
