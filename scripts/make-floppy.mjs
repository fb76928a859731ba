// Remakes host/lab/assets/floppy.img, the disk image that `isolab compare` loads: 1.44 MB, FAT12, the same bytes every time.
// Needs dosfstools (mkfs.fat) and mtools (mcopy), which nothing else here does: the image is committed.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT, runMain, say } from './run.mjs';

const IMAGE = join(ROOT, 'host/lab/assets/floppy.img');
const KIB = 1440;
/** The age of everything on the disk, in s since 1970: the year of MINIX 1.0. */
const DATE = Date.UTC(1987, 0, 1) / 1000;

/** Bytes without a pattern, from a fixed seed: a misplaced block cannot hide among them. */
const noise = () => {
  let state = 0x15017ab;
  const bytes = new Uint8Array(100_000);
  return bytes.map(() => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  });
};

const FILES = {
  'README.TXT': 'This disk was written into a driver and read back out of it.\r\n',
  'COUNT.TXT': Array.from({ length: 4096 }, (_, line) => `line ${line}\r\n`).join(''),
  'NOISE.BIN': noise(),
};

const environment = { ...process.env, SOURCE_DATE_EPOCH: String(DATE), TZ: 'UTC', MTOOLS_SKIP_CHECK: '1' };

/** @param {string} program  @param {string[]} args */
const tool = (program, args) => {
  execFileSync(program, args, { env: environment, stdio: ['ignore', 'ignore', 'inherit'] });
};

runMain(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'isolab-floppy-'));
  try {
    rmSync(IMAGE, { force: true });
    tool('mkfs.fat', ['--invariant', '-F', '12', '-i', '15017ab0', '-n', 'ISOLAB', '-C', IMAGE, String(KIB)]);
    for (const [name, content] of Object.entries(FILES)) {
      const file = join(folder, name);
      writeFileSync(file, content);
      utimesSync(file, DATE, DATE);
      tool('mcopy', ['-m', '-i', IMAGE, file, '::/']);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  say(`wrote ${IMAGE}`);
  return 0;
});
