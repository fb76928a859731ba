import { O_RDONLY } from '../../../kernel/abi/operation.ts';
import type { Call, Command } from '../command.ts';
import { Complaint, FileError, UsageError } from '../errors.ts';
import type { Options } from '../options.ts';
import { translated, type Dialect } from '../regular-expression.ts';
import { throwIfInterrupted } from '../signal.ts';
import { linesOf, type Input } from '../streams.ts';
import { eachInput } from './inputs.ts';

const TROUBLE = 2;

export const grep: Command = {
  name: 'grep',
  summary: 'Prints the lines that match a regular expression',
  usage: '[OPTION]... PATTERN [FILE]...\n       grep [OPTION]... -e PATTERN... [FILE]...',
  details:
    'A PATTERN has a line for each expression. -r without a FILE begins in the working directory; it leaves out devices.\nStatus 0: a line matched, 1: none, 2: trouble.',
  options: {
    'E,extended-regexp': 'extended expressions: ( ) { } | + ? need no \\',
    'F,fixed-strings': 'the pattern is plain text',
    'G,basic-regexp': 'basic expressions, as where nothing is said',
    'e,regexp=PATTERN': 'this pattern; may be given again',
    'i,ignore-case': 'A is a',
    'v,invert-match': 'the lines that do not match',
    'w,word-regexp': 'only whole words',
    'x,line-regexp': 'only whole lines',
    'c,count': 'only how many lines matched',
    'l,files-with-matches': 'only the names of files with such lines',
    'L,files-without-match': 'only the names of files without',
    'o,only-matching': 'only what matched, a line each',
    'q,quiet': 'print nothing',
    's,no-messages': 'do not say what cannot be read',
    'm,max-count=COUNT': 'no more lines of a file',
    'n,line-number': "each line's number before it",
    'H,with-filename': "each file's name before it, as where there are several",
    'h,no-filename': 'no names',
    'r,recursive': 'the files in directories',
  },
  completes: 'path',
  trouble: TROUBLE,
  async run(call) {
    const { options } = call;
    const given = options.all('regexp');
    const [first, ...others] = call.operands;
    if (given.length === 0 && first === undefined) throw new UsageError('missing pattern');
    const [patterns, names] = given.length > 0 ? [given, call.operands] : [[first!], others];
    const expressions = patterns
      .flatMap((pattern) => pattern.split('\n'))
      .map((each) => compiled(each, options));
    const quiet: Call = options.has('no-messages') ? { ...call, complain: () => Promise.resolve() } : call;
    const found = options.has('recursive')
      ? await below(quiet, names)
      : { files: names, folders: 0, status: 0 };
    const search = new Search(call, expressions, names.length + found.folders > 1);
    const nothing = options.has('recursive') && found.files.length === 0;
    const status = nothing
      ? 0
      : await eachInput(quiet, O_RDONLY, (input, name) => search.file(input, name), found.files);
    if (search.matched && options.has('quiet')) return 0;
    return Math.max(status, found.status) > 0 ? TROUBLE : search.matched ? 0 : 1;
  },
};

/** @throws Complaint */
function compiled(pattern: string, options: Options): RegExp {
  const dialects = { E: 'extended', F: 'fixed' } as const;
  const dialect: Dialect = options.has('E') ? dialects.E : options.has('F') ? dialects.F : 'basic';
  try {
    let source = translated(pattern, dialect);
    if (options.has('word-regexp')) source = `(?<!\\w)(?:${source})(?!\\w)`;
    if (options.has('line-regexp')) source = `^(?:${source})$`;
    return new RegExp(source, options.has('ignore-case') ? 'gsui' : 'gsu');
  } catch (error) {
    if (error instanceof Complaint) throw new Complaint(`${error.message}: ${pattern}`, TROUBLE);
    if (error instanceof SyntaxError) throw new Complaint(`Invalid regular expression: ${pattern}`, TROUBLE);
    throw error;
  }
}

interface Found {
  files: readonly string[];
  /** Directories that were gone through. */
  folders: number;
  status: number;
}

/** The files that are named, and those below the directories that are; devices there are left out. */
async function below(call: Call, names: readonly string[]): Promise<Found> {
  const { client } = call.files;
  const files: string[] = [];
  let [folders, status] = [0, 0];
  const failed = async (path: string, result: number): Promise<void> => {
    await call.complain(new FileError(path, -result).message);
    status = 1;
  };
  /** @param prefix of the names in it */
  const walk = async (folder: string, prefix: string): Promise<void> => {
    throwIfInterrupted(call.signal);
    folders++;
    const { result, entries } = await client.readdir(folder);
    if (result < 0) return failed(folder, result);
    for (const { name, type } of [...entries].sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (type === 'directory') await walk(`${prefix}${name}`, `${prefix}${name}/`);
      else if (type === 'file') files.push(`${prefix}${name}`);
    }
  };
  if (names.length === 0) await walk('.', '');
  for (const name of names) {
    const { stat } = name === '-' ? {} : await client.stat(name);
    if (stat?.type === 'directory') await walk(name, `${name.replace(/\/+$/, '')}/`);
    else files.push(name);
  }
  return { files, folders, status };
}

class Search {
  matched = false;
  private readonly call: Call;
  private readonly expressions: readonly RegExp[];
  private readonly named: boolean;
  private readonly most: number;

  constructor(call: Call, expressions: readonly RegExp[], several: boolean) {
    this.call = call;
    this.expressions = expressions;
    const { options } = call;
    this.named = options.has('with-filename') || (several && !options.has('no-filename'));
    const first =
      options.has('quiet') || options.has('files-with-matches') || options.has('files-without-match');
    this.most = Math.min(options.number('max-count') ?? Infinity, first ? 1 : Infinity);
  }

  async file(input: Input, name: string): Promise<void> {
    const { options, print } = this.call;
    const file = name === 'standard input' ? `(${name})` : name;
    const label = this.named ? `${file}:` : '';
    const lists = options.has('files-with-matches') || options.has('files-without-match');
    const silent = options.has('quiet') || options.has('count') || lists;
    let [number, count] = [0, 0];
    if (this.most > 0)
      for await (const line of linesOf(input)) {
        number++;
        const found = this.first(line, 0);
        if ((found !== null) === options.has('invert-match')) continue;
        count++;
        const head = `${label}${options.has('line-number') ? `${number}:` : ''}`;
        if (!silent && options.has('only-matching')) await print(this.parts(line, head));
        else if (!silent) await print(`${head}${line}\n`);
        if (count >= this.most) break;
      }
    if (count > 0) this.matched = true;
    if (options.has('quiet')) return;
    if (lists && count > 0 === options.has('files-with-matches')) await print(`${file}\n`);
    else if (!lists && options.has('count')) await print(`${label}${count}\n`);
  }

  /** What matches first in a line from `at` on, the longest of several. */
  private first(line: string, at: number): { at: number; text: string } | null {
    let best: { at: number; text: string } | null = null;
    for (const expression of this.expressions) {
      expression.lastIndex = at;
      const found = expression.exec(line);
      if (found === null || (best !== null && found.index > best.at)) continue;
      if (best === null || found.index < best.at || found[0].length > best.text.length)
        best = { at: found.index, text: found[0] };
    }
    return best;
  }

  private parts(line: string, head: string): string {
    let text = '';
    if (this.call.options.has('invert-match')) return text;
    for (let found = this.first(line, 0); found !== null;) {
      if (found.text !== '') text += `${head}${found.text}\n`;
      const next = found.at + Math.max(found.text.length, 1);
      found = next > line.length ? null : this.first(line, next);
    }
    return text;
  }
}
