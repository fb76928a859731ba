// Linux's signals by name and number, for kill.

const NAMES = (
  'HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG XCPU ' +
  'XFSZ VTALRM PROF WINCH IO PWR SYS'
).split(' ');
/** Real-time signals; those between are the threads library's. */
const [RTMIN, RTMAX] = [34, 64];
/** From here on they are counted from the last. */
const MIDDLE = 49;
const ALIASES: Record<string, string> = { IOT: 'ABRT', CLD: 'CHLD', POLL: 'IO' };
const COLUMNS = 5;

function nameOf(number: number): string | null {
  if (number > 0 && number <= NAMES.length) return NAMES[number - 1]!;
  if (number < RTMIN || number > RTMAX) return null;
  if (number === RTMIN) return 'RTMIN';
  if (number === RTMAX) return 'RTMAX';
  return number <= MIDDLE ? `RTMIN+${number - RTMIN}` : `RTMAX-${RTMAX - number}`;
}

/** The number of a name (KILL, SIGKILL, kill) or of a number in digits; null where there is none. */
export function signalNumber(text: string): number | null {
  if (/^\d+$/.test(text)) return Number(text) === 0 || nameOf(Number(text)) !== null ? Number(text) : null;
  const name = text.toUpperCase().replace(/^SIG/, '');
  const at = NAMES.indexOf(ALIASES[name] ?? name);
  if (at >= 0) return at + 1;
  const [, end, offset = '0'] = /^RT(MIN(?=\+|$)|MAX(?=-|$))(?:[+-](\d+))?$/.exec(name) ?? [];
  if (end === undefined) return null;
  const number = end === 'MIN' ? RTMIN + Number(offset) : RTMAX - Number(offset);
  return number >= RTMIN && number <= RTMAX ? number : null;
}

/** The name of a signal, or of the one that a status above 128 tells. */
export function signalName(number: number): string | null {
  return number === 0 ? 'EXIT' : nameOf(number > 128 ? number - 128 : number);
}

/** All of them, as bash lists them. */
export function signalTable(): string {
  const cells: string[] = [];
  for (let number = 1; number <= RTMAX; number++) {
    const name = nameOf(number);
    if (name === null) continue;
    const ends = cells.length % COLUMNS === COLUMNS - 1;
    cells.push(`${String(number).padStart(2)}) SIG${name}${ends ? '\n' : '\t'}`);
  }
  return `${cells.join('')}\n`;
}
