// The modules that a shell knows: where they lie, what depmod finds of them, and modprobe. Shells on two machines share one.

import type { Depmod } from '../linker/module/depmod.ts';
import type { ExportedSymbol } from '../linker/module/module-file.ts';
import type { RequestModule } from '../machine/supervisor/demand.ts';
import { Modprobe } from '../machine/modprobe/modprobe.ts';
import type { ModprobeConfig } from '../machine/modprobe/modprobe-config.ts';
import { depmodStore, type ProbeStore } from '../machine/modprobe/module-store.ts';

export class KnownModules {
  readonly store: ProbeStore;
  /** modprobe's configuration, the store's own where none was given. */
  readonly config: ModprobeConfig;
  private readonly kernel: readonly ExportedSymbol[];
  private made: Promise<Depmod> | null = null;
  private probe: Promise<Modprobe> | null = null;

  /** @param kernel what the kernel exports */
  constructor(store: ProbeStore, kernel: readonly ExportedSymbol[], config?: ModprobeConfig) {
    this.store = store;
    this.kernel = kernel;
    this.config = config ?? store.config();
  }

  /** modprobe, with the index that the store has, or the last that was made here. */
  modprobe(): Promise<Modprobe> {
    return (this.probe ??= this.store.index().then((texts) => this.over(texts)));
  }

  /** For a kernel that misses something. @returns what was inserted */
  readonly requestModule: RequestModule = async (loader, alias) => {
    const { done } = await (await this.modprobe()).requestModule(loader, alias);
    return done;
  };

  /** What depmod found when it was last run here. */
  index(): Promise<Depmod> {
    return (this.made ??= depmodStore(this.store, this.kernel));
  }

  /** Looks at the modules anew: some may have come, gone or changed. */
  async depmod(): Promise<Depmod> {
    this.made = null;
    const found = await this.index();
    this.probe = Promise.resolve(this.over(found.texts));
    return found;
  }

  private over(texts: Depmod['texts']): Modprobe {
    return new Modprobe(this.store, texts, this.config);
  }
}
