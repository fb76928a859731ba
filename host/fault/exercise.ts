// A little work for a module's devices and parameters, the same each time: what they answered, line by line, can be compared
// with what the module answered before it was damaged.

import type { Client, Machine } from '../machine/shared/types.ts';
import { O_RDONLY, O_RDWR } from '../../kernel/abi/operation.ts';

/** Bytes that are asked for; what is written is shorter than the shortest that a driver here takes. */
const READ = 512;
const TEXT = new TextEncoder().encode('Sphinx of black quartz, judge my vow.');
const SEEK_SET = 0;
/** Reads of one file, each of a whole buffer: more is a file without an end. */
const MOST_READS = 64;
const WHOLE = 0x10000;

export const hex = (bytes: Uint8Array): string =>
  [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');

/** Opens, writes, seeks, reads, closes. @returns what each call answered */
export async function useDevice(client: Client, path: string): Promise<string[]> {
  const fd = await client.open(path, O_RDWR);
  if (fd < 0) return [`${path}: open ${fd}`];
  const written = await client.write(fd, TEXT);
  const sought = await client.lseek(fd, 0, SEEK_SET);
  const first = await client.read(fd, READ);
  const away = await client.lseek(fd, 10, SEEK_SET);
  const second = await client.read(fd, 16);
  const closed = await client.close(fd);
  return [
    `${path}: write ${written}, lseek ${sought}, read ${first.result} ${hex(first.data)}`,
    `${path}: lseek ${away}, read ${second.result} ${hex(second.data)}, close ${closed}`,
  ];
}

/** All of a file as text, or in words why not. */
export async function fileText(client: Client, path: string): Promise<string> {
  const fd = await client.open(path, O_RDONLY);
  if (fd < 0) return `open ${fd}`;
  let text = '';
  for (let reads = 0; ; reads++) {
    const { result, data } = await client.read(fd, WHOLE);
    if (result < 0) text += `read ${result}`;
    if (result <= 0 || reads === MOST_READS) break;
    text += new TextDecoder().decode(data);
  }
  await client.close(fd);
  return text;
}

/**
 * Uses the devices of a module and reads its parameters.
 *
 * @param kept parameters that are not read: their values stay when the module goes
 */
export async function useModule(
  machine: Machine,
  module: string,
  kept: readonly string[],
): Promise<string[]> {
  const answers: string[] = [];
  const devices = machine.devices().filter((device) => device.module === module);
  for (const { path } of devices) answers.push(...(await useDevice(machine.console, path)));
  const folder = `/sys/module/${module}/parameters`;
  const { entries } = await machine.console.readdir(folder);
  for (const { name } of entries.filter((each) => !kept.includes(each.name)))
    answers.push(`${folder}/${name}: ${await fileText(machine.console, `${folder}/${name}`)}`);
  return answers;
}
