// modprobe's configuration: the text of /etc/modprobe.d/*.conf, one command a line, as in modprobe.d(5).
//
//   alias PATTERN M        options M TEXT        blacklist M        softdep M pre: a post: b
//
// `#` begins a comment line, `\` at its end continues a line. A line that is none is passed over and said, with its file and
// number, in kmod's words. Commands of a shell (`install`, `remove`) cannot be run here: they are said to be unsupported,
// and a module that has one is refused rather than inserted behind its back.

import { normalAlias } from '../../linker/module/alias.ts';
import { readSoftdep, type Softdep } from '../../linker/module/module-index.ts';

export interface ModprobeConfig {
  aliases: { pattern: string; module: string }[];
  /** Names of modules. */
  blacklist: Set<string>;
  /** In the order of the lines: all that name a module (or the alias it was asked for by) are its options. */
  options: { module: string; text: string }[];
  softdeps: Softdep[];
  /** Shell commands, which are not run. The module is a name or a pattern. */
  commands: { kind: 'install' | 'remove'; module: string; command: string }[];
  /** What is wrong with the text, one line each: `modprobe: ERROR: FILE line 3: ignoring bad line starting with 'x'`. */
  problems: string[];
}

export function emptyConfig(): ModprobeConfig {
  return { aliases: [], blacklist: new Set(), options: [], softdeps: [], commands: [], problems: [] };
}

interface Line {
  text: string;
  /** Of its last physical line, from 1. */
  number: number;
}

/** Logical lines. A backslash before anything but the line's end only goes away, as in kmod. */
function logicalLines(text: string): Line[] {
  const lines: Line[] = [];
  let pending = '';
  text.split(/\r?\n/).forEach((physical, index, all) => {
    const continues = /(?:^|[^\\])(?:\\\\)*\\$/.test(physical) && index < all.length - 1;
    pending += (continues ? physical.slice(0, -1) : physical).replace(/\\(.?)/g, '$1');
    if (continues) return;
    lines.push({ text: pending, number: index + 1 });
    pending = '';
  });
  return lines;
}

/** A line without its first word, and that word. */
function cut(text: string): [word: string, rest: string] {
  const [, word = '', rest = ''] = /^[\t ]*([^\t ]*)[\t ]*(.*)$/s.exec(text) ?? [];
  return [word, rest.trimEnd()];
}

/** Does what a line says; false where it says nothing that is known. */
function apply(config: ModprobeConfig, where: string, text: string): boolean {
  const [command, rest] = cut(text);
  const [first, more] = cut(rest);
  const name = normalAlias(first);
  if (first === '' || name === null) return false;
  switch (command) {
    case 'alias': {
      const module = normalAlias(cut(more)[0]);
      if (!module) return false;
      config.aliases.push({ pattern: name, module });
      return true;
    }
    case 'blacklist':
      config.blacklist.add(name);
      return true;
    case 'options':
      if (more !== '') config.options.push({ module: name, text: more.replaceAll('\t', ' ') });
      return more !== '';
    case 'softdep':
      if (more !== '') config.softdeps.push(readSoftdep(name, more));
      return more !== '';
    case 'weakdep':
      // Of use to what packs an initial RAM disk, and to nobody here.
      return more !== '';
    case 'install':
    case 'remove':
      if (more === '') return false;
      config.commands.push({ kind: command, module: name, command: more });
      config.problems.push(`modprobe: ERROR: ${where}: not supported: ${command} ${first} ${more}`);
      return true;
    default:
      return false;
  }
}

/** Reads one file of the configuration into what was read before. `file` is its name for messages. */
export function readConfig(text: string, file: string, config = emptyConfig()): ModprobeConfig {
  for (const line of logicalLines(text)) {
    const [command] = cut(line.text);
    if (command === '' || line.text.startsWith('#')) continue;
    const where = `${file} line ${line.number}`;
    if (command === 'include' || command === 'config') {
      config.problems.push(
        `modprobe: ERROR: ${file}: command ${command} is deprecated and not parsed anymore`,
      );
    } else if (!apply(config, where, line.text)) {
      config.problems.push(`modprobe: ERROR: ${where}: ignoring bad line starting with '${command}'`);
    }
  }
  return config;
}
