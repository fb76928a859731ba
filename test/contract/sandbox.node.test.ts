// The contract suite on a sandbox machine in Node.

import { contractInNode } from './node.ts';

contractInNode('sandbox');
