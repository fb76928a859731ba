// What a machine tells about itself while a fault runs its course: its events, kept in order, and a promise for the next
// piece of trouble, so that nothing has to be polled.

import type { Machine, MachineEvent } from '../machine/types.ts';
import { within, type CancelSignal } from './wait.ts';

export class Watch {
  readonly events: MachineEvent[] = [];
  readonly #unsubscribe: () => void;
  #waiting: (() => void)[] = [];

  constructor(machine: Machine) {
    this.#unsubscribe = machine.subscribe((event) => {
      this.events.push(event);
      if (!isTrouble(event)) return;
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const wake of waiting) wake();
    });
  }

  /** How much went wrong until now. */
  get troubles(): number {
    return this.events.filter(isTrouble).length;
  }

  /** Whether anything goes wrong within `ms`. */
  async trouble(ms: number, signal?: CancelSignal): Promise<boolean> {
    const next = new Promise<true>((resolve) => this.#waiting.push(() => resolve(true)));
    return within(next, ms, false, signal);
  }

  end(): void {
    this.#unsubscribe();
    this.#waiting = [];
  }
}

function isTrouble(event: MachineEvent): boolean {
  return event.type === 'fault' || isOutage(event);
}

/** Whether somebody stopped serving: the machine, or a driver. */
export function isOutage(event: MachineEvent): boolean {
  if (event.type === 'driver') return event.state !== 'up';
  return event.type === 'state' && event.state !== 'running';
}
