import { beforeAll, describe, expect, test } from 'vitest';
import { OPERATIONS } from '../../host/lab/calls.ts';
import { compare } from '../../host/lab/compare/compare.ts';
import type { CompareReport, FaultRow, Outcome } from '../../host/lab/compare/report.ts';
import { renderTable } from '../../host/lab/compare/table.ts';
import { FakeMachine, fakeModule, Killed, MachineDied, type Script } from './fake-machine.ts';

const NOTHING: Script = (_, asked) => asked;

const SCRIPTS: Record<string, { monolithic: Script; microkernel: Script }> = {
  NOTHING: { monolithic: NOTHING, microkernel: NOTHING },
  REFUSED: { monolithic: () => -12, microkernel: () => -12 },
  TRAP: {
    monolithic: (machine) => {
      machine.log('lkdtm: about to trap');
      machine.log('BUG: unreachable', 1);
      machine.taint = 'D';
      machine.fault('trap');
      throw new Killed('the client was ended');
    },
    microkernel: (machine) => {
      machine.fault('trap');
      machine.sick = -5;
      machine.emit({
        type: 'driver',
        at: performance.now(),
        module: 'lkdtm',
        state: 'starting',
        generation: 2,
      });
      machine.recover(15, () => {
        machine.sick = null;
        for (const driver of machine.drivers) if (driver.name === 'lkdtm') driver.generation++;
        machine.emit({ type: 'driver', at: performance.now(), module: 'lkdtm', state: 'up', generation: 2 });
      });
      return -5;
    },
  },
  SILENT: {
    monolithic: (machine, asked) => {
      machine.disk[1000] = 99;
      machine.damage = ['the module list ends in nowhere'];
      machine.reading = { calls: 90, failed: 30, worstMs: 2, failures: ['-5'] };
      return asked;
    },
    microkernel: NOTHING,
  },
  LEAK: {
    monolithic: (machine) => {
      machine.held = 256;
      return -12;
    },
    microkernel: NOTHING,
  },
  COMPLAINT: {
    monolithic: (machine, asked) => {
      machine.log('BUG kmalloc-64 (Not tainted): Object already free', 3);
      return asked;
    },
    microkernel: (machine, asked) => {
      machine.log('lkdtm: this is no complaint', 3);
      return asked;
    },
  },
  LIE: { monolithic: () => 4096, microkernel: () => -99_999 },
  HANG: {
    monolithic: async (machine) => {
      machine.log('lkdtm: about to hang');
      await new Promise((resolve) => setTimeout(resolve, 30));
      machine.fault('heartbeat');
      machine.state = 'rebooting';
      machine.emit({ type: 'state', at: performance.now(), state: 'rebooting' });
      machine.recover(20, () => {
        machine.restart();
        machine.state = 'running';
        machine.reading = { calls: 40, failed: 3, worstMs: 450, failures: [] };
        machine.emit({ type: 'state', at: performance.now(), state: 'running' });
      });
      throw new MachineDied('the machine is rebooting');
    },
    microkernel: (machine) => {
      machine.fault('deadline');
      machine.sick = -19;
      machine.emit({
        type: 'driver',
        at: performance.now(),
        module: 'lkdtm',
        state: 'failed',
        generation: 1,
      });
      return -110;
    },
  },
};

const image = Uint8Array.from({ length: 100_000 }, (_, index) => (index * 7) & 255);
const environment = { runtime: 'test', cores: 2, crossOriginIsolated: true, version: '0.0.0' };

function lab(): {
  machines: FakeMachine[];
  boot: (placement: 'monolithic' | 'microkernel') => Promise<FakeMachine>;
} {
  const machines: FakeMachine[] = [];
  return {
    machines,
    boot: async (placement) => {
      const scripts = Object.entries(SCRIPTS).map(([name, sides]) => [name, sides[placement]] as const);
      const machine = new FakeMachine(placement, Object.fromEntries(scripts));
      machines.push(machine);
      return machine;
    },
  };
}

const drivers = ['null', 'zero', 'ramdisk', 'lkdtm'].map(fakeModule);

describe('compare', () => {
  const { machines, boot } = lab();
  const said: string[] = [];
  const problems: string[] = [];
  let report: CompareReport;

  beforeAll(async () => {
    report = await compare(
      { boot, drivers, image, environment, boots: 2, samples: 4, onProblem: (text) => problems.push(text) },
      (text) => said.push(text),
    );
  });

  const row = (fault: string, placement: FaultRow['placement']): FaultRow => {
    const found = report.faults.find((each) => each.fault === fault && each.placement === placement);
    if (found === undefined) throw new Error(`no row: ${fault} ${placement}`);
    return found;
  };

  test('measures every operation on both sides, all boots pooled', () => {
    expect(problems).toEqual([]);
    expect(report.call).toHaveLength(OPERATIONS.length * 2);
    const [dispatch] = report.call;
    expect(dispatch).toEqual({
      placement: 'monolithic',
      operation: 'dispatch',
      bytes: 0,
      ns: {
        ...{ min: 4, q1: 4.75, median: 5.5, mean: 5.5, q3: 6.25, max: 7, n: 8 },
        stddev: expect.any(Number) as number,
      },
      floor: { name: 'indirect call', median: 2 },
      ratio: 2.75,
    });
  });

  test('loads the image, rounded up to blocks, and reads it back', () => {
    expect(machines[0]?.parameters['ramdisk']).toBe('size=102400');
    expect(machines[0]?.parameters['zero']).toBe('');
    expect(report.image.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(report.image.readBack).toEqual({
      monolithic: report.image.sha256,
      microkernel: report.image.sha256,
    });
    expect(report.driver).toEqual({
      name: 'ramdisk',
      sha256: { monolithic: 'sha of ramdisk', microkernel: 'sha of ramdisk' },
    });
  });

  test('has one row a fault and side, in the order in which lkdtm lists them', () => {
    const names = Object.keys(SCRIPTS);
    expect(report.faults.map((each) => each.fault)).toEqual(names.flatMap((name) => [name, name]));
  });

  test.each<[string, FaultRow['placement'], Outcome]>([
    ['NOTHING', 'monolithic', 'no effect seen'],
    ['REFUSED', 'monolithic', 'error returned'],
    ['TRAP', 'monolithic', 'error returned'],
    ['TRAP', 'microkernel', 'driver restarted'],
    ['SILENT', 'monolithic', 'damage found'],
    ['LEAK', 'monolithic', 'damage found'],
    ['COMPLAINT', 'monolithic', 'no effect seen'],
    ['LIE', 'monolithic', 'damage found'],
    ['LIE', 'microkernel', 'damage found'],
    ['HANG', 'monolithic', 'machine rebooted'],
    ['HANG', 'microkernel', 'not recovered'],
  ])('%s on the %s side: %s', (fault, placement, outcome) => {
    expect(row(fault, placement).outcome).toBe(outcome);
  });

  test('a trap that the monolith survives: killed, noticed, never out of service', () => {
    expect(row('TRAP', 'monolithic')).toMatchObject({
      ...{ detectedBy: 'trap', recoveredAfterMs: null, callsFailed: 1, kernelSurvived: true, damage: [] },
      log: ['lkdtm: about to trap', 'BUG: unreachable'],
    });
  });

  test('a restart: noticed at once, back when it answers', () => {
    const restarted = row('TRAP', 'microkernel');
    expect(restarted).toMatchObject({ detectedBy: 'trap', callsFailed: 2, kernelSurvived: true, damage: [] });
    expect(restarted.detectedAfterMs).toBeLessThan(10);
    expect(restarted.recoveredAfterMs).toBeGreaterThanOrEqual(10);
    expect(restarted.recoveredAfterMs).toBeLessThan(200);
  });

  test('silent damage is told', () => {
    expect(row('SILENT', 'monolithic')).toMatchObject({
      ...{ detectedBy: null, detectedAfterMs: null, recoveredAfterMs: null, callsFailed: 0 },
      ...{ bystanderCalls: 90, bystanderCallsFailed: 30, bystanderWorstMs: 2, kernelSurvived: true },
      damage: ['the module list ends in nowhere', 'ramdisk content changed'],
    });
  });

  test('memory that a dead call held is told', () => {
    expect(row('LEAK', 'monolithic').damage).toEqual(['lkdtm holds 256 bytes more than before']);
  });

  test("the kernel's complaint detects, the driver's own words do not", () => {
    expect(row('COMPLAINT', 'monolithic')).toMatchObject({ detectedBy: 'kernel log', callsFailed: 0 });
    expect(row('COMPLAINT', 'microkernel')).toMatchObject({ detectedBy: null, detectedAfterMs: null });
  });

  test('a lie that reached the caller is damage', () => {
    expect(row('LIE', 'monolithic').damage).toEqual(['a caller that passed 3 bytes was told 4096']);
    expect(row('LIE', 'microkernel')).toMatchObject({ callsFailed: 1, detectedBy: null });
  });

  test('a reboot: last words, lost content, time to the first answer', () => {
    const rebooted = row('HANG', 'monolithic');
    expect(rebooted).toMatchObject({
      ...{ detectedBy: 'heartbeat', kernelSurvived: false, bystanderCallsFailed: 3, deadlineMs: 500 },
      damage: ['ramdisk content lost with the machine'],
      log: ['lkdtm: about to hang'],
    });
    expect(rebooted.detectedAfterMs).toBeGreaterThan(20);
    expect(rebooted.recoveredAfterMs).toBeGreaterThan(rebooted.detectedAfterMs ?? 0);
  });

  test('a driver that is given up is not recovered, though the kernel lives', () => {
    expect(row('HANG', 'microkernel')).toMatchObject({
      ...{ detectedBy: 'deadline', recoveredAfterMs: null, kernelSurvived: true },
    });
  });

  test('dirty machines are rebooted, clean ones are not, and all are off in the end', () => {
    const [, , monolithic, microkernel] = machines;
    expect(machines).toHaveLength(4);
    // After TRAP, SILENT and LEAK; HANG is the last thing done; NOTHING, REFUSED, COMPLAINT and LIE leave nothing behind.
    expect(monolithic?.reboots).toBe(3);
    expect(microkernel?.reboots).toBeGreaterThanOrEqual(1);
    expect(machines.every((machine) => machine.state === 'off' && machine.threads === 0)).toBe(true);
  });

  test('keeps to the schema', () => {
    const copy = JSON.parse(JSON.stringify(report)) as CompareReport;
    expect(copy).toEqual(report);
    expect(Object.keys(report).join()).toBe('schema,environment,interrupted,extent,driver,image,call,faults');
    expect(Object.keys(report.environment).sort()).toEqual(
      ['clockStepNs', 'cores', 'crossOriginIsolated', 'runtime', 'version'].sort(),
    );
    expect(Object.keys(report.call[0] ?? {})).toEqual([
      'placement',
      'operation',
      'bytes',
      'ns',
      'floor',
      'ratio',
    ]);
    expect(Object.keys(report.faults[0] ?? {})).toEqual([
      ...['fault', 'placement', 'outcome', 'detectedBy', 'deadlineMs', 'detectedAfterMs', 'recoveredAfterMs'],
      ...['callsFailed', 'bystanderCalls', 'bystanderCallsFailed', 'bystanderWorstMs', 'kernelSurvived'],
      ...['damage', 'log'],
    ]);
  });

  test('says what it is doing', () => {
    expect(said).toContain('booting the monolithic machine, 2 of 2');
    expect(said).toContain('measuring read 4096 bytes on the microkernel machine, boot 1 of 2');
    expect(said).toContain('fault 3 of 8: TRAP on the microkernel machine');
  });

  test.each([true, false])('the table fits 100 columns and has a verdict a row, colours: %s', (colours) => {
    const table = renderTable(report, { colours });
    // eslint-disable-next-line no-control-regex -- colours are control characters
    const plain = table.replace(/\u001b\[\d+m/g, '');
    expect(plain === table).toBe(!colours);
    for (const line of plain.split('\n')) expect(line.length, line).toBeLessThanOrEqual(100);
    for (const name of Object.keys(SCRIPTS)) expect(plain).toContain(` ${name} `);
    expect(plain).toContain('monolithic: machine rebooted');
    expect(plain).toContain('c = a bare indirect call');
    expect(plain).toContain('An empty call from inside the kernel costs');
  });
});

describe('what goes wrong', () => {
  test('a driver that holds no image is measured all the same', async () => {
    const { boot } = lab();
    const notes: string[] = [];
    const report = await compare(
      {
        ...{ boot, drivers, image, environment, boots: 1, samples: 2 },
        driver: fakeModule('blink'),
        onNote: (text) => notes.push(text),
        boot: async (placement) => new FakeMachine(placement, { NOTHING }),
      },
      () => undefined,
    );
    expect(report.driver.name).toBe('blink');
    expect(report.image.readBack).toEqual({ monolithic: null, microkernel: null });
    expect(notes[0]).toContain('no image on the monolithic machine: /dev/blink does not give back');
    expect(report.faults.map((row) => row.outcome)).toEqual(['no effect seen', 'no effect seen']);
    expect(renderTable(report, { colours: false })).toContain(
      'read back whole from the driver: on neither side',
    );
  });

  test('one failed measurement is a problem and costs one row', async () => {
    const problems: string[] = [];
    const report = await compare(
      {
        ...{
          drivers,
          image,
          environment,
          boots: 1,
          samples: 2,
          onProblem: (text: string) => problems.push(text),
        },
        boot: async (placement) => {
          const machine = new FakeMachine(placement, { NOTHING });
          const measure = machine.measure.bind(machine);
          machine.measure = async (spec) => {
            if (spec.operation === 'syscall' && placement === 'microkernel') throw new Error('no program');
            return measure(spec);
          };
          return machine;
        },
      },
      () => undefined,
    );
    expect(problems).toEqual(['not measured: syscall on the microkernel machine: no program']);
    expect(report.call).toHaveLength(9);
    expect(renderTable(report, { colours: false })).toContain('not measured');
  });

  test('interrupted, it ends every machine and reports what is whole', async () => {
    const { boot, machines } = lab();
    const controller = new AbortController();
    const running = compare(
      { boot, drivers, image, environment, boots: 1, signal: controller.signal },
      (text) => {
        if (text.startsWith('fault 3')) controller.abort();
      },
    );
    const report = await running;
    expect(machines.every((machine) => machine.state === 'off')).toBe(true);
    expect(report).toMatchObject({
      interrupted: true,
      extent: [
        { what: 'boots measured', done: 1, of: 1 },
        { what: 'faults provoked', done: 2, of: Object.keys(SCRIPTS).length },
      ],
    });
    expect(report.call).toHaveLength(2 * OPERATIONS.length);
    expect(new Set(report.faults.map(({ fault }) => fault))).toEqual(
      new Set(Object.keys(SCRIPTS).slice(0, 2)),
    );
    const table = renderTable(report, { colours: false });
    expect(table).toContain('\nIn sum, as far as it came\n');
    expect(table).toMatch(
      /\ninterrupted, ended before its time: 1 of 1 boots measured, 2 of \d+ faults provoked\n$/,
    );
  });

  test('interrupted before anything, it measures nothing and claims nothing', async () => {
    const { boot, machines } = lab();
    const signal = AbortSignal.abort('SIGINT');
    const report = await compare({ boot, drivers, image, environment, signal }, () => undefined);
    expect(machines).toEqual([]);
    expect(report).toMatchObject({ interrupted: true, call: [], faults: [] });
    expect(report.driver.sha256).toEqual({ monolithic: null, microkernel: null });
    const table = renderTable(report, { colours: false });
    expect(table).toContain('ramdisk: interrupted before both sides had it');
    expect(table).not.toContain('×');
  });

  test('a machine that does not boot fails the comparison', async () => {
    const running = compare(
      {
        ...{ drivers, image, environment },
        boot: async () => {
          throw new Error('no thread to be had');
        },
      },
      () => undefined,
    );
    await expect(running).rejects.toThrow('no thread to be had');
  });
});
