import type { Command } from '../command.ts';
import { interruptible } from '../signal.ts';

export const reboot: Command = {
  name: 'reboot',
  summary: 'Boots the kernel anew, with the modules that are loaded now',
  usage: '',
  options: {},
  completes: 'nothing',
  run: ({ machine, signal }) => interruptible(machine.reboot(), signal),
};
