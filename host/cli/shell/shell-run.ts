// A shell on one machine or on both, as the terminal runs it: text in, what came of it on the streams.

import { once } from 'node:events';
import type { Machine, SidePlacement } from '../../machine/shared/types.ts';
import { BothShells } from '../../shell/both.ts';
import { complete, type Completion } from '../../shell/complete.ts';
import type { KnownModules } from '../../shell/modules.ts';
import { parseScript } from '../../shell/parse.ts';
import { Shell } from '../../shell/shell.ts';
import { interruptible, type Signal } from '../../shell/signal.ts';
import { EMPTY, inPieces, type Input, type Output, type Streams } from '../../shell/streams.ts';
import { heads, layOut, type TerminalStyle } from './side-by-side.ts';

/** What is used of a process's streams. */
export interface Terminal {
  stdin: AsyncIterable<Buffer | string> & { isTTY?: boolean };
  stdout: NodeJS.WritableStream & { isTTY?: boolean; columns?: number };
  stderr: NodeJS.WritableStream;
}

export interface Runner {
  readonly status: number;
  readonly exited: boolean;
  /** Runs a text; `alone` where a person has just typed it and sees it. */
  run(text: string, alone: boolean, signal: Signal): Promise<void>;
  complete(line: string): Promise<Completion>;
  /** Whether the output's last line has no end yet. */
  readonly midLine: boolean;
  close(): void;
}

const NEWLINE = 10;

/** A process's stream as a command's; knows whether its last line has ended. */
export class ProcessOutput implements Output {
  midLine = false;
  private readonly stream: NodeJS.WritableStream;

  constructor(stream: NodeJS.WritableStream) {
    this.stream = stream;
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (bytes.length === 0) return;
    this.midLine = bytes.at(-1) !== NEWLINE;
    // Not kept by the stream: a command may use its buffer again.
    if (!this.stream.write(bytes.slice())) await once(this.stream, 'drain');
    else await new Promise<void>((resolve) => setImmediate(resolve)); // Ctrl-C has its turn
  }
}

/** Standard input, read when it is asked for. */
export function processInput(stdin: Terminal['stdin'], signal: Signal): Input {
  let pieces: AsyncIterator<Buffer | string> | null = null;
  return inPieces(async () => {
    pieces ??= stdin[Symbol.asyncIterator]();
    for (;;) {
      const next: IteratorResult<Buffer | string, unknown> = await interruptible(pieces.next(), signal);
      if (next.done === true) return null;
      const { value } = next;
      const bytes = typeof value === 'string' ? Buffer.from(value) : value;
      if (bytes.length > 0) return new Uint8Array(bytes);
    }
  });
}

/** One input for two readers, each at its own pace. */
function shared(input: Input): [Input, Input] {
  const pieces: Promise<Uint8Array | null>[] = [];
  const reader = (): Input => {
    let at = 0;
    return inPieces(() => (pieces[at] ??= input.read()).finally(() => at++));
  };
  return [reader(), reader()];
}

/** Clears what a terminal shows and can be scrolled back to; nothing where the output is no terminal. */
function clearing({ stdout }: Terminal): () => void {
  return () => {
    if (stdout.isTTY === true) stdout.write('\x1b[H\x1b[2J\x1b[3J');
  };
}

export class OneRunner implements Runner {
  private readonly shell: Shell;
  private readonly streams: Streams;
  private readonly outputs: ProcessOutput[];

  constructor(machine: Machine, modules: KnownModules, terminal: Terminal, input: Input = EMPTY) {
    this.shell = new Shell({ machine, modules });
    const [out, err] = [new ProcessOutput(terminal.stdout), new ProcessOutput(terminal.stderr)];
    this.outputs = [out, err];
    this.shell.clear = clearing(terminal);
    this.streams = { in: input, out, err };
  }

  get status(): number {
    return this.shell.status;
  }

  get exited(): boolean {
    return this.shell.exited;
  }

  get midLine(): boolean {
    return this.outputs.some((output) => output.midLine);
  }

  async run(text: string, _alone: boolean, signal: Signal): Promise<void> {
    for (const output of this.outputs) output.midLine = false;
    await this.shell.run(text, this.streams, signal);
  }

  complete(line: string): Promise<Completion> {
    return complete(this.shell, line);
  }

  close(): void {
    this.shell.close();
  }
}

export class BothRunner implements Runner {
  readonly midLine = false;
  private readonly both: BothShells;
  private readonly inputs: [Input, Input];
  private readonly terminal: Terminal;
  private readonly colours: boolean;
  private headed = false;
  private problem = false;

  constructor(
    machines: Record<SidePlacement, Machine>,
    modules: KnownModules,
    terminal: Terminal,
    colours: boolean,
    input: Input = EMPTY,
  ) {
    const shell = (placement: SidePlacement): Shell => {
      const made = new Shell({ machine: machines[placement], modules });
      made.clear = clearing(terminal);
      return made;
    };
    this.both = new BothShells({ monolithic: shell('monolithic'), microkernel: shell('microkernel') });
    this.terminal = terminal;
    this.colours = colours;
    this.inputs = shared(input);
  }

  get status(): number {
    return this.problem ? 2 : this.both.status;
  }

  get exited(): boolean {
    return this.both.exited;
  }

  async run(text: string, alone: boolean, signal: Signal): Promise<void> {
    const { stdout, stderr } = this.terminal;
    this.problem = false;
    const { lists, problem } = parseScript(text);
    for (const list of lists) {
      const look: TerminalStyle = {
        columns: stdout.isTTY === true ? (stdout.columns ?? 0) : 0,
        colours: this.colours,
      };
      if (!this.headed) stdout.write(heads(look));
      this.headed = true;
      if (!alone || lists.length > 1) stdout.write(`$ ${list.text}\n`);
      const inputs = [...this.inputs];
      const ran = await this.both.run(list, signal, () => inputs.shift() ?? EMPTY);
      stdout.write(layOut(ran, look));
      if (this.exited || signal.aborted) return;
    }
    this.problem = problem !== null;
    if (problem !== null) stderr.write(`isolab: ${problem.message}\n`);
  }

  complete(line: string): Promise<Completion> {
    return complete(this.both.shells.microkernel, line);
  }

  close(): void {
    this.both.close();
  }
}
