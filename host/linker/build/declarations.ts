// What a source says about its module, read and taken out of the parsed program before it is compiled.
//
//   MODULE_LICENSE("GPL"); MODULE_AUTHOR("…"); MODULE_DESCRIPTION("…"); MODULE_VERSION("…");     entry file
//   MODULE_ALIAS("devname:…"); MODULE_SOFTDEP("pre: a b post: c"); MODULE_RESTART("transient");    entry file
//   module_param(variable, "bool" | "int" | "uint" | "charp", 0o444, "what it is");             entry file
//   module_param_array(array, "int" | …, 0o444, "what it is"); MODULE_PERSIST(variable);        entry file
//   EXPORT_SYMBOL(name); EXPORT_SYMBOL_GPL(name);       any file; the entry must export the function or variable
//   cstr("text")                                        anywhere: the address of a static C string
//
// Calls are known by the name that is called. Whatever stands in the wrong place or has the wrong arguments is a
// refusal with its position, never ignored. Nothing of a declaration reaches the compiler.

import * as asc from 'assemblyscript';
import {
  arity,
  calledName,
  modeOf,
  nameOf,
  refusalAt,
  staticText,
  textOf,
  ArgumentError,
} from './arguments.ts';
import { PARAMETER_TYPES, type ParameterType } from '../module/metadata.ts';
import type { Refusal } from './refusal.ts';

export interface ParameterDeclaration {
  name: string;
  type: ParameterType;
  array: boolean;
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
  /** license, author, description, version, alias, softdep, restart: in the order of the source. */
  info: [key: string, value: string][];
  parameters: ParameterDeclaration[];
  /** Names of the parameters that are kept over rmmod. */
  persistent: string[];
  symbols: SymbolDeclaration[];
}

/** A parameter's variable is exported under its name with this prefix, so that asc keeps it; the linker drops that. */
export const PARAMETER_EXPORT = '__param_';

const INFO = new Map([
  ['MODULE_LICENSE', 'license'],
  ['MODULE_AUTHOR', 'author'],
  ['MODULE_DESCRIPTION', 'description'],
  ['MODULE_VERSION', 'version'],
  ['MODULE_ALIAS', 'alias'],
  ['MODULE_SOFTDEP', 'softdep'],
  ['MODULE_RESTART', 'restart'],
]);
/** What a module can say only once. */
const SINGLE: readonly string[] = ['license', 'description', 'version', 'restart'];
/** A word of a restart policy; host/machine/supervisor/policy-text.ts says what each means. */
const RESTART =
  /^(permanent|transient|temporary|essential|dispensable|owners:(tell|restart)|backoff:\d+\/\d+|stable:\d+|intensity:(inf|\d+)\/\d+)$/;
const SYMBOLS = new Map([
  ['EXPORT_SYMBOL', false],
  ['EXPORT_SYMBOL_GPL', true],
]);
const PARAMETERS: readonly string[] = ['module_param', 'module_param_array'];
const PERSIST = 'MODULE_PERSIST';
/** `const` of a variable in asc's syntax tree. */
const CONST_FLAG = 1 << 3;
const MODULE_NAME = /^[A-Za-z0-9_-]{1,55}$/;

function isDeclaration(called: string): boolean {
  return INFO.has(called) || SYMBOLS.has(called) || PARAMETERS.includes(called) || called === PERSIST;
}

/** Why a text cannot stand under a key of .modinfo; null where it can. */
function wrongInfo(key: string, text: string): string | null {
  if (key === 'alias' && !/^[!-~]+$/.test(text))
    return `an alias is a word of printable ASCII letters, not ${JSON.stringify(text)}`;
  if (key === 'restart') {
    const wrong = text.split(',').find((word) => !RESTART.test(word));
    return wrong === undefined ? null : `not a word of a restart policy: ${JSON.stringify(wrong)}`;
  }
  if (key !== 'softdep') return null;
  const words = text.split(' ');
  const lists = words.filter((word) => word === 'pre:' || word === 'post:');
  const names = words.filter((word) => MODULE_NAME.test(word));
  const whole = lists.length + names.length === words.length && names.length > 0;
  return whole && lists[0] === words[0]
    ? null
    : `a softdep is "pre: a b post: c", not ${JSON.stringify(text)}`;
}

class Reader {
  readonly found: Declarations = { info: [], parameters: [], persistent: [], symbols: [] };
  readonly refusals: Refusal[] = [];
  private readonly persistent: asc.CallExpression[] = [];

  private attempt(act: () => void): void {
    try {
      act();
    } catch (error) {
      if (!(error instanceof ArgumentError)) throw error;
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
    for (const call of this.persistent)
      this.attempt(() => {
        this.persist(call);
      });
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
    if (!isDeclaration(called)) return false;
    this.attempt(() => {
      const gplOnly = SYMBOLS.get(called);
      if (gplOnly !== undefined) {
        arity(call, called, 1);
        const name = nameOf(call.args[0], call, `${called}()'s argument`);
        this.found.symbols.push({ name, gplOnly, range: call.range });
        return;
      }
      if (!entry) throw new ArgumentError(call.range, `${called}() stands in a file that is not the entry`);
      const key = INFO.get(called);
      if (key !== undefined) this.info(call, called, key);
      else if (called === PERSIST) this.persistent.push(call);
      else this.parameter(call, called, source);
    });
    return true;
  }

  private info(call: asc.CallExpression, called: string, key: string): void {
    arity(call, called, 1);
    const text = textOf(call.args[0], call, `${called}()'s argument`);
    const wrong = wrongInfo(key, text);
    if (wrong !== null) throw new ArgumentError(call.args[0]!.range, wrong);
    if (SINGLE.includes(key) && this.found.info.some(([known]) => known === key))
      throw new ArgumentError(call.range, `${called}() stands twice`);
    this.found.info.push([key, text]);
  }

  private parameter(call: asc.CallExpression, called: string, source: asc.Source): void {
    arity(call, called, 4);
    const [variable, type, permissions, description] = call.args;
    const name = nameOf(variable, call, `${called}()'s variable`);
    const typeText = textOf(type, call, `${called}()'s type`);
    const known = PARAMETER_TYPES.find((each) => each === typeText);
    if (!known) {
      throw new ArgumentError(
        type!.range,
        `${called}() knows the types bool, int, uint and charp, not "${typeText}"`,
      );
    }
    const mode = modeOf(permissions, call, `${called}()'s permissions`);
    const declaration = variableOf(source, name);
    if (!declaration)
      throw new ArgumentError(variable!.range, `${called}() names no variable of this file: ${name}`);
    const array = called === 'module_param_array';
    const constant = (declaration.flags & CONST_FLAG) !== 0;
    if (constant && !array) throw new ArgumentError(variable!.range, `${called}() names a constant: ${name}`);
    if (array && !constant)
      throw new ArgumentError(variable!.range, `an array of parameters must be a const: ${name}`);
    if (this.found.parameters.some((each) => each.name === name)) {
      throw new ArgumentError(call.range, `${called}() names a variable twice: ${name}`);
    }
    this.found.parameters.push({
      name,
      type: known,
      array,
      permissions: mode,
      description: textOf(description, call, `${called}()'s description`),
      range: variable!.range,
    });
  }

  /** Once all parameters are known. */
  private persist(call: asc.CallExpression): void {
    arity(call, PERSIST, 1);
    const name = nameOf(call.args[0], call, `${PERSIST}()'s argument`);
    if (!this.found.parameters.some((each) => each.name === name))
      throw new ArgumentError(call.args[0]!.range, `${PERSIST}() names no parameter: ${name}`);
    if (this.found.persistent.includes(name))
      throw new ArgumentError(call.range, `${PERSIST}() names a parameter twice: ${name}`);
    this.found.persistent.push(name);
  }

  /** Walks everything below a node, puts static texts in place of cstr() and refuses declarations that are not at top level. */
  private nodes(holder: object): void {
    for (const [key, value] of Object.entries(holder)) {
      if (value instanceof asc.Node) {
        const replacement = this.replacement(value);
        if (replacement) Reflect.set(holder, key, replacement);
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
      else if (isDeclaration(called)) {
        throw new ArgumentError(node.range, `${called}() does not stand at the top level of a file`);
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
