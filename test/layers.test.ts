// The direction of imports, read from the sources: host/ runs downwards only and reads kernel/abi alone of the kernel;
// nothing below the faces knows Node or the DOM; a driver knows its API alone; the rooms of a machine are those of its threads.
// The compiler's project references hold most of it as well; this test says it in two tables, and also where no reference can.
// Imports go round nowhere, types included, and no folder has become too large to be looked through.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, normalize, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { cyclesOf } from '../host/linker/module/cycles.ts';

const ROOT = fileURLToPath(new URL('../', import.meta.url));

/** What each layer may import besides itself and kernel/abi. */
const BELOW: Record<string, readonly string[]> = {
  linker: [],
  domain: ['linker'],
  ipc: [],
  machine: ['linker', 'domain', 'ipc'],
  fault: ['linker', 'domain', 'ipc', 'machine'],
  shell: ['linker', 'domain', 'ipc', 'machine', 'fault'],
  lab: ['linker', 'domain', 'ipc', 'machine', 'fault', 'shell'],
  cli: ['linker', 'domain', 'ipc', 'machine', 'fault', 'shell', 'lab'],
  web: ['linker', 'domain', 'ipc', 'machine', 'fault', 'shell', 'lab'],
};
const FACES = ['cli', 'web'];
/**
 * What each room of host/machine may import besides itself and the layers below. A thread's room knows no other thread's; the
 * files beside the rooms are the machine's face, and may import all.
 */
const ROOMS: Record<string, readonly string[]> = {
  shared: [],
  inspect: ['shared'],
  modprobe: ['shared'],
  kernel: ['shared', 'inspect'],
  driver: ['shared', 'inspect'],
  client: ['shared', 'inspect'],
  supervisor: ['shared', 'inspect', 'modprobe'],
};
/** Files in a folder, and in a machine's face. */
const MOST_FILES = 25;
const MOST_IN_FACE = 15;
/** Lists of things that are alike: one more is one more file. */
const LISTS = ['host/shell/commands', 'host/cli/commands', 'docs/decisions'];
/** Packages that run on every runtime; a layer below the faces may use no other. */
const PORTABLE = [
  '@jridgewell/gen-mapping',
  '@jridgewell/trace-mapping',
  '@noble/hashes',
  'assemblyscript',
  'comlink',
];

interface Import {
  /** Path of the importing file from the project's folder, with forward slashes. */
  from: string;
  /** The same for a relative import, the specifier for a package. */
  to: string;
  relative: boolean;
}

function sources(folder: string): string[] {
  if (!existsSync(join(ROOT, folder))) return [];
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => `${folder}/${file.split(sep).join('/')}`);
}

/** All imports of a file: declarations, re-exports, import(), and workers' `new URL('./x.ts', import.meta.url)`. */
function importsOf(from: string): Import[] {
  const text = readFileSync(join(ROOT, from), 'utf8');
  // Its scanner needs no valid tree, so AssemblyScript's decorators do not matter.
  const specifiers = ts.preProcessFile(text, true, true).importedFiles.map((file) => file.fileName);
  for (const match of text.matchAll(/new URL\(\s*['"](\.[^'"]*)['"]\s*,\s*import\.meta\.url/g)) {
    if (match[1] !== undefined) specifiers.push(match[1]);
  }
  return specifiers.map((specifier) => {
    const relative = specifier.startsWith('.');
    const to = relative
      ? normalize(join(dirname(from), specifier))
          .split(sep)
          .join('/')
      : specifier;
    return { from, to: to.replace(/[?#].*$/, ''), relative };
  });
}

/** Every file of the project's folders, with forward slashes. */
const committed = (): string[] =>
  ['host', 'kernel', 'drivers', 'test', 'docs', 'scripts', 'bin'].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(ROOT.length).split(sep).join('/')),
  );

const importsBelow = (folder: string): Import[] => sources(folder).flatMap(importsOf);
const shown = (imports: Import[]): string[] => imports.map(({ from, to }) => `${from} imports ${to}`);
const packageOf = (specifier: string): string => /^(@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? specifier;
const isNode = (specifier: string): boolean =>
  specifier.startsWith('node:') || builtinModules.includes(specifier.replace(/\/.*$/, ''));

describe('layers of host/', () => {
  test('every folder of host/ is a layer of this table', () => {
    const folders = readdirSync(join(ROOT, 'host'), { withFileTypes: true }).filter((it) => it.isDirectory());
    const names = folders.map((it) => it.name).filter((name) => name !== 'ambient');
    expect(names.filter((name) => !(name in BELOW))).toEqual([]);
  });

  test.each(Object.entries(BELOW))('%s imports downwards only', (layer, below) => {
    const allowed = ['kernel/abi/', `host/${layer}/`, ...below.map((name) => `host/${name}/`)];
    const wrong = importsBelow(`host/${layer}`).filter(
      ({ to, relative }) =>
        relative && to.startsWith('..') === false && !allowed.some((folder) => to.startsWith(folder)),
    );
    // The faces also point at built or shipped files, which are data and no code.
    expect(shown(FACES.includes(layer) ? wrong.filter(({ to }) => /\.(ts|js)$/.test(to)) : wrong)).toEqual(
      [],
    );
  });

  test.each(Object.keys(BELOW).filter((layer) => !FACES.includes(layer)))(
    '%s imports neither Node nor a package that is not portable',
    (layer) => {
      const wrong = importsBelow(`host/${layer}`).filter(
        ({ to, relative }) => !relative && (isNode(to) || !PORTABLE.includes(packageOf(to))),
      );
      expect(shown(wrong)).toEqual([]);
    },
  );

  test('web imports nothing of Node', () => {
    expect(shown(importsBelow('host/web').filter(({ to, relative }) => !relative && isNode(to)))).toEqual([]);
  });

  test.each(Object.keys(BELOW))('the compiler knows of %s what this table says', (layer) => {
    const path = join(ROOT, `host/${layer}/tsconfig.json`);
    const config = ts.getParsedCommandLineOfConfigFile(
      path,
      {},
      { ...ts.sys, onUnRecoverableConfigFileDiagnostic: fail },
    );
    const references = (config?.projectReferences ?? []).map(({ path: to }) => to.slice(ROOT.length));
    const expected = ['kernel/abi', ...(BELOW[layer] ?? []).map((name) => `host/${name}`)];
    expect(references.sort()).toEqual(expected.sort());
    const libraries = (config?.options.lib ?? []).filter((lib) => /dom|worker/i.test(lib));
    const types = config?.options.types ?? [];
    if (layer !== 'web') expect(libraries).toEqual([]);
    expect(types).toEqual(layer === 'web' ? ['vite/client'] : layer === 'cli' ? ['node'] : []);
  });
});

describe('rooms of host/machine', () => {
  test('every folder is a room of this table', () => {
    const folders = readdirSync(join(ROOT, 'host/machine'), { withFileTypes: true });
    const names = folders.filter((it) => it.isDirectory()).map((it) => it.name);
    expect(names.sort()).toEqual(Object.keys(ROOMS).sort());
  });

  test.each(Object.entries(ROOMS))('%s imports no room above it, and none beside it', (room, below) => {
    const allowed = [room, ...below].map((name) => `host/machine/${name}/`);
    const wrong = importsBelow(`host/machine/${room}`).filter(
      ({ to }) => to.startsWith('host/machine/') && !allowed.some((folder) => to.startsWith(folder)),
    );
    expect(shown(wrong)).toEqual([]);
  });
});

describe('everywhere', () => {
  test('imports go round nowhere, types included', () => {
    const files = ['host', 'kernel', 'drivers', 'test'].flatMap(sources);
    const numbers = new Map(files.map((file, number) => [file, number]));
    // AssemblyScript names a file without its ending, and a folder for its index.
    const numberOf = (to: string): number | undefined =>
      [to, `${to}.ts`, `${to}/index.ts`].map((path) => numbers.get(path)).find((it) => it !== undefined);
    const edges = files.map((file) => importsOf(file).flatMap(({ to }) => numberOf(to) ?? []));
    expect(edges.flat().length).toBeGreaterThan(files.length);
    const { cycles } = cyclesOf(edges);
    expect(cycles.map((cycle) => cycle.map((number) => files[number]).join(' → '))).toEqual([]);
  });

  test('no folder has too many files', () => {
    const counts = new Map<string, number>();
    for (const file of committed()) {
      const folder = dirname(file);
      counts.set(folder, (counts.get(folder) ?? 0) + 1);
    }
    const full = [...counts].filter(([folder, count]) => count > MOST_FILES && !LISTS.includes(folder));
    expect(full).toEqual([]);
    expect(counts.get('host/machine')).toBeLessThanOrEqual(MOST_IN_FACE);
  });
});

describe('AssemblyScript', () => {
  test('kernel/abi imports nothing but kernel/abi', () => {
    expect(shown(importsBelow('kernel/abi').filter(({ to }) => !to.startsWith('kernel/abi/')))).toEqual([]);
  });

  test('the kernel imports nothing but the kernel', () => {
    expect(shown(importsBelow('kernel').filter(({ to }) => !to.startsWith('kernel/')))).toEqual([]);
  });

  test('a driver imports its own files, drivers/include and kernel/abi', () => {
    const wrong = importsBelow('drivers').filter(({ from, to }) => {
      const [, own] = from.split('/');
      return !['drivers/include/', 'kernel/abi/', `drivers/${own}/`].some((folder) =>
        `${to}/`.startsWith(folder),
      );
    });
    expect(shown(wrong)).toEqual([]);
  });
});

function fail(diagnostic: ts.Diagnostic): never {
  throw new Error(ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n'));
}
