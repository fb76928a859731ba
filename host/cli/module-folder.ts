// A folder of modules, NAME.ko.wasm, as the shell's store. A word with a / in it, or with the ending, is a file of the user's.

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { LoadedModule } from '../domain/loaded.ts';
import type { ModuleStore } from '../shell/command.ts';
import { Failure } from './io.ts';
import { loadModuleFile } from './machines.ts';

const ENDING = '.ko.wasm';
/** `-` and `_` are the same in a module's name. */
const keyOf = (name: string): string => name.replaceAll('-', '_');

export class ModuleFolder implements ModuleStore {
  readonly folder: string;

  /** @throws Failure where there is no such folder */
  constructor(folder: string) {
    this.folder = folder;
    this.files();
  }

  private files(): string[] {
    try {
      return readdirSync(this.folder).filter((file) => file.endsWith(ENDING));
    } catch (error) {
      throw new Failure(`the folder of modules cannot be read: ${explained(error)}: ${this.folder}`);
    }
  }

  list(): string[] {
    return this.files()
      .map((file) => file.slice(0, -ENDING.length))
      .sort();
  }

  async load(name: string): Promise<LoadedModule> {
    const file =
      name.includes('/') || name.endsWith('.wasm')
        ? name
        : join(this.folder, `${this.list().find((each) => keyOf(each) === keyOf(name)) ?? name}${ENDING}`);
    try {
      return await loadModuleFile(file);
    } catch (error) {
      if (error instanceof Error && 'code' in error) throw new Error(explained(error), { cause: error });
      throw error;
    }
  }
}

const WORDS: Record<string, string> = {
  ENOENT: 'No such file or directory',
  ENOTDIR: 'Not a directory',
  EACCES: 'Permission denied',
  EISDIR: 'Is a directory',
};

/** An error of the file system in words. */
function explained(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return ('code' in error && WORDS[String(error.code)]) || error.message;
}
