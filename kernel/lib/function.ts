// Table indices. AssemblyScript's reference to a function is a pointer to a static object whose first word is the index.

// @ts-ignore: decorator
@inline
export function index_of<T>(fn: T): u32 {
  return load<u32>(changetype<usize>(fn));
}
