import { ActivityMeter, frameText } from '../activity.ts';
import type { Command } from '../command.ts';
import { UsageError } from '../errors.ts';
import { delay } from '../signal.ts';

/** Frames that are shown where nobody says how many. */
const FRAMES = 3;
/** Seconds. */
const DELAY = 1;

export const top: Command = {
  name: 'top',
  summary: 'Shows what the drivers are asked, again and again',
  usage: '[-b] [-n COUNT] [-d SECONDS]',
  details: `Each frame is printed below the one before (procps's -b) and tells of the time since then; the first waits as
long. The columns are those of ps -l.`,
  options: {
    'b,batch': 'frame below frame: it is never otherwise here',
    'n,iterations=COUNT': `frames; ${FRAMES} where nothing is said`,
    'd,delay=SECONDS': `between two frames; ${DELAY} where nothing is said`,
  },
  completes: 'nothing',
  async run({ machine, options, operands, signal, print }) {
    if (operands[0] !== undefined) throw new UsageError(`unexpected argument '${operands[0]}'`);
    const frames = options.number('iterations') ?? FRAMES;
    const seconds = options.get('delay') ?? String(DELAY);
    if (!/^\d*\.?\d+$/.test(seconds)) throw new UsageError(`invalid time interval '${seconds}'`);
    const meter = new ActivityMeter(machine);
    meter.frame();
    for (let i = 0; i < frames; i++) {
      await delay(Number(seconds) * 1000, signal);
      await print(`${i > 0 ? '\n' : ''}${frameText(meter.frame())}`);
    }
  },
};
