// The registry: one file per command, one line here. What a command needs is imported in its action, so that --help is
// quick and one broken command leaves the others working.

import type { Command } from 'commander';
import type { Io } from '../io.ts';
import { addBench } from './bench.ts';
import { addBuild } from './build.ts';
import { addCompare } from './compare.ts';
import { addCore } from './core.ts';
import { addDepmod } from './depmod.ts';
import { addFuzz } from './fuzz.ts';
import { addImages } from './images.ts';
import { addLadder } from './ladder.ts';
import { addModinfo } from './modinfo.ts';
import { addOops } from './oops.ts';
import { addRecovery } from './recovery.ts';
import { addServe } from './serve.ts';
import { addShell } from './shell.ts';
import { addSoak } from './soak.ts';
import { addPs, addTop } from './top.ts';

export const COMMANDS: readonly ((program: Command, io: Io) => void)[] = [
  addCompare,
  addLadder,
  addBench,
  addShell,
  addTop,
  addPs,
  addFuzz,
  addRecovery,
  addSoak,
  addBuild,
  addServe,
  addImages,
  addDepmod,
  addModinfo,
  addOops,
  addCore,
];
