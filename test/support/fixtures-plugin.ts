// Test drivers for tests in a browser: linked here, in Node, when a page asks for /fixtures/NAME.ko.wasm or its map.

import { fileURLToPath } from 'node:url';
import { runnerImport, type Connect, type Plugin } from 'vite';
import { ISOLATION_HEADERS } from '../../vite.config.ts';

const LOADER = fileURLToPath(new URL('./fixtures.ts', import.meta.url));

export const fixtures = (): Plugin => {
  const answer: Connect.NextHandleFunction = (request, response, next) => {
    const [, name, map] = /^\/(\w+)\.ko\.wasm(\.map)?$/.exec(request.url ?? '') ?? [];
    if (name === undefined) {
      next();
      return;
    }
    // Only now: the linker brings a compiler with it.
    runnerImport<typeof import('./fixtures.ts')>(LOADER)
      .then(({ module }) => module.loadFixture(name))
      .then((loaded) => {
        for (const [header, value] of Object.entries(ISOLATION_HEADERS)) response.setHeader(header, value);
        response.setHeader('Content-Type', map === undefined ? 'application/wasm' : 'application/json');
        response.end(map === undefined ? loaded.bytes : (loaded.map ?? ''));
      })
      .catch(next);
  };
  return {
    name: 'isolab-fixtures',
    configureServer: (server) => void server.middlewares.use('/fixtures', answer),
  };
};
