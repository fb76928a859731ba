// Reads a source with everything it imports, once for all builds of it.
//
// asc does not change a syntax tree when it compiles, so the three builds of a link share one, and all links share that of
// the standard library, which is most of the work. `rt/stub` is replaced by the project's runtime. The order of files is
// asc's own: nothing may depend on what was linked before.

import * as asc from 'assemblyscript';
import { libraryFiles } from 'assemblyscript/asc';
import { refusalAt } from './arguments.ts';
import { takeDeclarations, type Declarations } from './declarations.ts';
import { LinkError, type Refusal } from './refusal.ts';
import { sha256 } from '../module/sha256.ts';
import { LIBRARY } from '../module/source-map.ts';

export interface ParseOptions {
  /** Path of the entry with its ending. */
  entry: string;
  runtime: string;
  read: (path: string) => Promise<string | null>;
  onWarning: (text: string) => void;
}

export interface Parsed {
  entry: string;
  sources: asc.Source[];
  declarations: Declarations;
}

/** A file's syntax tree and what it imports, by asc's paths without endings. */
interface ParsedFile {
  source: asc.Source;
  imports: { path: string; range: asc.Range }[];
}

/** "Will require an explicit cast when switching between 32/64-bit": addresses have 32 bits here. */
const PORTABILITY_WARNING = 201;
const RUNTIME = `${LIBRARY}rt/stub`;
const RUNTIME_INDEX = 'rt/index-stub';

/** Files of the standard library, by their paths. */
const library = new Map<string, ParsedFile>();

/** Passes warnings on and throws the errors. */
export function checkDiagnostics(
  diagnostics: readonly asc.DiagnosticMessage[],
  onWarning: (text: string) => void,
): void {
  const refusals: Refusal[] = [];
  for (const one of diagnostics) {
    if (asc.isWarning(one) && one.code !== PORTABILITY_WARNING)
      onWarning(asc.formatDiagnostic(one, false, false));
    if (asc.isError(one))
      refusals.push(one.range ? refusalAt(one.range, one.message) : { reason: one.message });
  }
  if (refusals.length) throw new LinkError(refusals);
}

function parseFile(
  text: string,
  path: string,
  entry: boolean,
  diagnostics: asc.DiagnosticMessage[],
): ParsedFile {
  const sources: asc.Source[] = [];
  const parser = new asc.Parser(diagnostics, sources);
  parser.parseFile(text, path, entry);
  const imports = parser.backlog.map((wanted) => ({
    path: wanted,
    range: parser.dependees.get(wanted)!.reportNode.range,
  }));
  return { source: sources[0]!, imports };
}

/** A file of the standard library by its name in it. */
function libraryFile(name: string): ParsedFile {
  let file = library.get(name);
  if (!file) {
    const diagnostics: asc.DiagnosticMessage[] = [];
    file = parseFile(libraryFiles[name]!, `${LIBRARY}${name}.ts`, name === RUNTIME_INDEX, diagnostics);
    library.set(name, file);
  }
  return file;
}

class Reader {
  readonly sources: asc.Source[] = [];
  readonly diagnostics: asc.DiagnosticMessage[] = [];
  private readonly options: ParseOptions;
  private readonly queue: ParsedFile['imports'] = [];
  private readonly seen = new Set<string>();

  constructor(options: ParseOptions) {
    this.options = options;
  }

  async run(): Promise<void> {
    for (const name of Object.keys(libraryFiles)) if (!name.includes('/')) this.add(libraryFile(name));
    this.add(libraryFile(RUNTIME_INDEX));
    const { entry } = this.options;
    const text = await this.options.read(entry);
    if (text === null) throw new LinkError([{ reason: `no such file: ${entry}` }]);
    this.add(parseFile(text, entry, true, this.diagnostics));
    for (let next = this.queue.shift(); next; next = this.queue.shift()) {
      const file = await this.find(next.path);
      if (!file) throw new LinkError([refusalAt(next.range, `no such file: ${next.path}.ts`)]);
      this.add(file);
    }
  }

  private add({ source, imports }: ParsedFile): void {
    if (this.sources.some(({ internalPath }) => internalPath === source.internalPath)) return;
    this.seen.add(source.internalPath);
    this.sources.push(source);
    for (const one of imports) {
      if (this.seen.has(one.path)) continue;
      this.seen.add(one.path);
      this.queue.push(one);
    }
  }

  private async find(path: string): Promise<ParsedFile | null> {
    if (path === RUNTIME) return parseFile(this.options.runtime, `${path}.ts`, false, this.diagnostics);
    if (path.startsWith(LIBRARY)) {
      const name = path.slice(LIBRARY.length);
      const found = [name, `${name}/index`].find((one) => Object.hasOwn(libraryFiles, one));
      return found === undefined ? null : libraryFile(found);
    }
    for (const place of [`${path}.ts`, `${path}/index.ts`]) {
      const text = await this.options.read(place);
      if (text !== null) return parseFile(text, place, false, this.diagnostics);
    }
    return null;
  }
}

/** Parses a source and takes its declarations. Throws LinkError with what asc, or a declaration, has wrong. */
export async function parse(options: ParseOptions): Promise<Parsed> {
  const reader = new Reader(options);
  await reader.run();
  checkDiagnostics(reader.diagnostics, options.onWarning);
  const { refusals, ...declarations } = takeDeclarations(reader.sources, options.entry);
  if (refusals.length) throw new LinkError(refusals);
  return { entry: options.entry, sources: reader.sources, declarations };
}

/**
 * What tells a module's sources from others': 24 hexadecimal letters, as Linux's srcversion. Only what the files say
 * counts, not where they lie; the standard library does not.
 */
export function sourceVersion(sources: readonly asc.Source[]): string {
  const texts = sources.filter(({ isLibrary }) => !isLibrary).map(({ text }) => text);
  return sha256(new TextEncoder().encode(texts.join('\0')))
    .slice(0, 24)
    .toUpperCase();
}
