// Waiting that always ends: by the answer, by patience running out, or because the user gave up (Ctrl-C).

/** What is used of an AbortSignal. */
export interface CancelSignal {
  readonly aborted: boolean;
  readonly reason: unknown;
  addEventListener(type: 'abort', listener: () => void): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

export class Cancelled extends Error {
  override readonly name = 'Cancelled';
}

export function throwIfCancelled(signal: CancelSignal | undefined): void {
  if (signal?.aborted === true) throw new Cancelled('given up by the user');
}

/** The promise's value, `otherwise` after `ms` (Infinity: never); rejects as the promise does, or with Cancelled. */
export function within<T, U>(
  promise: Promise<T>,
  ms: number,
  otherwise: U,
  signal?: CancelSignal,
): Promise<T | U> {
  return new Promise<T | U>((resolve, reject) => {
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', cancel);
    };
    const cancel = (): void => {
      done();
      reject(new Cancelled('given up by the user'));
    };
    const late = (): void => {
      done();
      resolve(otherwise);
    };
    const timer = ms === Infinity ? undefined : setTimeout(late, ms);
    promise.then(
      (value) => {
        done();
        resolve(value);
      },
      (error: unknown) => {
        done();
        reject(error instanceof Error ? error : new Error(String(error)));
      },
    );
    if (signal?.aborted === true) return cancel();
    signal?.addEventListener('abort', cancel);
  });
}

/** Lets time pass, for measuring what happens meanwhile; nothing here waits for a state by sleeping. */
export async function pass(ms: number, signal?: CancelSignal): Promise<void> {
  await within(new Promise<never>(() => undefined), ms, undefined, signal);
}
