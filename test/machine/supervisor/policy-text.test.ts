// Policies as text: every word and every error.

import { describe, expect, test } from 'vitest';
import { DEFAULT_POLICY } from '../../../host/machine/supervisor/policy.ts';
import {
  BadPolicy,
  parseModulePolicy,
  parsePolicies,
  parsePolicy,
  policyText,
} from '../../../host/machine/supervisor/policy-text.ts';

describe('words', () => {
  test('each says its part, and nothing else', () => {
    expect(parsePolicy('transient')).toEqual({ restart: 'transient' });
    expect(parsePolicy('essential')).toEqual({ essential: true });
    expect(parsePolicy('dispensable')).toEqual({ essential: false });
    expect(parsePolicy('owners:restart')).toEqual({ owners: 'restart' });
    expect(parsePolicy('intensity:3/5000')).toEqual({ intensity: { restarts: 3, periodMs: 5000 } });
    expect(parsePolicy('intensity:inf/1')).toEqual({ intensity: { restarts: Infinity, periodMs: 1 } });
    expect(parsePolicy('backoff:10/80, stable:7')).toEqual({
      backoff: { baseMs: 10, capMs: 80, stableMs: 7 },
    });
  });

  test('a command goes on to the end', () => {
    expect(parsePolicy('temporary,command:echo a, b; true')).toEqual({
      ...{ restart: 'temporary', command: 'echo a, b; true' },
    });
    expect(parsePolicy('command:dmesg')).toEqual({ command: 'dmesg' });
  });

  test('a policy in words is the same policy', () => {
    const policy = { ...DEFAULT_POLICY, essential: true, command: 'echo x' };
    expect(parsePolicy(policyText(policy))).toEqual(policy);
    expect(policyText(DEFAULT_POLICY)).toBe(
      'permanent,backoff:100/10000,stable:10000,intensity:5/30000,owners:tell',
    );
  });
});

test.each([
  ['', 'a word of a policy is empty: '],
  ['transient,,essential', 'a word of a policy is empty: transient,,essential'],
  ['always', 'unknown word of a policy: always'],
  ['intensity:3', 'this is to be intensity:RESTARTS/MS: intensity:3'],
  ['intensity:x/5', 'not a number of at most nine digits: intensity:x/5'],
  ['intensity:3/0', 'a period is at least 1 ms: intensity:3/0'],
  ['backoff:10', 'this is to be backoff:BASE/CAP: backoff:10'],
  ['backoff:10/5', 'the cap is less than the base: backoff:10/5'],
  ['stable:-1', 'not a number of at most nine digits: stable:-1'],
  ['command: ', 'a command is to be given: command: '],
])('%j is refused', (text, message) => {
  expect(() => parsePolicy(text)).toThrow(new BadPolicy(message));
});

describe('given for drivers', () => {
  test('by their keys; what is said later adds to it', () => {
    const given = parsePolicies(['my-disk=transient', 'lkdtm=essential', 'my_disk=owners:restart']);
    expect([...given]).toEqual([
      ['my_disk', { restart: 'transient', owners: 'restart' }],
      ['lkdtm', { essential: true }],
    ]);
  });

  test.each(['lkdtm', 'lkdtm=', '=transient', 'a b=transient'])('%j is refused', (text) => {
    expect(() => parsePolicies([text])).toThrow(`a policy is given as DRIVER=WORDS: ${text}`);
  });
});

test('a module names no command', () => {
  expect(parseModulePolicy('transient')).toEqual({ restart: 'transient' });
  expect(() => parseModulePolicy('transient,command:rm')).toThrow('a module names no command');
});
