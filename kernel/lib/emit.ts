// Where a finished log line goes: set at boot by the image.

let sink: u32 = 0;

/** @param index table index of (level, text, length) -> void */
export function set_emit(index: u32): void {
  sink = index;
}

export function emit(level: i32, text: usize, length: i32): void {
  call_indirect<void>(sink, level, text, length);
}
