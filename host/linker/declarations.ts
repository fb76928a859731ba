// What a source says about its module, read and taken out of the parsed program before it is compiled.
//
//   MODULE_LICENSE("GPL"); MODULE_AUTHOR("…"); MODULE_DESCRIPTION("…"); MODULE_VERSION("…");   entry file
//   module_param(variable, "int" | "uint" | "bool", 0o444, "what it is");                     entry file
//   EXPORT_SYMBOL(fn); EXPORT_SYMBOL_GPL(fn);                        any file; the entry must export fn
//   cstr("text")                                                     anywhere: the address of a static C string
//
// Calls are known by the name that is called. Whatever stands in the wrong place or has the wrong arguments is a
// refusal with its position, never ignored. Nothing of a declaration reaches the compiler.

import * as asc from 'assemblyscript';
import type { ParameterType } from './metadata.ts';
import type { Refusal } from './refusal.ts';

export interface ParameterDeclaration {
  name: string;
  type: ParameterType;
  permissions: number;
  description: string;
  range: asc.Range;
}

export interface SymbolDeclaration {
  name: string;
  gplOnly: boolean;
  range: asc.Range;
}

export interface Declarations {
  /** license, author, description, version: in the order of the source. */
  info: [key: string, value: string][];
  parameters: ParameterDeclaration[];
  symbols: SymbolDeclaration[];
}

/** A parameter's variable is exported under its name with this prefix, so that asc keeps it; the linker drops that. */
export const PARAMETER_EXPORT = '__param_';

const INFO = new Map([
  ['MODULE_LICENSE', 'license'],
  ['MODULE_AUTHOR', 'author'],
  ['MODULE_DESCRIPTION', 'description'],
  ['MODULE_VERSION', 'version'],
]);
const SYMBOLS = new Map([
  ['EXPORT_SYMBOL', false],
  ['EXPORT_SYMBOL_GPL', true],
]);
const TYPES: readonly string[] = ['bool', 'int', 'uint'];
/** `const` of a variable in asc's syntax tree. */
const CONST_FLAG = 1 << 3;

const encoder = new TextEncoder();

/** A place in a source as a refusal. */
export function refusalAt(range: asc.Range, reason: string): Refusal {
  const { source } = range;
  const line = source.lineAt(range.start);
  return { reason, file: source.normalizedPath, line, column: source.columnAt() };
}

class Wrong extends Error {
  readonly range: asc.Range;
  constructor(range: asc.Range, reason: string) {
    super(reason);
    this.range = range;
  }
}

function textOf(node: asc.Expression | undefined, call: asc.CallExpression, what: string): string {
  let text: string | undefined;
  if (node instanceof asc.StringLiteralExpression) text = node.value;
  else if (node instanceof asc.TemplateLiteralExpression && !node.tag && !node.expressions.length)
    text = node.parts[0];
  if (text === undefined) throw new Wrong((node ?? call).range, `${what} must be a text literal`);
  if (text.includes('\0')) throw new Wrong((node ?? call).range, `${what} contains a NUL`);
  return text;
}

function nameOf(node: asc.Expression | undefined, call: asc.CallExpression, what: string): string {
  if (node instanceof asc.IdentifierExpression) return node.text;
  throw new Wrong((node ?? call).range, `${what} must be a name`);
}

function numberOf(node: asc.Expression | undefined, call: asc.CallExpression, what: string): number {
  if (node instanceof asc.IntegerLiteralExpression) return i64_low(node.value);
  throw new Wrong((node ?? call).range, `${what} must be a number literal`);
}

function calledName(node: unknown): string | null {
  if (!(node instanceof asc.CallExpression)) return null;
  return node.expression instanceof asc.IdentifierExpression ? node.expression.text : null;
}

/** `memory.data<u8>([…])` in place of a cstr() call. */
function staticText(call: asc.CallExpression): asc.Expression {
  const { range } = call;
  if (call.args.length !== 1) throw new Wrong(range, 'cstr() takes one text');
  const text = textOf(call.args[0], call, "cstr()'s argument");
  const { Node } = asc;
  const bytes = [...encoder.encode(text), 0].map((byte) =>
    Node.createIntegerLiteralExpression(i64_new(byte, 0), range),
  );
  const callee = Node.createPropertyAccessExpression(
    Node.createIdentifierExpression('memory', range),
    Node.createIdentifierExpression('data', range),
    range,
  );
  const element = Node.createNamedType(Node.createSimpleTypeName('u8', range), null, false, range);
  return Node.createCallExpression(
    callee,
    [element],
    [Node.createArrayLiteralExpression(bytes, range)],
    range,
  );
}

class Reader {
  readonly found: Declarations = { info: [], parameters: [], symbols: [] };
  readonly refusals: Refusal[] = [];

  private attempt(act: () => void): void {
    try {
      act();
    } catch (error) {
      if (!(error instanceof Wrong)) throw error;
      this.refusals.push(refusalAt(error.range, error.message));
    }
  }

  source(source: asc.Source, entry: boolean): void {
    const kept: asc.Statement[] = [];
    for (const statement of source.statements) {
      if (!this.declaration(statement, source, entry)) kept.push(statement);
    }
    source.statements = kept;
    for (const statement of kept) this.nodes(statement);
    if (!entry) return;
    for (const { name, range } of this.found.parameters) {
      const local = asc.Node.createIdentifierExpression(name, range);
      const exported = asc.Node.createIdentifierExpression(PARAMETER_EXPORT + name, range);
      const member = asc.Node.createExportMember(local, exported, range);
      kept.push(asc.Node.createExportStatement([member], null, false, range));
    }
  }

  /** Whether a top-level statement is a declaration of ours. */
  private declaration(statement: asc.Statement, source: asc.Source, entry: boolean): boolean {
    if (!(statement instanceof asc.ExpressionStatement)) return false;
    const call = statement.expression;
    const called = calledName(call);
    if (called === null || !(call instanceof asc.CallExpression)) return false;
    const key = INFO.get(called);
    const gplOnly = SYMBOLS.get(called);
    if (key === undefined && gplOnly === undefined && called !== 'module_param') return false;
    this.attempt(() => {
      if (gplOnly !== undefined) {
        this.arity(call, called, 1);
        const name = nameOf(call.args[0], call, `${called}()'s argument`);
        this.found.symbols.push({ name, gplOnly, range: call.range });
        return;
      }
      if (!entry) throw new Wrong(call.range, `${called}() stands in a file that is not the entry`);
      if (key !== undefined) {
        this.arity(call, called, 1);
        this.found.info.push([key, textOf(call.args[0], call, `${called}()'s argument`)]);
      } else this.parameter(call, source);
    });
    return true;
  }

  private arity(call: asc.CallExpression, called: string, count: number): void {
    if (call.args.length === count) return;
    throw new Wrong(
      call.range,
      `${called}() takes ${count} argument${count > 1 ? 's' : ''}, not ${call.args.length}`,
    );
  }

  private parameter(call: asc.CallExpression, source: asc.Source): void {
    this.arity(call, 'module_param', 4);
    const [variable, type, permissions, description] = call.args;
    const name = nameOf(variable, call, "module_param()'s variable");
    const typeText = textOf(type, call, "module_param()'s type");
    if (!TYPES.includes(typeText)) {
      throw new Wrong(type!.range, `module_param() knows the types bool, int and uint, not "${typeText}"`);
    }
    const mode = numberOf(permissions, call, "module_param()'s permissions");
    if (mode < 0 || mode > 0o777) throw new Wrong(permissions!.range, `permissions beyond 0o777: ${mode}`);
    const declaration = variableOf(source, name);
    if (!declaration)
      throw new Wrong(variable!.range, `module_param() names no variable of this file: ${name}`);
    if (declaration.flags & CONST_FLAG)
      throw new Wrong(variable!.range, `module_param() names a constant: ${name}`);
    if (this.found.parameters.some((known) => known.name === name)) {
      throw new Wrong(call.range, `module_param() names a variable twice: ${name}`);
    }
    this.found.parameters.push({
      name,
      type: typeText as ParameterType,
      permissions: mode,
      description: textOf(description, call, "module_param()'s description"),
      range: variable!.range,
    });
  }

  /** Walks everything below a node, puts static texts in place of cstr() and refuses declarations that are not at top level. */
  private nodes(holder: object): void {
    for (const [key, value] of Object.entries(holder)) {
      if (value instanceof asc.Node) {
        const instead = this.replacement(value);
        if (instead) Reflect.set(holder, key, instead);
        else this.nodes(value);
      } else if (Array.isArray(value)) this.nodes(value);
    }
  }

  private replacement(node: asc.Node): asc.Node | null {
    const called = calledName(node);
    if (called === null || !(node instanceof asc.CallExpression)) return null;
    let instead: asc.Node | null = null;
    this.attempt(() => {
      if (called === 'cstr') instead = staticText(node);
      else if (INFO.has(called) || SYMBOLS.has(called) || called === 'module_param') {
        throw new Wrong(node.range, `${called}() does not stand at the top level of a file`);
      }
    });
    return instead;
  }
}

/** A variable that is declared at the top level of a file. */
function variableOf(source: asc.Source, name: string): asc.VariableDeclaration | null {
  for (const statement of source.statements) {
    if (!(statement instanceof asc.VariableStatement)) continue;
    for (const declaration of statement.declarations) if (declaration.name.text === name) return declaration;
  }
  return null;
}

/** Reads and removes the declarations of a parsed program's own files. */
export function takeDeclarations(
  sources: readonly asc.Source[],
  entry: string,
): Declarations & { refusals: Refusal[] } {
  const reader = new Reader();
  for (const source of sources) {
    if (!source.isLibrary && /cstr|MODULE_|module_param|EXPORT_SYMBOL/.test(source.text)) {
      reader.source(source, source.normalizedPath === entry);
    }
  }
  return { ...reader.found, refusals: reader.refusals };
}
