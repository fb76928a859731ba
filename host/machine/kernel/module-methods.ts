// The methods of a kernel's thread for modules: those in the kernel's domain, and the kernel's entries for those in other domains.

import { announce, type Gate } from '../../domain/announce.ts';
import type { Domain, StaticData } from '../../domain/domain.ts';
import { holdersOf } from '../../domain/holders.ts';
import type { KernelExports } from '../../domain/image.ts';
import type { LoadedModule } from '../../domain/loaded.ts';
import { insmod, rmmod, type LoadOptions, type Unloaded } from '../../domain/loader.ts';
import { rmmodError } from '../../domain/module-error.ts';
import { EAGAIN } from '../../../kernel/abi/errno.ts';
import { UNLOAD_FORCE } from '../../../kernel/abi/module.ts';
import { SYS_DELETE_MODULE, SYS_REPLACE_MODULE } from '../../../kernel/abi/operation.ts';
import { Files, type FileRef } from '../shared/module-files.ts';
import type { Answer } from '../shared/protocol.ts';
import type { InThreadClient } from './in-thread-client.ts';
import type { KernelOopses } from './kernel-oopses.ts';

/** What the kernel's thread does for these methods. */
interface KernelEntries {
  /** Runs the kernel's loop once, without waiting. */
  poll(): void;
  /** One entry into the kernel. */
  answer<T>(entry: () => T): Answer<T>;
}

export class ModuleMethods {
  /** Files of modules in domains of their own. */
  readonly files = new Files();
  private readonly domain: Domain<KernelExports>;
  private readonly oopses: KernelOopses;
  private readonly client: InThreadClient;
  private readonly kernel: KernelEntries;

  constructor(
    domain: Domain<KernelExports>,
    oopses: KernelOopses,
    client: InThreadClient,
    kernel: KernelEntries,
  ) {
    this.domain = domain;
    this.oopses = oopses;
    this.client = client;
    this.kernel = kernel;
  }

  private runAs<T>(comm: 'insmod' | 'rmmod', entry: () => T): Answer<T> {
    this.oopses.comm = comm;
    try {
      return this.kernel.answer(entry);
    } finally {
      this.oopses.comm = 'swapper/0';
    }
  }

  insmod(loaded: LoadedModule, options: LoadOptions): Answer<StaticData[]> {
    this.oopses.add(loaded);
    const answer = this.runAs('insmod', () => {
      insmod(this.domain, loaded, options);
      return this.domain.statics;
    });
    if (
      !answer.ok &&
      answer.why === 'refused' &&
      !this.domain.statics.some(({ name }) => name === loaded.name)
    ) {
      this.oopses.modules.delete(loaded.name);
    }
    return answer;
  }

  rmmod(name: string, force: boolean): Answer<Unloaded> {
    const answer = this.runAs('rmmod', () => {
      const how = force ? UNLOAD_FORCE : 0;
      const holders = (): string[] => holdersOf(this.domain, name);
      return rmmod(this.domain, name, { loaded: this.oopses.modules.get(name), how, holders });
    });
    if (answer.ok) this.oopses.forget(name);
    return answer;
  }

  announce(file: FileRef, flags: number, channel: number): Answer<Gate[]> {
    const loaded = this.files.of(file);
    this.kernel.poll(); // so that the kernel adopts the endpoint before the module
    return this.kernel.answer(() =>
      announce(this.domain, loaded, flags, channel, (name) => this.files.known(name)),
    );
  }

  /** Unloads a module for a successor. */
  replace(name: string): Promise<Answer<number>> {
    return this.unload(SYS_REPLACE_MODULE, name, 0);
  }

  cancelRequests(name: string, channels: number[], unloaded: boolean): Answer<null> {
    this.kernel.poll(); // so that the kernel hears that the incarnations are dead
    return this.kernel.answer(() => {
      const { exports } = this.domain;
      for (const channel of channels) exports.held_cancel(channel);
      const forget = unloaded ? exports.module_forget : exports.store_forget;
      return (forget(this.domain.text(name)), null);
    });
  }

  delete(name: string, force: boolean): Promise<Answer<number>> {
    return this.unload(SYS_DELETE_MODULE, name, force ? 1 : 0);
  }

  private async unload(number: number, name: string, force: number): Promise<Answer<number>> {
    const answer = await this.client.callPath(number, name, force, 0);
    if (!answer.ok) return answer;
    const { result } = answer.value;
    return this.kernel.answer(() => {
      if (result < 0) throw rmmodError(name, -result, result === -EAGAIN ? holdersOf(this.domain, name) : []);
      return result;
    });
  }
}
