// A file goes to a thread once: later its name says which is meant. Copying one with all that is known of it takes longer than
// starting the driver in it.

import { lean, type LoadedModule } from '../../domain/loaded.ts';
import type { Thread } from './platform.ts';

export interface FileRef {
  name: string;
  /** Null where the last one of that name that the thread has had is meant. */
  file: LoadedModule | null;
}

/** The files that a thread has, by name. */
const sent = new WeakMap<Thread, Map<string, LoadedModule>>();

/** How a file is named to a thread, to which it is posted next. */
export function refer(thread: Thread, loaded: LoadedModule): FileRef {
  const { name } = loaded;
  const known = sent.get(thread) ?? new Map<string, LoadedModule>();
  sent.set(thread, known);
  const file = known.get(name) === loaded ? null : lean(loaded);
  known.set(name, loaded);
  return { name, file };
}

/** The files that this thread has had. */
export class Files {
  private readonly byName = new Map<string, LoadedModule>();

  /** The last one of that name. */
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
