import { moduleName } from '../../linker/module/alias.ts';
import { modinfo as textOf, modinfoEntries } from '../../linker/module/modinfo.ts';
import { ENDING, pathIn } from '../../machine/modprobe/module-store.ts';
import { forEach, type Command } from '../command.ts';
import { Complaint, UsageError } from '../errors.ts';
import type { Options } from '../options.ts';

export const modinfo: Command = {
  name: 'modinfo',
  summary: 'Prints what modules say of themselves',
  usage: '[OPTION]... MODULE...',
  options: {
    'F,field=NAME': 'only the values of this field',
    'a,author': 'only the authors',
    'd,description': 'only the description',
    'l,license': 'only the licence',
    'n,filename': "only the file's name",
    'p,parameters': 'only the parameters',
    '0,null': 'entries end with NUL',
  },
  completes: 'module',
  async run(call) {
    const { context, options, operands } = call;
    if (operands.length === 0) throw new UsageError('ERROR: missing module or filename.');
    const { store } = context.modules;
    const field = fieldOf(options);
    return forEach(
      call,
      async (word) => {
        const known = store.list().find((name) => moduleName(name) === moduleName(word));
        const isFile = word.includes('/') || word.endsWith('.wasm');
        if (known === undefined && !isFile) throw new Complaint(`ERROR: Module ${word} not found.`);
        const loaded = await store.load(isFile ? word : known!).catch((error: unknown) => {
          if (!(error instanceof Error)) throw error;
          throw new Complaint(`ERROR: could not get modinfo from '${word}': ${error.message}`);
        });
        const depends = isFile ? undefined : (await context.modules.index()).depends.get(moduleName(word));
        const path = isFile ? word : pathIn(store, `${known}${ENDING}`);
        const style = { nul: options.has('null'), ...(field === undefined ? {} : { field }) };
        await call.print(textOf(loaded.bytes, path, { ...style, ...(depends && { depends }) }));
        if (modinfoEntries(loaded.bytes) === null && field !== 'filename')
          throw new Complaint(`ERROR: could not get modinfo from '${word}': No data available`);
      },
      [Complaint],
    );
  },
};

function fieldOf(options: Options): string | undefined {
  if (options.has('parameters')) return 'parm';
  const short = ['author', 'description', 'license', 'filename'].find((name) => options.has(name));
  return options.get('field') ?? short;
}
