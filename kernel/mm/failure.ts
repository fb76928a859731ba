// No memory: what is said of it. At most one report in ten seconds, as in Linux: whoever takes all there is does not fill
// the log as well.

import { MAX_ORDER } from '../abi/heap';
import { __GFP_DIRECT_RECLAIM, __GFP_HIGH, __GFP_NOWARN, __GFP_ZERO } from '../abi/gfp';
import { LEVEL_WARNING } from '../abi/log';
import { cstr } from '../lib/cstr';
import { now } from '../lib/host';
import { pr } from '../lib/printk';
import { vsnprintf } from '../lib/format';
import { free_blocks } from './buddy';
import { current_owner } from './account';
import { name_of } from './report';

const INTERVAL_MS: f64 = 10_000;

const line = memory.data(208);
const words = memory.data(8);
let reported: bool = false;
let last: f64 = 0;
let missed: u32 = 0;

function gfp_name(flags: u32): usize {
  const zero = (flags & __GFP_ZERO) != 0;
  if (flags & __GFP_DIRECT_RECLAIM) return zero ? cstr('GFP_KERNEL|__GFP_ZERO') : cstr('GFP_KERNEL');
  if (flags & __GFP_HIGH) return zero ? cstr('GFP_ATOMIC|__GFP_ZERO') : cstr('GFP_ATOMIC');
  return zero ? cstr('GFP_NOWAIT|__GFP_ZERO') : cstr('GFP_NOWAIT');
}

/** An allocation of 1 << order pages has failed. */
export function warn_alloc(flags: u32, order: u32): void {
  if (flags & __GFP_NOWARN) return;
  const time = now();
  if (reported && time - last < INTERVAL_MS) {
    missed++;
    return;
  }
  reported = true;
  last = time;
  if (missed) pr(LEVEL_WARNING, cstr('warn_alloc: %u callbacks suppressed'), missed);
  missed = 0;
  pr(
    LEVEL_WARNING,
    cstr('%s: page allocation failure: order:%u, mode:0x%x(%s)'),
    name_of(current_owner()),
    order,
    flags,
    gfp_name(flags),
  );
  let length: usize = 0;
  let free: u32 = 0;
  for (let at: u32 = 0; at <= <u32>MAX_ORDER; at++) {
    const blocks = free_blocks(at);
    free += blocks << (at + 2);
    store<u32>(words, blocks);
    store<u32>(words, 4 << at, 4);
    length += vsnprintf(line + length, <i32>(208 - length), cstr('%u*%ukB '), words);
  }
  pr(LEVEL_WARNING, cstr('Normal: %s= %ukB'), line, free);
}
