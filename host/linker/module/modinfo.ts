// What modinfo prints of a module: its .modinfo, in the file's order, the parameters last. kmod's layout: a key, a colon, and
// the value from column 16 on.
//
//   filename:       /lib/modules/ramdisk.ko.wasm
//   license:        GPL
//   parm:           size:size of the disk in bytes (uint)
//
// What a file says of itself may be anything: control characters are shown by their bytes, so that no value begins a line.

import { ByteReader, cleanText } from '../wasm/bytes.ts';
import { infoEntries, SECTION } from './metadata.ts';
import { readSections } from '../wasm/sections.ts';

export interface ModinfoOptions {
  /** -F: only the values of this key, one a line; `filename`, or `parm` with the types. */
  field?: string;
  /** -0: NUL after each entry instead of a line's end, and `key=value`. */
  nul?: boolean;
  /** What depmod found the module to need itself, for a file that does not say it. */
  depends?: readonly string[];
}

interface Parameter {
  name: string;
  description: string | null;
  type: string | null;
}

const COLUMN = 16;
/** Said with the parameter, or of use to the loader alone. */
const FOLDED = new Set(['parm', 'parmtype', 'parmperm']);
/** modpost writes `depends` before these. */
const AFTER_DEPENDS = new Set(['intree', 'name', 'vermagic']);

/** The entries of .modinfo; null where the file has no such section. Throws BadModule. */
export function modinfoEntries(bytes: Uint8Array): [key: string, value: string][] | null {
  const section = readSections(bytes).custom.find(({ name }) => name === SECTION.info);
  return section ? infoEntries(new ByteReader(bytes, section.start, section.end)) : null;
}

/** The parameters that `parm` and `parmtype` tell of. */
function parametersOf(entries: readonly [key: string, value: string][]): Parameter[] {
  const parameters = new Map<string, Parameter>();
  for (const [key, value] of entries) {
    const colon = value.indexOf(':');
    if ((key !== 'parm' && key !== 'parmtype') || colon < 0) continue;
    const name = value.slice(0, colon);
    const parameter = parameters.get(name) ?? { name, description: null, type: null };
    parameters.set(name, parameter);
    if (key === 'parm') parameter.description = value.slice(colon + 1);
    else parameter.type = value.slice(colon + 1);
  }
  return [...parameters.values()];
}

/** `size:size of the disk in bytes (uint)`; `undescribed` stands before a type that comes alone. */
function parameterText({ name, description, type }: Parameter, undescribed: string): string {
  if (description === null) return `${name}:${undescribed.replace('%', type ?? '')}`;
  return `${name}:${description}${type === null ? '' : ` (${type})`}`;
}

function withDepends(
  entries: [key: string, value: string][],
  depends: readonly string[] | undefined,
): [key: string, value: string][] {
  if (depends === undefined || entries.some(([key]) => key === 'depends')) return entries;
  const before = entries.findIndex(([key]) => AFTER_DEPENDS.has(key));
  return entries.toSpliced(before < 0 ? entries.length : before, 0, ['depends', depends.join(',')]);
}

/**
 * The text of modinfo for one module.
 * @param filename as it shall be shown
 * Without a .modinfo (modinfoEntries is null) there is only its file name. Throws BadModule.
 */
export function modinfo(bytes: Uint8Array, filename: string, options: ModinfoOptions = {}): string {
  const { field, nul, depends } = options;
  const end = nul ? '\0' : '\n';
  const line = (text: string): string => cleanText(text) + end;
  const row = (key: string, value: string): string => line(`${`${key}:`.padEnd(COLUMN)}${value}`);
  if (field === 'filename') return line(filename);
  const found = modinfoEntries(bytes);
  const entries = found ? withDepends(found, depends) : [];
  const parameters = parametersOf(entries);
  if (field === 'parm') return parameters.map((each) => line(parameterText(each, ' (%)'))).join('');
  if (field !== undefined) {
    return entries.map(([key, value]) => (key === field ? line(value) : '')).join('');
  }
  const rows = entries
    .filter(([key, value]) => !FOLDED.has(key) || !value.includes(':'))
    .map(([key, value]) => (nul ? line(`${key}=${value}`) : row(key, value)));
  const last = parameters.map((each) => row('parm', parameterText(each, '%')));
  return [row('filename', filename), ...rows, ...last].join('');
}
