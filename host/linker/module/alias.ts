// Names of modules and the patterns that name them: what kmod does to a name before it compares it.
//
// `-` and `_` are the same, but for a range in brackets (`[0-9]`). A pattern is a shell's: `*`, `?`, `[a-c]`, `[!x]`, `\`.
// Matching takes time proportional to pattern times text, whatever they are: patterns come from strangers' files.

/** A name in the form in which names are compared: `-` and `_` are the same. */
export const keyOf = (name: string): string => name.replaceAll('-', '_');

/** `my_disk` for `extra/my-disk.ko.wasm`: the file's name up to its first dot, as kmod takes it. */
export function moduleName(path: string): string {
  const file = path.slice(path.lastIndexOf('/') + 1);
  const dot = file.indexOf('.');
  return keyOf(dot < 0 ? file : file.slice(0, dot));
}

/** An alias or a pattern in the form in which it is compared; null where its brackets do not match. */
export function normalAlias(alias: string): string | null {
  let normal = '';
  for (let at = 0; at < alias.length; at++) {
    const character = alias[at]!;
    if (character === ']') return null;
    if (character === '[') {
      const end = alias.indexOf(']', at);
      if (end < 0) return null;
      normal += alias.slice(at, end + 1);
      at = end;
    } else {
      normal += character === '-' ? '_' : character;
    }
  }
  return normal;
}

/** One element of a pattern at `at`: whether it takes the character, and where the next one begins. */
function element(pattern: string, at: number, character: string): { takes: boolean; next: number } {
  const first = pattern[at]!;
  if (first === '?') return { takes: true, next: at + 1 };
  if (first === '\\' && at + 1 < pattern.length) {
    return { takes: pattern[at + 1] === character, next: at + 2 };
  }
  const end = first === '[' ? setEnd(pattern, at) : -1;
  if (end < 0) return { takes: first === character, next: at + 1 };
  return { takes: inSet(pattern.slice(at + 1, end), character), next: end + 1 };
}

/** Where the bracket that opens at `at` is closed; a `]` that comes first stands for itself. */
function setEnd(pattern: string, at: number): number {
  const first = /[!^]/.test(pattern[at + 1] ?? '') ? at + 2 : at + 1;
  return pattern.indexOf(']', first + 1);
}

function inSet(set: string, character: string): boolean {
  const inverted = /^[!^]/.test(set);
  const members = inverted ? set.slice(1) : set;
  let found = false;
  for (let at = 0; at < members.length; at++) {
    const range = members[at + 1] === '-' && at + 2 < members.length;
    const to = range ? members[at + 2]! : members[at]!;
    if (members[at]! <= character && character <= to) found = true;
    if (range) at += 2;
  }
  return found !== inverted;
}

/** Whether a pattern takes the whole of a text: fnmatch(3) without flags. */
export function fnmatch(pattern: string, text: string): boolean {
  let at = 0;
  let position = 0;
  /** The last `*`: what follows it, and how much of the text it has taken. Only the last one need ever give way. */
  let star = -1;
  let taken = 0;
  for (;;) {
    if (pattern[at] === '*') {
      star = ++at;
      taken = position;
    } else if (position === text.length) {
      return at === pattern.length;
    } else {
      const { takes, next } =
        at < pattern.length ? element(pattern, at, text[position]!) : { takes: false, next: at };
      if (takes) {
        at = next;
        position++;
      } else if (star < 0) {
        return false;
      } else {
        at = star;
        position = ++taken;
      }
    }
  }
}
