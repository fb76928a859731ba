// Ctrl-C as a command sees it.

/** What is used of an AbortSignal. */
export interface Signal {
  readonly aborted: boolean;
  addEventListener(type: 'abort', listener: () => void): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

/** The command was stopped by whoever started it. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';

  constructor() {
    super('interrupted');
  }
}

/** @throws Interrupted */
export function throwIfInterrupted(signal: Signal): void {
  if (signal.aborted) throw new Interrupted();
}

/** Lets time pass. @throws Interrupted */
export async function delay(ms: number, signal: Signal): Promise<void> {
  let timer: unknown;
  const passed = new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)));
  await interruptible(passed, signal).finally(() => clearTimeout(timer));
}

/** The promise's value, or Interrupted as soon as the signal comes; the promise is then nobody's any more. */
export function interruptible<T>(promise: Promise<T>, signal: Signal): Promise<T> {
  if (signal.aborted) {
    promise.catch(() => undefined);
    return Promise.reject(new Interrupted());
  }
  return new Promise<T>((resolve, reject) => {
    const interrupt = (): void => reject(new Interrupted());
    signal.addEventListener('abort', interrupt);
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', interrupt));
  });
}
