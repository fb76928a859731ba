// vsnprintf: the kernel's one formatter. Variable arguments are a pointer to words, as clang passes them for wasm:
// 4 bytes each, 64-bit ones aligned to 8.
//
// Understands %d %i %u %x %X %o %p %s %c %%, the lengths h l ll z (64 bits with ll), the flags `-` `0` `+` ` ` `#`, a width and
// a precision, in digits or as `*`. Anything else is copied.

import { cstr } from './cstr';
import { EXPORT_SYMBOL } from './export';

let out: usize = 0;
let end: usize = 0;

// What stands between % and the letter of a conversion.
let left: bool = false;
let zero: bool = false;
let plus: bool = false;
let space: bool = false;
let alternate: bool = false;
let width: i32 = 0;
/** -1 where none is given. */
let precision: i32 = -1;


@inline
function put(letter: u32): void {
  if (out < end) store<u8>(out, <u8>letter);
  out++;
}

function fill(letter: u32, count: i32): void {
  while (count-- > 0) put(letter);
}

function number(value: u64, base: u64, upper: bool, sign: u32): void {
  let digits = 1;
  let scale: u64 = 1;
  while (value / scale >= base) {
    scale *= base;
    digits++;
  }
  if (!value && !precision) digits = 0;
  const prefix = alternate && value && base != 10 ? (base == 16 ? 2 : 1) : 0;
  const zeros = precision > digits ? precision - digits : 0;
  let pad = width - digits - zeros - prefix - i32(sign != 0);
  const zeroed = zero && !left && precision < 0;
  if (!left && !zeroed) fill(0x20, pad);
  if (sign) put(sign);
  if (prefix) put(0x30);
  if (prefix > 1) put(upper ? 0x58 : 0x78);
  if (zeroed) fill(0x30, pad);
  fill(0x30, zeros);
  for (; digits; scale /= base) {
    const digit = <u32>((value / scale) % base);
    put(digit < 10 ? 0x30 + digit : (upper ? 0x41 : 0x61) + digit - 10);
    digits--;
  }
  if (left) fill(0x20, pad);
}

function text_of(text: usize): void {
  let length = 0;
  while ((precision < 0 || length < precision) && load<u8>(text + length)) length++;
  if (!left) fill(0x20, width - length);
  for (let i = 0; i < length; i++) put(load<u8>(text + i));
  if (left) fill(0x20, width - length);
}

/** Copies what is no conversion. */
function copy(from: usize, to: usize): void {
  for (let p = from; p < to; p++) put(load<u8>(p));
}

/**
 * Writes at most `size` bytes with the ending NUL.
 * @returns the length the whole text would have had
 */
export function vsnprintf(to: usize, size: i32, format: usize, args: usize): i32 {
  out = to;
  end = size > 0 ? to + size - 1 : to;
  for (let letter = load<u8>(format); letter; letter = load<u8>(++format)) {
    if (letter != 0x25) {
      put(letter);
      continue;
    }
    const start = format;
    left = false;
    zero = false;
    plus = false;
    space = false;
    alternate = false;
    for (letter = load<u8>(++format); ; letter = load<u8>(++format)) {
      if (letter == 0x2d) left = true;
      else if (letter == 0x30) zero = true;
      else if (letter == 0x2b) plus = true;
      else if (letter == 0x20) space = true;
      else if (letter == 0x23) alternate = true;
      else break;
    }
    width = 0;
    if (letter == 0x2a) {
      width = load<i32>(args);
      args += 4;
      if (width < 0) {
        left = true;
        width = -width;
      }
      letter = load<u8>(++format);
    }
    for (; letter >= 0x30 && letter <= 0x39; letter = load<u8>(++format)) width = width * 10 + letter - 0x30;
    precision = -1;
    if (letter == 0x2e) {
      precision = 0;
      letter = load<u8>(++format);
      if (letter == 0x2a) {
        precision = load<i32>(args);
        args += 4;
        letter = load<u8>(++format);
      }
      for (; letter >= 0x30 && letter <= 0x39; letter = load<u8>(++format))
        precision = precision * 10 + letter - 0x30;
    }
    let longs = 0;
    let shorts = 0;
    for (; letter == 0x6c || letter == 0x68 || letter == 0x7a; letter = load<u8>(++format)) {
      if (letter == 0x6c) longs++;
      if (letter == 0x68) shorts++;
    }
    if (!letter) {
      copy(start, format);
      break;
    }
    if (letter == 0x25) {
      put(letter);
    } else if (letter == 0x73) {
      const text = <usize>load<u32>(args);
      args += 4;
      text_of(text ? text : cstr('(null)'));
    } else if (letter == 0x63) {
      if (!left) fill(0x20, width - 1);
      put(load<u32>(args));
      if (left) fill(0x20, width - 1);
      args += 4;
    } else if (letter == 0x70) {
      width = 8;
      zero = true;
      left = false;
      precision = -1;
      alternate = false;
      number(load<u32>(args), 16, false, 0);
      args += 4;
    } else if (
      letter == 0x64 ||
      letter == 0x69 ||
      letter == 0x75 ||
      letter == 0x78 ||
      letter == 0x58 ||
      letter == 0x6f
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
        // The caller has widened it to an int; what is printed is as wide as it says.
        const unused: u32 = shorts ? (shorts == 1 ? 16 : 24) : 0;
        let word = load<u32>(args) << unused;
        word = signed ? <u32>((<i32>word) >> unused) : word >> unused;
        args += 4;
        negative = signed && <i32>word < 0;
        value = negative ? <u64>(<i64>(<i32>word)) : word;
      }
      if (negative) value = 0 - value;
      const sign: u32 = negative ? 0x2d : !signed ? 0 : plus ? 0x2b : space ? 0x20 : 0;
      const hex = letter == 0x78 || letter == 0x58;
      number(value, hex ? 16 : letter == 0x6f ? 8 : 10, letter == 0x58, sign);
    } else {
      copy(start, format + 1);
    }
  }
  if (size > 0) store<u8>(out < end ? out : end, 0);
  return <i32>(out - to);
}
EXPORT_SYMBOL(vsnprintf);

const words = memory.data(32);

/** snprintf for the kernel's own code: up to four words as arguments. */
export function snprintf(
  to: usize,
  size: i32,
  format: usize,
  a: usize = 0,
  b: usize = 0,
  c: usize = 0,
  d: usize = 0,
): i32 {
  store<u32>(words, <u32>a);
  store<u32>(words, <u32>b, 4);
  store<u32>(words, <u32>c, 8);
  store<u32>(words, <u32>d, 12);
  return vsnprintf(to, size, format, words);
}
