import { cleanText } from '../../linker/wasm/bytes.ts';
import type { FileStat } from '../../machine/shared/types.ts';
import { tidied } from '../directory.ts';
import { forEach, type Call, type Command } from '../command.ts';
import { Complaint, FileError } from '../errors.ts';
import { modeText, statOf } from './stat.ts';

const TROUBLE = 2;

export const ls: Command = {
  name: 'ls',
  summary: 'Lists directories of the machine',
  usage: '[-aAld1] [FILE]...',
  details: 'Without a FILE: the working directory.',
  options: {
    'a,all': 'names that begin with a dot as well, also . and ..',
    'A,almost-all': 'names that begin with a dot as well',
    'd,directory': 'directories themselves, not what is in them',
    l: 'permissions, size or device numbers',
    '1': 'a name a line, as always',
  },
  completes: 'path',
  trouble: TROUBLE,
  async run(call) {
    const { options, operands } = call;
    const [files, folders]: [string[], string[]] = [[], []];
    let status = await forEach(
      { ...call, operands: operands.length > 0 ? operands : ['.'] },
      async (path) => {
        const { type } = await statOf(call, path, 'cannot access');
        (type === 'directory' && !options.has('directory') ? folders : files).push(path);
      },
      [Complaint],
    );
    if (files.length > 0) await call.print(await listed(call, '', files));
    status ||= await forEach(
      { ...call, operands: folders },
      async (folder) => {
        const { result, entries } = await call.files.client.readdir(folder);
        if (result < 0) throw new FileError(folder, -result);
        const head = `${files.length > 0 || folder !== folders[0] ? '\n' : ''}${cleanText(folder)}:\n`;
        if (files.length + folders.length > 1) await call.print(head);
        const shown = options.has('all') || options.has('almost-all');
        const names = entries.map(({ name }) => name).filter((name) => shown || !name.startsWith('.'));
        if (options.has('all')) names.push('.', '..');
        names.sort();
        await call.print(await listed(call, `${folder.replace(/\/+$/, '')}/`, names));
      },
      [Complaint],
    );
    return status > 0 ? TROUBLE : 0;
  },
};

/** The names, or with -l a row for each. */
async function listed(call: Call, folder: string, names: readonly string[]): Promise<string> {
  if (!call.options.has('l')) return names.map((name) => `${cleanText(name)}\n`).join('');
  const rows: [mode: string, size: string, name: string][] = [];
  for (const name of names) {
    const { result, stat } = await call.files.client.stat(tidied(call.directory.resolve(`${folder}${name}`)));
    // It may have gone meanwhile, or belong to a driver that is just being started.
    rows.push(stat && result === 0 ? [modeText(stat), sizeOf(stat), name] : ['??????????', '?', name]);
  }
  const width = Math.max(0, ...rows.map(([, size]) => size.length));
  return rows
    .map(([mode, size, name]) => `${mode} 1 root root ${size.padStart(width)} ${cleanText(name)}\n`)
    .join('');
}

const sizeOf = ({ type, size, major, minor }: FileStat): string =>
  type === 'device' ? `${major}, ${String(minor).padStart(3)}` : String(size);
