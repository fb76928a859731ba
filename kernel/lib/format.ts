// vsnprintf: the kernel's one formatter. Variable arguments are a pointer to words, as clang passes them for wasm:
// 4 bytes each, 64-bit ones aligned to 8.
//
// Understands %d %i %u %x %X %o %p %s %c %%, the lengths h l ll z (64 bits with ll), the flags `-` `0` `+` ` ` `#`, a width and
// a precision, in digits or as `*`. Anything else is copied.
//
// Nothing is written outside the buffer, whatever a format asks for: what has no room is counted, by arithmetic, in no more time
// than the format and its texts take to be read. Width and precision have Linux's limits.

import { MACHINE_BASE, PAGE_SIZE } from '../abi/map';
import { M_CALL_MODULE } from '../abi/machine';
import { MAX_ERRNO } from '../abi/errno';
import { LEVEL_WARNING } from '../abi/log';
import { MOD_NAME } from '../abi/module';
import { cstr } from './cstr';
import { emit } from './emit';
import { EXPORT_SYMBOL } from './export';

/** Linux's FIELD_WIDTH_MAX and PRECISION_MAX: a greater one is this one. */
const FIELD_WIDTH_MAX: i32 = (1 << 23) - 1;
const PRECISION_MAX: i32 = 32767;

/** Where the next letter goes, up to the place of the last NUL. */
let out: usize = 0;
let end: usize = 0;
/** Letters so far, also those that had no room. */
let total: u64 = 0;

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
  if (out < end) store<u8>(out++, <u8>letter);
  total++;
}

function fill(letter: u32, count: i32): void {
  if (count <= 0) return;
  total += count;
  const room = min<usize>(count, end - out);
  memory.fill(out, <u8>letter, room);
  out += room;
}

/** Copies what is no conversion, and texts. */
function copy(from: usize, length: i32): void {
  total += length;
  const room = min<usize>(length, end - out);
  memory.copy(out, from, room);
  out += room;
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
  const pad = width - digits - zeros - prefix - i32(sign != 0);
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
  // As Linux: no text is in the first page, nor where an error number as a pointer leads.
  if (!text) text = cstr('(null)');
  else if (text < <usize>PAGE_SIZE || <u32>text >= <u32>-MAX_ERRNO) text = cstr('(efault)');
  let length = 0;
  while ((precision < 0 || length < precision) && load<u8>(text + length)) length++;
  if (!left) fill(0x20, width - length);
  copy(text, length);
  if (left) fill(0x20, width - length);
}

// What was too large in the format that is being worked through, and whether that has been told before.
let too_wide: i32 = 0;
let too_precise: i32 = 0;
let width_told: bool = false;
let precision_told: bool = false;
const complaint = memory.data(112);

/** Another digit of a width or a precision. One that is too large anyway grows no more. */
function grown(value: i32, digit: u32): i32 {
  return value > 214748363 ? i32.MAX_VALUE : value * 10 + <i32>digit - 0x30;
}

function set_width(value: i32): void {
  if (value < 0) left = true;
  width = value < -FIELD_WIDTH_MAX ? FIELD_WIDTH_MAX : min(abs(value), FIELD_WIDTH_MAX);
  if (width != abs(value) && !too_wide) too_wide = value;
}

/** A negative one is none. */
function set_precision(value: i32): void {
  precision = max(-1, min(value, PRECISION_MAX));
  if (value > PRECISION_MAX && !too_precise) too_precise = value;
}

/** Tells of limits that were passed, of each once. The text that was asked for is whole by now: this makes another. */
function tell(): void {
  const wide = width_told ? 0 : too_wide;
  const precise = precision_told ? 0 : too_precise;
  too_wide = 0;
  too_precise = 0;
  width_told = width_told || wide != 0;
  precision_told = precision_told || precise != 0;
  if (wide) complain(cstr('%s: field width %d too large'), wide);
  if (precise) complain(cstr('%s: precision %d too large'), precise);
}

/** Not by printk, whose line may be what was made. */
function complain(what: usize, value: i32): void {
  const mod = <usize>load<u32>(MACHINE_BASE, M_CALL_MODULE);
  emit(
    LEVEL_WARNING,
    complaint,
    snprintf(complaint, 112, what, mod ? mod + MOD_NAME : cstr('vsnprintf'), value),
  );
}

/**
 * Writes at most `size` bytes with the ending NUL.
 * @returns the length the whole text would have had, at most INT_MAX; 0 for a size above that, as in Linux
 */
export function vsnprintf(to: usize, size: i32, format: usize, args: usize): i32 {
  if (size < 0) return 0;
  out = to;
  end = size ? to + size - 1 : to;
  if (end < to) end = usize.MAX_VALUE;
  total = 0;
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
      set_width(load<i32>(args));
      args += 4;
      letter = load<u8>(++format);
    }
    if (letter >= 0x30 && letter <= 0x39) {
      for (; letter >= 0x30 && letter <= 0x39; letter = load<u8>(++format)) width = grown(width, letter);
      set_width(width);
    }
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
        precision = grown(precision, letter);
      set_precision(precision);
    }
    let longs = 0;
    let shorts = 0;
    for (; letter == 0x6c || letter == 0x68 || letter == 0x7a; letter = load<u8>(++format)) {
      if (letter == 0x6c) longs++;
      if (letter == 0x68) shorts++;
    }
    if (!letter) {
      copy(start, <i32>(format - start));
      break;
    }
    if (letter == 0x25) {
      put(letter);
    } else if (letter == 0x73) {
      text_of(<usize>load<u32>(args));
      args += 4;
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
      copy(start, <i32>(format + 1 - start));
    }
  }
  if (size) store<u8>(out, 0);
  const length = <i32>min<u64>(total, i32.MAX_VALUE);
  if (too_wide || too_precise) tell();
  return length;
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
