// Who uses a module.

import type { Domain } from './domain.ts';
import type { KernelExports } from './image.ts';
import { NAME_SIZE } from '../../kernel/abi/limits.ts';

/** The modules that use a module's symbols. */
export function holdersOf(domain: Domain<KernelExports>, name: string): string[] {
  const names: string[] = [];
  for (let i = 0; ; i++) {
    const at = domain.exports.module_holder(domain.text(name), i);
    if (at === 0) return names;
    names.push(domain.textAt(at, NAME_SIZE));
  }
}
