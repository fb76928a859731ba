// Copies between two shared memories. Where the engine has multi-memory this is one wasm instruction. Otherwise it is what the
// runtime offers, at worst TypedArray.set, which is several times slower on shared memory.

/** Copies `count` bytes. The caller is wasm: it has checked both ranges, and passes unsigned numbers as signed ones. */
export type Copy = (to: number, from: number, count: number) => void;

/** The two directions between the kernel's memory and a domain's. */
export interface Copies {
  /** domain → kernel */
  out: Copy;
  /** kernel → domain */
  in: Copy;
}

/** Makes the copies of one domain; a runtime may have a faster one than portableCopies. */
export type CopyMaker = (kernel: WebAssembly.Memory, domain: WebAssembly.Memory) => Copies;

// (module (import "k" "m" (memory 0 65536 shared)) (import "d" "m" (memory 0 65536 shared))
//   (func (export "o") (param i32 i32 i32) local.get 0 local.get 1 local.get 2 memory.copy 0 1)
//   (func (export "i") (param i32 i32 i32) local.get 0 local.get 1 local.get 2 memory.copy 1 0))
const MULTI_MEMORY = Uint8Array.of(
  ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
  ...[1, 7, 1, 0x60, 3, 0x7f, 0x7f, 0x7f, 0],
  ...[2, 21, 2, 1, 0x6b, 1, 0x6d, 2, 3, 0, 0x80, 0x80, 4, 1, 0x64, 1, 0x6d, 2, 3, 0, 0x80, 0x80, 4],
  ...[3, 3, 2, 0, 0],
  ...[7, 9, 2, 1, 0x6f, 0, 0, 1, 0x69, 0, 1],
  ...[10, 27, 2, 12, 0, 0x20, 0, 0x20, 1, 0x20, 2, 0xfc, 10, 0, 1, 0x0b],
  ...[12, 0, 0x20, 0, 0x20, 1, 0x20, 2, 0xfc, 10, 1, 0, 0x0b],
);

/** Compiled once in a thread; null where the engine has no multi-memory. */
let compiled: WebAssembly.Module | null | undefined;

/** Copies in wasm; null where this engine does not copy between memories. */
export function multiMemoryCopies(kernel: WebAssembly.Memory, domain: WebAssembly.Memory): Copies | null {
  if (compiled === undefined)
    compiled = WebAssembly.validate(MULTI_MEMORY) ? new WebAssembly.Module(MULTI_MEMORY) : null;
  if (!compiled) return null;
  const instance = new WebAssembly.Instance(compiled, { k: { m: kernel }, d: { m: domain } });
  return { out: instance.exports['o'] as unknown as Copy, in: instance.exports['i'] as unknown as Copy };
}

/** Copies that work on every engine. */
export const portableCopies: CopyMaker = (kernel, domain) => {
  const native = multiMemoryCopies(kernel, domain);
  if (native) return native;
  const copy =
    (target: Uint8Array, source: Uint8Array): Copy =>
    (to, from, count) => {
      const [start, first, length] = [to >>> 0, from >>> 0, count >>> 0];
      target.set(source.subarray(first, first + length), start);
    };
  const outside = new Uint8Array(kernel.buffer);
  const inside = new Uint8Array(domain.buffer);
  return { out: copy(outside, inside), in: copy(inside, outside) };
};
