// Numbers that are the same in every run with the same seed: xorshift128 (Marsaglia, "Xorshift RNGs", 2003), its four words
// filled by splitmix32 so that neighbouring seeds have nothing in common. Not for secrets.

export class Random {
  private readonly words: Uint32Array;

  /** @param seed its low 32 bits count */
  constructor(seed: number) {
    let state = seed >>> 0;
    this.words = Uint32Array.from({ length: 4 }, () => {
      state = (state + 0x9e3779b9) >>> 0;
      let z = state;
      z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
      z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
      return (z ^ (z >>> 15)) >>> 0;
    });
    if (this.words.every((word) => word === 0)) this.words[0] = 1;
  }

  /** 0 … 2^32 - 1 */
  u32(): number {
    const { words } = this;
    const t = words[0]! ^ (words[0]! << 11);
    words.copyWithin(0, 1);
    const last = words[2]!;
    words[3] = last ^ (last >>> 19) ^ t ^ (t >>> 8);
    return words[3];
  }

  /** 0 … limit - 1; 0 where the limit is 0 */
  below(limit: number): number {
    return limit <= 0 ? 0 : Math.floor((this.u32() / 0x100000000) * limit);
  }

  /** One of a list that is not empty. */
  pick<T>(list: readonly T[]): T {
    const chosen = list[this.below(list.length)];
    if (chosen === undefined) throw new Error('there is nothing to choose from');
    return chosen;
  }

  /** True once in `of` times, on average. */
  once(of: number): boolean {
    return this.below(of) === 0;
  }
}
