import { O_RDONLY } from '../../../kernel/abi/operation.ts';
import type { Command } from '../command.ts';
import { Complaint, UsageError } from '../errors.ts';
import { linesOf } from '../streams.ts';
import { eachInput } from './inputs.ts';

const TROUBLE = 2;

export const grep: Command = {
  name: 'grep',
  summary: 'Prints the lines that match a regular expression',
  usage: '[-Fcinqv] PATTERN [FILE]...',
  details:
    "The expression is JavaScript's, which is grep -E for everyday use. Status 0: a line matched, 1: none, 2: trouble.",
  options: {
    'F,fixed-strings': 'the pattern is plain text',
    'c,count': 'only how many lines matched',
    'i,ignore-case': 'A is a',
    'n,line-number': "each line's number before it",
    'q,quiet': 'print nothing',
    'v,invert-match': 'the lines that do not match',
  },
  completes: 'path',
  async run(call) {
    const { options, operands } = call;
    const [pattern, ...names] = operands;
    if (pattern === undefined) throw new UsageError('missing pattern', TROUBLE);
    const expression = expressionOf(pattern, options.has('F'), options.has('i'));
    let matched = false;
    const trouble = await eachInput(
      call,
      O_RDONLY,
      async (input, name) => {
        const label = names.length > 1 ? `${name}:` : '';
        let [number, count] = [0, 0];
        for await (const line of linesOf(input)) {
          number++;
          if (expression.test(line) === options.has('v')) continue;
          matched = true;
          count++;
          if (options.has('q')) return;
          if (!options.has('c')) await call.print(`${label}${options.has('n') ? `${number}:` : ''}${line}\n`);
        }
        if (options.has('c') && !options.has('q')) await call.print(`${label}${count}\n`);
      },
      names,
    );
    return trouble > 0 ? TROUBLE : matched ? 0 : 1;
  },
};

function expressionOf(pattern: string, plain: boolean, anyCase: boolean): RegExp {
  const source = plain ? pattern.replace(/[.*+?^${}()|[\]\\]/g, '\\$&') : pattern;
  try {
    return new RegExp(source, anyCase ? 'i' : '');
  } catch {
    throw new Complaint(`not a regular expression: ${pattern}`, TROUBLE);
  }
}
