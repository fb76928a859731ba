import type { FileStat, FileType } from '../../machine/shared/types.ts';
import { forEach, type Call, type Command } from '../command.ts';
import { Complaint, strerror, UsageError } from '../errors.ts';

const LETTERS: Record<FileType, string> = { directory: 'd', file: '-', device: 'c', link: 'l' };
const WORDS: Record<FileType, string> = {
  directory: 'directory',
  file: 'regular file',
  device: 'character special file',
  link: 'symbolic link',
};

export const stat: Command = {
  name: 'stat',
  summary: 'Tells what a file is',
  usage: '[-c FORMAT] FILE...',
  details:
    'FORMAT: %n name, %F type, %s size, %a %A permissions, %t %T major and minor in hexadecimal, %i inode.',
  options: { 'c,format=FORMAT': 'only this, for each file' },
  completes: 'path',
  async run(call) {
    const { operands, options } = call;
    if (operands.length === 0) throw new UsageError('missing operand');
    const format = options.get('format');
    return forEach(
      call,
      async (path) => {
        const found = await statOf(call, path, 'cannot statx');
        await call.print(format === undefined ? told(path, found) : `${formatted(format, path, found)}\n`);
      },
      [Complaint],
    );
  },
};

/** @throws Complaint: `cannot access '/nope': No such file or directory` */
export async function statOf({ files }: Call, path: string, what: string): Promise<FileStat> {
  const { result, stat: found } = await files.client.stat(path);
  if (result < 0 || found === undefined) throw new Complaint(`${what} '${path}': ${strerror(-result)}`);
  return found;
}

/** `crw-r--r--` */
export function modeText({ type, mode }: FileStat): string {
  const bits = [...'rwxrwxrwx'].map((letter, i) => (mode & (0o400 >> i) ? letter : '-'));
  return LETTERS[type] + bits.join('');
}

const octal = (mode: number): string => mode.toString(8);

function told(path: string, found: FileStat): string {
  const { type, mode, major, minor, size, inode } = found;
  const device = type === 'device' ? `Device type: ${major},${minor}` : '';
  return [
    `  File: ${path}`,
    `  Size: ${String(size).padEnd(10)} ${WORDS[type]}`,
    ` Inode: ${String(inode).padEnd(10)} ${device}`.trimEnd(),
    `Access: (${octal(mode).padStart(4, '0')}/${modeText(found)})`,
    '',
  ].join('\n');
}

function formatted(format: string, path: string, found: FileStat): string {
  const values: Record<string, string> = {
    n: path,
    F: WORDS[found.type],
    s: String(found.size),
    a: octal(found.mode),
    A: modeText(found),
    t: found.major.toString(16),
    T: found.minor.toString(16),
    i: String(found.inode),
    '%': '%',
  };
  return format.replace(/%(.?)/g, (_, letter: string) => {
    const value = values[letter];
    if (value === undefined) throw new UsageError(`invalid directive: %${letter}`);
    return value;
  });
}
