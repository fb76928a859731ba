// Policies as text: a module's own policy (`MODULE_RESTART("transient,intensity:3/5000")`, `restart=` in .modinfo) and the policy
// that the operator gives for a driver (`lkdtm=permanent,essential`). Words separated by commas:
//
//   permanent  transient  temporary           backoff:BASE/CAP   stable:MS      times in ms, BASE/CAP of 0/0 for no delay
//   essential  dispensable                    intensity:RESTARTS/MS             inf restarts for no limit
//   owners:tell  owners:restart               command:TEXT                      the last word: TEXT goes on to the end
//
// A word that is not given is taken from the next policy in this order: the operator's, the module's, the machine's.

import { keyOf } from '../../linker/module/alias.ts';
import { DEFAULT_POLICY, type Policy } from './policy.ts';

export type PartialPolicy = Partial<Policy>;

/** A policy that was not understood; the message ends in the offending word. */
export class BadPolicy extends Error {
  override readonly name = 'BadPolicy';
}

const RESTARTS: readonly Policy['restart'][] = ['permanent', 'transient', 'temporary'];

function number(text: string, word: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new BadPolicy(`not a number of at most nine digits: ${word}`);
  return Number(text);
}

function pair(text: string, word: string, form: string): [string, string] {
  const [one, other, ...more] = text.split('/');
  if (one === undefined || other === undefined || more.length > 0)
    throw new BadPolicy(`this is to be ${form}: ${word}`);
  return [one, other];
}

function parseWord(policy: PartialPolicy, word: string): void {
  const restart = RESTARTS.find((each) => each === word);
  if (restart) policy.restart = restart;
  else if (word === 'essential') policy.essential = true;
  else if (word === 'dispensable') policy.essential = false;
  else if (word === 'owners:tell') policy.owners = 'tell';
  else if (word === 'owners:restart') policy.owners = 'restart';
  else if (word.startsWith('backoff:')) {
    const [base, cap] = pair(word.slice('backoff:'.length), word, 'backoff:BASE/CAP');
    const backoff = { baseMs: number(base, word), capMs: number(cap, word) };
    if (backoff.capMs < backoff.baseMs) throw new BadPolicy(`the cap is less than the base: ${word}`);
    policy.backoff = { ...DEFAULT_POLICY.backoff, ...policy.backoff, ...backoff };
  } else if (word.startsWith('stable:')) {
    const stableMs = number(word.slice('stable:'.length), word);
    policy.backoff = { ...DEFAULT_POLICY.backoff, ...policy.backoff, stableMs };
  } else if (word.startsWith('intensity:')) {
    const [restarts, period] = pair(word.slice('intensity:'.length), word, 'intensity:RESTARTS/MS');
    const periodMs = number(period, word);
    if (periodMs === 0) throw new BadPolicy(`a period is at least 1 ms: ${word}`);
    policy.intensity = { restarts: restarts === 'inf' ? Infinity : number(restarts, word), periodMs };
  } else throw new BadPolicy(`unknown word of a policy: ${word}`);
}

/** @throws BadPolicy */
export function parsePolicy(text: string): PartialPolicy {
  const policy: PartialPolicy = {};
  const command = /(?:^|,)command:(.*)$/s.exec(text);
  const rest = command ? text.slice(0, command.index) : text;
  if (command) {
    if (command[1]!.trim() === '') throw new BadPolicy(`a command is to be given: ${text}`);
    policy.command = command[1]!;
  }
  const words = rest === '' && command ? [] : rest.split(',').map((word) => word.trim());
  for (const word of words) {
    if (word === '') throw new BadPolicy(`a word of a policy is empty: ${text}`);
    parseWord(policy, word);
  }
  return policy;
}

/**
 * A module's own policy. It may not name a command: only the operator chooses what the host runs.
 * @throws BadPolicy
 */
export function parseModulePolicy(text: string): PartialPolicy {
  if (/(^|,)\s*command:/.test(text)) throw new BadPolicy(`a module names no command: ${text}`);
  return parsePolicy(text);
}

/**
 * The operator's policies: `NAME=WORDS`.
 * @returns by the drivers' keys
 * @throws BadPolicy
 */
export function parsePolicies(texts: readonly string[]): Map<string, PartialPolicy> {
  const policies = new Map<string, PartialPolicy>();
  for (const text of texts) {
    const [, name, words] = /^([A-Za-z0-9_-]+)=(.+)$/s.exec(text) ?? [];
    if (name === undefined || words === undefined)
      throw new BadPolicy(`a policy is given as DRIVER=WORDS: ${text}`);
    const key = keyOf(name);
    policies.set(key, { ...policies.get(key), ...parsePolicy(words) });
  }
  return policies;
}

const limit = (restarts: number): string => (Number.isFinite(restarts) ? String(restarts) : 'inf');

/** A complete policy in the same words. */
export function policyText({ restart, backoff, intensity, essential, owners, command }: Policy): string {
  return [
    restart,
    ...(essential ? ['essential'] : []),
    `backoff:${backoff.baseMs}/${backoff.capMs}`,
    `stable:${backoff.stableMs}`,
    `intensity:${limit(intensity.restarts)}/${intensity.periodMs}`,
    `owners:${owners}`,
    ...(command === null ? [] : [`command:${command}`]),
  ].join(',');
}
