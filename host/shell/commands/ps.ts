import { KERNEL_PID, pidOfDriver } from '../../machine/oops-context.ts';
import type { DriverStatus, Machine } from '../../machine/types.ts';
import type { Command } from '../command.ts';
import { UsageError } from '../errors.ts';

export const ps: Command = {
  name: 'ps',
  summary: 'Lists the threads of the machine and what runs in them',
  usage: '',
  details: `PID: the thread: the kernel's is 1; a driver that the kernel's thread runs has that.
DOMAIN: whose memory it lives in. GEN: its incarnation. RESTARTS: how often it was started again.
HELD: bytes of its data and of what it has allocated.`,
  options: {},
  completes: 'nothing',
  async run({ machine, operands, print }) {
    if (operands[0] !== undefined) throw new UsageError(`unexpected argument '${operands[0]}'`);
    const rows = [HEAD, ...processes(machine).map(rowOf)];
    await print(rows.map((row) => `${line(row)}\n`).join(''));
    const { zombies } = machine.status();
    if (zombies > 0) await print(`${zombies} ended thread${zombies === 1 ? '' : 's'} still running\n`);
  },
};

const HEAD = ['PID', 'DOMAIN', 'STATE', 'GEN', 'RESTARTS', 'HELD', 'COMMAND'];
/** Characters, negative to the left. The same for every machine: what is alike looks alike. */
const WIDTHS = [5, -12, -8, 4, 8, 9, 0];

function line(cells: readonly string[]): string {
  return cells
    .map((cell, i) => (WIDTHS[i]! > 0 ? cell.padStart(WIDTHS[i]!) : cell.padEnd(-WIDTHS[i]!)))
    .join(' ');
}

export interface Process {
  /** Of its thread. */
  pid: number;
  domain: string;
  state: string;
  generation: number;
  restarts: number;
  /** Bytes. */
  held: number;
  name: string;
}

/** The kernel and its drivers; a driver's pid goes by its place among those that were loaded. */
export function processes(machine: Machine): Process[] {
  const { placement, state, boot, drivers } = machine.status();
  const modules = machine.lsmod();
  const isolated = placement === 'microkernel';
  const held = ({ name }: DriverStatus): number => {
    const mod = modules.find((each) => each.name === name);
    return mod ? mod.size + mod.bytes : 0;
  };
  return [
    {
      ...{ pid: KERNEL_PID, domain: 'kernel', state, generation: boot, restarts: boot - 1, name: 'kernel' },
      held: state === 'running' ? machine.accounting().bytesUsed : 0,
    },
    ...drivers.map((driver, i) => ({
      pid: isolated ? pidOfDriver(i) : KERNEL_PID,
      domain: isolated ? driver.name : 'kernel',
      state: driver.state,
      generation: driver.generation,
      restarts: driver.restarts,
      held: held(driver),
      name: driver.name,
    })),
  ];
}

function rowOf({ pid, domain, state, generation, restarts, held, name }: Process): string[] {
  const gen = generation === 0 ? '-' : String(generation);
  return [String(pid), domain, state, gen, String(restarts), String(held), name];
}
