// Machines in a browser: images and drivers from images/ beside the page, threads of the browser.

import { VERSION } from '../../kernel/abi/version.ts';
import { loadLab, type Lab, type ModuleSource } from '../lab/load.ts';
import { browserPlatform } from './browser-platform.ts';
import { findRefusal } from './requirements.ts';

/** @param base the folder that holds images/, relative to the page */
export async function browserLab(base = './'): Promise<Lab> {
  const surroundings = { crossOriginIsolated, version: VERSION };
  const [lab] = await Promise.all([
    loadLab((file) => readModule(base, file), browserPlatform, surroundings),
    findRefusal(), // no thread is started before that is known
  ]);
  return lab;
}

/** The disk image that the ramdisk is filled with. */
export async function floppy(base = './'): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await (await get(base, 'floppy.img')).arrayBuffer());
}

async function readModule(base: string, file: string): Promise<ModuleSource> {
  const [bytes, map] = await Promise.all([get(base, file), get(base, `${file}.map`)]);
  return { bytes: new Uint8Array(await bytes.arrayBuffer()), map: await map.text() };
}

async function get(base: string, file: string): Promise<Response> {
  const url = new URL(`${base}images/${file}`, document.baseURI);
  const response = await fetch(url);
  if (!response.ok)
    throw new Error(`cannot be loaded (${response.status} ${response.statusText}): ${url.href}`);
  return response;
}
