// What a machine tells about itself while a fault runs its course: its events, kept in order, and a promise for the next
// piece of trouble and for its end, so that nothing has to be polled.

import type { Machine, MachineEvent } from '../../machine/shared/types.ts';
import { within, type CancelSignal } from '../wait.ts';

export class Watch {
  readonly events: MachineEvent[] = [];
  readonly #unsubscribe: () => void;
  #waiting: (() => void)[] = [];
  #returning: (() => void)[] = [];

  constructor(machine: Machine) {
    this.#unsubscribe = machine.subscribe((event) => {
      this.events.push(event);
      const waiting = isTrouble(event) ? this.#waiting : this.#returning;
      for (const wake of waiting.splice(0)) wake();
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

  /** How often somebody has begun to serve until now. */
  get returns(): number {
    return this.events.length - this.troubles;
  }

  /** Resolves when somebody begins to serve. */
  returned(): Promise<void> {
    return new Promise((resolve) => this.#returning.push(resolve));
  }

  end(): void {
    this.#unsubscribe();
    this.#waiting = [];
    this.#returning = [];
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
