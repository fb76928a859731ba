// modprobe.d: the meaning of each line, and the errors of lines without one.

import { describe, expect, test } from 'vitest';
import { emptyConfig, readConfig } from '../../../host/machine/modprobe/modprobe-config.ts';

describe('the configuration of modprobe', () => {
  test('all that is known', () => {
    const config = readConfig(
      [
        '# a comment',
        '',
        'alias  my-alias\treal-name',
        'alias eth[0-9]-* net-driver',
        'blacklist bad-module',
        'options disk\tsize=1\tname="a b"  ',
        'options disk verbose',
        'softdep disk pre: a b post: c',
        'weakdep disk d',
      ].join('\n'),
      'x.conf',
    );
    expect(config).toEqual({
      aliases: [
        { pattern: 'my_alias', module: 'real_name' },
        { pattern: 'eth[0-9]_*', module: 'net_driver' },
      ],
      blacklist: new Set(['bad_module']),
      options: [
        { module: 'disk', text: 'size=1 name="a b"' },
        { module: 'disk', text: 'verbose' },
      ],
      softdeps: [{ module: 'disk', pre: ['a', 'b'], post: ['c'] }],
      ...{ commands: [], problems: [] },
    });
  });

  test.each([
    ['options disk \\\nsize=1', 'size=1'],
    ['options disk \\\r\nsize=1\r\n', 'size=1'],
    ['opt\\\nions disk size=1', 'size=1'],
    ['options disk path=C:\\x', 'path=C:x'],
    ['options disk path=C:\\\\x', 'path=C:\\x'],
    ['options disk a=1 \\\\\n# b', 'a=1 \\'],
  ])('a line that goes on: %j', (text, options) => {
    expect(readConfig(text, 'x.conf').options).toEqual([{ module: 'disk', text: options }]);
    expect(readConfig(text, 'x.conf').problems).toEqual([]);
  });

  test('a comment that goes on is one comment', () => {
    expect(readConfig('# off: \\\nblacklist disk\nblacklist other', 'x')).toMatchObject({
      blacklist: new Set(['other']),
      problems: [],
    });
  });

  test.each([
    ['frobnicate disk', 'frobnicate'],
    ['alias only-one', 'alias'],
    ['alias a] b', 'alias'],
    ['alias a b[', 'alias'],
    ['blacklist', 'blacklist'],
    ['options disk', 'options'],
    ['softdep disk', 'softdep'],
    ['install disk', 'install'],
    ['  # indented', '#'],
  ])('%j is no line', (line, command) => {
    const config = readConfig(`\n\\\n${line}\n`, 'etc/x.conf');
    expect(config).toEqual({
      ...emptyConfig(),
      problems: [`modprobe: ERROR: etc/x.conf line 3: ignoring bad line starting with '${command}'`],
    });
  });

  test('commands are kept and said to be unsupported; what is deprecated is said as well', () => {
    expect(readConfig('install a /bin/true\ninclude other.conf\nremove b* sleep 1', 'x')).toEqual({
      ...emptyConfig(),
      commands: [
        { kind: 'install', module: 'a', command: '/bin/true' },
        { kind: 'remove', module: 'b*', command: 'sleep 1' },
      ],
      problems: [
        'modprobe: ERROR: x line 1: not supported: install a /bin/true',
        'modprobe: ERROR: x: command include is deprecated and not parsed anymore',
        'modprobe: ERROR: x line 3: not supported: remove b* sleep 1',
      ],
    });
  });

  test('files add up', () => {
    const both = readConfig('blacklist b', 'two', readConfig('blacklist a\nnonsense', 'one'));
    expect(both.blacklist).toEqual(new Set(['a', 'b']));
    expect(both.problems).toHaveLength(1);
  });
});
