// Operations that are under way when the kernel dies, or its environment fails, end: nothing waits forever, and no thread, memory or
// channel is leaked.

import { expect, onTestFinished, test, vi } from 'vitest';
import { nodePlatform } from '../../../host/cli/node-platform.ts';
import { holdChannel } from '../../../host/machine/supervisor/channels.ts';
import { wordOf } from '../../../host/machine/shared/channel-words.ts';
import { ClientThreads } from '../../../host/machine/supervisor/clients.ts';
import { MachineDied } from '../../../host/machine/shared/control.ts';
import type { DriverHost } from '../../../host/machine/supervisor/driver-host.ts';
import { Incarnation } from '../../../host/machine/supervisor/incarnation.ts';
import type { KernelLife } from '../../../host/machine/supervisor/kernel-life.ts';
import type { Thread } from '../../../host/machine/shared/platform.ts';
import type { DomainOptions } from '../../../host/machine/shared/protocol.ts';
import { Resources } from '../../../host/machine/supervisor/resources.ts';
import type { MachineEvent } from '../../../host/machine/shared/types.ts';
import { CHANNEL_FREE, CHANNEL_ZOMBIE, S_STATE } from '../../../kernel/abi/channel.ts';
import { EIO, ENOENT } from '../../../kernel/abi/errno.ts';
import { MAX_CHANNELS } from '../../../kernel/abi/limits.ts';
import { O_RDONLY } from '../../../kernel/abi/operation.ts';
import { TestKernel } from '../../support/kernel.ts';
import { machineIs, nextEvent } from '../../support/machine.ts';
import { threadLab } from '../../support/threads.ts';

test('a driver whose messages cannot be connected any more', async () => {
  const { memory, words } = await TestKernel.boot();
  let used: Promise<unknown> = Promise.resolve();
  const life = {
    ...{ memory, words, dead: false, ring: () => {} },
    usedUntil: (done: Promise<unknown>) => (used = done),
    control: {
      methods: {
        connect: () => {
          life.dead = true;
          return Promise.reject(new MachineDied('meanwhile'));
        },
      },
    },
  };
  const ended: string[] = [];
  const host: DriverHost = {
    ...{ memory, thread: {} as Thread, bell: null, transport: 0, postedKind: 'comlink', ending: false },
    begin: () => {},
    end: () => Promise.resolve(void ended.push('ended')),
    release: () => ended.push('released'),
  };
  const nothing = { died: () => {}, files: () => [], warned: () => {}, unloaded: () => {} };
  const open = (): Promise<DriverHost> => Promise.resolve(host);
  await expect(Incarnation.prepare(life as unknown as KernelLife, nothing, open)).rejects.toThrow(
    'meanwhile',
  );
  expect(ended).toEqual(['ended', 'released']);
  await used;
});

test('who waits for a channel of a kernel that dies', async () => {
  const { words } = await TestKernel.boot();
  const life = { words, dead: false } as KernelLife;
  for (let channel = 0; channel < MAX_CHANNELS; channel++) words[wordOf(channel, S_STATE)] = CHANNEL_ZOMBIE;
  const waiting = holdChannel(life);
  life.dead = true;
  words[wordOf(0, S_STATE)] = CHANNEL_FREE; // the memory is another kernel's
  await expect(waiting).rejects.toThrow(MachineDied);
  expect(words[wordOf(0, S_STATE)]).toBe(CHANNEL_FREE);
});

test('a client that comes when the machine is being shut down', async () => {
  const resources = new Resources(nodePlatform);
  const clients = new ClientThreads(resources, () => {
    throw new MachineDied('the machine is off');
  });
  await expect(clients.attach()).rejects.toThrow('the machine is off');
  expect(resources.threads).toBe(0);
});

test('a driver for which there is no memory', async () => {
  const resources = new Resources(nodePlatform);
  const memory = vi.spyOn(WebAssembly, 'Memory').mockImplementation(function () {
    throw new RangeError('no memory');
  });
  onTestFinished(() => memory.mockRestore());
  await expect(resources.takePreparedThread({ images: {} } as DomainOptions)).rejects.toThrow('no memory');
  expect(resources.memories).toBe(0);
  await resources.close();
  expect(resources.threads).toBe(0);
});

test('the end of a request for a module', async () => {
  // The kernel's thread ends instead of handling the end of the request for a module.
  const lab = await threadLab((thread) => {
    if (thread.kind !== 'kernel') return thread;
    const { port } = thread;
    const postMessage: typeof port.postMessage = (message, ...rest) => {
      if ((message as { path?: string[] }).path?.includes('requested')) thread.terminate();
      else port.postMessage(message, ...rest);
    };
    const through = {
      ...thread,
      port: Object.create(port, { postMessage: { value: postMessage } }) as typeof port,
    };
    through.port.addEventListener = port.addEventListener.bind(port);
    through.port.removeEventListener = port.removeEventListener.bind(port);
    return through;
  });
  onTestFinished(() => lab.close());
  const machine = await lab.boot('monolithic', { requestModule: () => Promise.resolve([]) });
  onTestFinished(() => machine.shutdown());
  const client = await machine.attach();
  const up = nextEvent(machine, machineIs('running'));
  const opened = client.open('/dev/nothing', O_RDONLY);
  await up;
  expect(await opened).toBe(-EIO);
  expect(await client.open('/proc/nothing', O_RDONLY)).toBe(-ENOENT);
});

test('a listener that throws keeps nobody else from hearing, and nothing from going on', async () => {
  const lab = await threadLab();
  onTestFinished(() => lab.close());
  const machine = await lab.boot('microkernel');
  onTestFinished(() => machine.shutdown());
  const thrown: unknown[] = [];
  const surfacing = vi.spyOn(globalThis, 'queueMicrotask').mockImplementation((act) => {
    try {
      act();
    } catch (error) {
      thrown.push(error);
    }
  });
  onTestFinished(() => surfacing.mockRestore());
  const heard: MachineEvent[] = [];
  const stop = machine.subscribe(() => {
    throw new Error('a listener of its own');
  });
  machine.subscribe((event) => heard.push(event));
  await machine.insmod(lab.drivers.find(({ name }) => name === 'null')!);
  stop();
  expect(heard).toMatchObject([{ type: 'driver', module: 'null', state: 'up' }]);
  expect(thrown).toEqual(heard.map(() => new Error('a listener of its own')));
});
