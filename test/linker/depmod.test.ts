// depmod's index and complaints, in kmod's words; and that what is written is read back.

import { describe, expect, test } from 'vitest';
import { depmod, problemText, type DepmodOptions } from '../../host/linker/module/depmod.ts';
import { ModuleIndex } from '../../host/linker/module/module-index.ts';
import { moduleFile, symbol, type Sketch } from '../support/module-files.ts';

function index(sketches: Record<string, Sketch>, options: DepmodOptions = { kernel: [symbol('printk')] }) {
  const files = Object.entries(sketches).map(([path, sketch]) => ({ path, file: moduleFile(sketch) }));
  const made = depmod(files, options);
  return { ...made, said: made.problems.map(problemText), index: new ModuleIndex(made.texts) };
}

/** Modules `a`, `b` … that each export `NAME_call` and import those of others. */
function graph(needs: Record<string, string>): Record<string, Sketch> {
  return Object.fromEntries(
    Object.entries(needs).map(([name, needed]) => [
      `${name}.ko.wasm`,
      { exports: [`${name}_call`], imports: [...needed].map((each) => `${each}_call`) },
    ]),
  );
}

describe('modules.dep', () => {
  test('has everything that a module needs, users before what they use', () => {
    const { texts, said, depends } = index(graph({ a: 'b', b: 'cd', c: 'd', d: '', e: '' }));
    expect(texts['modules.dep']).toBe(
      [
        'a.ko.wasm: b.ko.wasm c.ko.wasm d.ko.wasm',
        'b.ko.wasm: c.ko.wasm d.ko.wasm',
        'c.ko.wasm: d.ko.wasm',
        'd.ko.wasm:',
        'e.ko.wasm:',
        '',
      ].join('\n'),
    );
    expect(said).toEqual([]);
    expect(depends.get('a')).toEqual(['b']);
    expect(depends.get('b')).toEqual(['c', 'd']);
  });

  test('whatever the order of the files', () => {
    const needs = { f: '', e: 'f', d: 'ef', c: 'f', b: 'cd', a: 'be' };
    const names = Object.keys(needs);
    for (let turn = 0; turn < names.length; turn++) {
      names.push(names.shift()!);
      const turned = Object.fromEntries(names.map((name) => [name, needs[name as keyof typeof needs]]));
      const made = index(graph(turned)).index;
      for (const { name, dependencies } of made.modules.values()) {
        for (const [at, needed] of dependencies.entries()) {
          const below = made.module(needed)!.dependencies;
          expect(dependencies.slice(0, at), `${name} before ${needed}`).toEqual(
            expect.arrayContaining(below),
          );
        }
      }
      expect([...made.module('a')!.dependencies].sort()).toEqual(['b', 'c', 'd', 'e', 'f']);
    }
  });

  test('needs by address and by NEEDED count; a symbol of its own and of the kernel does not', () => {
    const { texts, said } = index({
      'data.ko.wasm': { exports: ['table'] },
      'library-two.ko.wasm': {},
      'user.ko.wasm': {
        ...{ exports: ['own'], imports: ['printk'], offsets: ['table', 'own'] },
        needed: ['library_two.so', 'user.so'],
      },
    });
    expect(texts['modules.dep']).toContain('user.ko.wasm: library-two.ko.wasm data.ko.wasm\n');
    expect(said).toEqual([]);
  });
});

describe('problems', () => {
  test('unknown symbols, when the kernel’s are known; but not weak ones', () => {
    const sketch = { imports: ['kmalloc', 'printk', 'maybe'], weak: ['maybe'], needed: ['libm.so'] };
    expect(index({ 'x.ko.wasm': sketch }, { kernel: [symbol('printk')], directory: '/lib/m' }).said).toEqual([
      'depmod: WARNING: /lib/m/x.ko.wasm needs unknown symbol kmalloc',
      'depmod: WARNING: /lib/m/x.ko.wasm needs unknown module libm.so',
    ]);
    expect(index({ 'x.ko.wasm': { imports: ['kmalloc'] } }, {}).said).toEqual([]);
  });

  test('a version that disagrees, of the kernel’s or of a module’s', () => {
    const { said, texts } = index({
      'base.ko.wasm': { exports: ['base_call'] },
      'x.ko.wasm': { imports: ['printk', 'base_call'], versions: { printk: 1, base_call: 2 } },
    });
    expect(said).toEqual([
      'depmod: WARNING: x.ko.wasm disagrees about version of symbol printk',
      'depmod: WARNING: x.ko.wasm disagrees about version of symbol base_call',
    ]);
    expect(texts['modules.dep']).toContain('x.ko.wasm: base.ko.wasm\n');
  });

  test('two modules that need each other', () => {
    const { said, cyclic, texts } = index(graph({ a: 'b', b: 'a', c: 'a' }));
    expect(said).toEqual([
      'depmod: ERROR: Cycle detected: a -> b -> a',
      'depmod: ERROR: Found 2 modules in dependency cycles!',
    ]);
    expect(cyclic).toBe(true);
    expect(texts['modules.dep']).toContain('a.ko.wasm: b.ko.wasm\n');
  });

  test('cycles that hang together: every module of one is shown', () => {
    const { said } = index(graph({ d: 'e', e: 'd', i: 'j', j: 'kh', k: 'h', h: 'i', f: 'g', g: 'd', x: '' }));
    expect(said).toEqual([
      'depmod: ERROR: Cycle detected: d -> e -> d',
      'depmod: ERROR: Cycle detected: i -> j -> h -> i',
      'depmod: ERROR: Cycle detected: k -> h -> i -> j -> k',
      'depmod: ERROR: Found 6 modules in dependency cycles!',
    ]);
  });

  test('two hundred modules that all need each other are soon told', () => {
    const names = Array.from({ length: 200 }, (_, at) => `m${at}`);
    const sketches = Object.fromEntries(
      names.map((name) => [
        `${name}.ko.wasm`,
        { exports: [`${name}_call`], imports: names.map((each) => `${each}_call`) },
      ]),
    );
    const { said } = index(sketches);
    expect(said.at(-1)).toBe('depmod: ERROR: Found 200 modules in dependency cycles!');
    expect(said.length).toBeLessThanOrEqual(201);
  });

  test('a symbol that is exported twice is the first’s, as for the loader', () => {
    const {
      said,
      index: made,
      texts,
    } = index({
      'first.ko.wasm': { exports: ['call', 'printk'] },
      'second.ko.wasm': { exports: ['call'] },
      'user.ko.wasm': { imports: ['call', 'printk'] },
    });
    expect(said).toEqual([
      'depmod: WARNING: first.ko.wasm exports duplicate symbol printk (owned by kernel)',
      'depmod: WARNING: second.ko.wasm exports duplicate symbol call (owned by first)',
    ]);
    expect(made.module('user')!.dependencies).toEqual(['first']);
    expect(texts['modules.symbols'].match(/symbol:/g)).toHaveLength(1);
  });

  test('two files of one name; a path that an index cannot have', () => {
    const { said, texts } = index({
      'a-b.ko.wasm': {},
      'extra/a_b.ko.wasm': {},
      'c d.ko.wasm': {},
      '.ko.wasm': {},
    });
    expect(said).toEqual([
      'depmod: WARNING: extra/a_b.ko.wasm has the name of a-b.ko.wasm',
      'depmod: ERROR: a module cannot be indexed by this path: c d.ko.wasm',
      'depmod: ERROR: a module cannot be indexed by this path: .ko.wasm',
    ]);
    expect(texts['modules.dep']).toBe('a-b.ko.wasm:\n');
  });

  test('a value of .modinfo that would forge a line is left out', () => {
    const {
      said,
      texts,
      index: made,
    } = index({
      'x.ko.wasm': {
        modinfo: { alias: ['good', 'bad\nalias evil x', 'a[b', ''], softdep: ['pre: a\nsoftdep b pre: c'] },
      },
    });
    expect(texts['modules.alias']).toBe(
      '# Aliases extracted from modules themselves.\nalias good x\nalias a[b x\n',
    );
    expect(texts['modules.softdep']).toBe('# Soft dependencies extracted from modules themselves.\n');
    expect(said).toEqual([
      'depmod: WARNING: x.ko.wasm has no valid alias: "bad\\x0aalias evil x"',
      'depmod: WARNING: Unmatched bracket in a[b',
      'depmod: WARNING: x.ko.wasm has no valid alias: ""',
      'depmod: WARNING: x.ko.wasm has no valid softdep: "pre: a\\x0asoftdep b pre: c"',
    ]);
    expect(made.resolve('a[b')).toEqual([]);
  });
});

test('aliases, symbols and soft dependencies stand as kmod writes them, and are found again', () => {
  const { texts, index: made } = index({
    'my-disk.ko.wasm': {
      exports: ['disk_read', 'disk_write'],
      modinfo: { alias: ['char-major-10-*', 'devname:disk'], softdep: ['pre: a b post: c'] },
    },
    'other.ko.wasm': { modinfo: { alias: ['char-major-10-[0-4]', 'char-major-*'] } },
  });
  expect(texts['modules.alias'].split('\n').slice(1)).toEqual([
    'alias char-major-10-* my_disk',
    'alias devname:disk my_disk',
    'alias char-major-10-[0-4] other',
    'alias char-major-* other',
    '',
  ]);
  expect(texts['modules.symbols'].split('\n').slice(1)).toEqual([
    'alias symbol:disk_read my_disk',
    'alias symbol:disk_write my_disk',
    '',
  ]);
  expect(texts['modules.softdep'].split('\n').slice(1)).toEqual(['softdep my_disk pre: a b post: c', '']);
  expect(made.softdeps).toEqual([{ module: 'my_disk', pre: ['a', 'b'], post: ['c'] }]);
  expect(made.resolve('char-major-10-3')).toEqual(['my_disk', 'other']);
  expect(made.resolve('char_major-10-9')).toEqual(['my_disk', 'other']);
  expect(made.resolve('char-major-11-3')).toEqual(['other']);
  expect(made.resolve('devname:disk')).toEqual(['my_disk']);
  expect(made.resolve('symbol:disk_write')).toEqual(['my_disk']);
  expect(made.resolve('symbol:nothing')).toEqual([]);
  expect(made.module('my_disk')).toEqual(made.module('my-disk'));
});

test('an index of kmod’s own is read', () => {
  const made = new ModuleIndex({
    'modules.dep': [
      'kernel/fs/ext4/ext4.ko: kernel/fs/jbd2/jbd2.ko kernel/fs/mbcache.ko kernel/lib/crc16.ko',
      'kernel/fs/jbd2/jbd2.ko:',
      '# a comment',
      'no module',
      '',
    ].join('\n'),
    'modules.alias': '# Aliases\nalias fs-ext3 ext4\nalias nonsense\n\n',
    'modules.symbols': 'alias symbol:jbd2_journal_start jbd2\n',
    'modules.softdep': 'softdep ext4 pre: crc32c\nsoftdep\n',
  });
  expect([...made.modules.keys()]).toEqual(['ext4', 'jbd2']);
  expect(made.module('ext4')).toEqual({
    name: 'ext4',
    path: 'kernel/fs/ext4/ext4.ko',
    dependencies: ['crc16', 'mbcache', 'jbd2'],
  });
  expect(made.resolve('fs-ext3')).toEqual(['ext4']);
  expect(made.softdeps).toEqual([{ module: 'ext4', pre: ['crc32c'], post: [] }]);
});
