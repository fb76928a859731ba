import { describe, expect, test } from 'vitest';
import { Kallsyms } from '../../host/domain/kallsyms.ts';

const TEXT = `80001000 T printk
80001100 t emit
80000800 T boot
90000a30 t lkdtm_BUG\t[lkdtm]
90000a40 T lkdtm_write\t[lkdtm]
90010200 t ramdisk_write\t[ramdisk]
00092010 D jiffies
00092020 d counter\t[lkdtm]
`;

describe('/proc/kallsyms', () => {
  const kallsyms = new Kallsyms(TEXT);

  test('names code by address; data is left out', () => {
    expect(kallsyms.symbols.map(({ name }) => name)).toEqual([
      ...['boot', 'printk', 'emit', 'lkdtm_BUG', 'lkdtm_write', 'ramdisk_write'],
    ]);
    expect(kallsyms.strange).toBe(0);
    expect(kallsyms.modules).toEqual(['lkdtm', 'ramdisk']);
  });

  test.each([
    [0x80000800, { name: 'boot', exported: true, module: null, offset: 0, length: 0x800 }],
    [0x800010ff, { name: 'printk', exported: true, module: null, offset: 0xff, length: 0x100 }],
    [0x80001100, { name: 'emit', exported: false, module: null, offset: 0, length: null }],
    [0x90000a31, { name: 'lkdtm_BUG', exported: false, module: 'lkdtm', offset: 1, length: 0x10 }],
    [0x90000b00, { name: 'lkdtm_write', exported: true, module: 'lkdtm', offset: 0xc0, length: null }],
  ])('%x is found', (address, hit) => expect(kallsyms.at(address)).toMatchObject(hit));

  test('what lies before the first symbol is nobody’s', () => {
    expect(kallsyms.at(0x800007ff)).toBeNull();
    expect(new Kallsyms('').at(0x90000000)).toBeNull();
  });

  test("a file's base is where its names fit", () => {
    const functions = [
      { name: 'helper', start: 0x900 },
      { name: 'lkdtm_BUG', start: 0xa30 },
      { name: 'lkdtm_write', start: 0xa40 },
    ];
    expect(kallsyms.baseOf('lkdtm', functions)).toEqual({ base: 0x90000000, strangers: 0 });
    expect(kallsyms.baseOf('zero', functions)).toBeNull();
    expect(kallsyms.baseOf(null, [{ name: 'boot', start: 0x800 }])).toEqual({
      base: 0x80000000,
      strangers: 2,
    });
  });

  test('a file of another build fits in fewer names, or nowhere', () => {
    expect(
      kallsyms.baseOf('lkdtm', [
        { name: 'lkdtm_BUG', start: 0xa30 },
        { name: 'lkdtm_write', start: 0xa48 },
      ]),
    ).toEqual({ base: 0x90000000, strangers: 1 });
    expect(kallsyms.baseOf('lkdtm', [{ name: 'lkdtm_BUG', start: 0xa31 }])).toBeNull();
  });

  test('functions of one name are told apart by the others', () => {
    const doubled = new Kallsyms('90000100 t f\t[m]\n90000200 t f\t[m]\n90000300 t g\t[m]\n');
    const functions = [
      { name: 'f', start: 0x100 },
      { name: 'f', start: 0x200 },
      { name: 'g', start: 0x300 },
    ];
    expect(doubled.baseOf('m', functions)).toEqual({ base: 0x90000000, strangers: 0 });
  });

  test('lines that are none are counted and passed over', () => {
    const damaged = new Kallsyms(
      `80001000 T printk\r\n\n9000 t short\nxyzzyxyz t f\n90000000 t\nffffffff81000000 T startup_64\n${'0'.repeat(100000)}\n90000000 t g\t[m]`,
    );
    expect(damaged.symbols.map(({ name, module }) => [name, module])).toEqual([
      ['printk', null],
      ['g', 'm'],
    ]);
    expect(damaged.strange).toBe(5);
  });
});
