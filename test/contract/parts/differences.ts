// What the placements do differently, and nothing else does: the suite asserts each of these on the machine it names.
// Everything that the suite does not look up here is the same on all.

import type { Placement } from '../../../host/machine/shared/types.ts';
import { EFAULT, EIO } from '../../../kernel/abi/errno.ts';
import { DRIVER_LOG_BURST } from '../../../kernel/abi/limits.ts';

export interface Differences {
  /** A copy to the caller beyond what was asked for: through as long as it is the caller's memory, or refused. */
  copyBeyondRequest: 'copied' | typeof EFAULT;
  /** A copy to where an earlier call of the same client asked for its bytes. */
  copyAfterCall: 'copied' | typeof EFAULT;
  /** What a write answers whose driver claims more bytes than it was given, or an unknown status. */
  lie: 'passes' | typeof EIO;
  /** Whether what a driver allocates is memory of the kernel. */
  driverMemoryInKernel: boolean;
  /** Whether two drivers may have their data at one address. */
  ownAddresses: boolean;
  /** Whether a module that is loaded takes slots of the kernel's table. */
  kernelSlots: boolean;
  /** What becomes of the call that was in the driver when it trapped. */
  trappedCall: 'killed' | typeof EIO;
  /** The kernel's taint after a driver trapped. */
  taintAfterTrap: string;
  /** Whether a driver that died is started anew. */
  restarts: boolean;
  /** Whether a driver's mistake is a warning of the kernel's, which taints it or stops it. */
  mistakesWarn: boolean;
  /** Lines that a driver may log at once; others are suppressed. */
  logBurst: number;
  /** What a hang costs. */
  hangEnds: 'the machine' | 'the driver';
}

export const DIFFERENCES: Record<Placement, Differences> = {
  monolithic: {
    copyBeyondRequest: 'copied',
    copyAfterCall: 'copied',
    lie: 'passes',
    driverMemoryInKernel: true,
    ownAddresses: false,
    kernelSlots: true,
    trappedCall: 'killed',
    taintAfterTrap: 'D',
    restarts: false,
    mistakesWarn: true,
    logBurst: Infinity,
    hangEnds: 'the machine',
  },
  sandbox: {
    copyBeyondRequest: EFAULT,
    copyAfterCall: EFAULT,
    lie: EIO,
    driverMemoryInKernel: false,
    ownAddresses: true,
    kernelSlots: false,
    trappedCall: EIO,
    taintAfterTrap: '',
    restarts: true,
    mistakesWarn: false,
    logBurst: DRIVER_LOG_BURST,
    hangEnds: 'the machine',
  },
  pooled: {
    copyBeyondRequest: EFAULT,
    copyAfterCall: EFAULT,
    lie: EIO,
    driverMemoryInKernel: false,
    ownAddresses: false,
    kernelSlots: false,
    trappedCall: EIO,
    taintAfterTrap: '',
    restarts: true,
    mistakesWarn: false,
    logBurst: DRIVER_LOG_BURST,
    hangEnds: 'the driver',
  },
  microkernel: {
    copyBeyondRequest: EFAULT,
    copyAfterCall: EFAULT,
    lie: EIO,
    driverMemoryInKernel: false,
    ownAddresses: true,
    kernelSlots: false,
    trappedCall: EIO,
    taintAfterTrap: '',
    restarts: true,
    mistakesWarn: false,
    logBurst: DRIVER_LOG_BURST,
    hangEnds: 'the driver',
  },
};
