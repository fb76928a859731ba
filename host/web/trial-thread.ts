// A thread that is asked one thing: whether the page shares memory with it. It writes a byte into the memory that comes, and
// answers, also where something else or nothing that can be read has come (./requirements.ts).

self.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
  if (data instanceof WebAssembly.Memory) new Uint8Array(data.buffer)[0] = 1;
  self.postMessage(null);
});
self.addEventListener('messageerror', () => self.postMessage(null));
