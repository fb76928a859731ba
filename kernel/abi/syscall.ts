// A client's system-call slot: SLOTS_BASE + client * SLOT_SIZE. One writer a line.
//
//   line 0  the request, by the client       line 2  words of the client
//   line 1  the answer, by the kernel
//
// A request is made by writing its arguments, then its sequence, then ringing M_DOORBELL. An answer's sequence is that
// of its request. Client 0 is the in-thread client and uses no slot.
//
// Read by both compilers: constants only.

export const SLOT_SIZE = 256;
export const SLOT_SEQUENCE = 0;
export const SLOT_NUMBER = 4;
export const SLOT_ARGUMENT = 8; // four i32
export const SLOT_ANSWER = 64;
export const SLOT_RESULT = 68;
/** 1 when the client was ended in this call, as Linux ends a task that oopsed. */
export const SLOT_KILLED = 72;
/** 1 while a client thread uses the slot. */
export const SLOT_ATTACHED = 128;
/** 1 while the client sleeps on SLOT_ANSWER. */
export const SLOT_SLEEPING = 132;
