// What a check has found, in sentences: one for each kind, with the places.

/** Places of one kind are counted beyond this many. */
const SHOWN = 3;

export const hex = (address: number): string => `0x${address.toString(16)}`;

export class Findings {
  readonly kinds = new Map<string, string[]>();

  add(kind: string, detail: string): void {
    const details = this.kinds.get(kind);
    if (details) details.push(detail);
    else this.kinds.set(kind, [detail]);
  }

  sentences(): string[] {
    return [...this.kinds].map(([kind, details]) => {
      const more = details.length > SHOWN ? ` and ${details.length - SHOWN} more` : '';
      return `${kind}: ${details.slice(0, SHOWN).join(', ')}${more}`;
    });
  }
}
