// The in-thread client while its call waits: the loop goes on and may sleep. The client does not enter the kernel, which would wake
// the loop, before there is a result.

import { expect, test } from 'vitest';
import type { Domain } from '../../../host/domain/domain.ts';
import type { KernelExports } from '../../../host/domain/image.ts';
import { InThreadClient } from '../../../host/machine/kernel/in-thread-client.ts';
import { PARKED, SYS_CLOSE } from '../../../kernel/abi/operation.ts';

function waiting() {
  const kernel = { result: PARKED, entries: 0 };
  const exports = { syscall: () => PARKED, syscall_result: () => kernel.result };
  const domain = { exports } as unknown as Domain<KernelExports>;
  const client = new InThreadClient(domain, {
    answer: (entry) => {
      kernel.entries++;
      return { ok: true, value: entry() };
    },
    eventful: () => false,
    runs: () => true,
  });
  return { kernel, client, call: Promise.resolve(client.call(SYS_CLOSE, 3, 0, 0)) };
}

/** Lets woken code run. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('a call that waits enters the kernel no more until its result is there', async () => {
  const { kernel, client, call } = waiting();
  await turn();
  const { entries } = kernel;
  for (let looks = 0; looks < 10; looks++) {
    client.checkResult();
    await turn();
  }
  expect(kernel.entries).toBe(entries);
  kernel.result = 7;
  client.checkResult();
  expect(await call).toEqual({ ok: true, value: { result: 7, data: null } });
});

test('or it is ended', async () => {
  const { client, call } = waiting();
  await turn();
  client.kill();
  expect(await call).toEqual({ ok: false, why: 'killed' });
});
