// What became of one damaged module on one machine, and the judgement of it.
//
//   refused    by the reader, by the engine or by a step of the load; nothing has changed
//   harmless   it was loaded, answered as the whole one does, was unloaded, and nothing has changed
//   altered    its code ran and did something else. In a domain of its own it must be contained: kernel and bystanders are
//              as they were when it is gone. In the kernel's domain whatever it did is told.
//
// A failure is what must never be: something changed by what was refused, something that an isolated driver did to others,
// an exception that escaped.

import type { DetectedBy, SidePlacement } from '../machine/shared/types.ts';
import { isDamage } from './look.ts';

export const KINDS = [
  ...['container', 'engine', 'load step'], // refused by
  'same work', // harmless
  'wrong answers', // nobody noticed, and nothing is left of it
  'trap', // in the kernel's domain an oops
  'hang', // ended by a deadline, or by the kernel's heartbeat
  'protocol', // a reply that no honest driver sends
  'exit', // it left by its own will
  'panic', // the kernel stopped
  'silent damage', // memory or somebody's data changed, and nobody noticed
  'leftovers', // something is still held
  'stays', // it is not unloaded, or only by force
  'leak', // memory that it forgot, told and freed at its unload
] as const;

export type Kind = (typeof KINDS)[number];
export type OutcomeClass = 'refused' | 'harmless' | 'altered';

export interface Outcome {
  class: OutcomeClass;
  kind: Kind;
  /** The reader's, engine's or loader's words, or the fault's. */
  detail: string;
  /** What was not as it was afterwards: in words, the first few. */
  changed: string[];
  /** Whether a deadline has passed, or a heartbeat was missed: also what a machine does that shares its processors. */
  late: boolean;
  /** Whether kernel and bystanders are whole: always so where it was contained. */
  survived: boolean;
  /** What must never be; null in an outcome that is in order. */
  failure: string | null;
}

/** A fault as the machine told it. */
export interface ReportedFault {
  by: DetectedBy;
  /** Of its fault, where one was caught. */
  kind: string | null;
  text: string;
}

/** What happened to a module from insmod to rmmod. */
export interface ModuleRun {
  /** Why it was not loaded; null where it was. */
  refusal: string | null;
  answers: string[];
  faults: ReportedFault[];
  /** Whether a call of the console was ended. */
  killed: boolean;
  /** Whether the kernel died. */
  died: boolean;
  /** Why it was not unloaded as it was asked to; by force it may have been. */
  stays: string | null;
  /** Bytes that it left at its unload. */
  leaked: number;
  /** How long its load took, in ms. */
  loadMs: number;
  /** Exceptions, and answers that never came. */
  escaped: string[];
}

export interface Evidence {
  placement: SidePlacement;
  course: ModuleRun;
  /** Answers of the module as it was before it was damaged. */
  golden: readonly string[];
  /** What is not as it was; null where the kernel died. */
  changed: string[] | null;
}

const MOST_CHANGES = 4;

export function refused(kind: 'container' | 'engine', detail: string): Outcome {
  return { class: 'refused', kind, detail, changed: [], late: false, survived: true, failure: null };
}

export function judge({ placement, course, golden, changed }: Evidence): Outcome {
  const { faults, refusal, escaped } = course;
  const isolated = placement !== 'monolithic';
  const kind = kindOf(course, golden, changed ?? []);
  const host = faults.find((fault) => fault.kind === 'host');
  const survived = changed !== null && !changed.some(isDamage);
  const failure =
    escaped[0] ??
    (host ? `an exception of the host: ${host.text}` : null) ??
    (isolated && changed === null ? 'the kernel died of an isolated driver' : null) ??
    (isolated && changed!.length > 0 ? `not contained: ${changed!.join('; ')}` : null) ??
    (kind === 'load step' && changed!.length > 0 ? `refused, but ${changed!.join('; ')}` : null);
  return {
    class: classOf(kind),
    kind,
    detail: faults[0]?.text ?? refusal ?? course.stays ?? '',
    changed: (changed ?? []).slice(0, MOST_CHANGES),
    late: course.faults.some(({ by }) => by === 'deadline' || by === 'heartbeat'),
    survived,
    failure,
  };
}

function classOf(kind: Kind): OutcomeClass {
  if (kind === 'container' || kind === 'engine' || kind === 'load step') return 'refused';
  return kind === 'same work' ? 'harmless' : 'altered';
}

function kindOf(course: ModuleRun, golden: readonly string[], changed: string[]): Kind {
  const { faults, killed, died, refusal, stays, leaked, answers } = course;
  const by = (cause: DetectedBy): boolean => faults.some((fault) => fault.by === cause);
  if (by('heartbeat') || by('deadline')) return 'hang';
  if (died) return 'panic';
  if (by('trap')) return 'trap';
  if (by('protocol')) return 'protocol';
  if (by('exit') || by('thread ended') || killed) return 'exit';
  if (changed.some(isDamage)) return 'silent damage';
  if (stays !== null) return 'stays';
  // Whatever else is left of it then, the load did not undo: a failure.
  if (refusal !== null) return 'load step';
  if (changed.length > 0) return 'leftovers';
  if (leaked > 0) return 'leak';
  return answers.join('\n') === golden.join('\n') ? 'same work' : 'wrong answers';
}
