// Every attack of test/fixtures/hostile.ts by name: when it is made, and how it ends. Whatever is not said here is the same for
// all: nobody else's data, time or memory is reached (./hostile.ts).

import type { DetectedBy } from '../../../host/machine/shared/types.ts';
import { EIO, ETIMEDOUT } from '../../../kernel/abi/errno.ts';
import { DRIVER_LOG_BURST, MAX_DRIVER_DEVICES, MAX_DRIVER_NODES } from '../../../kernel/abi/limits.ts';

export type Moment = 'write' | 'read' | 'open' | 'release' | 'timer' | 'init' | 'exit';

export interface Attack {
  when: Moment;
  name: string;
  /** What the call answers in which it is made; `all` what an honest driver answers. Of a timer's, init's and exit's none. */
  answer: number | 'all' | 'anything';
  /** What ends its driver; none where it goes on. */
  by: readonly DetectedBy[];
  /** What has to stand in the log. */
  line?: RegExp;
  /** Why it cannot be made in a placement, by the placement's name. */
  cannot?: Readonly<Record<string, string>>;
}

const HANG = { sandbox: 'a hang in the sandbox is a hang of the kernel’s thread' };
const EXIT = { sandbox: 'a sandbox has no thread of its own that could exit' };

/** An attack that comes to nothing. */
const refused = (when: Moment, name: string, line?: RegExp): Attack => ({
  ...{ when, name, answer: 'all', by: [] },
  ...(line ? { line } : {}),
});
const lie = (when: Moment, name: string, answer: number = -EIO): Attack => ({
  ...{ when, name, answer, by: ['protocol'], line: /^hostile: bad reply to operation \d+: status -?\d+/ },
});
const trap = (when: Moment, name: string): Attack => ({
  ...{ when, name, answer: when === 'release' ? 0 : -EIO, by: ['trap'], line: /Modules linked in:.*hostile/ },
});
const hang = (when: Moment, name = 'LOOP'): Attack => ({
  ...{ when, name, answer: when === 'release' ? 0 : -ETIMEDOUT, by: ['deadline'], cannot: HANG },
  ...(when === 'init' ? {} : { line: /^hostile: no reply to operation \d+ in \d+ ms$/ }),
});

const FLOOD = /^hostile: logs too much, messages are suppressed$/;

export const ATTACKS: readonly Attack[] = [
  // forged addresses, lengths and offsets that overflow, grants that are held
  refused('read', 'FORGE_ADDRESSES'),
  refused('write', 'FORGE_ADDRESSES'),
  refused('read', 'OVERFLOW'),
  refused('write', 'OVERFLOW'),
  refused('read', 'WRONG_WAY'),
  refused('write', 'WRONG_WAY'),
  refused('write', 'KEPT_GRANT'),
  refused('open', 'KEPT_GRANT'),
  refused('timer', 'KEPT_GRANT'),
  refused('timer', 'FORGE_ADDRESSES'),
  // lies
  lie('read', 'LIE_MORE'),
  lie('write', 'LIE_MORE'),
  lie('open', 'LIE_MORE'),
  lie('release', 'LIE_MORE', 0),
  lie('read', 'LIE_MOST'),
  lie('read', 'LIE_ERRNO'),
  lie('read', 'LIE_LEAST'),
  lie('write', 'LIE_POSITION'),
  refused('write', 'FAR_POSITION'),
  // the log
  refused('write', 'LOG_FLOOD', FLOOD),
  refused('timer', 'LOG_FLOOD', FLOOD),
  { ...hang('write', 'LOG_STORM'), line: /^hostile: \d+ messages suppressed$/ },
  refused('write', 'LOG_ENDLESS'),
  trap('write', 'LOG_WILD'),
  refused('write', 'WARN_FLOOD', /WARNING: .*hostile/),
  // memory, tables, names
  refused('write', 'TAKE_HEAP'),
  refused('init', 'TAKE_HEAP'),
  refused('write', 'GROW'),
  refused('init', 'TAKE_DEVICES', new RegExp(`^hostile: took ${MAX_DRIVER_DEVICES - 1} devices$`)),
  refused('init', 'TAKE_NAMES', new RegExp(`^hostile: took ${MAX_DRIVER_NODES} names$`)),
  refused('write', 'STEAL_DEVICES'),
  refused('write', 'STEAL_FILES', /^hostile: proc_dir_entry 'version' already registered$/),
  refused('write', 'FORGE_CHANNEL', /^hostile: channel 32$/),
  {
    ...{ when: 'write', name: 'SCRAMBLE', answer: 'anything', cannot: HANG },
    ...{ by: ['trap', 'protocol', 'deadline', 'heartbeat'] },
  },
  // time
  hang('write'),
  hang('read'),
  hang('open'),
  hang('release'),
  { ...hang('timer'), by: ['deadline', 'heartbeat'] },
  hang('init'),
  hang('exit'),
  refused('write', 'TAKE_TIMERS'),
  refused('write', 'TIMER_STORM'),
  // death
  trap('open', 'TRAP'),
  trap('release', 'TRAP'),
  trap('timer', 'TRAP'),
  trap('init', 'TRAP'),
  trap('exit', 'TRAP'),
  { when: 'write', name: 'EXIT', answer: -EIO, by: ['exit', 'thread ended'], cannot: EXIT },
  { when: 'init', name: 'EXIT', answer: -EIO, by: ['exit', 'thread ended'], cannot: EXIT },
  // the stack nearly exhausted
  trap('write', 'STACK_LOG'),
  trap('read', 'STACK_COPY'),
  trap('write', 'STACK_DEVICE'),
  trap('write', 'STACK_HEAP'),
  trap('write', 'STACK_NAME'),
  trap('timer', 'STACK_LOG'),
];

/** Lines of one incarnation that a flood leaves in the log, at most, in so many seconds. */
export const floodLines = (seconds: number, perSecond: number): number =>
  DRIVER_LOG_BURST + Math.ceil(seconds * perSecond) + 1;
