// Texts that drivers and files give and others see: which may be names, and which of their characters may be shown as they are.
//
// A name in the tree of files is UTF-8 without control characters and without those that turn the direction of what is read or
// are not seen at all, so that it can forge no line and look like no other name. The host shows the same characters as they are
// (host/linker/wasm/bytes.ts: cleanText).

import { NAME_SIZE } from '../abi/limits';
import { EINVAL, ENAMETOOLONG } from '../abi/errno';
import { cstr } from './cstr';
import { same_text } from './text';

/** Whether a code point is a control character, a mark of direction, or one that is not seen. */
function hidden(code: u32): bool {
  return (
    code < 0x20 ||
    (code >= 0x7f && code < 0xa0) || // DEL and C1
    code == 0xad || // soft hyphen
    code == 0x61c || // Arabic letter mark
    (code >= 0x200b && code <= 0x200f) || // of no width; left-to-right and right-to-left mark
    (code >= 0x2028 && code <= 0x202e) || // ends of lines and paragraphs; embeddings and overrides
    (code >= 0x2060 && code <= 0x206f) || // invisible operators; isolates
    code == 0xfeff || // byte order mark
    (code >= 0xfff9 && code <= 0xfffb) || // annotations
    code >> 7 == 0xe0000 >> 7 // tags
  );
}

/** @returns the bytes of the character at `at`; 0 where it is no UTF-8, or one that is not shown as it is */
export function printable(at: usize): i32 {
  const first: u32 = load<u8>(at);
  if (first < 0x80) return i32(!hidden(first));
  if (first < 0xc2 || first > 0xf4) return 0;
  const size = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  let code = first & (0x7f >> size);
  for (let i = 1; i < size; i++) {
    const next: u32 = load<u8>(at + i);
    if ((next & 0xc0) != 0x80) return 0;
    code = (code << 6) | (next & 0x3f);
  }
  const least: u32 = size == 2 ? 0x80 : size == 3 ? 0x800 : 0x10000;
  if (code < least || code > 0x10ffff || (code >= 0xd800 && code < 0xe000) || hidden(code)) return 0;
  return size;
}

/** Whether a text may be one name in a directory. @returns 0, -EINVAL or -ENAMETOOLONG */
export function name_error(name: usize): i32 {
  if (!load<u8>(name) || same_text(name, cstr('.')) || same_text(name, cstr('..'))) return -EINVAL;
  let at = name;
  while (load<u8>(at)) {
    const size = printable(at);
    if (!size || load<u8>(at) == 0x2f) return -EINVAL;
    at += size;
  }
  return at - name < <usize>NAME_SIZE ? 0 : -ENAMETOOLONG;
}
