// The code of a machine's threads in one file, as the built page has it. Without this each thread of a test would load some
// forty modules from the development server, which takes five times as long; tests start hundreds of threads.

import { fileURLToPath } from 'node:url';
import { build, type Connect, type Plugin } from 'vite';
import { ISOLATION_HEADERS } from '../../vite.config.ts';

const ENTRY = fileURLToPath(new URL('../../host/web/browser-thread.ts', import.meta.url));
const WANTED = /\/host\/web\/browser-thread\.ts\?.*worker_file/;

async function bundle(): Promise<string> {
  const result = await build({
    configFile: false,
    logLevel: 'warn',
    publicDir: false,
    build: {
      write: false,
      minify: false,
      sourcemap: 'inline',
      target: 'es2023',
      lib: { entry: ENTRY, formats: ['es'] },
    },
  });
  const [output] = Array.isArray(result) ? result : [result];
  if (output === undefined || !('output' in output)) throw new Error(`nothing was built of ${ENTRY}`);
  return output.output[0].code;
}

export const bundledThreads = (): Plugin => ({
  name: 'isolab-threads',
  configureServer(server) {
    let code: Promise<string> | null = null;
    server.watcher.on('change', () => (code = null));
    const answer: Connect.NextHandleFunction = (request, response, next) => {
      if (!WANTED.test(request.url ?? '')) {
        next();
        return;
      }
      code ??= bundle();
      code
        .then((text) => {
          for (const [name, value] of Object.entries(ISOLATION_HEADERS)) response.setHeader(name, value);
          response.setHeader('Content-Type', 'text/javascript');
          response.setHeader('Cache-Control', 'no-cache');
          response.end(text);
        })
        .catch(next);
    };
    server.middlewares.use(answer);
  },
});
