// modinfo's text, to the column.

import { describe, expect, test } from 'vitest';
import { ByteWriter } from '../../host/linker/wasm/bytes.ts';
import { modinfo, modinfoEntries } from '../../host/linker/module/modinfo.ts';
import { loadFixture } from '../support/fixtures.ts';

/** A module with nothing but a .modinfo; without one for null. */
function moduleWith(entries: string[] | null): Uint8Array {
  const to = new ByteWriter().raw(new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]));
  if (entries) {
    const content = new TextEncoder().encode(entries.map((entry) => `${entry}\0`).join(''));
    to.u8(0).block((part) => void part.text('.modinfo').raw(content));
  }
  return to.bytes();
}

const DISK = moduleWith([
  'version=1.0',
  'description=A disk in memory',
  'author=A. Author',
  'parm=size:size of the disk in bytes',
  'license=GPL',
  'alias=devname:disk',
  'parmtype=size:uint',
  'author=B. Author',
  'srcversion=0123456789ABCDEF',
  'parmtype=quiet:bool',
  'parm=name:what it is called: anything',
  'parmperm=size:0444',
  'softdep=pre: crc',
  'name=disk',
  'vermagic=0.1.0 isolab',
]);

describe('modinfo', () => {
  test('the file’s order, parameters last, values at column 16', () => {
    expect(modinfo(DISK, '/lib/disk.ko.wasm')).toBe(
      [
        'filename:       /lib/disk.ko.wasm',
        'version:        1.0',
        'description:    A disk in memory',
        'author:         A. Author',
        'license:        GPL',
        'alias:          devname:disk',
        'author:         B. Author',
        'srcversion:     0123456789ABCDEF',
        'softdep:        pre: crc',
        'name:           disk',
        'vermagic:       0.1.0 isolab',
        'parm:           size:size of the disk in bytes (uint)',
        'parm:           quiet:bool',
        'parm:           name:what it is called: anything',
        '',
      ].join('\n'),
    );
  });

  test.each([
    ['author', 'A. Author\nB. Author\n'],
    ['filename', '/lib/disk.ko.wasm\n'],
    ['parm', 'size:size of the disk in bytes (uint)\nquiet: (bool)\nname:what it is called: anything\n'],
    ['parmtype', 'size:uint\nquiet:bool\n'],
    ['nothing', ''],
  ])('-F %s', (field, text) => {
    expect(modinfo(DISK, '/lib/disk.ko.wasm', { field })).toBe(text);
  });

  test('-0 ends entries with NUL', () => {
    expect(modinfo(DISK, 'f', { nul: true })).toMatch(/^filename: {7}f\0version=1\.0\0description=A disk/);
    expect(modinfo(DISK, 'f', { field: 'license', nul: true })).toBe('GPL\0');
  });

  test('what depmod found stands where modpost writes it, unless the file says it', () => {
    const rows = modinfo(DISK, 'f', { depends: ['crc', 'base'] }).split('\n');
    expect(rows.indexOf('depends:        crc,base')).toBe(rows.indexOf('name:           disk') - 1);
    expect(modinfo(moduleWith(['license=GPL']), 'f', { depends: [] })).toBe(
      'filename:       f\nlicense:        GPL\ndepends:        \n',
    );
    expect(modinfo(moduleWith(['depends=a']), 'f', { depends: ['b'] })).toContain('depends:        a\n');
  });

  test('a long key, and a value that would begin a line', () => {
    const odd = moduleWith([
      'averyveryverylongkey=1',
      'author=x\nlicense: GPL',
      'parm=nonsense',
      'version=\u001b[2J\u202e',
    ]);
    expect(modinfo(odd, 'f').split('\n').slice(1)).toEqual([
      'averyveryverylongkey:1',
      'author:         x\\x0alicense: GPL',
      'parm:           nonsense',
      'version:        \\x1b[2J\\xe2\\x80\\xae',
      '',
    ]);
  });

  test('without a .modinfo there is a file’s name alone', () => {
    const bare = moduleWith(null);
    expect(modinfoEntries(bare)).toBeNull();
    expect(modinfo(bare, 'bare.wasm', { depends: [] })).toBe('filename:       bare.wasm\n');
  });

  test('a module that the linker made', async () => {
    const { bytes } = await loadFixture('probe');
    const text = modinfo(bytes, 'probe.ko.wasm');
    expect(text).toMatch(/^filename: {7}probe\.ko\.wasm\n/);
    expect(text).toMatch(/^name: {11}probe$/m);
    expect(text).toMatch(/^parm: {11}limit:.*\(uint\)$/m);
    expect(text).not.toContain('parmtype');
  });
});
