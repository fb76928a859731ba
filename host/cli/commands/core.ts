// `isolab core`: reads a core that a driver left when it died.

import { InvalidArgumentError, type Command } from 'commander';
import { Failure, type Io } from '../io.ts';

const HELP = `
isolab shell --cores FOLDER writes NAME.GENERATION.TIME.PID.NUMBER.core for each driver that dies in a domain of its own: of
a trap, of a missed deadline, of a breach of the protocol; it is gzip's, as zcat reads it. This command shows the trap with
its call trace, the modules of the domain, the last requests and the end of the log. Requests go on in the driver's
successor, so that not all are lost that have no answer here.

Addresses are those of the driver's memory, decimal or with 0x.

The exit code is 0, or 1 where FILE is no core, damaged or cut off, 2 for a wrong command line.

$ isolab core lkdtm.1.20261126T142811Z.4711.1.core --hexdump 0x90000 256
`;

/** The most that is dumped at once. */
const DUMP_MAX = 0x1000000;

interface Options {
  json?: true;
  messages?: true;
  hexdump?: number[];
}

/** Collects the two numbers of --hexdump. */
function numbers(text: string, before: number[] = []): number[] {
  if (!/^(0x[0-9a-f]{1,8}|\d{1,10})$/i.test(text)) throw new InvalidArgumentError(`It is no number: ${text}`);
  if (before.length === 2) throw new InvalidArgumentError('ADDRESS and LENGTH are wanted.');
  return [...before, Number(text)];
}

export function addCore(program: Command, io: Io): void {
  const command = program
    .command('core')
    .summary('what a driver was when it died')
    .description('Shows a core file: the trap and its call trace, modules, requests, the log, memory.')
    .argument('<file>', 'a core, as isolab shell --cores writes it')
    .option('--json', 'print the header as JSON, schema isolab.core/2')
    .option('--messages', 'all requests and log lines that the core has, not only the last ones')
    .option('--hexdump <address length...>', 'print bytes of the memory', numbers)
    .addHelpText('after', HELP)
    .action(async (file: string, { json, messages, hexdump }: Options) => {
      if (hexdump !== undefined && hexdump.length !== 2)
        command.error('error: --hexdump wants an address and a length', { exitCode: 2 });
      const { coreLines, dumpLines, openCore } = await import('../files/core-file.ts');
      const core = await openCore(file);
      if (hexdump !== undefined) {
        const [address = 0, length = 0] = hexdump;
        const { memory } = core.header;
        if (length > DUMP_MAX)
          throw new Failure(`no more than ${DUMP_MAX} bytes are dumped at once: ${length}`);
        if (address + length > memory)
          throw new Failure(`the memory has ${memory} bytes, and does not reach to ${address + length}`);
        for (const line of dumpLines(core.read(address, length), address)) io.out(`${line}\n`);
        return;
      }
      if (json) io.out(`${JSON.stringify(core.header, null, 2)}\n`);
      else io.out(`${coreLines(core, messages === true).join('\n')}\n`);
    });
}
