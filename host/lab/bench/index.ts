// The experiments of `isolab bench`, in the order in which they are run: one file each, one line here.

import type { BenchExperiment } from './experiment.ts';
import { declared } from './declared.ts';
import { idleness } from './idle.ts';
import { insmod } from './insmod.ts';
import { kmalloc } from './kmalloc.ts';
import { lookup } from './lookup.ts';
import { trace } from './trace.ts';

export const EXPERIMENTS: readonly BenchExperiment[] = [kmalloc, insmod, declared, lookup, trace, idleness];
