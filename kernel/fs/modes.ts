/**
 * File modes, open flags and related constants. Values are those of x86; `openFlags` translates where an architecture's
 * own differ.
 *
 * @module
 */

/** File type bits of `st_mode`. */
export const S_IFMT = 0o170000;
/** Regular file. */
export const S_IFREG = 0o100000;
/** Directory. */
export const S_IFDIR = 0o040000;
/** Symbolic link. */
export const S_IFLNK = 0o120000;
/** Character device. */
export const S_IFCHR = 0o020000;
/** Block device. */
export const S_IFBLK = 0o060000;
/** Pipe. */
export const S_IFIFO = 0o010000;
/** Socket. */
export const S_IFSOCK = 0o140000;

/** Access mode bits of the open flags. */
export const O_ACCMODE = 3;
/** Open for writing only. */
export const O_WRONLY = 1;
/** Open for reading and writing. */
export const O_RDWR = 2;
/** Create the file if it is not there. */
export const O_CREAT = 0o100;
/** Fail if it is there. */
export const O_EXCL = 0o200;
/** Cut it to nothing. */
export const O_TRUNC = 0o1000;
/** Write at the end. */
export const O_APPEND = 0o2000;
/** Don't wait. */
export const O_NONBLOCK = 0o4000;
/** Must be a directory. */
export const O_DIRECTORY = 0o200000;
/** Past the page cache. */
export const O_DIRECT = 0o40000;
/** Don't follow a final symbolic link. */
export const O_NOFOLLOW = 0o400000;
/** Close at execve. */
export const O_CLOEXEC = 0o2000000;
/** Only a place in the tree. */
export const O_PATH = 0o10000000;
/** Reading leaves the time of access alone. */
export const O_NOATIME = 0o1000000;
/** A file without a name; comes with `O_DIRECTORY`. */
export const O_TMPFILE_BIT = 0o20000000;
/** Large file. */
export const O_LARGEFILE = 0o100000;

/** `file->f_mode`: can be read. */
export const FMODE_READ = 1;
/** `file->f_mode`: can be written. */
export const FMODE_WRITE = 2;
/** `file->f_mode`: has a position. */
export const FMODE_LSEEK = 4;
/** `file->f_mode`: pread works. */
export const FMODE_PREAD = 8;
/** `file->f_mode`: pwrite works. */
export const FMODE_PWRITE = 16;
/** `file->f_mode`: opened with `O_PATH`. */
export const FMODE_PATH = 0x4000;
/** `file->f_mode`: its position needs a lock. */
export const FMODE_ATOMIC_POS = 0x8000;
/** `file->f_mode`: has `read` or `read_iter`. */
export const FMODE_CAN_READ = 0x20000;
/** `file->f_mode`: has `write` or `write_iter`. */
export const FMODE_CAN_WRITE = 0x40000;
/** `file->f_mode`: was opened. */
export const FMODE_OPENED = 0x80000;
/** `file->f_mode`: was created by this open. */
export const FMODE_CREATED = 0x100000;

/** Start at the current directory. */
export const AT_FDCWD = -100;
/** Don't follow a final symbolic link. */
export const AT_SYMLINK_NOFOLLOW = 0x100;
/** `unlinkat`: remove a directory. */
export const AT_REMOVEDIR = 0x200;
/** `linkat`: follow. */
export const AT_SYMLINK_FOLLOW = 0x400;
/** An empty path means the descriptor itself. */
export const AT_EMPTY_PATH = 0x1000;

/** Walk flag: follow a final symbolic link. */
export const LOOKUP_FOLLOW = 0x1;
/** Walk flag: must be a directory. */
export const LOOKUP_DIRECTORY = 0x2;
/** Walk flag: without references. */
export const LOOKUP_RCU = 0x40;
/** Walk flag: for open. */
export const LOOKUP_OPEN = 0x100;
/** Walk flag: for create. */
export const LOOKUP_CREATE = 0x200;
/** Walk flag: an empty path is fine. */
export const LOOKUP_EMPTY = 0x4000;
/** What is mounted automatically at the end of a path is. */
export const LOOKUP_AUTOMOUNT = 0x4;
/** Walk flag (`RESOLVE_NO_SYMLINKS`): no symbolic links. */
export const LOOKUP_NO_SYMLINKS = 0x10000;
/** Walk flag (`RESOLVE_NO_MAGICLINKS`): no links that lead to an object. */
export const LOOKUP_NO_MAGICLINKS = 0x20000;
/** Walk flag (`RESOLVE_NO_XDEV`): no other mount. */
export const LOOKUP_NO_XDEV = 0x40000;
/** Walk flag (`RESOLVE_BENEATH`): never above where it began. */
export const LOOKUP_BENEATH = 0x80000;
/** Walk flag (`RESOLVE_IN_ROOT`): where it began is its root. */
export const LOOKUP_IN_ROOT = 0x100000;
/** Walk flag (`RESOLVE_CACHED`): only what is cached. */
export const LOOKUP_CACHED = 0x200000;
/** Walk flag: only the parent. */
export const LOOKUP_PARENT = 0x10;

/**
 * Open flags of an architecture as x86's: arm64 has `O_DIRECTORY`, `O_NOFOLLOW`, `O_DIRECT` and `O_LARGEFILE` at other
 * bits.
 */
export function openFlags(arch: string, flags: number): number {
  if (arch !== "arm64") return flags;
  let common = flags & ~(ARM64_DIRECTORY | ARM64_NOFOLLOW | ARM64_LARGEFILE | ARM64_DIRECT);
  if ((flags & ARM64_DIRECTORY) !== 0) common |= O_DIRECTORY;
  if ((flags & ARM64_DIRECT) !== 0) common |= O_DIRECT;
  if ((flags & ARM64_NOFOLLOW) !== 0) common |= O_NOFOLLOW;
  if ((flags & ARM64_LARGEFILE) !== 0) common |= O_LARGEFILE;
  return common;
}

/** The other way: x86's open flags as an architecture has them. */
export function archOpenFlags(arch: string, flags: number): number {
  if (arch !== "arm64") return flags;
  let own = flags & ~(O_DIRECTORY | O_NOFOLLOW | O_LARGEFILE | O_DIRECT);
  if ((flags & O_DIRECTORY) !== 0) own |= ARM64_DIRECTORY;
  if ((flags & O_DIRECT) !== 0) own |= ARM64_DIRECT;
  if ((flags & O_NOFOLLOW) !== 0) own |= ARM64_NOFOLLOW;
  if ((flags & O_LARGEFILE) !== 0) own |= ARM64_LARGEFILE;
  return own;
}

/** Open flags as 64-bit kernels complete them: every file may be large there (`force_o_largefile`). */
export function withLargefile(arch: string, flags: number): number {
  return arch === "i386" ? flags : flags | (arch === "arm64" ? ARM64_LARGEFILE : O_LARGEFILE);
}

const ARM64_DIRECTORY = 0o40000;
const ARM64_NOFOLLOW = 0o100000;
const ARM64_DIRECT = 0o200000;
const ARM64_LARGEFILE = 0o400000;
