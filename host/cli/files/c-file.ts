// A driver in C, from its source to NAME.ko.wasm: the distribution's clang and wasm-ld, with the flags that are written in
// drivers/include/isolab.h. Nothing of ours has a part in it: what comes out is what anybody's build makes.

import { spawn } from 'node:child_process';
import { accessSync, constants, mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { readBytes, writeTogether } from './user-files.ts';
import { Failure } from '../io.ts';
import { ROOT } from '../root.ts';

const INCLUDE = join(ROOT, 'drivers/include');

/** Of the compiler; each is needed but for -O2, -g and the warnings. */
export const COMPILE_FLAGS: readonly string[] = [
  '--target=wasm32-unknown-emscripten', // the only one for which clang makes position-independent code
  '-std=c11',
  '-O2',
  '-g',
  '-fPIC',
  '-fvisibility=default', // what is hidden is not exported
  '-Wall',
  '-Wextra',
  '-Wno-unused-parameter', // operations have the kernel's parameters, needed or not
];

/** Of the linker; the last exports the constructors, which nobody runs otherwise. */
export const LINK_FLAGS: readonly string[] = [
  '--experimental-pic',
  '-shared',
  '--no-entry',
  '--export-dynamic',
  '--allow-undefined',
  '--export-if-defined=__wasm_call_ctors',
];

/** Names under which distributions have them, the plain one first: `clang-19`. */
const VERSIONS = ['', ...Array.from({ length: 17 }, (_, i) => `-${30 - i}`)];

const INSTALL = 'install it (Debian: apt-get install clang lld)';

function onPath(name: string): string | undefined {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter).filter((each) => each !== '')) {
    const file = join(folder, process.platform === 'win32' ? `${name}.exe` : name);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      continue; // not there, or not to be run
    }
  }
  return undefined;
}

export interface CTools {
  clang: string;
  linker: string;
}

/** Finds clang and wasm-ld on PATH. Throws Failure, which says what to install. */
export function findCTools(): CTools {
  const find = (name: string): string => {
    for (const version of VERSIONS) {
      const file = onPath(name + version);
      if (file !== undefined) return file;
    }
    throw new Failure(`a driver in C is built by clang and wasm-ld, and there is no ${name}: ${INSTALL}`);
  };
  return { clang: find('clang'), linker: find('wasm-ld') };
}

/** Runs a tool; throws Failure with what it said. @returns its warnings */
async function run(program: string, args: readonly string[], cwd: string, what: string): Promise<string> {
  const child = spawn(program, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += String(chunk)));
  const code = await new Promise<number | null>((done, failed) => {
    child.on('error', (error) => failed(new Failure(`cannot start ${program}: ${error.message}`)));
    child.on('close', done);
  });
  if (code !== 0) throw new Failure(`${what}\n${said.trimEnd()}`);
  return said.trimEnd();
}

export interface CFile {
  /** Path of the source. */
  source: string;
  /** Path of the module. */
  out: string;
  name: string;
  /** Further flags of the compiler. */
  flags?: readonly string[];
}

/**
 * Compiles and links; writes nothing where that fails.
 * @returns the module's size, and what the compiler warned of
 * @throws Failure
 */
export async function buildCFile({ source, out, name, flags = [] }: CFile): Promise<{
  bytes: number;
  warnings: string;
}> {
  const { clang, linker } = findCTools();
  const folder = mkdtempSync(join(tmpdir(), 'isolab-c-'));
  try {
    const [object, module] = [join(folder, `${name}.o`), join(folder, `${name}.ko.wasm`)];
    const file = resolve(source);
    const warnings = await run(
      clang,
      [
        ...COMPILE_FLAGS,
        `-I${INCLUDE}`,
        `-DKBUILD_MODNAME="${name}"`,
        // Where it was built is nobody's affair: the same source is the same file.
        `-ffile-prefix-map=${dirname(file)}=.`,
        `-ffile-prefix-map=${INCLUDE}=isolab`,
        ...flags,
        ...['-c', file, '-o', object],
      ],
      dirname(file),
      `${source} is not compiled`,
    );
    await run(linker, [...LINK_FLAGS, object, '-o', module], folder, `${source} is not linked`);
    const bytes = readBytes(module);
    writeTogether('the module', [[out, bytes]]);
    await rm(`${out}.map`, { force: true }); // another build's, which would name wrong lines
    return { bytes: bytes.length, warnings };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
