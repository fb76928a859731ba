// The contract suite on a monolithic machine in Node.

import { contractInNode } from './node.ts';

contractInNode('monolithic');
