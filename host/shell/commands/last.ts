// The last so many bytes or lines of an input, for tail and for head -n -N: what is put in falls out again at the front when
// there is more of it than that.

import { Complaint } from '../errors.ts';
import { joined, MAX_LINE } from '../streams.ts';

const NEWLINE = 10;

export interface Last {
  /** @returns what falls out */
  put(piece: Uint8Array): Uint8Array[];
  /** Nothing more comes. @returns what falls out, and what is left */
  end(): { out: Uint8Array[]; left: Uint8Array[] };
}

export class LastBytes implements Last {
  private readonly count: number;
  private readonly pieces: Uint8Array[] = [];
  private held = 0;

  constructor(count: number) {
    this.count = count;
  }

  put(piece: Uint8Array): Uint8Array[] {
    this.pieces.push(piece.slice());
    this.held += piece.length;
    const out: Uint8Array[] = [];
    while (this.held > this.count) {
      const first = this.pieces.shift()!;
      const gone = first.subarray(0, this.held - this.count);
      if (gone.length < first.length) this.pieces.unshift(first.subarray(gone.length));
      this.held -= gone.length;
      out.push(gone);
    }
    return out;
  }

  end(): { out: Uint8Array[]; left: Uint8Array[] } {
    return { out: [], left: this.pieces };
  }
}

export class LastLines implements Last {
  private readonly count: number;
  /** With their ends. */
  private readonly lines: Uint8Array[] = [];
  /** Of a line whose end has not come yet. */
  private begun: Uint8Array[] = [];
  private length = 0;

  constructor(count: number) {
    this.count = count;
  }

  /** @throws Complaint where a line has no end */
  put(piece: Uint8Array): Uint8Array[] {
    let from = 0;
    for (let at = piece.indexOf(NEWLINE); at >= 0; at = piece.indexOf(NEWLINE, from)) {
      this.begun.push(piece.slice(from, at + 1));
      this.close();
      from = at + 1;
    }
    if (from < piece.length) this.begun.push(piece.slice(from));
    this.length += piece.length - from;
    if (this.length > MAX_LINE) throw new Complaint(`a line is longer than ${MAX_LINE} bytes`);
    return this.lines.splice(0, this.lines.length - this.count);
  }

  private close(): void {
    this.lines.push(joined(this.begun));
    this.begun = [];
    this.length = 0;
  }

  end(): { out: Uint8Array[]; left: Uint8Array[] } {
    if (this.begun.length > 0) this.close();
    return { out: this.lines.splice(0, this.lines.length - this.count), left: this.lines };
  }
}
