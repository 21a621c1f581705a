/**
 * Bits of inotify's event masks.
 *
 * @module
 */

/** Read. */
export const IN_ACCESS = 0x1;
/** Written. */
export const IN_MODIFY = 0x2;
/** Attributes changed. */
export const IN_ATTRIB = 0x4;
/** Closed after writing. */
export const IN_CLOSE_WRITE = 0x8;
/** Closed without. */
export const IN_CLOSE_NOWRITE = 0x10;
/** Opened. */
export const IN_OPEN = 0x20;
/** A name moved away. */
export const IN_MOVED_FROM = 0x40;
/** A name moved here. */
export const IN_MOVED_TO = 0x80;
/** A name was made. */
export const IN_CREATE = 0x100;
/** A name was removed. */
export const IN_DELETE = 0x200;
/** What is watched was removed. */
export const IN_DELETE_SELF = 0x400;
/** What is watched was moved. */
export const IN_MOVE_SELF = 0x800;
/** Its file system is gone. */
export const IN_UNMOUNT = 0x2000;
/** Events were lost. */
export const IN_Q_OVERFLOW = 0x4000;
/** The watch is gone. */
export const IN_IGNORED = 0x8000;
/** Only directories are watched. */
export const IN_ONLYDIR = 0x1000000;
/** A final link is watched itself. */
export const IN_DONT_FOLLOW = 0x2000000;
/** No events of names that are gone. */
export const IN_EXCL_UNLINK = 0x4000000;
/** Fails if there is a watch. */
export const IN_MASK_CREATE = 0x10000000;
/** Adds to the watch that there is. */
export const IN_MASK_ADD = 0x20000000;
/** The event is about a directory. */
export const IN_ISDIR = 0x40000000;
/** One event only. */
export const IN_ONESHOT = 0x80000000;
/** Every event that can be asked for. */
export const IN_ALL_EVENTS = 0xfff;
