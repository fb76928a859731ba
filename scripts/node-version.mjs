// Refuses a Node that is too old, before anything newer than its syntax is read. Import it first.

import { readFileSync } from 'node:fs';

const { engines } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
const wanted = engines.node.replace(/[^\d.]/g, '');

/** @param {string} version */
const rank = (version) => {
  const [major, minor] = version.split('.').map(Number);
  return (major || 0) * 1000 + (minor || 0);
};

if (rank(process.versions.node) < rank(wanted)) {
  process.stderr.write('isolab: needs Node ' + wanted + ' or newer, this is ' + process.versions.node + '\n');
  process.exit(1);
}
