// Where relative paths begin. A shell has a working directory; each command of a pipeline has a copy, as a subshell has.

export class WorkingDirectory {
  /** Absolute, without a slash at its end but for the root. */
  path: string;
  /** The one before: `cd -`. */
  previous: string | null;

  constructor(path = '/', previous: string | null = null) {
    this.path = path;
    this.previous = previous;
  }

  copy(): WorkingDirectory {
    return new WorkingDirectory(this.path, this.previous);
  }

  move(path: string): void {
    this.previous = this.path;
    this.path = path;
  }

  /** A relative path as an absolute one; an absolute one is the kernel's affair. The empty one names nothing. */
  resolve(path: string): string {
    return path === '' || path.startsWith('/') ? path : tidied(`${this.path}/${path}`);
  }
}

/** An absolute path without `.`, `..` and slashes in a row. What ends in a slash still does: it names a directory. */
export function tidied(path: string): string {
  const names: string[] = [];
  for (const name of path.split('/')) {
    if (name === '..') names.pop();
    else if (name !== '' && name !== '.') names.push(name);
  }
  return `/${names.join('/')}${names.length > 0 && path.endsWith('/') ? '/' : ''}`;
}
