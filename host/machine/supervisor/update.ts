// Live update: replaces a driver by another binary while clients use it. The kernel holds new requests and lets those in flight
// end. Then the old driver runs its cleanup and the new one is loaded. The kernel opens the open files there and sends the held
// requests (kernel/ipc/held.ts). Where the new driver is refused or dies in its init the old one is loaded again.

import type { LoadedModule } from '../../domain/loaded.ts';
import { insmodError, ModuleError } from '../../domain/module-error.ts';
import { keyOf } from '../../linker/module/alias.ts';
import { symbolNamed } from '../../linker/module/module-file.ts';
import { EBUSY, EINVAL, ENOENT, ENOSYS } from '../../../kernel/abi/errno.ts';
import { LEVEL_NOTICE, LEVEL_WARNING } from '../../../kernel/abi/log.ts';
import { LOAD_UPDATE } from '../../../kernel/abi/module.ts';
import type { Driver } from './driver.ts';
import type { KernelLife } from './kernel-life.ts';
import { usersOf } from './symbol-owners.ts';

/** What the drivers do for an update. */
export interface UpdateCallbacks {
  readonly drivers: Iterable<Driver>;
  readonly isolated: boolean;
  setState(driver: Driver, state: Driver['state']): void;
  /** Has the driver run its cleanup and ends it. Its devices and open files wait for the successor. Throws ModuleError. */
  retire(driver: Driver): Promise<void>;
  endIncarnation(driver: Driver): void;
  load(driver: Driver): Promise<void>;
  recover(work: () => Promise<void>): Promise<void>;
  /** Not even the old binary could be loaded. */
  giveUp(driver: Driver, life: KernelLife, reason: string): Promise<void>;
}

/** Why a binary cannot replace a driver; null where it can. */
function refusal(
  callbacks: UpdateCallbacks,
  driver: Driver | undefined,
  next: LoadedModule,
): ModuleError | null {
  const { name } = next;
  const cannot = (errno: number, why: string): ModuleError =>
    new ModuleError(errno, `could not update module ${name}: ${why}`);
  if (!callbacks.isolated) return cannot(ENOSYS, "it lives in the kernel's own memory");
  if (!driver) return cannot(ENOENT, 'it is not loaded');
  if (driver.state !== 'up' || driver.unloading) return cannot(EBUSY, `it is ${driver.state}`);
  const wanted = new Set(
    usersOf(driver, callbacks.drivers).flatMap(({ loaded }) => loaded.file.imports.map((each) => each.name)),
  );
  for (const symbol of driver.loaded.file.symbols.filter((each) => wanted.has(each.name))) {
    const after = symbolNamed(next.file, symbol.name);
    const same = after?.crc === symbol.crc && String(after.kinds) === String(symbol.kinds);
    if (!same) return cannot(EINVAL, `its users need another symbol ${symbol.name}`);
  }
  return null;
}

/**
 * @param parameters as for insmod; null: those of the old driver
 * @throws ModuleError where the old driver goes on, or was loaded again, or could not be and was given up
 */
export async function updateDriver(
  callbacks: UpdateCallbacks,
  driver: Driver | undefined,
  life: KernelLife,
  next: LoadedModule,
  parameters: string | null,
): Promise<void> {
  let failure: unknown = null;
  // `recover` would report an error as unexpected; this one is for the caller.
  await callbacks.recover(async () => {
    await update(callbacks, driver, life, next, parameters).catch((error: unknown) => void (failure = error));
  });
  if (failure !== null) throw failure as Error;
}

async function update(
  callbacks: UpdateCallbacks,
  driver: Driver | undefined,
  life: KernelLife,
  next: LoadedModule,
  parameters: string | null,
): Promise<void> {
  const refused = refusal(callbacks, driver, next);
  if (refused || !driver) throw refused ?? insmodError(next.name, ENOENT);
  const before = { loaded: driver.loaded, options: driver.options };
  await callbacks.retire(driver);
  callbacks.setState(driver, 'starting');
  const { persistent } = driver.unloaded;
  const attempt = async (loaded: LoadedModule, values: string): Promise<void> => {
    callbacks.endIncarnation(driver);
    driver.restarts++;
    driver.cause = null;
    driver.loaded = loaded;
    const flags = before.options.flags | LOAD_UPDATE;
    driver.options = { ...before.options, flags, parameters: values, persistent };
    await callbacks.load(driver);
    driver.options = { ...driver.options, flags: before.options.flags };
    callbacks.setState(driver, 'up');
  };
  try {
    await attempt(next, parameters ?? before.options.parameters);
    const [from, to] = [before.loaded.sha256.slice(0, 16), next.sha256.slice(0, 16)];
    life.log(LEVEL_NOTICE, [
      `supervisor: ${keyOf(next.name)} was updated from sha256:${from} to sha256:${to}`,
    ]);
  } catch (error) {
    if (!(error instanceof ModuleError)) throw error;
    life.log(LEVEL_WARNING, [`supervisor: bringing ${before.loaded.name} back: ${error.message}`]);
    await attempt(before.loaded, before.options.parameters).catch(async (again: unknown) => {
      if (!(again instanceof ModuleError)) throw again;
      await callbacks.giveUp(driver, life, again.message);
    });
    throw error;
  }
}
