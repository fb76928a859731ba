// Every command of the shell, by its name.

import type { Command } from '../command.ts';
import { cat } from './cat.ts';
import { dd } from './dd.ts';
import { dmesg } from './dmesg.ts';
import { echo } from './echo.ts';
import { exit } from './exit.ts';
import { no } from './false.ts';
import { grep } from './grep.ts';
import { head } from './head.ts';
import { help } from './help.ts';
import { hexdump } from './hexdump.ts';
import { insmod } from './insmod.ts';
import { kill } from './kill.ts';
import { lsmod } from './lsmod.ts';
import { ps } from './ps.ts';
import { reboot } from './reboot.ts';
import { rmmod } from './rmmod.ts';
import { sleep } from './sleep.ts';
import { tail } from './tail.ts';
import { time } from './time.ts';
import { yes } from './true.ts';
import { wc } from './wc.ts';

const ALL = [
  cat,
  dd,
  dmesg,
  echo,
  exit,
  grep,
  head,
  help,
  hexdump,
  insmod,
  kill,
  lsmod,
  no,
  ps,
  reboot,
  rmmod,
];
const MORE = [sleep, tail, time, wc, yes];

export const COMMANDS: ReadonlyMap<string, Command> = new Map(
  [...ALL, ...MORE].map((command) => [command.name, command] as const).sort(([a], [b]) => (a < b ? -1 : 1)),
);
