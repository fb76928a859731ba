// What should not be: a warning, with a call trace in the log, or the end.

@external("env", "warn_slowpath")
declare function warn_slowpath(text: usize): void;

/** Warns where the condition holds, and goes on. @returns the condition */
@inline
export function WARN_ON(condition: bool): bool {
  if (condition) warn_slowpath(0);
  return condition;
}

/** Warns with a text (a C string) where the condition holds, and goes on. @returns the condition */
@inline
export function WARN(condition: bool, text: usize): bool {
  if (condition) warn_slowpath(text);
  return condition;
}

/** Ends the call, and in a domain of its own the driver, where the condition holds. */
@inline
export function BUG_ON(condition: bool): void {
  if (condition) unreachable();
}
