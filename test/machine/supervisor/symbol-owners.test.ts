// The owners that have to be loaded before a module, and the drivers that wait for them.

import { describe, expect, test } from 'vitest';
import {
  ownersFirst,
  ownersOf,
  OwnerWaits,
  type Owner,
} from '../../../host/machine/supervisor/symbol-owners.ts';
import { loadedModule, type Sketch } from '../../support/module-files.ts';

const owner = (name: string, sketch: Sketch = {}): Owner => ({
  loaded: loadedModule(name, sketch),
  state: 'starting',
});
const names = (owners: Owner[]): string[] => owners.map(({ loaded }) => loaded.name);

const base = owner('the-base', { exports: ['base_count'] });
const stacked = owner('stacked', { imports: ['base_count', 'printk'], exports: ['stacked_sum'] });
const top = owner('top', { imports: ['stacked_sum'], needed: ['the_base'] });
const weak = owner('weak', { imports: ['base_count'], weak: ['base_count'] });
const data = owner('data', { offsets: ['base_count'] });
const all = [top, weak, data, stacked, base];

describe('owners', () => {
  test('of symbols and of libraries', () => {
    expect(names(ownersOf(stacked.loaded, all))).toEqual(['the-base']);
    expect(names(ownersOf(data.loaded, all))).toEqual(['the-base']);
    expect(names(ownersOf(top.loaded, all))).toEqual(['stacked', 'the-base']);
    expect(ownersOf(base.loaded, all)).toEqual([]);
  });

  test('weak imports need nobody', () => {
    expect(ownersOf(weak.loaded, all)).toEqual([]);
  });

  test('nobody is its own', () => {
    const selfish = owner('selfish', { imports: ['me'], exports: ['me'], needed: ['selfish'] });
    expect(ownersOf(selfish.loaded, [selfish])).toEqual([]);
  });

  test('come first', () => {
    expect(names(ownersFirst(all))).toEqual(['the-base', 'stacked', 'top', 'weak', 'data']);
    expect(names(ownersFirst([base, stacked]))).toEqual(['the-base', 'stacked']);
  });

  test('in a circle each comes once', () => {
    const a = owner('a', { imports: ['b'], exports: ['a'] });
    const b = owner('b', { imports: ['a'], exports: ['b'] });
    expect(names(ownersFirst([a, b])).sort()).toEqual(['a', 'b']);
  });
});

describe('waiting', () => {
  test('ends when nobody is missing any more', async () => {
    const waiting = new OwnerWaits<Owner>();
    let missing: Owner | undefined = base;
    let over = false;
    const work = waiting.wait(stacked, () => missing).then(() => (over = true));
    waiting.changed();
    await Promise.resolve();
    expect(over).toBe(false);
    missing = undefined;
    waiting.changed();
    await work;
  });

  test('ends with what `missing` throws', async () => {
    const waiting = new OwnerWaits<Owner>();
    let dead = false;
    const work = waiting.wait(stacked, () => {
      if (dead) throw new Error('it is dead');
      return base;
    });
    dead = true;
    waiting.changed();
    await expect(work).rejects.toThrow('it is dead');
    // It does not count as waiting any more: its owner may wait for it now.
    const other = waiting.wait(base, () => stacked);
    let over = false;
    void other.then(() => (over = true));
    await Promise.resolve();
    expect(over).toBe(false);
  });

  test('of three in a circle one goes on', async () => {
    const waiting = new OwnerWaits<Owner>();
    void waiting.wait(top, () => stacked);
    void waiting.wait(stacked, () => base);
    await waiting.wait(base, () => top);
  });
});
