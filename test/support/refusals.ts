// Modules that must be refused, one for each step of a load that can fail, as data: what is loaded, the errno, and the line
// that says so in the log. The same for every placement.

import type { LoadedModule } from '../../host/domain/loaded.ts';
import { EBUSY, EINVAL, ENAMETOOLONG, ENOENT, ENOEXEC, ENOMEM } from '../../kernel/abi/errno.ts';
import { MODULES_SIZE, TABLE_MAX } from '../../kernel/abi/map.ts';
import { loadFixture } from './fixtures.ts';

export interface Refusal {
  /** For the test's name: what is wrong. */
  step: string;
  module(): Promise<LoadedModule>;
  parameters?: string;
  errno: number;
  line: RegExp | null;
}

/** A file that says something else of itself than it holds. */
async function claiming(
  fixture: string,
  change: (loaded: LoadedModule) => Partial<LoadedModule['file']>,
): Promise<LoadedModule> {
  const loaded = await loadFixture(fixture);
  return { ...loaded, file: { ...loaded.file, ...change(loaded) } };
}

const named = async (name: string): Promise<LoadedModule> => ({ ...(await loadFixture('base')), name });

export const REFUSALS: readonly Refusal[] = [
  {
    step: 'a name that is too long',
    module: () => named('x'.repeat(60)),
    errno: ENAMETOOLONG,
    line: null,
  },
  {
    step: 'no name',
    module: () => named(''),
    errno: EINVAL,
    line: null,
  },
  {
    step: 'built for another kernel',
    module: () => loadFixture('base', { vermagic: '0.0.1 other' }),
    errno: ENOEXEC,
    line: /^base: version magic '0\.0\.1 other' should be '[^']+'$/,
  },
  {
    step: 'more data than the modules area has',
    module: () => claiming('base', ({ file }) => ({ memory: { ...file.memory, size: MODULES_SIZE + 1 } })),
    errno: ENOMEM,
    line: null,
  },
  {
    step: 'data aligned to more than any area is',
    module: () => claiming('base', ({ file }) => ({ memory: { ...file.memory, alignment: 1 << 20 } })),
    errno: ENOMEM,
    line: null,
  },
  {
    step: 'more table slots than there are',
    module: () => claiming('base', ({ file }) => ({ table: { ...file.table, size: TABLE_MAX } })),
    errno: ENOMEM,
    line: null,
  },
  {
    step: 'an unknown symbol',
    module: () => loadFixture('unresolved'),
    errno: ENOENT,
    line: /^unresolved: Unknown symbol no_such_function \(err -2\)$/,
  },
  {
    step: 'a symbol of another signature',
    module: () => loadFixture('mistyped'),
    errno: EINVAL,
    line: /^mistyped: disagrees about version of symbol kmalloc$/,
  },
  {
    step: 'a function of the host’s own, which may be missing',
    module: () =>
      claiming('base', ({ file }) => ({
        weak: new Set(['__proto__.valueOf']),
        imports: [
          ...file.imports,
          {
            ...{ module: '__proto__', name: 'valueOf', kind: 'function', crc: 0 },
            signature: { parameters: [], results: [] },
          },
        ],
      })),
    errno: ENOEXEC,
    line: /^base: cannot be linked: import __proto__\.valueOf$/,
  },
  {
    step: 'an import that no kernel has',
    module: () =>
      claiming('base', ({ file }) => ({
        imports: [
          ...file.imports,
          { module: 'other', name: 'thing', kind: 'global', valueType: 'i32', mutable: false },
        ],
      })),
    errno: ENOEXEC,
    line: /^base: cannot be linked: import other\.thing$/,
  },
  {
    step: 'an import with a name of many pages',
    module: () =>
      claiming('base', ({ file }) => ({
        imports: [
          ...file.imports,
          {
            module: 'env',
            name: 'x'.repeat(20000),
            kind: 'function',
            signature: { parameters: [], results: [] },
            crc: 0,
          },
        ],
      })),
    errno: ENAMETOOLONG,
    line: null,
  },
  {
    step: 'an exported symbol that the kernel has',
    module: () => loadFixture('usurper'),
    errno: ENOEXEC,
    line: /^usurper: exports duplicate symbol kfree \(owned by kernel\)$/,
  },
  {
    step: 'a bad parameter',
    module: () => loadFixture('probe'),
    parameters: 'number=12 limit=twelve',
    errno: EINVAL,
    line: /^probe: `twelve' invalid for parameter `limit'$/,
  },
  {
    step: 'a parameter that is too long',
    module: () => loadFixture('probe'),
    parameters: `limit=${'1'.repeat(1100)}`,
    errno: EINVAL,
    line: null,
  },
  {
    step: 'an init that fails and tidies up',
    module: () => loadFixture('probe'),
    parameters: 'ending=1',
    errno: EBUSY,
    line: null,
  },
  {
    step: 'an init that fails with a device registered and memory taken',
    module: () => loadFixture('probe'),
    parameters: 'ending=4',
    errno: EBUSY,
    line: /^probe: leaked 100 bytes in 1 objects$/,
  },
];
