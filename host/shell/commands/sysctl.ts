import { ENOENT, EACCES, EPERM } from '../../../kernel/abi/errno.ts';
import type { Client } from '../../machine/shared/types.ts';
import { forEach, type Call, type Command } from '../command.ts';
import { Complaint, FileError, UsageError } from '../errors.ts';

const ROOT = '/proc/sys/';

export const sysctl: Command = {
  name: 'sysctl',
  summary: "Prints and sets the kernel's settings",
  usage: '[-n] NAME... | [-w] NAME=VALUE... | -a',
  details: 'kernel.panic_on_oops is the file /proc/sys/kernel/panic_on_oops.',
  options: {
    'a,all': 'all of them',
    'n,values': 'the values without the names',
    'w,write': 'every word sets one',
  },
  completes: 'sysctl',
  async run(call) {
    const { options, operands, files } = call;
    const names = options.has('all') ? await sysctlNames(files.client) : operands;
    if (names.length === 0) throw new UsageError('no variables specified');
    return forEach(
      { ...call, operands: names },
      async (word) => {
        const equals = word.indexOf('=');
        if (equals < 0 && options.has('write'))
          throw new Complaint(`"${word}" must be of the form name=value`);
        const name = (equals < 0 ? word : word.slice(0, equals)).trim().replaceAll('/', '.');
        if (equals >= 0) await set(call, name, word.slice(equals + 1).trim());
        const value = await get(call, name);
        await call.print(options.has('values') ? `${value}\n` : `${name} = ${value}\n`);
      },
      [Complaint],
    );
  },
};

const pathOf = (name: string): string => ROOT + name.replaceAll('.', '/');

async function get({ files }: Call, name: string): Promise<string> {
  try {
    return (await files.text(pathOf(name))).replace(/\n$/, '');
  } catch (error) {
    throw refusal(error, name, 'reading key');
  }
}

async function set({ files }: Call, name: string, value: string): Promise<void> {
  try {
    await files.putText(pathOf(name), `${value}\n`);
  } catch (error) {
    throw refusal(error, name, 'setting key');
  }
}

function refusal(error: unknown, name: string, what: string): unknown {
  if (!(error instanceof FileError)) return error;
  if (error.errno === ENOENT) return new Complaint(`cannot stat ${pathOf(name)}: ${error.words}`);
  if (error.errno === EACCES || error.errno === EPERM)
    return new Complaint(`permission denied on key '${name}'`);
  return new Complaint(`${what} "${name}": ${error.words}`);
}

/** The names of all settings, sorted. */
export async function sysctlNames(client: Client, folder = ROOT): Promise<string[]> {
  const { entries } = await client.readdir(folder);
  const names: string[] = [];
  for (const { name, type } of entries) {
    if (type === 'directory') names.push(...(await sysctlNames(client, `${folder}${name}/`)));
    else names.push(`${folder}${name}`.slice(ROOT.length).replaceAll('/', '.'));
  }
  return names.sort();
}
