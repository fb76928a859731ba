// From what was observed to the row's outcome and detector. Pure: the fault's name plays no part.

import { MAX_ERRNO } from '../../../kernel/abi/errno.ts';
import { LEVEL_WARNING } from '../../../kernel/abi/log.ts';
import type { LogRecord, MachineEvent } from '../../machine/shared/types.ts';
import type { Detector, Outcome } from './report.ts';

export interface Observed {
  /** The faulty driver answers again, on a machine that runs. */
  answers: boolean;
  /** The kernel that runs is another than before. */
  rebooted: boolean;
  /** A driver is another incarnation than before. */
  restarted: boolean;
  /** The provoking call did not do what it should, as its caller saw it. */
  callFailed: boolean;
  damage: readonly string[];
}

/** The gravest thing that is true. */
export function outcomeOf(observed: Observed): Outcome {
  if (!observed.answers) return 'not recovered';
  if (observed.rebooted) return 'machine rebooted';
  if (observed.restarted) return 'driver restarted';
  if (observed.damage.length > 0) return 'damage found';
  return observed.callFailed ? 'error returned' : 'no effect seen';
}

/** A result no honest driver gives to a call of `asked` bytes. */
export function isLie(result: number, asked: number): boolean {
  return result > asked || result < -MAX_ERRNO;
}

export interface Detection {
  by: Detector | null;
  /** On the clock of the events. */
  at: number | null;
}

export interface Evidence {
  /** Since the provoking call. */
  events: readonly MachineEvent[];
  records: readonly LogRecord[];
  /** Name of the module that misbehaves: what it logs about itself is no detection. */
  faulty: string;
  provokedAt: number;
  /** When an error number came back to the caller, null if none did. */
  refusedAt: number | null;
}

/** Who noticed: the supervisor before the kernel's log before the caller, for each says what the next one only shows. */
export function detectionOf({ events, records, faulty, provokedAt, refusedAt }: Evidence): Detection {
  const fault = events.find((event) => event.type === 'fault');
  if (fault?.type === 'fault') return { by: fault.by, at: fault.at };
  const complaint = records.find(
    (record) => record.level <= LEVEL_WARNING && !record.text.startsWith(`${faulty}:`),
  );
  if (complaint) {
    // The log has a clock of its own, which the first record ties to ours: the driver says what it is about to do.
    const after = (complaint.time - (records[0]?.time ?? complaint.time)) * 1000;
    return { by: 'kernel log', at: provokedAt + after };
  }
  return refusedAt === null ? { by: null, at: null } : { by: 'error number', at: refusedAt };
}
