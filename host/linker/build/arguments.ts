// The arguments of a declaration's call, as they stand in the syntax tree. What is not as it must be is thrown as Wrong, with
// its place.

import * as asc from 'assemblyscript';
import type { Refusal } from './refusal.ts';

/** A place in a source as a refusal. */
export function refusalAt(range: asc.Range, reason: string): Refusal {
  const { source } = range;
  const line = source.lineAt(range.start);
  return { reason, file: source.normalizedPath, line, column: source.columnAt() };
}

export class ArgumentError extends Error {
  readonly range: asc.Range;
  constructor(range: asc.Range, reason: string) {
    super(reason);
    this.range = range;
  }
}

export function textOf(node: asc.Expression | undefined, call: asc.CallExpression, what: string): string {
  let text: string | undefined;
  if (node instanceof asc.StringLiteralExpression) text = node.value;
  else if (node instanceof asc.TemplateLiteralExpression && !node.tag && !node.expressions.length)
    text = node.parts[0];
  if (text === undefined) throw new ArgumentError((node ?? call).range, `${what} must be a text literal`);
  if (text.includes('\0')) throw new ArgumentError((node ?? call).range, `${what} contains a NUL`);
  return text;
}

export function nameOf(node: asc.Expression | undefined, call: asc.CallExpression, what: string): string {
  if (node instanceof asc.IdentifierExpression) return node.text;
  throw new ArgumentError((node ?? call).range, `${what} must be a name`);
}

/** Permissions as module_param takes them: nobody but owner and group may be let write, as in Linux. */
export function modeOf(node: asc.Expression | undefined, call: asc.CallExpression, what: string): number {
  if (!(node instanceof asc.IntegerLiteralExpression))
    throw new ArgumentError((node ?? call).range, `${what} must be a number literal`);
  const mode = i64_low(node.value);
  if (mode < 0 || mode > 0o777) throw new ArgumentError(node.range, `permissions beyond 0o777: ${mode}`);
  if (mode & 0o002)
    throw new ArgumentError(node.range, `permissions let everybody write: 0o${mode.toString(8)}`);
  return mode;
}

export function arity(call: asc.CallExpression, called: string, count: number): void {
  if (call.args.length === count) return;
  throw new ArgumentError(
    call.range,
    `${called}() takes ${count} argument${count > 1 ? 's' : ''}, not ${call.args.length}`,
  );
}

export function calledName(node: unknown): string | null {
  if (!(node instanceof asc.CallExpression)) return null;
  return node.expression instanceof asc.IdentifierExpression ? node.expression.text : null;
}

const encoder = new TextEncoder();

/** `memory.data<u8>([…])` in place of a cstr() call. */
export function staticText(call: asc.CallExpression): asc.Expression {
  const { range } = call;
  if (call.args.length !== 1) throw new ArgumentError(range, 'cstr() takes one text');
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
