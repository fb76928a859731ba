// The letters of the taints, Linux's, bit by bit; bit 0 is shown as G where it is not set. In a file of its own: a text
// becomes static data of every image that imports its file.

export const TAINT_LETTERS = 'PFSRMBUDAWCIOELKXTN';
