// A shell on a machine of a test, and what its commands printed.

import type { Machine } from '../../host/machine/shared/types.ts';
import { KnownModules } from '../../host/shell/modules.ts';
import { Shell } from '../../host/shell/shell.ts';
import { inputOf, textOutput } from '../../host/shell/streams.ts';
import type { Signal } from '../../host/shell/signal.ts';
import { bytes, type Lab } from './machine.ts';

export interface ShellResult {
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
): Promise<ShellResult> {
  const ran: ShellResult = { status: 0, out: '', err: '' };
  const put = (stream: 'out' | 'err') =>
    textOutput((piece) => {
      ran[stream] += piece;
      heard(piece);
    });
  ran.status = await shell.run(text, { in: inputOf(bytes(input)), out: put('out'), err: put('err') }, signal);
  return ran;
}

/** A shell that knows the lab's modules. */
export function shellOn(machine: Machine, { modules, images }: Pick<Lab, 'modules' | 'images'>): Shell {
  return new Shell({
    machine,
    modules: new KnownModules(modules, images.kernel.file.symbols),
  });
}
