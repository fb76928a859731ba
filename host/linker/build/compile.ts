// One build of a parsed source by AssemblyScript's compiler, at a given base.
//
// Drives the compiler's own interface instead of its command line: no configuration file is read and no process is ended
// when the compiler fails. A build is synchronous, so that builds never meet in what they share, the syntax tree. abort is
// left out: a failed assertion is an `unreachable` at its own place in the source.

import * as asc from 'assemblyscript';
import { version } from 'assemblyscript/asc';
import type { Base } from './bases.ts';
import type { Declarations } from './declarations.ts';
import { checkDiagnostics, type Parsed } from './parse.ts';
import { LinkError } from './refusal.ts';
import type { Place } from '../module/source-map.ts';
import { KIND_IN, KIND_LENGTH, KIND_OUT, KIND_SCALAR } from '../../../kernel/abi/module.ts';

export interface BuildOptions {
  optimizeLevel: number;
  onWarning: (text: string) => void;
}

export interface Build {
  bytes: Uint8Array;
  /** asc's source map as JSON, with the texts of the sources. */
  map: string;
  declarations: Declarations;
  /** The largest alignment that static data asked for. */
  alignment: number;
  /** AssemblyScript's type of each module parameter. */
  parameterTypes: Map<string, string>;
  /** Kinds of an exported function's parameters, from the names of their declared types; null where it is no function. */
  kindsOf: (name: string) => number[] | null;
  /** Where an import is declared. */
  importOf: (module: string, name: string) => Place | null;
  /** Where a function is declared, by its full name or by its own: code without a line of its own leads there. */
  declarationOf: (name: string) => Place | null;
}

export const CONSTRUCTORS = '__wasm_call_ctors';

/** Pages that every base and image fits into; equal in all builds, so that nothing depends on it. */
const BUILD_PAGES = 4096;
const MAX_PAGES = 65536;

/** asc's compiler, which also tells how data was aligned, and gives a failed assertion its place in the source. */
class Compiler extends asc.Compiler {
  largestAlignment = 16;

  override addAlignedMemorySegment(buffer: Uint8Array, alignment = 16): asc.MemorySegment {
    this.largestAlignment = Math.max(this.largestAlignment, alignment);
    return super.addAlignedMemorySegment(buffer, alignment);
  }

  override makeAbort(message: asc.Expression | null, codeLocation: asc.Node): number {
    const trap = super.makeAbort(message, codeLocation);
    this.addDebugLocation(trap, codeLocation.range);
    return trap;
  }

  override makeStaticAbort(message: number, codeLocation: asc.Node): number {
    const trap = super.makeStaticAbort(message, codeLocation);
    this.addDebugLocation(trap, codeLocation.range);
    return trap;
  }
}

function compilerOptions(base: Base, optimizeLevel: number): asc.Options {
  const options = asc.newOptions();
  asc.setTarget(options, 0);
  asc.setRuntime(options, 0);
  asc.setDebugInfo(options, true);
  asc.setSourceMap(options, true);
  asc.setOptimizeLevelHints(options, optimizeLevel, 0);
  asc.setImportMemory(options, true);
  asc.setExportMemory(options, false);
  asc.setSharedMemory(options, true);
  asc.setInitialMemory(options, BUILD_PAGES);
  asc.setMaximumMemory(options, MAX_PAGES);
  asc.setImportTable(options, true);
  asc.setMemoryBase(options, base.memory);
  asc.setTableBase(options, base.table);
  asc.setExportStart(options, CONSTRUCTORS);
  asc.setFeature(options, asc.FEATURE_THREADS, true);
  asc.addGlobalAlias(options, 'abort', '');
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number);
  asc.setBundleVersion(options, major, minor, patch);
  return options;
}

function parameterTypes(program: asc.Program, { entry, declarations }: Parsed): Map<string, string> {
  const types = new Map<string, string>();
  const file = program.filesByName.get(entry.replace(/\.ts$/, ''));
  for (const { name } of declarations.parameters) {
    const element = file?.getMember(name);
    if (element instanceof asc.Global) types.set(name, element.type.toString());
  }
  return types;
}

/** Names of types that say what a parameter is; an alias of another name is a scalar. */
const KINDS = new Map([
  ['InBuffer', KIND_IN],
  ['OutBuffer', KIND_OUT],
  ['Length', KIND_LENGTH],
]);

function kindsOf(program: asc.Program, entry: string, name: string): number[] | null {
  const element = program.filesByName.get(entry.replace(/\.ts$/, ''))?.lookupExport(name);
  if (!(element instanceof asc.FunctionPrototype)) return null;
  return element.functionTypeNode.parameters.map(({ type }) => {
    if (!(type instanceof asc.NamedTypeNode) || type.name.next) return KIND_SCALAR;
    const definition = element.file.lookup(type.name.identifier.text, true);
    return (definition instanceof asc.TypeDefinition && KINDS.get(definition.name)) || KIND_SCALAR;
  });
}

function placeOf(range: asc.Range): Place {
  return {
    file: range.source.normalizedPath,
    line: range.source.lineAt(range.start),
    column: range.source.columnAt(),
  };
}

/** Whether a declaration has `@external("module", "name")`. */
function isExternal(decorators: asc.DecoratorNode[] | null, module: string, name: string): boolean {
  return (decorators ?? []).some(({ decoratorKind, args }) => {
    if (decoratorKind !== asc.DecoratorKind.External) return false;
    const texts = (args ?? []).map((arg) => (arg instanceof asc.StringLiteralExpression ? arg.value : null));
    return texts[0] === module && texts[1] === name;
  });
}

function importOf(sources: readonly asc.Source[], module: string, name: string): Place | null {
  for (const source of sources.filter(({ isLibrary }) => !isLibrary)) {
    for (const statement of source.statements) {
      const declared: readonly asc.DeclarationStatement[] =
        statement instanceof asc.VariableStatement
          ? statement.declarations
          : statement instanceof asc.FunctionDeclaration
            ? [statement]
            : [];
      for (const one of declared)
        if (isExternal(one.decorators, module, name)) return placeOf(one.name.range);
    }
  }
  return null;
}

function declarationOf(program: asc.Program, name: string): Place | null {
  let element = program.instancesByName.get(name);
  if (!element) for (const one of program.instancesByName.values()) if (one.name === name) element = one;
  if (!(element instanceof asc.Function) || element.declaration.range.source.isLibrary) return null;
  return placeOf(element.declaration.range);
}

/** The map that binaryen wrote, with the sources' texts. */
function completeMap(program: asc.Program, json: string | null): string {
  const map = JSON.parse(json ?? '{"version":3,"sources":[],"names":[],"mappings":""}') as {
    sources: string[];
    sourcesContent?: (string | null)[];
  };
  map.sourcesContent = map.sources.map((name) => asc.getSource(program, name.replace(/\.ts$/, '')));
  return JSON.stringify(map);
}

/** asc fails an assertion of its own where it does not know how to go on. */
function compiled(compiler: Compiler, entry: string): asc.Module {
  try {
    return compiler.compile();
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    throw new LinkError([{ reason: `the compiler failed: ${said}`, file: entry }]);
  }
}

/** Builds a source at a base. Throws LinkError with what asc says. */
export function build(parsed: Parsed, options: BuildOptions, base: Base): Build {
  const program = asc.newProgram(compilerOptions(base, options.optimizeLevel));
  for (const source of parsed.sources) {
    source.debugInfoIndex = -1; // the one thing that compiling leaves in a tree: a number of the module it went into
    program.sources.push(source);
  }
  asc.initializeProgram(program);
  const compiler = new Compiler(program);
  const module = compiled(compiler, parsed.entry);
  try {
    checkDiagnostics(program.diagnostics, options.onWarning);
    module.optimize(options.optimizeLevel, 0, true, false);
    const { output, sourceMap } = module.toBinary('map');
    return {
      bytes: output,
      map: completeMap(program, sourceMap),
      declarations: parsed.declarations,
      alignment: compiler.largestAlignment,
      parameterTypes: parameterTypes(program, parsed),
      kindsOf: (name) => kindsOf(program, parsed.entry, name),
      importOf: (module, name) => importOf(parsed.sources, module, name),
      declarationOf: (name) => declarationOf(program, name),
    };
  } finally {
    module.dispose();
  }
}
