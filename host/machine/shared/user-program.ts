// The exports of kernel/user.ts, which runs on the threads at both ends of a measured call.

import { USER_BASE, USER_SIZE } from '../../../kernel/abi/map.ts';

/** Exports of kernel/user.ts. */
export interface UserExports {
  repeat(rounds: number, number: number, a: number, b: number, c: number): number;
  target(file: number, buffer: number, count: number, position: number): number;
  floor_indirect(rounds: number, slot: number): number;
  floor_gate(rounds: number): number;
  floor_copy(rounds: number, to: number, from: number, count: number): void;
  floor_ping(rounds: number, request: number, reply: number, from: number): number;
  floor_pong(rounds: number, request: number, reply: number, from: number): void;
  floor_wait_ping(rounds: number, request: number, reply: number, from: number): number;
  floor_wait_pong(rounds: number, request: number, reply: number, from: number): void;
  floor_ring_ping(messages: number, ring: number, batch: number, from: number): number;
  floor_ring_pong(messages: number, ring: number, from: number): void;
}

/** The address of the bare ring, in the last quarter of the in-thread client's part of the user area. */
export const FLOOR_RING = USER_BASE + (USER_SIZE / 4) * 3;
