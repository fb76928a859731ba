// Letting the event loop have its turn. setTimeout is clamped to 4 ms in browsers; a message to oneself is not. Node, on
// the other hand, takes up to a thousand such messages before it looks at anything else, and has setImmediate.

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

/** Resolves in a task of its own, after whatever the event loop has waiting. */
export function nextTask(): Promise<void> {
  return new Promise(schedule);
}
