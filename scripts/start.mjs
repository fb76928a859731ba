// `npm start`: sets up what is missing, serves the page until Ctrl-C, and runs the comparison in this terminal meanwhile. The
// address comes first: an idle server disturbs no measurement.

import './node-version.mjs';
import { join } from 'node:path';
import { build } from './build.mjs';
import { ROOT, run, runMain, say } from './run.mjs';
import { install } from './setup.mjs';

/**
 * @param {string[]} args
 * @param {() => void} [onOutput]
 */
const isolab = (args, onOutput) =>
  run(process.execPath, [join(ROOT, 'dist/host/cli/main.js'), ...args], onOutput ? { onOutput } : {});

runMain(async () => {
  await install();
  await build();
  let serving = Promise.resolve(0);
  await new Promise((resolve) => {
    serving = isolab(['serve'], () => resolve(undefined));
    void serving.then(resolve);
  });
  say('comparing in this terminal for half a minute; a page that works meanwhile disturbs the figures');
  const compared = await isolab(['compare']);
  const stopped = compared === 130 || compared === 143;
  if (compared !== 0 && !stopped)
    say(`the comparison failed: isolab compare ended with ${compared}; the page is served all the same`);
  const served = await serving;
  // Ctrl-C is how serving ends.
  return compared || (served === 130 ? 0 : served);
});
