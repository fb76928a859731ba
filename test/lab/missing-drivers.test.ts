// A comparison whose machines lose drivers or devices on the way, or never had them: the rest of it is done all the same.

import { expect, test } from 'vitest';
import { compare } from '../../host/lab/compare/compare.ts';
import { renderTable } from '../../host/lab/compare/table.ts';
import { ENOENT } from '../../kernel/abi/errno.ts';
import { FakeMachine, fakeModule, type Script } from './fake-machine.ts';

const image = Uint8Array.from({ length: 1000 }, (_, index) => (index * 7) & 255);
const environment = { runtime: 'test', cores: 2, crossOriginIsolated: true, version: '0.0.0' };
const drivers = ['null', 'zero', 'ramdisk', 'lkdtm'].map(fakeModule);

test('a driver, or its name in /dev, that is away after a fault is there for the next', async () => {
  const problems: string[] = [];
  const machines: FakeMachine[] = [];
  const away = (name: string): Script => {
    return (machine, asked) => {
      machine.drivers = machine.drivers.filter((driver) => driver.name !== name);
      return asked;
    };
  };
  const nameless: Script = (machine, asked) => {
    machine.console.stat = async () => ({ result: -ENOENT });
    return asked;
  };
  const scripts = {
    NAMELESS: nameless,
    RAMDISK: away('ramdisk'),
    ZERO: away('zero'),
    NOTHING: (_: FakeMachine, asked: number) => asked,
  };
  const report = await compare(
    {
      ...{ drivers, image, environment, boots: 1, samples: 2 },
      onProblem: (text) => problems.push(text),
      boot: async (placement) => {
        const machine = new FakeMachine(placement, scripts);
        machines.push(machine);
        return machine;
      },
    },
    () => undefined,
  );
  expect(problems).toEqual([]);
  expect(report.faults.map(({ fault }) => fault)).toEqual(
    Object.keys(scripts).flatMap((name) => [name, name]),
  );
  // A reboot would leave drivers away.
  expect(machines.map(({ reboots }) => reboots)).toEqual([1, 1, ...Array<number>(4).fill(0)]);
});

test('without lkdtm, and where devices are gone for a while, calls are measured all the same', async () => {
  const problems: string[] = [];
  const report = await compare(
    {
      ...{ drivers: drivers.slice(0, 3), image, environment, boots: 1, samples: 2 },
      onProblem: (text) => problems.push(text),
      boot: async (placement) => {
        const machine = new FakeMachine(placement, {});
        const measure = machine.measure.bind(machine);
        machine.measure = async (spec) => {
          machine.devices = () => [];
          return measure(spec);
        };
        return machine;
      },
    },
    () => undefined,
  );
  expect(problems).toHaveLength(1);
  expect(problems[0]).toMatch(/^not measured: lkdtm's list of faults: /);
  expect(report.call).toHaveLength(10);
  expect(report.faults).toEqual([]);
  expect(renderTable(report, { colours: false })).toContain('dispatch');
});
