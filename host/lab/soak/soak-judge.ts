// What a soak has seen on one machine, and what is wrong about it. Pure: the judgement knows the observations alone.

import { count } from '../units.ts';
import type { Accounting, DetectedBy, MachineEvent, Placement } from '../../machine/shared/types.ts';

/** Something that was done to a driver on purpose. */
export interface Provocation {
  driver: string;
  kind: string;
  /** ms of the platform's clock. */
  at: number;
  /** When it could do no more harm; null while it may. */
  over: number | null;
}

/** What must be the same at the end as before, when nothing is going on. */
export interface HeldResources {
  accounting: Accounting;
  /** Threads that live, the spare ones too. */
  threads: number;
  /** Handles of the process, where the runtime tells. */
  handles: number | null;
}

export interface SoakObserved {
  placement: Placement;
  events: readonly MachineEvent[];
  provocations: readonly Provocation[];
  /** ms that a driver's thread and the kernel's had waited for a processor in the deadline before a fault, where that is known. */
  waited: ReadonlyMap<MachineEvent, number>;
  deadlineMs: number;
  /** Which domain each driver lives in; those of one die together. */
  domains: ReadonlyMap<string, string>;
  /** Calls that had no answer when patience ran out, in words. */
  stuck: readonly string[];
  /** Answers that no machine may give, in words, and how often. */
  wrong: ReadonlyMap<string, number>;
  acknowledged: number;
  /** Writes that were acknowledged and are not there any more. */
  lost: number;
  before: HeldResources;
  after: HeldResources;
  /** Wasm memories that were made, and the most that a machine with its spares can use at once. */
  memories: number;
  memoriesAllowed: number;
  /** Findings of the kernel's check at the end. */
  checks: readonly string[];
  /** What does not serve at the end: drivers, or the machine. */
  down: readonly string[];
}

type FaultEvent = Extract<MachineEvent, { type: 'fault' }>;
type Deaths = Pick<SoakObserved, 'events' | 'provocations' | 'domains' | 'waited' | 'deadlineMs'>;

/** Ways of noticing that are nothing but time that has passed. */
export const BY_TIME: ReadonlySet<DetectedBy> = new Set<DetectedBy>(['deadline', 'heartbeat']);
/** The part of a deadline for which threads may wait for a processor, until a death by time is the computer's doing. */
const DISTURBED = 0.5;

/** When the incarnation of a driver that died at `at` was started: 0 for one that was there from the beginning. */
function bornBefore(events: readonly MachineEvent[], driver: string, at: number): number {
  let born = 0;
  for (const event of events)
    if (event.type === 'driver' && event.module === driver && event.state === 'starting' && event.at <= at)
      born = event.at;
  return born;
}

/**
 * Faults of drivers in whose domain nothing had been provoked while that incarnation lived; those of the machine itself too.
 */
function unprovoked({ events, provocations, domains }: Deaths): FaultEvent[] {
  const domainOf = (driver: string): string => domains.get(driver) ?? driver;
  return events.filter((event): event is FaultEvent => {
    if (event.type !== 'fault') return false;
    const driver = event.module;
    if (driver === null) return true;
    const born = bornBefore(events, driver, event.at);
    return !provocations.some(
      (each) =>
        domainOf(each.driver) === domainOf(driver) && each.at <= event.at && (each.over ?? Infinity) >= born,
    );
  });
}

function disturbed({ waited, deadlineMs }: Deaths, event: FaultEvent): boolean {
  return BY_TIME.has(event.by) && (waited.get(event) ?? 0) >= DISTURBED * deadlineMs;
}

/** Faults without a reason that the computer explains: nobody had time to be in time. */
const disturbances = (seen: Deaths): FaultEvent[] =>
  unprovoked(seen).filter((event) => disturbed(seen, event));

/** Faults without a reason of which no computer is the reason. */
export const falseKills = (seen: Deaths): FaultEvent[] =>
  unprovoked(seen).filter((event) => !disturbed(seen, event));

const whose = ({ module }: FaultEvent): string => module ?? 'the kernel';

/** A sentence for each of the disturbances. */
export function excuses(seen: Deaths): string[] {
  return disturbances(seen).map((event) => {
    const waited = (seen.waited.get(event) ?? 0).toFixed(0);
    return `threads waited ${waited} ms for a processor before the ${event.by} of ${seen.deadlineMs} ms was missed at ${event.at.toFixed(0)} ms: ${whose(event)}`;
  });
}

/** How often each way of noticing came. */
export function detections(events: readonly MachineEvent[]): Partial<Record<DetectedBy, number>> {
  const counts: Partial<Record<DetectedBy, number>> = {};
  for (const event of events) if (event.type === 'fault') counts[event.by] = (counts[event.by] ?? 0) + 1;
  return counts;
}

function growth({ before, after, memories, memoriesAllowed }: SoakObserved): string[] {
  const grown: string[] = [];
  for (const [name, value] of Object.entries(after.accounting)) {
    const was = before.accounting[name as keyof Accounting];
    if (value !== was) grown.push(`the kernel's ${name} was ${was} and is ${value}`);
  }
  if (after.threads > before.threads) grown.push(`${before.threads} threads have become ${after.threads}`);
  if (after.handles !== null && before.handles !== null && after.handles > before.handles)
    grown.push(`${before.handles} handles have become ${after.handles}`);
  if (memories > memoriesAllowed) grown.push(`${memories} memories were made, ${memoriesAllowed} are enough`);
  return grown;
}

/** What is wrong, a sentence each; none for a machine that has stood the soak. */
export function judge(seen: SoakObserved): string[] {
  return [
    ...seen.stuck.map((call) => `a call never returned: ${call}`),
    ...[...seen.wrong].map(([answer, times]) => `a wrong answer, ${count(times, 'time')}: ${answer}`),
    ...(seen.lost > 0 ? [`${seen.lost} of ${seen.acknowledged} acknowledged writes were lost`] : []),
    ...falseKills(seen).map(
      (event) => `killed without a reason (${event.by}) at ${event.at.toFixed(0)} ms: ${whose(event)}`,
    ),
    ...growth(seen),
    ...seen.checks.map((sentence) => `found by the check: ${sentence}`),
    ...seen.down.map((who) => `does not serve at the end: ${who}`),
  ];
}
