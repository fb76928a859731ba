// One AssemblyScript file compiled by asc alone, with the language's default runtime: what the project's own images are
// measured against. Nothing of the linker takes part.

import { join } from 'node:path';
import asc from 'assemblyscript/asc';
import { KERNEL_MEMORY, WASM_PAGE } from '../../../kernel/abi/map.ts';
import { writeTogether } from './user-files.ts';
import { Failure } from '../io.ts';
import { Sources, sourcePath } from './sources.ts';
import type { LinkedFile } from './link-file.ts';

/** Compiles `entry` to `out`, for a shared memory of the kernel's size. Throws Failure with what asc says. */
export async function ascFile(entry: string, out: string): Promise<LinkedFile> {
  const sources = new Sources();
  const pages = String(KERNEL_MEMORY / WASM_PAGE);
  const written = new Map<string, Uint8Array>();
  const said = asc.createMemoryStream();
  const { error } = await asc.main(
    [
      sourcePath(entry),
      ...['--outFile', 'out.wasm', '--sourceMap', '-O3', '--runtime', 'incremental', '--use', 'abort='],
      ...['--importMemory', '--sharedMemory', '--enable', 'threads'],
      ...['--initialMemory', pages, '--maximumMemory', pages],
    ],
    {
      // asconfig.json is for editors; what counts is said here.
      readFile: (name: string, base: string) =>
        name.endsWith('asconfig.json') ? null : sources.readText(join(base, name)),
      writeFile: (name: string, content: string | Uint8Array) =>
        void written.set(name, typeof content === 'string' ? new TextEncoder().encode(content) : content),
      listFiles: () => [],
      stderr: said,
    },
  );
  const bytes = written.get('out.wasm');
  if (error || !bytes) throw new Failure(`${entry} is not compiled\n${said.toString().trim()}`);
  writeTogether('the image', [
    [out, bytes],
    [`${out}.map`, written.get('out.wasm.map') ?? ''],
  ]);
  return { bytes: bytes.length, sources: sources.read };
}
