// AssemblyScript's runtime inside the kernel's images: there are no managed objects, all state is drawn in ../abi.
//
// The linker puts this file in place of ~lib/rt/stub. Every way to a managed object leads to an import that nobody
// provides; the linker refuses an image in which it is still reached, and names the function. Static texts and function
// objects are made at compile time and need nothing from here. Nothing else may import this file.

@external("env", "__managed_allocation")
declare function managed_allocation(): void;


@unsafe @global
export function __alloc(_size: usize): usize {
  managed_allocation();
  return 0;
}


@unsafe @global
export function __realloc(_block: usize, _size: usize): usize {
  managed_allocation();
  return 0;
}


@unsafe @global
export function __free(_block: usize): void {
  managed_allocation();
}


@unsafe @global
export function __new(_size: usize, _id: u32): usize {
  managed_allocation();
  return 0;
}


@unsafe @global
export function __renew(_data: usize, _size: usize): usize {
  managed_allocation();
  return 0;
}


@unsafe @global
export function __link(_parent: usize, _child: usize, _multiple: bool): void {}


@unsafe @global
export function __pin(data: usize): usize {
  return data;
}


@unsafe @global
export function __unpin(_data: usize): void {}


@unsafe @global
export function __visit(_data: usize, _cookie: u32): void {}


@unsafe @global
export function __collect(): void {}
