// A shell on a machine of a test, and what its commands printed.

import type { LoadedModule } from '../../host/domain/loaded.ts';
import type { Machine } from '../../host/machine/types.ts';
import type { ModuleStore } from '../../host/shell/command.ts';
import { Shell } from '../../host/shell/shell.ts';
import { inputOf, textOutput } from '../../host/shell/streams.ts';
import type { Signal } from '../../host/shell/signal.ts';
import { bytes } from './machine.ts';

/** Modules that are there already, as a store. */
export function storeOf(modules: readonly LoadedModule[]): ModuleStore {
  return {
    list: () => modules.map(({ name }) => name).sort(),
    load: async (name) => {
      const found = modules.find((each) => each.name === name);
      if (!found) throw new Error('No such file or directory');
      return found;
    },
  };
}

export interface Ran {
  status: number;
  out: string;
  err: string;
}

export interface RunOptions {
  input?: string;
  signal?: Signal;
  /** Hears of what is printed at once. */
  heard?: (text: string) => void;
}

/** Runs a text in a shell. */
export async function run(
  shell: Shell,
  text: string,
  { input = '', signal = new AbortController().signal, heard = () => {} }: RunOptions = {},
): Promise<Ran> {
  const ran: Ran = { status: 0, out: '', err: '' };
  const put = (stream: 'out' | 'err') =>
    textOutput((piece) => {
      ran[stream] += piece;
      heard(piece);
    });
  ran.status = await shell.run(text, { in: inputOf(bytes(input)), out: put('out'), err: put('err') }, signal);
  return ran;
}

export function shellOn(machine: Machine, modules: readonly LoadedModule[]): Shell {
  return new Shell({ machine, modules: storeOf(modules) });
}
