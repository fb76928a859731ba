// What free makes of /proc/meminfo.

import { expect, test } from 'vitest';
import { meminfo, table } from '../../host/shell/commands/free.ts';

const INFO = `MemTotal:          22976 kB
MemFree:           20000 kB
MemAvailable:      20480 kB
Slab:                128 kB
SReclaimable:          0 kB
HugePages_Total:       3
`;

test('units are those of the file', () => {
  expect([...meminfo(INFO)].slice(0, 2)).toEqual([
    ['MemTotal', 22976 * 1024],
    ['MemFree', 20000 * 1024],
  ]);
  expect(meminfo(INFO).get('HugePages_Total')).toBe(3);
});

test.each([
  ['kibi', '22976        2976       20000         128       20480'],
  ['bytes', '23527424     3047424    20480000      131072    20971520'],
  ['mebi', '22           2          19           0          20'],
  ['human', '22Mi       2.9Mi        20Mi       128Ki        20Mi'],
] as const)('in %s', (unit, row) => {
  const [head, mem] = table(meminfo(INFO), unit).split('\n');
  expect(head!.trim().split(/ +/)).toEqual(['total', 'used', 'free', 'slab', 'available']);
  expect(mem!.replace(/^Mem: +/, '')).toBe(row);
  expect(head!.length).toBe(mem!.length);
});

test('a file that does not tell the total is no such file', () => {
  expect(() => table(meminfo('MemFree: 1 kB\n'), 'kibi')).toThrow('/proc/meminfo does not tell MemTotal');
});
