// The shell: runs what ./parse.ts made of a text on one machine. Knows no terminal and no page; whoever has one gives it
// streams and a signal, and hears what died under it.
//
//   status  0 done   1 failed   2 not understood   127 no such command   130 stopped   137 killed in a call
//           141 nobody reads its output   255 the machine died

import { O_RDONLY, O_WRONLY } from '../../kernel/abi/operation.ts';
import { Killed, MachineDied } from '../machine/shared/control.ts';
import type { Client, Machine } from '../machine/shared/types.ts';
import { COMMANDS } from './commands/index.ts';
import {
  complaintOf,
  helpOf,
  usageOf,
  type Call,
  type CallingShell,
  type Command,
  type ShellContext,
} from './command.ts';
import { WorkingDirectory } from './directory.ts';
import { Complaint, FileError, UsageError } from './errors.ts';
import { Files, type OpenFile } from './files.ts';
import { expandPattern, isPattern, patternOf } from './glob.ts';
import { Options, readOptions } from './options.ts';
import { parseScript, type List, type Pipeline, type SimpleCommand, type Word } from './parse.ts';
import { Interrupted, throwIfInterrupted, type Signal } from './signal.ts';
import { BrokenPipe, Pipe, print, type Output, type Streams } from './streams.ts';
import { View } from './view.ts';

/** What the shell itself complains as. */
const NAME = 'isolab';

const NOT_UNDERSTOOD = 2;
const NO_COMMAND = 127;
const INTERRUPTED = 130;
const KILLED = 137;
const BROKEN_PIPE = 141;
const MACHINE_DIED = 255;

export class Shell implements CallingShell {
  readonly context: ShellContext;
  readonly commands: ReadonlyMap<string, Command> = COMMANDS;
  readonly directory = new WorkingDirectory();
  /** Set by whoever shows what is printed: clears what is shown. */
  clear: () => void = () => {};
  /** Of the last command: `$?`. */
  status = 0;
  /** Set by `exit`: nothing more is run. */
  exited = false;
  private readonly watch: Watch;

  constructor(context: ShellContext) {
    this.context = context;
    this.watch = new Watch(() => context.machine);
  }

  /** Runs a text to its end, to `exit`, or until it is stopped. @returns the status of the last command */
  async run(text: string, streams: Streams, signal: Signal): Promise<number> {
    const { lists, problem } = parseScript(text);
    for (const list of lists) {
      await this.runList(list, streams, signal);
      if (this.exited || signal.aborted) return this.status;
    }
    if (problem === null) return this.status;
    await complaintOf(NAME, streams, problem.message);
    return (this.status = NOT_UNDERSTOOD);
  }

  /** Runs one list; what died meanwhile is reported, and waited for until it runs again. */
  async runList({ first, rest }: List, streams: Streams, signal: Signal): Promise<number> {
    await this.watch.recovered(streams);
    let status = await this.runPipeline(first, streams, signal);
    for (const { operator, pipeline } of rest) {
      if (this.exited || signal.aborted) break;
      if ((operator === '&&') === (status === 0)) status = await this.runPipeline(pipeline, streams, signal);
    }
    await this.watch.recovered(streams);
    return status;
  }

  private async runPipeline(pipeline: Pipeline, streams: Streams, signal: Signal): Promise<number> {
    const pipes = pipeline.slice(1).map(() => new Pipe());
    const statuses = await Promise.all(
      pipeline.map(async (command, i) => {
        const [before, after] = [pipes[i - 1], pipes[i]];
        try {
          const ends = { ...streams, in: before ?? streams.in, out: after ?? streams.out };
          const directory = pipes.length > 0 ? this.directory.copy() : this.directory;
          return await this.runSimple(command, ends, signal, directory);
        } finally {
          after?.end();
          before?.abandon();
        }
      }),
    );
    return (this.status = statuses.at(-1) ?? 0);
  }

  private async runSimple(
    command: SimpleCommand,
    streams: Streams,
    signal: Signal,
    directory: WorkingDirectory,
  ): Promise<number> {
    const files = new Files(this.view(directory), signal);
    const opened: OpenFile[] = [];
    try {
      const ends = await this.redirected(command, streams, files, opened);
      const [name, ...words] = await this.words(command.words, files);
      return name === undefined ? 0 : await this.call(name, words, ends, signal, directory);
    } catch (error) {
      return await this.explained(NAME, error, streams);
    } finally {
      // The client of these files may have been ended: then they are closed already.
      for (const file of opened) await file.close().catch(() => undefined);
    }
  }

  /** The words of a command, patterns replaced by the paths that they stand for. */
  private async words(written: readonly Word[], files: Files): Promise<string[]> {
    const words: string[] = [];
    for (const word of written) {
      const paths = isPattern(word) ? await expandPattern(patternOf(word, this.status), files.client) : [];
      words.push(...(paths.length > 0 ? paths : [this.expanded(word)]));
    }
    return words;
  }

  private expanded(word: Word): string {
    return word.map((part) => (part.kind === 'status' ? String(this.status) : part.text)).join('');
  }

  private async redirected(
    { redirects }: SimpleCommand,
    streams: Streams,
    files: Files,
    opened: OpenFile[],
  ): Promise<Streams> {
    const ends = { ...streams };
    for (const { fd, operator, target: word } of redirects) {
      const target = this.expanded(word);
      if (operator === '>&') {
        if ((target !== '1' && target !== '2') || fd === 0)
          throw new Complaint(`${fd}>&${target}: Bad file descriptor`);
        const from = target === '1' ? ends.out : ends.err;
        if (fd === 1) ends.out = from;
        else ends.err = from;
        continue;
      }
      if ((operator === '<') !== (fd === 0))
        throw new Complaint(`${fd}${operator}${target}: Bad file descriptor`);
      // No file of this machine has an end to append to: >> writes where > does, as on Linux's character devices.
      const file = await files.open(target, operator === '<' ? O_RDONLY : O_WRONLY);
      opened.push(file);
      if (operator === '<') ends.in = file;
      else if (fd === 1) ends.out = outputTo(file);
      else ends.err = outputTo(file);
    }
    return ends;
  }

  /** The machine's files as they are seen from the working directory. */
  view(directory = this.directory): Client {
    return new View(this.context.machine.console, directory);
  }

  /** Runs a command by its name and words; its errors are printed. @returns its status */
  async call(
    name: string,
    words: readonly string[],
    streams: Streams,
    signal: Signal,
    directory: WorkingDirectory,
  ): Promise<number> {
    const command = this.commands.get(name);
    try {
      if (command === undefined) throw new Complaint(`${name}: command not found`, NO_COMMAND);
      throwIfInterrupted(signal);
    } catch (error) {
      return this.explained(NAME, error, streams);
    }
    try {
      if (words.length === 1 && words[0] === '--help') {
        await print(streams.out, helpOf(command));
        return 0;
      }
      const { options, operands } =
        command.options === null
          ? { options: new Options(new Map()), operands: [...words] }
          : readOptions(command.options, words);
      if (options.has('help')) {
        await print(streams.out, helpOf(command));
        return 0;
      }
      return (
        (await command.run(this.made(command, words, options, operands, streams, signal, directory))) ?? 0
      );
    } catch (error) {
      return this.explained(name, error, streams);
    }
  }

  private made(
    { name }: Command,
    words: readonly string[],
    options: Options,
    operands: readonly string[],
    streams: Streams,
    signal: Signal,
    directory: WorkingDirectory,
  ): Call {
    const { context } = this;
    const { machine } = context;
    return {
      ...streams,
      ...{ shell: this, context, machine, signal, words, options, operands, directory },
      files: new Files(this.view(directory), signal),
      print: (text) => print(streams.out, text),
      complain: (text) => complaintOf(name, streams, text),
    };
  }

  /** Says why a command ended by an error. @returns its status */
  private async explained(name: string, error: unknown, streams: Streams): Promise<number> {
    if (error instanceof Interrupted) return INTERRUPTED;
    if (error instanceof BrokenPipe) return BROKEN_PIPE;
    if (error instanceof Killed) {
      await print(streams.err, 'Killed\n');
      return KILLED;
    }
    if (error instanceof MachineDied) {
      await complaintOf(name, streams, error.message);
      return MACHINE_DIED;
    }
    if (!(error instanceof Complaint)) throw error;
    await complaintOf(name, streams, error.message);
    const command = this.commands.get(name);
    if (command !== undefined && error instanceof UsageError)
      await print(streams.err, `${usageOf(command)}Try '${name} --help' for more information.\n`);
    return error instanceof UsageError && error.status === 1 ? (command?.trouble ?? 1) : error.status;
  }

  /** Hears no more of its machine. */
  close(): void {
    this.watch.close();
  }
}

/** What cannot be written is told as coreutils do. */
function outputTo(file: OpenFile): Output {
  return {
    write: async (bytes) => {
      try {
        await file.write(bytes);
      } catch (error) {
        throw error instanceof FileError ? new Complaint(`write error: ${error.words}`) : error;
      }
    },
  };
}

/** Notices when a kernel has died and another has taken its place. */
class Watch {
  private readonly machineNow: () => Machine;
  private machine: Machine | null = null;
  private boot = 0;
  private cause = '';
  private stop: () => void = () => {};

  constructor(machineNow: () => Machine) {
    this.machineNow = machineNow;
  }

  /** Waits until the machine runs, or is known not to; says what has happened since it was last looked at. */
  async recovered(streams: Streams): Promise<void> {
    this.follow();
    const machine = this.machine!;
    if (machine.status().state === 'running' && machine.status().boot === this.boot) return;
    if (machine.status().state !== 'running') await machine.settled().catch(() => undefined);
    const { state, boot } = machine.status();
    const cause = this.cause === '' ? 'was rebooted' : `died (${this.cause})`;
    const now = state === 'running' ? `boot ${boot} runs now` : `the machine is ${state}`;
    if (boot !== this.boot || state !== 'running')
      await complaintOf(NAME, streams, `the kernel ${cause}: ${now}`);
    this.boot = boot;
    this.cause = '';
  }

  private follow(): void {
    const machine = this.machineNow();
    if (machine === this.machine) return;
    this.close();
    this.machine = machine;
    this.boot = machine.status().boot;
    let fault = '';
    this.stop = machine.subscribe((event) => {
      // The death of a kernel is told and taken up in one go; a driver's fault is not its cause.
      if (event.type === 'fault') {
        fault = event.by;
        queueMicrotask(() => (fault = ''));
      }
      if (event.type === 'state' && event.state === 'rebooting') this.cause = fault;
    });
  }

  close(): void {
    this.stop();
    this.machine = null;
  }
}
