// Yielding to the event loop. Browsers clamp setTimeout to 4 ms, so there a message to the own port is used. Node handles up to
// a thousand such messages before anything else, so there setImmediate is used.

function messages(): (resolve: () => void) => void {
  const channel = new MessageChannel();
  const waiting: (() => void)[] = [];
  channel.port1.onmessage = () => waiting.shift()?.();
  return (resolve) => {
    waiting.push(resolve);
    channel.port2.postMessage(null);
  };
}

const { setImmediate } = globalThis;
const schedule = setImmediate ? (resolve: () => void) => void setImmediate(resolve) : messages();

/** ms since 1970, by a clock that all threads share. */
export function clock(): number {
  return performance.timeOrigin + performance.now();
}

/** Resolves after so many ms. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Resolves in a task of its own, after what the event loop has queued. */
export function nextTask(): Promise<void> {
  return new Promise(schedule);
}
