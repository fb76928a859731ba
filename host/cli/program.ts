// The command line as a function: arguments in, exit code out. Exits nothing and prints through Io only.
//   0 done   1 failed   2 not understood   130 interrupted (Ctrl-C)   143 terminated   or what the command says (shell)

import { Command, CommanderError } from 'commander';
import { COMMANDS } from './commands/index.ts';
import { cleanLines } from '../linker/wasm/bytes.ts';
import { Exit, explain, type Io } from './io.ts';
import { version } from './root.ts';

/** Runs one command line (without the program's name) and returns its exit code. */
export async function runProgram(argv: readonly string[], given: Io): Promise<number> {
  // What is said on the way may quote a driver or a file.
  const io: Io = { ...given, progress: (text) => given.progress(cleanLines(text)) };
  const program = new Command('isolab')
    .description("What does a driver's isolation buy, and what does it cost? One driver binary, two kernels.")
    .version(version(), '-V, --version')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.out(text),
      writeErr: (text) => io.progress(text.trimEnd()),
      outputError: (text, write) =>
        write(
          `${text
            .trim()
            .replace(/^error: /, 'isolab: ')
            .replace('\n', ' ')}\nsee isolab --help`,
        ),
    });
  for (const add of COMMANDS) add(program, io);
  try {
    if (argv.length === 0) {
      io.progress(program.helpInformation().trimEnd());
      return 2;
    }
    await program.parseAsync(argv, { from: 'user' });
    return interrupted(io) ?? 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    const code = interrupted(io);
    if (code !== null) return code;
    if (error instanceof Exit) return error.code;
    io.progress(`isolab: ${explain(error)}`);
    return 1;
  }
}

function interrupted({ signal }: Io): number | null {
  if (!signal.aborted) return null;
  return signal.reason === 'SIGTERM' ? 143 : 130;
}
