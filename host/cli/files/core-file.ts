// A core file as text: who died of what, with what loaded, over which requests, and what the log had said.

import { BadCore, Core, type CoreMessage } from '../../machine/inspect/core.ts';
import { formatRecord } from '../../machine/inspect/dmesg.ts';
import { hex8 } from '../../domain/oops.ts';
import * as operation from '../../../kernel/abi/operation.ts';
import { readInput } from './user-files.ts';
import { Failure } from '../io.ts';
import { cleanText } from '../../linker/wasm/bytes.ts';

/** Requests and lines of the log that are shown unless all are asked for. */
const SHOWN = 8;
const LOG_SHOWN = 20;

/** Names of operations: OP_READ is READ. */
const NAMES = new Map(
  Object.entries(operation)
    .filter(([name]) => name.startsWith('OP_'))
    .map(([name, value]) => [value, name.slice('OP_'.length)]),
);

/** Rejects with Failure. */
export async function openCore(path: string): Promise<Core> {
  const bytes = readInput('the core', path);
  try {
    return await Core.read(bytes);
  } catch (error) {
    if (!(error instanceof BadCore)) throw error;
    throw new Failure(`${path} is no core: ${error.message}`);
  }
}

/** @param all whether every request that is known is shown */
export function coreLines({ header }: Core, all: boolean): string[] {
  const { driver, generation, boot, placement, time, by, fault, vermagic, sha256 } = header;
  const used = header.pages.reduce((sum, [, run]) => sum + run, 0);
  const messages = all ? header.messages : header.messages.slice(-SHOWN);
  const lines = [
    `${driver}, generation ${generation}, boot ${boot}, ${placement}: died of a ${reason(by)}${fault ? ` (${fault.kind})` : ''}`,
    `${time}, ${vermagic}, sha256 ${sha256}`,
    '',
    ...(header.oops.length > 0 ? header.oops : ['No trap: there is no call trace.']),
    '',
    'Modules:',
    ...header.modules.map(
      ({ name, base, size, tableBase }) =>
        `  ${hex8(base)} ${String(size).padStart(8)} bytes, table ${tableBase}  ${name}`,
    ),
    '',
    `Messages: ${messages.length === header.messages.length ? `all ${messages.length}` : `the last ${messages.length} of ${header.messages.length}`}`,
    ...messages.map((message) => `  ${messageLine(message)}`),
    '',
    'Log:',
    ...header.log.slice(all ? 0 : -LOG_SHOWN).map((record) => `  ${formatRecord(record)}`),
    '',
    `Memory: ${header.memory} bytes, ${used} pages of 4 KiB that are not all zeros`,
  ];
  return lines.map(cleanText);
}

const reason = (by: string): string =>
  by === 'deadline' ? 'missed deadline' : by === 'protocol' ? 'breach of the protocol' : by;

function messageLine(message: CoreMessage): string {
  const { sequence, operation: number, handle, position, address, length, status } = message;
  const name = NAMES.get(number) ?? `operation ${number}`;
  const range = length > 0 ? ` ${length} bytes at ${hex8(address)}` : ` ${message.arguments.join(' ')}`;
  const answer = status === null ? 'not answered' : status;
  return `${sequence} ${name} handle ${hex8(handle)} position ${position}${range} -> ${answer}`;
}

/** As `hexdump -C`. */
export function dumpLines(bytes: Uint8Array, address: number): string[] {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const row = [...bytes.subarray(at, at + 16)];
    const words = row.map((byte) => byte.toString(16).padStart(2, '0'));
    const halves = [words.slice(0, 8).join(' '), words.slice(8).join(' ')].join('  ').padEnd(48);
    const text = row.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('');
    lines.push(`${hex8(address + at)}  ${halves}  |${text}|`);
  }
  return lines;
}
