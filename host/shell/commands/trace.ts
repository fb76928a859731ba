import { chromeTrace } from '../../machine/inspect/chrome-trace.ts';
import { traceText } from '../../machine/inspect/trace-text.ts';
import type { Command } from '../command.ts';
import { Complaint, UsageError } from '../errors.ts';

export const trace: Command = {
  name: 'trace',
  summary: 'Prints the latest calls that crossed domains',
  usage: '[--text] [-n COUNT] [--last]',
  details: `As Chrome's trace events, which ui.perfetto.dev opens: isolab shell -c '…; trace' > FILE.
With --text a line for each call: when it began, who called whom, what came of it, how long it took; ~ before a time
that is a cached clock's. It is read out of the kernel's memory, also of one that hangs. sysctl kernel.trace=0
stops it.`,
  options: {
    'n,lines=COUNT': 'the latest only',
    text: 'a line for each call',
    last: 'what the kernel wrote that died last',
  },
  completes: 'nothing',
  async run({ machine, options, operands, print }) {
    if (operands[0] !== undefined) throw new UsageError(`unexpected argument '${operands[0]}'`);
    const view = options.has('last') ? machine.deadKernelTrace : machine.trace();
    if (view === null) throw new Complaint('no kernel has died on this machine');
    const count = options.number('lines') ?? view.records.length;
    const records = count === 0 ? [] : view.records.slice(-count);
    const { placement, boot } = machine.status();
    const about = { placement, boot: options.has('last') ? boot - 1 : boot };
    await print(
      options.has('text')
        ? records.map((record) => `${traceText(record)}\n`).join('')
        : `${JSON.stringify(chromeTrace({ ...view, records }, about))}\n`,
    );
  },
};
