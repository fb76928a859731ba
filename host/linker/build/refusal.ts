// Why a source is not linked. Everything that the linker refuses ends as one LinkError, with a place where known.

export interface Refusal {
  reason: string;
  function?: string;
  file?: string;
  line?: number;
  column?: number;
}

/** `drivers/x.ts:12:5: reason (in x_read)`. */
export function refusalText(refusal: Refusal): string {
  const { file, line, column } = refusal;
  const place = file ? `${file}${line ? `:${line}${column ? `:${column}` : ''}` : ''}: ` : '';
  return `${place}${refusal.reason}${refusal.function ? ` (in ${refusal.function})` : ''}`;
}

export class LinkError extends Error {
  override readonly name = 'LinkError';
  readonly refusals: readonly Refusal[];

  constructor(refusals: readonly Refusal[]) {
    super(refusals.map(refusalText).join('\n'));
    this.refusals = refusals;
  }
}
