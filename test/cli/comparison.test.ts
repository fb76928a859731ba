import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { DEFAULT_IMAGE, readImageFile, runComparison, type Lab } from '../../host/cli/comparison.ts';
import { LiveLine } from '../../host/cli/live-line.ts';
import type { CompareReport } from '../../host/lab/compare/report.ts';
import { FakeMachine, fakeModule } from '../lab/fake-machine.ts';

const folder = mkdtempSync(join(tmpdir(), 'isolab-'));
afterAll(() => rmSync(folder, { recursive: true }));

function terminal(): { out: string[]; lines: string[]; io: Parameters<typeof runComparison>[2] } {
  const out: string[] = [];
  const lines: string[] = [];
  const signal = new AbortController().signal;
  return { out, lines, io: { out: (text) => out.push(text), progress: (text) => lines.push(text), signal } };
}

const lab: Lab = {
  boot: async (placement) => new FakeMachine(placement, { NOTHING: (_, asked) => asked }),
  drivers: ['zero', 'ramdisk', 'lkdtm'].map(fakeModule),
  environment: { runtime: 'test', cores: 2, crossOriginIsolated: true, version: '0.0.0' },
};
const options = { image: DEFAULT_IMAGE, driver: undefined, json: false, quick: true, colours: false };
const PLAIN = { write: () => true };

describe('runComparison', () => {
  test('with --json standard output is one report and nothing else', async () => {
    const { io, out, lines } = terminal();
    await runComparison(lab, { ...options, json: true }, io, PLAIN);
    const report = JSON.parse(out.join('')) as CompareReport;
    expect(report.schema).toBe('isolab.compare/1');
    expect(report.image.readBack.monolithic).toBe(report.image.sha256);
    expect(report.call[0]?.ns.n).toBe(8);
    expect(lines).toContain('fault 1 of 1: NOTHING on the monolithic machine');
    expect(lines.at(-1)).toMatch(/^compared in \d+\.\d s$/);
  });

  test('prints the table, and fails when something is missing in it', async () => {
    const { io, out } = terminal();
    const broken: Lab = {
      ...lab,
      boot: async (placement) => {
        const machine = new FakeMachine(placement, { NOTHING: (_, asked) => asked });
        machine.measure = () => Promise.reject(new Error('no clock'));
        return machine;
      },
    };
    await expect(runComparison(broken, options, io, PLAIN)).rejects.toThrow(
      '10 of the measurements and faults have no row',
    );
    expect(out.join('')).toContain('── NOTHING ──');
  });
});

test('an image that is missing or empty is refused', () => {
  const empty = join(folder, 'empty.img');
  writeFileSync(empty, '');
  expect(() => readImageFile(empty)).toThrow(`the image is empty: ${empty}`);
  expect(() => readImageFile(join(folder, 'none.img'))).toThrow('the image cannot be read');
});

test('the image that ships is a FAT12 floppy', () => {
  const image = readImageFile(DEFAULT_IMAGE);
  expect(image.length).toBe(1474560);
  expect(new TextDecoder().decode(image.subarray(54, 62))).toBe('FAT12   ');
});

describe('LiveLine', () => {
  test('writes over its line on a terminal, and keeps what must stay', () => {
    const written: string[] = [];
    const { io, lines } = terminal();
    const line = new LiveLine(io, { isTTY: true, columns: 10, write: (text) => written.push(text) });
    line.show('a text that is too long');
    line.keep('kept');
    expect(written).toEqual(['\r\u001b[2Ka text th', '\r\u001b[2K']);
    expect(lines).toEqual(['kept']);
  });
});
