// The runtimes that a measurement can be made in.

import { Option } from 'commander';

const RUNTIMES = ['node', 'chromium'] as const;
export type Runtime = (typeof RUNTIMES)[number];

export const runtimeOption = (): Option =>
  new Option('--runtime <name>', 'where to measure').choices(RUNTIMES).default('node');
