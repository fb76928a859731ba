// A file goes to a thread once: later its name and hash say which is meant. Copying one with all that is known of it takes longer
// than starting the driver in it.

import { lean, type LoadedModule } from '../domain/loaded.ts';
import type { Thread } from './platform.ts';

export interface FileRef {
  name: string;
  sha256: string;
  /** Null where the thread has had it. */
  file: LoadedModule | null;
}

/** By name, the hash of the file that a thread has. */
const sent = new WeakMap<Thread, Map<string, string>>();

/** How a file is named to a thread, to which it is posted next. */
export function refer(thread: Thread, loaded: LoadedModule): FileRef {
  const { name, sha256 } = loaded;
  const known = sent.get(thread) ?? new Map<string, string>();
  sent.set(thread, known);
  const file = known.get(name) === sha256 ? null : lean(loaded);
  known.set(name, sha256);
  return { name, sha256, file };
}

/** The files that this thread has had. */
export class Files {
  private readonly byName = new Map<string, LoadedModule>();

  of({ name, sha256, file }: FileRef): LoadedModule {
    if (file) this.byName.set(name, file);
    const known = this.byName.get(name);
    if (known?.sha256 !== sha256) throw new Error(`this thread has no file ${name} (sha256:${sha256})`);
    return known;
  }
}
