// The contract suite on a microkernel machine in Node.

import { contractInNode } from './node.ts';

contractInNode('microkernel');
