// `npm start`: sets up what is missing, runs the comparison in this terminal, then serves the page until Ctrl-C.

import './node-version.mjs';
import { join } from 'node:path';
import { build } from './build.mjs';
import { ROOT, run, runMain, say } from './run.mjs';
import { install } from './setup.mjs';

/** @param {string[]} args */
const isolab = (args) => run(process.execPath, [join(ROOT, 'dist/host/cli/main.js'), ...args]);

runMain(async () => {
  await install();
  await build();
  const compared = await isolab(['compare']);
  if (compared === 130 || compared === 143) return compared;
  if (compared !== 0)
    say(`the comparison failed: isolab compare ended with ${compared}; serving the page all the same`);
  const served = await isolab(['serve']);
  // Ctrl-C is how serving ends.
  return compared || (served === 130 ? 0 : served);
});
