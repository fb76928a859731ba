// `isolab serve`: the built page on this machine, until Ctrl-C.

import { existsSync } from 'node:fs';
import { once } from 'node:events';
import { join } from 'node:path';
import { InvalidArgumentError, type Command } from 'commander';
import { Failure, type Io } from '../io.ts';
import { WEB } from '../root.ts';
import { serve } from '../server.ts';

const DEFAULT_PORT = 8080;

function port(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > 65535)
    throw new InvalidArgumentError('A port is a number from 0 to 65535.');
  return value;
}

export function addServe(program: Command, io: Io): void {
  program
    .command('serve')
    .summary('serve the page on 127.0.0.1 until Ctrl-C')
    .description('Serves the built page on 127.0.0.1, cross-origin isolated, until Ctrl-C.')
    .option('--port <number>', 'first port to try; the next free one is taken, any for 0', port, DEFAULT_PORT)
    .action(async (options: { port: number }) => {
      if (!existsSync(join(WEB, 'index.html'))) throw new Failure(`no page is built in ${WEB}`);
      const served = await serve(WEB, options.port);
      io.out(`${served.url}\n`);
      io.progress('serving the page; press Ctrl-C to end');
      if (!io.signal.aborted) await once(io.signal, 'abort');
      await served.close();
    });
}
