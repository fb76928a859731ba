// vsnprintf: the kernel's one formatter. Variable arguments are a pointer to words, as clang passes them for wasm:
// 4 bytes each, 64-bit ones aligned to 8.
//
// Understands %d %i %u %x %X %p %s %c %%, %ld and %lu, %lld %llu %llx, a `0` flag and a width. Anything else is copied.

import { cstr } from './cstr';

let out: usize = 0;
let end: usize = 0;


@inline
function put(letter: u32): void {
  if (out < end) store<u8>(out, <u8>letter);
  out++;
}

function number(value: u64, base: u64, upper: bool, negative: bool, width: i32, zero: bool): void {
  let digits = 1;
  let scale: u64 = 1;
  while (value / scale >= base) {
    scale *= base;
    digits++;
  }
  let pad = width - digits - i32(negative);
  if (negative && zero) put(0x2d);
  while (pad-- > 0) put(zero ? 0x30 : 0x20);
  if (negative && !zero) put(0x2d);
  for (; scale; scale /= base) {
    const digit = <u32>((value / scale) % base);
    put(digit < 10 ? 0x30 + digit : (upper ? 0x41 : 0x61) + digit - 10);
  }
}

/**
 * Writes at most `size` bytes with the ending NUL.
 * @returns the length the whole text would have had
 */
export function vsnprintf(to: usize, size: i32, format: usize, args: usize): i32 {
  out = to;
  end = to + size - 1;
  for (let letter = load<u8>(format); letter; letter = load<u8>(++format)) {
    if (letter != 0x25) {
      put(letter);
      continue;
    }
    const start = format;
    letter = load<u8>(++format);
    const zero = letter == 0x30;
    let width = 0;
    while (letter >= 0x30 && letter <= 0x39) {
      width = width * 10 + letter - 0x30;
      letter = load<u8>(++format);
    }
    let longs = 0;
    while (letter == 0x6c) {
      longs++;
      letter = load<u8>(++format);
    }
    if (!letter) {
      for (let p = start; p < format; p++) put(load<u8>(p));
      break;
    }
    if (letter == 0x25) {
      put(letter);
    } else if (letter == 0x73) {
      let text = <usize>load<u32>(args);
      args += 4;
      if (!text) text = cstr('(null)');
      for (; load<u8>(text) && out < end; text++) put(load<u8>(text));
    } else if (letter == 0x63) {
      put(load<u32>(args));
      args += 4;
    } else if (
      letter == 0x64 ||
      letter == 0x69 ||
      letter == 0x75 ||
      letter == 0x78 ||
      letter == 0x58 ||
      letter == 0x70
    ) {
      let value: u64 = 0;
      let negative = false;
      const signed = letter == 0x64 || letter == 0x69;
      if (longs > 1) {
        args = (args + 7) & ~7;
        value = load<u64>(args);
        args += 8;
        negative = signed && <i64>value < 0;
      } else {
        const word = load<u32>(args);
        args += 4;
        negative = signed && <i32>word < 0;
        value = negative ? <u64>(<i64>(<i32>word)) : word;
      }
      if (negative) value = 0 - value;
      if (letter == 0x70) number(value, 16, false, false, 8, true);
      else number(value, letter == 0x78 || letter == 0x58 ? 16 : 10, letter == 0x58, negative, width, zero);
    } else {
      for (let p = start; p <= format; p++) put(load<u8>(p));
    }
  }
  store<u8>(out < end ? out : end, 0);
  return <i32>(out - to);
}
