// Cores as files of a folder: each under a name that no other has, and whole or not at all.

import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { OnCore } from '../../machine/shared/types.ts';
import { explained, type Io } from '../io.ts';

/** Cores of this process. */
let written = 0;

/** NAME.GENERATION.TIME.PID.NUMBER.core, with a time as 20261126T142811Z. */
function fileName(name: string): string {
  const safe = name.replace(/[^\w.-]/g, '_').replace(/^\./, '_');
  const time = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  return `${safe}.${time}.${process.pid}.${++written}.core`;
}

const exists = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'EEXIST';

/** Never over a file that is there: another process may have had this one's number. @returns the path */
async function writeNew(folder: string, name: string, core: Uint8Array): Promise<string> {
  for (;;) {
    const path = join(folder, fileName(name));
    try {
      await writeFile(path, core, { flag: 'wx' });
      return path;
    } catch (error) {
      if (exists(error)) continue;
      await rm(path, { force: true });
      throw error;
    }
  }
}

/** Writes cores into a folder, which is made where it is not there, and says so. Rejects where that fails. */
export function coreWriter(folder: string, io: Io): OnCore {
  return async (core, name) => {
    try {
      await mkdir(folder, { recursive: true });
      io.progress(`isolab: core written: ${await writeNew(folder, name, core)}`);
    } catch (error) {
      const why = `${explained(error)}: ${folder}`;
      io.progress(`isolab: a core cannot be written: ${why}`);
      throw new Error(why, { cause: error });
    }
  };
}
