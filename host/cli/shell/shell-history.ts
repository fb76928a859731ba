// The shell's history: a file in the user's state directory, a line a line. A history that cannot be kept is no reason not
// to work: that is told once.

import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

/** Lines that are remembered. */
export const HISTORY_SIZE = 1000;

/** Where it is kept, by the XDG Base Directory Specification: a relative $XDG_STATE_HOME does not count. */
export function historyPath(environment: NodeJS.ProcessEnv = process.env): string {
  const asked = environment['XDG_STATE_HOME'];
  const state = asked?.startsWith('/') ? asked : join(environment['HOME'] ?? homedir(), '.local/state');
  return join(state, 'isolab/history');
}

export class History {
  /** Oldest first. */
  readonly lines: string[];
  private readonly path: string;
  private readonly complain: (text: string) => void;
  private broken = false;

  constructor(path: string, complain: (text: string) => void) {
    this.path = path;
    this.complain = complain;
    this.lines = this.load();
  }

  private load(): string[] {
    return (
      this.attempt(() => {
        if (!existsSync(this.path)) return [];
        const all = readFileSync(this.path, 'utf8')
          .split('\n')
          .filter((line) => line !== '');
        const kept = all.slice(-HISTORY_SIZE);
        // Shortened now and then, and whole: another shell may read it meanwhile.
        if (all.length > 2 * HISTORY_SIZE) {
          const temporary = `${this.path}.${process.pid}`;
          writeFileSync(temporary, kept.map((line) => `${line}\n`).join(''), { mode: 0o600 });
          renameSync(temporary, this.path);
        }
        return kept;
      }) ?? []
    );
  }

  /** Remembers a line, unless it is the last one again, or blank. */
  add(line: string): void {
    if (line.trim() === '' || line.includes('\n') || line === this.lines.at(-1)) return;
    this.lines.push(line);
    this.attempt(() => {
      mkdirSync(dirname(this.path), { recursive: true });
      appendFileSync(this.path, `${line}\n`, { mode: 0o600 });
    });
  }

  private attempt<T>(work: () => T): T | null {
    if (this.broken) return null;
    try {
      return work();
    } catch (error) {
      this.broken = true;
      this.complain(`the history is not kept: ${error instanceof Error ? error.message : String(error)}`);
      return null;
    }
  }
}
