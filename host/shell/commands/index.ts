// Every command of the shell, by its name.

import type { Command } from '../command.ts';
import { cat } from './cat.ts';
import { cd } from './cd.ts';
import { clear } from './clear.ts';
import { dd } from './dd.ts';
import { depmod } from './depmod.ts';
import { dmesg } from './dmesg.ts';
import { echo } from './echo.ts';
import { exit } from './exit.ts';
import { no } from './false.ts';
import { free } from './free.ts';
import { grep } from './grep.ts';
import { head } from './head.ts';
import { help } from './help.ts';
import { hexdump } from './hexdump.ts';
import { insmod } from './insmod.ts';
import { ioctl } from './ioctl.ts';
import { kill } from './kill.ts';
import { ls } from './ls.ts';
import { lsmod } from './lsmod.ts';
import { mknod } from './mknod.ts';
import { modinfo } from './modinfo.ts';
import { modprobe } from './modprobe.ts';
import { printf } from './printf.ts';
import { ps } from './ps.ts';
import { pwd } from './pwd.ts';
import { reboot } from './reboot.ts';
import { rm } from './rm.ts';
import { rmmod } from './rmmod.ts';
import { sleep } from './sleep.ts';
import { sort } from './sort.ts';
import { stat } from './stat.ts';
import { sysctl } from './sysctl.ts';
import { tail } from './tail.ts';
import { time } from './time.ts';
import { top } from './top.ts';
import { trace } from './trace.ts';
import { yes } from './true.ts';
import { uname } from './uname.ts';
import { wc } from './wc.ts';

const MODULES = [depmod, insmod, lsmod, modinfo, modprobe, rmmod];
const FILES = [cat, dd, grep, head, hexdump, ioctl, ls, mknod, rm, sort, stat, tail, wc];
const MACHINE = [dmesg, free, kill, ps, reboot, sysctl, top, trace, uname];
const SHELL = [cd, clear, echo, exit, help, no, printf, pwd, sleep, time, yes];

export const COMMANDS: ReadonlyMap<string, Command> = new Map(
  [...MODULES, ...FILES, ...MACHINE, ...SHELL]
    .map((command) => [command.name, command] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1)),
);
