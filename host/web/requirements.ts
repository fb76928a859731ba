// What this page needs of its browser and of the server it comes from, and what of it is missing, by name. Reads the page's
// own response headers to say which one. Whether memory can be sent to a thread is found out by sending some: WebKitGTK 2.50 says
// `crossOriginIsolated`, makes shared memory, and refuses to send it.

export interface Missing {
  what: string;
  /** One or two sentences: why it is needed, or what was found instead. */
  detail: string;
}

/** What is missing, to go on a sentence with. */
export function namesOf(missing: readonly Missing[]): string {
  return missing.map(({ what }) => what).join(' and ');
}

/** The two headers, and the values that isolate a page. */
export const HEADERS: readonly { name: string; value: string; accepted: readonly string[] }[] = [
  { name: 'Cross-Origin-Opener-Policy', value: 'same-origin', accepted: ['same-origin'] },
  {
    name: 'Cross-Origin-Embedder-Policy',
    value: 'require-corp',
    accepted: ['require-corp', 'credentialless'],
  },
];

/** Whether memory can be shared with another thread, and its end be known; for certain when `findRefusal` has resolved. */
export let hasThreads = globalThis.crossOriginIsolated && 'locks' in navigator;

let trial: Promise<Missing | null> | null = null;

/** Why shared memory does not get to a thread; null where it does, and where none is needed to know. Tries once. */
export function findRefusal(): Promise<Missing | null> {
  return (trial ??= tryThread());
}

async function tryThread(): Promise<Missing | null> {
  if (!hasThreads) return null;
  const refusal = await sendMemory().catch(refused);
  hasThreads = refusal === null;
  return refusal;
}

async function sendMemory(): Promise<Missing | null> {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  const worker = new Worker(new URL('./trial-thread.ts', import.meta.url), { type: 'module' });
  try {
    return await new Promise<Missing | null>((resolve) => {
      worker.onmessage = () =>
        resolve(new Uint8Array(memory.buffer)[0] === 1 ? null : refused('it does not arrive'));
      worker.onerror = (event) => {
        event.preventDefault(); // it is told
        const detail = `The code of a thread cannot be loaded: ${event.message || 'no reason is told'}`;
        resolve({ what: 'threads', detail });
      };
      worker.postMessage(memory);
    });
  } finally {
    worker.terminate();
  }
}

function refused(why: unknown): Missing {
  return {
    what: 'threads that share memory',
    detail:
      'The page is isolated, yet this browser does not send shared memory to a thread, as Chromium and Firefox do: ' +
      String(why),
  };
}

/** What no machine runs without; nothing where at least the monolith does. */
export function findMissing(): Missing[] {
  const missing: Missing[] = [];
  if (typeof WebAssembly === 'undefined')
    missing.push({ what: 'WebAssembly', detail: 'Kernels and drivers are WebAssembly modules.' });
  else if (!makesSharedMemory())
    missing.push({
      what: 'shared memory of WebAssembly',
      detail: 'Kernels and drivers are made for it, whether or not another thread shares it.',
    });
  if (typeof Atomics === 'undefined' || !('waitAsync' in Atomics))
    missing.push({
      what: 'Atomics.waitAsync',
      detail: 'The supervisor waits for machines without blocking the page.',
    });
  return missing;
}

/** Browsers that hide SharedArrayBuffer from a page make such a memory all the same: they only refuse to send it away. */
function makesSharedMemory(): boolean {
  try {
    new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
    return true;
  } catch (error) {
    if (error instanceof Error) return false;
    throw error;
  }
}

/** What keeps the page to one thread; nothing where every placement runs. */
export async function findUnshared(): Promise<Missing[]> {
  const refusal = await findRefusal();
  if (hasThreads) return [];
  const missing = refusal === null ? [] : [refusal];
  if (!globalThis.isSecureContext) {
    missing.push({
      what: 'a secure address',
      detail: `Browsers share memory over https, or from this computer (127.0.0.1), not from ${location.origin}.`,
    });
  }
  if (!globalThis.crossOriginIsolated) missing.push(...(await missingIsolation()));
  if (!('locks' in navigator))
    missing.push({ what: 'Web Locks', detail: 'They tell when the thread of a driver has really ended.' });
  return missing;
}

async function missingIsolation(): Promise<Missing[]> {
  const headers = await ownHeaders();
  if (typeof headers === 'string') return [{ what: 'cross-origin isolation', detail: headers }];
  const missing = HEADERS.filter(
    ({ name, accepted }) => !accepted.includes(headers.get(name)?.trim() ?? ''),
  ).map(({ name, value }) => {
    const found = headers.get(name);
    const instead =
      found === null ? 'The server did not send it.' : `The server sent another value: ${found}`;
    return { what: `the header ${name}: ${value}`, detail: instead };
  });
  if (missing.length > 0) return missing;
  const detail =
    window.top === window
      ? 'The server sends both headers, yet this browser does not isolate the page.'
      : 'The page is shown inside another page that is not isolated: open it by itself.';
  return [{ what: 'cross-origin isolation', detail }];
}

/** The headers this page came with, or why they are not known. */
async function ownHeaders(): Promise<Headers | string> {
  try {
    return (await fetch(location.href, { method: 'HEAD', cache: 'no-store' })).headers;
  } catch (error) {
    return `The page is not isolated, and its headers cannot be read: ${String(error)}`;
  }
}

/** Whether the page was hidden at any time from now on: browsers slow hidden pages down, and their times with them. */
export function watchHidden(): { end(): boolean } {
  let hidden = document.visibilityState === 'hidden';
  const look = (): void => void (hidden ||= document.visibilityState === 'hidden');
  document.addEventListener('visibilitychange', look);
  return {
    end() {
      document.removeEventListener('visibilitychange', look);
      return hidden;
    },
  };
}
