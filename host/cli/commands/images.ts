// `isolab images`: the project's own images and drivers into dist/images, each only when one of its sources or the
// linker has changed. A part of the build; of use by hand while working on kernel/ or drivers/.

import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import type { Command } from 'commander';
import type { Io } from '../io.ts';
import type { LinkFile } from '../files/link-file.ts';
import { IMAGES, ROOT } from '../root.ts';
import { hash, Sources } from '../files/sources.ts';

const KERNEL_IMAGES = ['kernel', 'domain', 'driver-loop', 'user'];
/** Built by asc alone: what the kernel's own code is measured against. */
const FLOORS = ['tlsf'];
const FLOPPY = join(ROOT, 'host/lab/assets/floppy.img');
const MANIFEST = join(IMAGES, '.sources.json');

/** Per output: what made it, by SHA-256. */
type Manifest = Record<string, { tools: string; sources: Record<string, string> } | undefined>;

/** An output of the linker, or of asc alone. */
type Output = Omit<LinkFile, 'kind'> & { kind: LinkFile['kind'] | 'floor' };

/** Everything that is built: the images, and each driver: drivers/NAME.ts or drivers/NAME/NAME.ts. */
function outputs(): Output[] {
  const images = [...KERNEL_IMAGES, ...FLOORS].map((name): Output => {
    const kind = FLOORS.includes(name) ? 'floor' : 'image';
    return { name, kind, entry: join(ROOT, `kernel/${name}.ts`), out: join(IMAGES, `${name}.wasm`) };
  });
  const drivers = readdirSync(join(ROOT, 'drivers'))
    .sort()
    .flatMap((file): Output[] => {
      const name = file.replace(/\.ts$/, '');
      const entry = join(ROOT, 'drivers', file.endsWith('.ts') ? file : `${file}/${file}.ts`);
      return existsSync(entry) ? [{ name, kind: 'module', entry, out: join(IMAGES, `${name}.ko.wasm`) }] : [];
    });
  return [...images, ...drivers];
}

/** The linker's own code and the compiler's version: a change of either makes every output old. */
function tools(): string {
  const linker = join(ROOT, 'dist/host/linker');
  const files = readdirSync(linker, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.js'),
  );
  const texts = [
    ...files.sort().map((file) => join(linker, file)),
    join(ROOT, 'dist/host/cli/files/asc-file.js'),
  ].map((file) => readFileSync(file, 'utf8'));
  return hash(
    [...texts, readFileSync(join(ROOT, 'node_modules/assemblyscript/package.json'), 'utf8')].join('\0'),
  );
}

function readManifest(): Manifest {
  // Written by us below; whatever else it holds, an output is rebuilt when its hashes do not match.
  return existsSync(MANIFEST) ? (JSON.parse(readFileSync(MANIFEST, 'utf8')) as Manifest) : {};
}

function current(output: Output, made: Manifest[string], wanted: string): boolean {
  if (made?.tools !== wanted || !existsSync(output.out) || !existsSync(`${output.out}.map`)) return false;
  const sources = new Sources();
  for (const path of Object.keys(made.sources)) sources.readText(path);
  return Object.entries(made.sources).every(([path, sum]) => sources.read.get(path) === sum);
}

/** Removes what a source that is gone was built into. */
function prune(wanted: Output[]): void {
  if (!existsSync(IMAGES)) return;
  const files = new Set(wanted.flatMap(({ out }) => [basename(out), `${basename(out)}.map`]));
  for (const file of readdirSync(IMAGES)) {
    if (/\.wasm(\.map)?$/.test(file) && !files.has(file)) rmSync(join(IMAGES, file));
  }
}

export function addImages(program: Command, io: Io): void {
  program
    .command('images')
    .summary("build the kernel's images and the project's drivers")
    .description(
      "Builds the kernel's images and the project's drivers into dist/images, where they are out of date.",
    )
    .action(async () => {
      const { linkFile } = await import('../files/link-file.ts');
      const { ascFile } = await import('../files/asc-file.ts');
      mkdirSync(IMAGES, { recursive: true });
      const wanted = tools();
      const manifest = readManifest();
      const wantedOutputs = outputs();
      prune(wantedOutputs);
      for (const output of wantedOutputs) {
        if (current(output, manifest[output.name], wanted)) continue;
        io.signal.throwIfAborted();
        const started = performance.now();
        const { kind, entry, out } = output;
        const { bytes, sources } =
          kind === 'floor' ? await ascFile(entry, out) : await linkFile({ ...output, kind });
        manifest[output.name] = { tools: wanted, sources: Object.fromEntries(sources) };
        writeFileSync(MANIFEST, `${JSON.stringify(manifest, null, 1)}\n`);
        io.progress(`${output.name}: ${bytes} bytes, ${Math.round(performance.now() - started)} ms`);
      }
      // The page has its disk image where it has everything else.
      copyFileSync(FLOPPY, join(IMAGES, basename(FLOPPY)));
    });
}
