// Links an AssemblyScript source into a position-independent module.
//
// asc gives every address as a number. The source is built at three bases (bases.ts); where the builds differ there is an
// address, or code that depends on one (differ.ts); the third build proves what was found (relocate.ts, proof.ts). Then
// globals move into memory (layout.ts), code is made to add the bases (rewrite.ts), and the file is written (emit.ts).
//
// The same source gives the same bytes, wherever and whenever. Nothing is refused silently: LinkError says why and where.

import { VERMAGIC } from '../../kernel/abi/version.ts';
import { basesFor, LOW, MAX_ALIGNMENT, MAX_IMAGE } from './build/bases.ts';
import { BadModule } from './wasm/bytes.ts';
import { build, type Build, type BuildOptions } from './build/compile.ts';
import { entryPoints, forbidden, managedAllocations } from './build/checks.ts';
import { emit } from './build/emit.ts';
import { describeModule } from './build/describe.ts';
import { layOut, STACK_POINTER } from './build/layout.ts';
import { parse, sourceVersion, type ParseOptions } from './build/parse.ts';
import { LinkError, type Refusal } from './build/refusal.ts';
import { relocate, type Relocated } from './build/relocate.ts';
import { composeMap } from './module/source-map.ts';

export { LinkError, refusalText, type Refusal } from './build/refusal.ts';

export interface SourceFiles {
  /** Text of a file, null where there is none. Paths are relative to the root and separated by `/`. */
  readText(path: string): Promise<string | null> | string | null;
}

export interface LinkOptions {
  /** Path of the entry file, with its ending. */
  entry: string;
  files: SourceFiles;
  /** The module's name; by default the entry's base name. */
  name?: string;
  /** A driver, or one of the kernel's images: those keep all exports of the entry and may import from `host`. */
  kind: 'module' | 'image';
  /** Source text in place of AssemblyScript's `rt/stub`; by default the project's, read through `files`. */
  runtime?: string;
  optimizeLevel?: 0 | 1 | 2 | 3;
  /** By default that of this kernel. */
  vermagic?: string;
  onProgress?(text: string): void;
}

export interface Linked {
  bytes: Uint8Array;
  /** Source map over the offsets of `bytes`, as JSON. */
  map: string;
  name: string;
}

/** Where the runtime's source is looked for. */
export const RUNTIME = { module: 'drivers/include/runtime.ts', image: 'kernel/lib/runtime.ts' } as const;

async function buildOptions(options: LinkOptions): Promise<BuildOptions & ParseOptions> {
  const read = async (path: string): Promise<string | null> => options.files.readText(path);
  const runtime = options.runtime ?? (await read(RUNTIME[options.kind]));
  if (runtime === null) throw new LinkError([{ reason: `no such file: ${RUNTIME[options.kind]}` }]);
  const warned = new Set<string>();
  return {
    entry: options.entry,
    runtime,
    optimizeLevel: options.optimizeLevel ?? 3,
    read,
    onWarning(text) {
      if (!warned.has(text)) options.onProgress?.(text);
      warned.add(text);
    },
  };
}

function defaultName(entry: string): string {
  return entry.slice(entry.lastIndexOf('/') + 1).replace(/\.ts$/, '');
}

/** Own globals that stay wasm globals: the stack pointer of C code. */
function keptGlobals({ main, found, places }: Relocated): Set<number> {
  const kept = new Set<number>();
  const imported = main.imports.filter((entry) => entry.kind === 'global').length;
  for (const { name, kind, index } of main.exports) {
    if (kind !== 'global' || name !== STACK_POINTER || index < imported) continue;
    if (found.globals.has(index - imported)) {
      throw new LinkError([places.refuse('the stack pointer starts at an address of static data', null)]);
    }
    if (main.globals[index - imported]!.mutable) kept.add(index - imported);
  }
  return kept;
}

function finish(
  built: Build,
  alignment: number,
  base: { memory: number; table: number },
  relocated: Relocated,
  options: LinkOptions,
  srcversion: string,
): Linked {
  const { main, found, places } = relocated;
  const refusals: Refusal[] = [
    ...forbidden(main, options.kind, places, built.importOf),
    ...(options.kind === 'image' ? managedAllocations(main, places) : entryPoints(main, places)),
  ];
  const name = options.name ?? defaultName(options.entry);
  const layout = layOut(main, found, base, alignment, keptGlobals(relocated));
  if (layout.size > MAX_IMAGE) {
    throw new LinkError([{ reason: `static data of more than ${MAX_IMAGE} bytes: ${layout.size}` }]);
  }
  // As the kernel's own build marks its modules; one from elsewhere taints the kernel.
  if (options.kind === 'module' && !options.entry.startsWith('../'))
    built.declarations.info.push(['intree', 'Y']);
  const { kind, vermagic = VERMAGIC } = options;
  const described = describeModule(built, main, layout, places, { name, kind, vermagic, srcversion });
  refusals.push(...described.refusals);
  if (refusals.length) throw new LinkError(refusals);
  const emitted = emit(main, layout, found, {
    name,
    alignment,
    exports: described.exports,
    functionNames: places.names.functions,
    custom: described.sections,
    sourceMapUrl: `${name}${options.kind === 'module' ? '.ko' : ''}.wasm.map`,
  });
  return { bytes: emitted.bytes, map: composeMap(built.map, emitted.marks, emitted.bodies), name };
}

/** Links a source. Throws LinkError. */
export async function link(options: LinkOptions): Promise<Linked> {
  try {
    return await linkAt({ ...options, entry: options.entry.replace(/^(\.\/)+/, '') });
  } catch (error) {
    // asc emitted what this linker does not know: the source asked for it
    if (error instanceof BadModule) throw new LinkError([{ reason: error.message, file: options.entry }]);
    throw error;
  }
}

async function linkAt(options: LinkOptions): Promise<Linked> {
  if (!options.entry.endsWith('.ts')) {
    throw new LinkError([{ reason: `not an AssemblyScript file: ${options.entry}` }]);
  }
  const settings = await buildOptions(options);
  options.onProgress?.(`building ${options.entry}`);
  const parsed = await parse(settings);
  const low = build(parsed, settings, LOW);
  const { alignment } = low;
  if (alignment > MAX_ALIGNMENT) {
    throw new LinkError([
      { reason: `static data is aligned to more than ${MAX_ALIGNMENT} bytes: ${alignment}` },
    ]);
  }
  const bases = basesFor(alignment);
  const main = build(parsed, settings, bases.main);
  const high = build(parsed, settings, bases.high);
  const relocated = relocate({ low, main, high }, bases);
  return finish(main, alignment, bases.main, relocated, options, sourceVersion(parsed.sources));
}
