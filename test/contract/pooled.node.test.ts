// The contract suite on a pooled machine in Node.

import { contractInNode } from './node.ts';

contractInNode('pooled');
