import { ActivityMeter, activityTable, processTable } from '../activity.ts';
import type { Command } from '../command.ts';
import { UsageError } from '../errors.ts';
import { processes } from '../processes.ts';

export const ps: Command = {
  name: 'ps',
  summary: 'Lists the threads of the machine and what runs in them',
  usage: '[-l]',
  details: `PID: the thread: the kernel's is 1; a driver that the kernel's thread runs has that.
DOMAIN: whose memory it lives in. GEN: its incarnation. RESTARTS: how often it was started again.
HELD: bytes of its data, of what it has allocated, and of what the kernel keeps of its file.
With -l, since the incarnation began: CALLS from other domains, ERRORS among them, CALLS/S, and the median and
the 99th percentile of how long they took (docs/trace.md).`,
  options: { 'l,long': 'how often and how fast each driver is called' },
  completes: 'nothing',
  async run({ machine, options, operands, print }) {
    if (operands[0] !== undefined) throw new UsageError(`unexpected argument '${operands[0]}'`);
    if (options.has('long')) {
      const { processes: all, step } = new ActivityMeter(machine).frame();
      await print(activityTable(all, step));
    } else {
      await print(processTable(processes(machine)));
    }
    const { zombies, standby } = machine.status();
    if (standby.length > 0) await print(`ready to succeed: ${standby.join(', ')}\n`);
    if (zombies > 0) await print(`${zombies} ended thread${zombies === 1 ? '' : 's'} still running\n`);
  },
};
