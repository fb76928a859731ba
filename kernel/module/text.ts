// Text addresses (abi/module.ts): a window of 64 KiB units for each module's file, first fit over a byte map.

import { TEXT_MODULES, TEXT_WINDOW, TEXT_WINDOWS } from '../abi/module';

const map = memory.data(TEXT_WINDOWS);


@inline
function windows(size: i32): i32 {
  return size > 0 ? (size + TEXT_WINDOW - 1) / TEXT_WINDOW : 1;
}

/** @returns the address at which a file of `size` bytes begins, or 0 when there is none left */
export function text_alloc(size: i32): u32 {
  const count = windows(size);
  let run = 0;
  for (let i = 0; i < TEXT_WINDOWS; i++) {
    run = load<u8>(map + i) ? 0 : run + 1;
    if (run < count) continue;
    const first = i - count + 1;
    memory.fill(map + first, 1, count);
    return TEXT_MODULES + <u32>first * TEXT_WINDOW;
  }
  return 0;
}

export function text_free(address: u32, size: i32): void {
  if (!address) return;
  memory.fill(map + (address - TEXT_MODULES) / TEXT_WINDOW, 0, windows(size));
}
