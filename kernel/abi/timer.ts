// struct timer_list as drivers see it (C layout); it lies in the driver's memory. Offsets in bytes. Read by both compilers:
// constants only.

// In the list of those that run, the next to expire first:
export const TIMER_NEXT = 0;
/** Address of the word that points to it, 0 while it does not run. */
export const TIMER_PLACE = 4;
/** In jiffies (milliseconds since boot). */
export const TIMER_EXPIRES = 8;
/** Table index of (timer). */
export const TIMER_FUNCTION = 12;
export const TIMER_FLAGS = 16;
/** struct module that started it. */
export const TIMER_OWNER = 20;
export const TIMER_SIZE = 24;
