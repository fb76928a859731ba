// `isolab top` and `isolab ps`: boots a machine, loads the project's drivers, has a load run, and shows frames of what is done; at
// the end the trace goes into a file where one is named.

import { writeFileSync } from 'node:fs';
import type { Lab } from '../lab/load.ts';
import { pass } from '../lab/wait.ts';
import { Workload, WORKLOAD_MODULES, type WorkloadName } from '../lab/workload.ts';
import { chromeTrace } from '../machine/inspect/chrome-trace.ts';
import type { Machine, Placement } from '../machine/shared/types.ts';
import { ActivityMeter, activityTable, frameText, type Frame } from '../shell/activity.ts';
import { refused, type Io } from './io.ts';
import type { Screen } from './live-line.ts';

export interface TopRequest {
  placement: Placement;
  workload: WorkloadName;
  /** Infinity: until it is interrupted. */
  frames: number;
  seconds: number;
  /** `isolab ps`: the rows alone, without the lines of the whole machine. */
  plain: boolean;
  json: boolean;
  /** The file for Chrome's trace events, or null. */
  trace: string | null;
}

const MS = 1000;

/** Prints the frames; ends when they are shown or the signal is aborted. Throws Failure. */
export async function runTop(lab: Lab, request: TopRequest, io: Io, screen: Screen): Promise<void> {
  const machine = await lab.boot(request.placement);
  let load: Workload | null = null;
  try {
    for (const name of WORKLOAD_MODULES) await machine.insmod(await lab.modules.load(name));
    load = await Workload.start(machine, request.workload);
    await show(machine, request, io, screen);
  } finally {
    if (request.trace !== null) writeTrace(machine, request.trace);
    await load?.end();
    await machine.shutdown();
    await lab.close();
  }
}

async function show(machine: Machine, request: TopRequest, io: Io, screen: Screen): Promise<void> {
  const { frames, seconds, json, plain } = request;
  const live = screen.isTTY === true && !json && !plain;
  const meter = new ActivityMeter(machine);
  meter.frame();
  let lines = 0;
  for (let shown = 0; shown < frames && !io.signal.aborted; shown++) {
    // Interrupted in between: what was shown stays, and the trace is written all the same.
    await pass(seconds * MS, io.signal).catch(() => undefined);
    if (io.signal.aborted) return;
    const frame = meter.frame();
    if (json) {
      io.out(`${JSON.stringify({ schema: 'isolab.top/1', ...frame })}\n`);
      continue;
    }
    const text = textOf(frame, plain);
    const before = live ? above(lines) : shown > 0 ? '\n' : '';
    io.out(`${before}${text}`);
    lines = text.split('\n').length - 1;
  }
}

const textOf = (frame: Frame, plain: boolean): string =>
  plain ? activityTable(frame.processes, frame.step) : frameText(frame);

/** To the beginning of the frame before, which is erased. */
const above = (lines: number): string => (lines > 0 ? `\u001b[${lines}A\u001b[J` : '');

function writeTrace(machine: Machine, path: string): void {
  const { placement, boot } = machine.status();
  try {
    writeFileSync(path, `${JSON.stringify(chromeTrace(machine.trace(), { placement, boot }))}\n`);
  } catch (error) {
    throw refused('the trace cannot be written', path, error);
  }
}
