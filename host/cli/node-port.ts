// A Node message port with the face that browsers' have, as Comlink and the machine want it.

import type { Port } from '../machine/shared/platform.ts';

type Listener = Parameters<Port['addEventListener']>[1];

/** What Worker and parentPort have in common. */
export interface NodePort {
  postMessage(message: unknown, transfer?: readonly never[]): void;
  on(event: 'message', listener: (data: unknown) => void): unknown;
  off(event: 'message', listener: (data: unknown) => void): unknown;
}

export function portOf(node: NodePort): Port {
  const handlers = new Map<Listener, (data: unknown) => void>();
  return {
    postMessage: (message, transfer) => node.postMessage(message, transfer as never[]),
    addEventListener(_, listener) {
      const handler = (data: unknown): void => listener({ data });
      handlers.set(listener, handler);
      node.on('message', handler);
    },
    removeEventListener(_, listener) {
      const handler = handlers.get(listener);
      if (handler) node.off('message', handler);
      handlers.delete(listener);
    },
  };
}
