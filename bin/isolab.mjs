#!/usr/bin/env node
// `npx isolab …`: builds dist/ where it is missing or older than the sources, then hands over to the command line.

import '../scripts/node-version.mjs';
import { build } from '../scripts/build.mjs';
import { Failure, say } from '../scripts/run.mjs';

try {
  await build();
} catch (error) {
  if (!(error instanceof Failure)) throw error;
  say(error.message);
  process.exit(1);
}
await import('../dist/host/cli/main.js');
