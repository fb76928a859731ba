// What a command is, and what it is given when it is called. A command, its file, its help and its test share one name.

import { cleanText } from '../linker/wasm/bytes.ts';
import type { Machine } from '../machine/shared/types.ts';
import { explainOptions, type Options, type OptionTable } from './options.ts';
import type { WorkingDirectory } from './directory.ts';
import type { Files } from './files.ts';
import type { KnownModules } from './modules.ts';
import type { Signal } from './signal.ts';
import { print, type Streams } from './streams.ts';

/** What a shell works on. */
export interface ShellContext {
  /** The machine that stands in this place now. */
  readonly machine: Machine;
  readonly modules: KnownModules;
}

/** What a command may do with the shell that called it (./shell.ts). */
export interface CallingShell {
  readonly commands: ReadonlyMap<string, Command>;
  /** Of the last command: `$?`. */
  readonly status: number;
  /** Set by `exit`: nothing more is run. */
  exited: boolean;
  /** Clears what is shown. */
  clear(): void;
  /** Calls a command. @returns its status */
  call(
    name: string,
    words: readonly string[],
    streams: Streams,
    signal: Signal,
    directory: WorkingDirectory,
  ): Promise<number>;
}

/** What an operand of a command names: for completion. */
export type Completes =
  'path' | 'directory' | 'module' | 'loaded' | 'driver' | 'command' | 'sysctl' | 'nothing';

export interface Command {
  readonly name: string;
  /** What it does, in a line. */
  readonly summary: string;
  /** Its arguments: `[FILE]...` */
  readonly usage: string;
  /** What the summary does not say; lines. */
  readonly details?: string;
  /** null where the command reads its words itself. */
  readonly options: OptionTable | null;
  readonly completes: Completes;
  /** Its status where an option is not understood; 1 where nothing is said. */
  readonly trouble?: number;
  /**
   * @returns its status; nothing for 0
   * @throws Complaint, which is printed after the command's name
   */
  run(call: Call): Promise<number | void>;
}

/** One call of a command. */
export interface Call extends Streams {
  readonly shell: CallingShell;
  readonly context: ShellContext;
  readonly machine: Machine;
  readonly files: Files;
  /** In which its relative paths begin. */
  readonly directory: WorkingDirectory;
  readonly signal: Signal;
  /** Everything after the command's name, as it was written. */
  readonly words: readonly string[];
  readonly options: Options;
  readonly operands: readonly string[];
  /** Text to the output. */
  print(text: string): Promise<void>;
  /** The command's name and a text to the error stream. */
  complain(text: string): Promise<void>;
}

/** `usage: NAME ARGUMENTS` */
export function usageOf({ name, usage }: Command): string {
  return `usage: ${`${name} ${usage}`.trim()}\n`;
}

/** What `NAME --help` prints. */
export function helpOf(command: Command): string {
  const { summary, details, options } = command;
  const table = options === null ? '' : `\n${explainOptions(options)}`;
  return `${usageOf(command)}${summary}.\n${details === undefined ? '' : `\n${details}\n`}${table}`;
}

/** Does something for each operand: what fails is told, and the others are done all the same. @returns the status */
export async function forEach(
  call: Call,
  work: (operand: string) => Promise<void>,
  kinds: Errors,
): Promise<number> {
  let status = 0;
  for (const operand of call.operands) {
    try {
      await work(operand);
    } catch (error) {
      const known = kinds.find((kind) => error instanceof kind);
      if (!known || !(error instanceof Error)) throw error;
      await call.complain(error.message);
      status = 1;
    }
  }
  return status;
}

type Errors = readonly (abstract new (...words: never[]) => Error)[];

/** Says what is wrong; the text may quote what a driver or a file has said. */
export function complaintOf(name: string, { err }: Streams, text: string): Promise<void> {
  return print(err, `${name}: ${cleanText(text)}\n`);
}
