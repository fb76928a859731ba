// drivers/include/isolab.h against what it stands for: kernel/abi's numbers and layouts, and the kernel's symbols with their
// types, in both images.

import { readFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { buildCFile, COMPILE_FLAGS, LINK_FLAGS } from '../../host/cli/files/c-file.ts';
import { ROOT } from '../../host/cli/root.ts';
import { symbolText } from '../../host/linker/module/crc.ts';
import { readModule, type ModuleFile, type Signature } from '../../host/linker/module/module-file.ts';
import * as errno from '../../kernel/abi/errno.ts';
import * as file from '../../kernel/abi/file.ts';
import * as gfp from '../../kernel/abi/gfp.ts';
import * as operation from '../../kernel/abi/operation.ts';
import * as seq from '../../kernel/abi/seq.ts';
import * as timer from '../../kernel/abi/timer.ts';
import { VERMAGIC } from '../../kernel/abi/version.ts';
import { loadImage } from '../support/kernel.ts';

const HEADER = readFileSync(join(ROOT, 'drivers/include/isolab.h'), 'utf8');

/** Symbols that are not for C: what printk is made of, and AssemblyScript's comforts. */
const OTHERS = new Set(['vprintk_emit']);

/** Builds a source that includes the header; throws Failure with what the compiler said. */
async function compile(source: string, flags: readonly string[] = []): Promise<ModuleFile> {
  const folder = mkdtempSync(join(tmpdir(), 'isolab-header-'));
  try {
    const [path, out] = [join(folder, 'probe.c'), join(folder, 'probe.ko.wasm')];
    writeFileSync(path, source);
    const { warnings } = await buildCFile({ source: path, out, name: 'probe', flags: ['-Werror', ...flags] });
    expect(warnings).toBe('');
    return readModule(new Uint8Array(readFileSync(out)));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Every function that the header declares, and how many parameters it has, variable ones not counted. */
function declared(): Map<string, number> {
  const text = HEADER.replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/^#(?:.*\\\n)*.*$/gm, '')
    .replace(/\n {4,}/g, ' '); // a declaration on several lines
  const found = [...text.matchAll(/^(?:_Noreturn )?[\w ]+?[ *](\w+)\((.*?)\)(?: __attribute__\(.*\))?;$/gm)];
  const counts = found.map(([, name, list]): [string, number] => {
    const outer = list!.replace(/\([^()]*\)/g, '').replace(/, \.\.\.$/, '');
    return [name!, outer === 'void' ? 0 : outer.split(',').length];
  });
  return new Map(counts.filter(([name]) => !/^_[A-Z]|^__attribute|^(init|cleanup)_module$/.test(name)));
}

describe('what it says is what the kernel says', () => {
  test('the version magic', () => {
    expect(/#define ISOLAB_VERMAGIC "(.*)"/.exec(HEADER)?.[1]).toBe(VERMAGIC);
  });

  test('the flags of the build', () => {
    const said = HEADER.slice(0, HEADER.indexOf('*/'));
    for (const flag of [...COMPILE_FLAGS, ...LINK_FLAGS])
      if (!/^-W|^-std|^--export-dynamic$/.test(flag)) expect(said).toContain(flag);
  });

  test('errors, modes and layouts', async () => {
    const numbers: [string, number][] = Object.entries(errno).filter(([name]) => name !== 'MAX_ERRNO');
    const { FMODE_READ, FMODE_WRITE } = file;
    const { SEEK_SET, SEEK_CUR, SEEK_END } = operation;
    const { SEQ_SKIP } = seq;
    numbers.push(...Object.entries({ FMODE_READ, FMODE_WRITE, SEEK_SET, SEEK_CUR, SEEK_END, SEQ_SKIP }));
    numbers.push(...Object.entries(gfp).filter(([name]) => new RegExp(`#define ${name} `).test(HEADER)));
    const places = [
      ['file_operations', 'llseek', file.FOPS_LLSEEK],
      ['file_operations', 'read', file.FOPS_READ],
      ['file_operations', 'write', file.FOPS_WRITE],
      ['file_operations', 'unlocked_ioctl', file.FOPS_IOCTL],
      ['file_operations', 'open', file.FOPS_OPEN],
      ['file_operations', 'release', file.FOPS_RELEASE],
      ['file', 'f_pos', file.FILE_POSITION],
      ['file', 'private_data', file.FILE_PRIVATE],
      ['file', 'f_mode', file.FILE_MODE],
      ['file', 'f_minor', file.FILE_MINOR],
      ['seq_operations', 'start', seq.SEQ_START],
      ['seq_operations', 'stop', seq.SEQ_STOP],
      ['seq_operations', 'next', seq.SEQ_NEXT],
      ['seq_operations', 'show', seq.SEQ_SHOW],
      ['seq_file', 'buf', seq.SEQ_BUFFER],
      ['seq_file', 'size', seq.SEQ_SIZE],
      ['seq_file', 'from', seq.SEQ_FROM],
      ['seq_file', 'count', seq.SEQ_COUNT],
      ['seq_file', 'index', seq.SEQ_INDEX],
      ['seq_file', 'read_pos', seq.SEQ_POSITION],
      ['seq_file', 'op', seq.SEQ_OPERATIONS],
      ['seq_file', 'private', seq.SEQ_PRIVATE],
      ['timer_list', 'next', timer.TIMER_NEXT],
      ['timer_list', 'pprev', timer.TIMER_PLACE],
      ['timer_list', 'expires', timer.TIMER_EXPIRES],
      ['timer_list', 'function', timer.TIMER_FUNCTION],
      ['timer_list', 'flags', timer.TIMER_FLAGS],
      ['timer_list', 'owner', timer.TIMER_OWNER],
    ] as const;
    const asserts = [
      ...numbers.map(([name, value]) => `_Static_assert(${name} == ${String(value)}, "${name}");`),
      ...places.map(
        ([type, member, at]) =>
          `_Static_assert(__builtin_offsetof(struct ${type}, ${member}) == ${at}, "${type}.${member}");`,
      ),
      ...(
        [
          ['file_operations', file.FOPS_SIZE],
          ['seq_operations', seq.SEQ_OPERATIONS_SIZE],
          ['seq_file', seq.SEQ_STRUCT_SIZE],
          ['timer_list', timer.TIMER_SIZE],
        ] as const
      ).map(([type, size]) => `_Static_assert(sizeof(struct ${type}) == ${size}, "${type}");`),
    ];
    await compile(`#include "isolab.h"\n${asserts.join('\n')}\nMODULE_LICENSE("GPL");\n`);
    await expect(compile('#include "isolab.h"\n_Static_assert(EPERM == 2, "EPERM");\n')).rejects.toThrow(
      /EPERM/,
    );
  });

  describe('functions', () => {
    let used: ModuleFile;
    beforeAll(async () => {
      const functions = [...declared()];
      expect(functions.length).toBeGreaterThan(20);
      const calls = functions.map(
        ([name, count]) =>
          `void call_${name}(void);\nvoid call_${name}(void) { ${name}(${Array(count).fill(0).join()}); }`,
      );
      used = await compile(`#include "isolab.h"\nMODULE_LICENSE("GPL");\n${calls.join('\n')}\n`, [
        '-fno-builtin',
        '-Wno-format',
        '-Wno-nonnull',
      ]);
    });

    test.each(['kernel.wasm', 'domain.wasm'])('are symbols of %s with the same types', async (image) => {
      const { file } = await loadImage(image);
      const exported = new Map(file.exports.map(({ name, signature }) => [name, signature]));
      const known = new Set(file.symbols.map(({ name }) => name));
      expect([...known].filter((name) => !OTHERS.has(name)).sort()).toEqual([...declared().keys()].sort());
      const types = used.imports.filter((entry) => entry.kind === 'function');
      expect(types.map(({ name }) => name).sort()).toEqual([...declared().keys()].sort());
      const text = (name: string, signature: Signature | null | undefined): string =>
        signature && known.has(name) ? symbolText(name, signature) : `${name} is no symbol`;
      expect(types.map(({ name }) => text(name, exported.get(name)))).toEqual(
        types.map(({ name, signature }) => symbolText(name, signature)),
      );
    });
  });
});

describe('it can be used', () => {
  const EVERYTHING = `#include "isolab.h"
#include "isolab.h"
MODULE_LICENSE("GPL");
MODULE_AUTHOR("A \\"quoted\\" name" " in two pieces, ünï");
MODULE_DESCRIPTION("semicolons; and \\\\ backslashes");
MODULE_VERSION("2.0");
MODULE_ALIAS("devname:probe");
MODULE_ALIAS("second");
MODULE_SOFTDEP("pre: a b post: c");
MODULE_RESTART("transient,intensity:3/5000");
static bool flag;
static int number = -7;
static unsigned int unused;
static char *name = "none";
static int list[3];
module_param(flag, bool, 0);
module_param(number, int, 0444);
module_param_named(limit, unused, uint, 0644);
module_param(name, charp, 0400 | 0040);
module_param_array(list, int, 3, 0444);
MODULE_PARM_DESC(number, "a number");
MODULE_PERSIST(number);
int sum(const void *from, int length);
int sum(const void *from, int length) { return from ? length + number : 0; }
EXPORT_SYMBOL(sum, "il");
int plain(int x);
int plain(int x) { return x; }
EXPORT_SYMBOL_GPL(plain);
int table[4];
EXPORT_SYMBOL(table);
static int __init probe_init(void) { pr_info("%s %d\\n", name, list[1] + flag); BUG_ON(number == 7); return WARN_ON(number == 8) ? -EIO : 0; }
static void __exit probe_exit(void) { pr_err("bye\\n"); }
module_init(probe_init);
module_exit(probe_exit);
`;

  test.each([['-std=c11'], ['-std=c17'], ['-std=gnu11'], ['-O0'], ['-Os']])(
    'everything it offers, with %s',
    async (flag) => {
      const module = await compile(EVERYTHING, [flag]);
      expect(Object.fromEntries(module.modinfo)).toEqual({
        license: ['GPL'],
        vermagic: [VERMAGIC],
        name: ['probe'],
        author: ['A "quoted" name in two pieces, ünï'],
        description: ['semicolons; and \\ backslashes'],
        version: ['2.0'],
        alias: ['devname:probe', 'second'],
        softdep: ['pre: a b post: c'],
        restart: ['transient,intensity:3/5000'],
        parmtype: ['flag:bool', 'number:int', 'limit:uint', 'name:charp', 'list:array of int'],
        parm: ['number:a number'],
        persist: ['number'],
      });
      const parameters = module.parameters.map(({ offset: _, ...rest }) => rest);
      const one = { array: false, count: 1 };
      expect(parameters).toEqual([
        { name: 'flag', type: 'bool', permissions: 0, ...one },
        { name: 'number', type: 'int', permissions: 0o444, ...one },
        { name: 'limit', type: 'uint', permissions: 0o644, ...one },
        { name: 'name', type: 'charp', permissions: 0o440, ...one },
        { name: 'list', type: 'int', permissions: 0o444, array: true, count: 3 },
      ]);
      expect(new Set(module.parameters.map(({ offset }) => offset)).size).toBe(5);
      expect(
        module.symbols.map(({ name, gplOnly, data, kinds }) => ({ name, gplOnly, data, kinds })),
      ).toEqual([
        { name: 'sum', gplOnly: false, data: false, kinds: [1, 3] },
        { name: 'plain', gplOnly: true, data: false, kinds: [0] },
        { name: 'table', gplOnly: false, data: true, kinds: [] },
      ]);
      expect(module.exports.map(({ name }) => name)).toEqual(
        expect.arrayContaining(['init_module', 'cleanup_module', 'sum', 'plain', 'table']),
      );
    },
  );

  test.each([
    [
      'a parameter of another type',
      'static int x;\nmodule_param(x, uint, 0);',
      /parameter x is not of type uint/,
    ],
    [
      'an array of another length',
      'static int x[2];\nmodule_param_array(x, int, 3, 0);',
      /does not have 3 elements/,
    ],
    [
      'a format that does not fit',
      'void f(void);\nvoid f(void) { pr_info("%s\\n", 1); }',
      /format specifies type/,
    ],
  ])('%s is refused by the compiler', async (_, source, reason) => {
    await expect(compile(`#include "isolab.h"\n${source}\n`)).rejects.toThrow(reason);
  });
});
