// A file is sent to a thread once; later messages name it. Copying a file with all that was parsed from it takes longer than
// starting its driver.

import { lean, type LoadedModule } from '../../domain/loaded.ts';
import type { Thread } from './platform.ts';

export interface FileRef {
  name: string;
  /** Null: the last file of that name that the thread was sent. */
  file: LoadedModule | null;
}

/** The files that a thread was sent, by name. */
const sent = new WeakMap<Thread, Map<string, LoadedModule>>();

/** A reference to a file for a thread. It must be posted to that thread next. */
export function refer(thread: Thread, loaded: LoadedModule): FileRef {
  const { name } = loaded;
  const known = sent.get(thread) ?? new Map<string, LoadedModule>();
  sent.set(thread, known);
  const file = known.get(name) === loaded ? null : lean(loaded);
  known.set(name, loaded);
  return { name, file };
}

/** The files that this thread was sent. */
export class Files {
  private readonly byName = new Map<string, LoadedModule>();

  /** The last file of that name. */
  known(name: string): LoadedModule | undefined {
    return this.byName.get(name);
  }

  of({ name, file }: FileRef): LoadedModule {
    if (file) this.byName.set(name, file);
    const known = this.known(name);
    if (!known) throw new Error(`this thread has no file of that name: ${name}`);
    return known;
  }
}
