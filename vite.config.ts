// The page: host/web → dist/web, static files that work from any folder (relative addresses).
// The wasm images are no modules of the page but files beside it: dist/images is served, and copied, as images/.

import { createReadStream, existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig, type Connect, type Plugin } from 'vite';

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));
const IMAGES = path('./dist/images');

/** What makes a page cross-origin isolated, so that it has shared memory and a fine clock. */
export const ISOLATION_HEADERS = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'same-origin',
};

/** What lies in dist/images for the page, and how it is served. */
const IMAGE_TYPES: Record<string, string> = {
  '.wasm': 'application/wasm',
  '.map': 'application/json',
  '.img': 'application/octet-stream',
};

/**
 * V8 compiles all functions of such a file when it loads it, and none when it is first called: a spare thread waits anyway, and
 * a driver that starts on it does not (https://v8.dev/blog/explicit-compile-hints).
 */
const COMPILE_AT_ONCE = '//# allFunctionsCalledOnLoad';

/** dist/images as images/: from disk while developing and testing, copied by the build. */
export const images = (): Plugin => {
  const serve: Connect.NextHandleFunction = (request, response, next) => {
    const file = join(IMAGES, basename((request.url ?? '').replace(/[?#].*/, '')));
    if (!(extname(file) in IMAGE_TYPES) || !existsSync(file)) {
      next();
      return;
    }
    response.setHeader('Content-Type', IMAGE_TYPES[extname(file)] ?? 'application/octet-stream');
    response.setHeader('Cache-Control', 'no-cache');
    for (const [name, value] of Object.entries(ISOLATION_HEADERS)) response.setHeader(name, value);
    createReadStream(file).pipe(response);
  };
  return {
    name: 'isolab-images',
    configureServer: (server) => void server.middlewares.use('/images', serve),
    generateBundle() {
      for (const name of readdirSync(IMAGES)) {
        if (!(extname(name) in IMAGE_TYPES)) continue;
        this.emitFile({
          type: 'asset',
          fileName: `images/${name}`,
          source: readFileSync(join(IMAGES, name)),
        });
      }
    },
  };
};

export default defineConfig({
  root: path('./host/web'),
  base: './',
  publicDir: false,
  plugins: [images()],
  worker: { format: 'es', rolldownOptions: { output: { postBanner: COMPILE_AT_ONCE } } },
  build: {
    outDir: path('./dist/web'),
    emptyOutDir: true,
    assetsInlineLimit: 0,
    target: 'es2023',
    sourcemap: true,
    rolldownOptions: {
      input: ['index', 'ladder', 'recovery'].map((page) => path(`./host/web/${page}.html`)),
    },
  },
  server: { host: '127.0.0.1', headers: ISOLATION_HEADERS },
  preview: { host: '127.0.0.1', headers: ISOLATION_HEADERS },
});
