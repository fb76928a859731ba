// AssemblyScript's runtime inside the kernel's images: there are no managed objects, all state is drawn in ../abi.
//
// The linker puts this file in place of ~lib/rt/stub. Every way to a managed object leads to an import that nobody
// provides; the linker refuses an image in which it is still reached, and names the function. Static texts and function
// objects are made at compile time and need nothing from here. Nothing else may import this file.

@external("env", "__managed_allocation")
declare function managed_allocation(): void;


@unsafe @global
export function __alloc(size: usize): usize {
  managed_allocation();
  return 0;
}


@unsafe @global
export function __realloc(block: usize, size: usize): usize {
  managed_allocation();
  return 0;
}


@unsafe @global
export function __free(block: usize): void {
  managed_allocation();
}


@unsafe @global
export function __new(size: usize, id: u32): usize {
  managed_allocation();
  return 0;
}


@unsafe @global
export function __renew(data: usize, size: usize): usize {
  managed_allocation();
  return 0;
}


@unsafe @global
export function __link(parent: usize, child: usize, expectMultiple: bool): void {}


@unsafe @global
export function __pin(data: usize): usize {
  return data;
}


@unsafe @global
export function __unpin(data: usize): void {}


@unsafe @global
export function __visit(data: usize, cookie: u32): void {}


@unsafe @global
export function __collect(): void {}
