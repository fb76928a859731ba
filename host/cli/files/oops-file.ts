// What `isolab oops` reads from disk: the log, a copy of /proc/kallsyms, and the files that were loaded. Names of modules come
// out of the log: they choose among the files of one folder and never become a path.

import { createHash } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { decodeOops, type CodeFile, type DecodedOops } from '../../domain/decode.ts';
import { Kallsyms } from '../../domain/kallsyms.ts';
import { findOopses } from '../../domain/saved-oops.ts';
import { keyOf } from '../../linker/module/alias.ts';
import { BadModule } from '../../linker/module/module-file.ts';
import { ModuleSymbols } from '../../linker/module/symbols.ts';
import { checkStandardInput, readInput, readText } from './user-files.ts';
import { Failure, refused } from '../io.ts';

export interface OopsFile {
  /** Path of the log, `-` for standard input. */
  file: string;
  kallsyms: string | null;
  /** Folder of NAME.ko.wasm and NAME.wasm, each with its .map. */
  modules: string;
}

/** Decodes every oops of a log; none is an empty list. Throws Failure where something cannot be read. */
export async function decodeFile({ file, kallsyms, modules }: OopsFile): Promise<DecodedOops[]> {
  const log = file === '-' ? await standardInput() : readText('the log', file);
  const saved = findOopses(log);
  const known = kallsyms === null ? null : new Kallsyms(readText('the symbols', kallsyms));
  if (known?.symbols.length === 0) throw new Failure(`there are no symbols in ${kallsyms}`);
  const folder = new Folder(modules);
  return saved.map((oops) => decodeOops(oops, { kallsyms: known, file: (name) => folder.find(name) }));
}

async function standardInput(): Promise<string> {
  checkStandardInput();
  const parts: Uint8Array[] = [];
  for await (const part of process.stdin) parts.push(part as Uint8Array);
  return Buffer.concat(parts).toString('utf8');
}

class Folder {
  private readonly folder: string;
  /** File names by the name of the module or image in them. */
  private readonly names = new Map<string, string>();
  private readonly read = new Map<string, CodeFile>();

  constructor(folder: string) {
    this.folder = folder;
    let entries: string[];
    try {
      entries = readdirSync(folder);
    } catch (error) {
      throw refused('the folder of modules cannot be read', folder, error);
    }
    for (const entry of entries) {
      const name = /^(.+?)(?:\.ko)?\.wasm$/.exec(entry)?.[1];
      if (name !== undefined) this.names.set(keyOf(name), entry);
    }
  }

  find(name: string): CodeFile | null {
    const entry = this.names.get(keyOf(name));
    if (entry === undefined) return null;
    const known = this.read.get(entry);
    if (known) return known;
    const path = join(this.folder, entry);
    const bytes = readInput('the module', path);
    try {
      const map = existsSync(`${path}.map`) ? readText('the map', `${path}.map`) : null;
      const file: CodeFile = {
        ...{ label: entry, bytes: bytes.length, symbols: new ModuleSymbols(bytes, map) },
        sha256: createHash('sha256').update(bytes).digest('hex'),
      };
      this.read.set(entry, file);
      return file;
    } catch (error) {
      if (!(error instanceof BadModule)) throw error;
      throw new Failure(`${path} is no module: ${error.message}`);
    }
  }
}
