/**
 * Bits of `page->flags` (`enum pageflags`), as far as files' pages use them.
 *
 * @module
 */

/** Someone works on it. */
export const PG_LOCKED = 0;
/** It was accessed once. */
export const PG_REFERENCED = 1;
/** Its contents are those of the file. */
export const PG_UPTODATE = 2;
/** Its contents are newer than the disk's. */
export const PG_DIRTY = 3;
/** It is on a list of pages that may be reclaimed. */
export const PG_LRU = 4;
/** On the active one. */
export const PG_ACTIVE = 5;
/** It came back soon after it was reclaimed. */
export const PG_WORKINGSET = 6;
/** Tasks wait for one of its bits. */
export const PG_WAITERS = 7;
/** Reading or writing it failed. */
export const PG_ERROR = 8;
/** It has private data: buffers. */
export const PG_PRIVATE = 13;
/** It is on its way to the disk. */
export const PG_WRITEBACK = 15;
/** Reaching it starts the next read-ahead (the bit of `PG_reclaim`). */
export const PG_READAHEAD = 18;
