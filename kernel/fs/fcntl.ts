/**
 * `fcntl`: what can be asked and changed of descriptors and open files; `fs/fcntl.c`.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, blocking, fn, type FunctionRef, type Pending } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { loadUser } from "../process/user_load.ts";
import { storeUser } from "../process/user_store.ts";
import { EBADF, EBUSY, EFAULT, EINVAL, ENOTDIR, EPERM } from "../syscalls/errno.ts";
import { F_DUPFD, SET_CLOSE_ON_EXEC } from "./dup.ts";
import { fileOf } from "./fdtable.ts";
import { FILE, INODE } from "./fields.ts";
import { closesOnExec } from "./files_struct.ts";
import {
  FCNTL_GETLEASE,
  FCNTL_GETLK,
  FCNTL_GETLK64,
  FCNTL_SETLEASE,
  FCNTL_SETLK,
  FCNTL_SETLK64,
} from "./locks.ts";
import {
  FMODE_PATH,
  FMODE_WRITE,
  O_APPEND,
  O_CLOEXEC,
  O_DIRECT,
  O_NOATIME,
  O_NONBLOCK,
  openFlags,
  S_IFDIR,
} from "./modes.ts";
import { fsuid } from "./permission.ts";
import { recorded, recordedOr } from "./recorded.ts";
import { F_SEAL_SEAL } from "./seals.ts";

const FD_CLOEXEC = 1;
/** Changes the owner of signals of a file. */
const O_ASYNC = 0o20000;
/** Bits of x86's flags that `F_SETFL` sets. */
const SETFL_MASK = O_APPEND | O_NONBLOCK | O_NOATIME | O_DIRECT | O_ASYNC;
/** Pages of the largest pipe for ordinary users. */
const PIPE_MAX = 256;
const PAGE = 4096;

/** Commands that a file which was opened with `O_PATH` takes. */
const ON_PATHS = new Set([0, 1, 2, 3, 1030]);
/** i386's commands with the wide `struct flock64`, and those of open files. */
const LOCKS_64 = new Set([12, 13, 14, 36, 37, 38]);

/** `F_SETPIPE_SZ`, `F_GETPIPE_SZ`: bytes of the pipe, or -errno. */
const PIPE_FCNTL: FunctionRef = behaviour("pipe_fcntl", [], (k, file = 0, cmd = 0, arg = 0) => {
  const pipe = k.vfs.files.get(file)?.inode?.pipe;
  if (pipe == null) return recordedOr(k, -EBADF);
  if (cmd === F_GETPIPE_SZ) return recordedOr(k, pipe.maxUsage * PAGE);
  const replayed = recorded(k);
  if (replayed !== undefined && replayed.ret < 0) return replayed.ret;
  if (arg < 0 || arg > 0x80000000) return -EINVAL;
  let pages = 1;
  while (pages * PAGE < arg) pages *= 2;
  if (arg === 0) return -EINVAL;
  if (pages > PIPE_MAX && pages > pipe.maxUsage && fsuid(k) !== 0) return -EPERM;
  return pipe.resize(pages) ? pages * PAGE : -EBUSY;
});
const F_SETPIPE_SZ = 1031;
const F_GETPIPE_SZ = 1032;

const F_ALL_SEALS = 31;
const F_ADD_SEALS = 1033;

/** Seals of a memory file: those that it has, or 0 or -errno. */
const MEMFD_FCNTL: FunctionRef = behaviour("memfd_fcntl", [], (k, file = 0, cmd = 0, arg = 0) => {
  const replayed = recorded(k);
  const inode = k.vfs.files.get(file)?.inode;
  // Only files of tmpfs have seals; those that `memfd_create` was not asked for sealing are sealed against seals.
  if (inode?.iops.symbol !== "shmem_inode_operations") return replayed?.ret ?? -EINVAL;
  if (cmd !== F_ADD_SEALS) return replayed?.ret ?? inode.seals;
  if (replayed !== undefined && replayed.ret < 0) return replayed.ret;
  if ((FILE.mode.get(k, file) & FMODE_WRITE) === 0) return -EPERM;
  if ((arg & ~F_ALL_SEALS) !== 0) return -EINVAL;
  if ((inode.seals & F_SEAL_SEAL) !== 0 && replayed === undefined) return -EPERM;
  inode.seals |= arg;
  return 0;
});

/** Sets the flags of an open file: 0 or -errno. */
const SETFL: FunctionRef = behaviour("setfl", [], (k, _fd = 0, file = 0, arg = 0) => {
  const wanted = openFlags(k.image.arch, arg);
  const inode = k.vfs.files.get(file)?.inode;
  const old = FILE.flags.get(k, file);
  if (recorded(k) === undefined) {
    const gains = wanted & ~openFlags(k.image.arch, old);
    if (
      (gains & O_NOATIME) !== 0 && inode && INODE.uid.get(k, inode.address) !== fsuid(k) && fsuid(k) !== 0
    ) {
      return -EPERM;
    }
    // tmpfs has no direct access.
    if ((wanted & O_DIRECT) !== 0 && inode?.iops.symbol.startsWith("shmem")) return -EINVAL;
  }
  const mask = settable(k.image.arch);
  FILE.flags.set(k, file, old & ~mask | arg & mask);
  return 0;
});

function settable(arch: string): number {
  return arch === "arm64" ? SETFL_MASK & ~O_DIRECT | ARM64_DIRECT : SETFL_MASK;
}
const ARM64_DIRECT = 0o200000;

/** Who gets a file's signals; the model sends none. */
const F_SETOWN: FunctionRef = behaviour("f_setown", [], (k, file = 0, who = 0) => {
  const found = k.vfs.files.get(file);
  if (found !== undefined) found.owner = who;
  return 0;
});

/** What an `fcntl` does: its result or -errno. Commands that nobody knows are invalid. */
export const DO_FCNTL: FunctionRef = blocking(
  "do_fcntl",
  [
    F_DUPFD,
    SET_CLOSE_ON_EXEC,
    SETFL,
    FCNTL_SETLK,
    FCNTL_GETLK,
    FCNTL_SETLEASE,
    FCNTL_GETLEASE,
    PIPE_FCNTL,
    MEMFD_FCNTL,
    F_SETOWN,
  ],
  (k, fd = 0, cmd = 0, arg = 0, file = 0) => {
    switch (cmd) {
      case 0:
        return k.call(F_DUPFD, arg >>> 0, file, 0);
      case 1030:
        return k.call(F_DUPFD, arg >>> 0, file, O_CLOEXEC);
      case 1:
        return recordedOr(k, closesOnExec(k, k.current.files, fd) ? FD_CLOEXEC : 0);
      case 2:
        k.call(SET_CLOSE_ON_EXEC, fd, arg & FD_CLOEXEC);
        return 0;
      case 3:
        return recordedOr(k, FILE.flags.get(k, file) & ~O_CLOEXEC);
      case 4:
        return k.call(SETFL, fd, file, arg);
      case 5:
      case 36:
        return k.call(FCNTL_GETLK, file, cmd, arg);
      case 6:
      case 7:
      case 37:
      case 38:
        return k.calls.callOrWait(FCNTL_SETLK, fd, file, cmd, arg);
      case 8:
        return k.call(F_SETOWN, file, arg | 0, 1);
      case 1024:
        return k.call(FCNTL_SETLEASE, fd, file, arg);
      case 1025:
        return k.call(FCNTL_GETLEASE, file);
      case 1026:
        return recordedOr(k, k.vfs.files.get(file)?.inode?.type === S_IFDIR ? 0 : -ENOTDIR);
      case F_SETPIPE_SZ:
      case F_GETPIPE_SZ:
        return k.call(PIPE_FCNTL, file, cmd, arg);
      case F_ADD_SEALS:
      case 1034:
        return k.call(MEMFD_FCNTL, file, cmd, arg);
      default:
        return recordedOr(k, plain(k, cmd, arg, file));
    }
  },
);

/** Commands that only look at the open file. */
function plain(k: Kernel, cmd: number, arg: Addr, address: Addr): number {
  const file = k.vfs.files.get(address);
  if (file === undefined) return -EBADF;
  switch (cmd) {
    case 9:
      return file.owner;
    case 10:
      if (arg < 0 || arg > 64) return -EINVAL;
      file.signal = arg;
      return 0;
    case 11:
      return file.signal;
    case 15: {
      const [type, pid] = [loadUser(k, arg, 4, true), loadUser(k, arg + 4, 4, true)];
      if (Number.isNaN(type + pid)) return -EFAULT;
      if (type < 0 || type > 2) return -EINVAL;
      file.owner = type === 2 ? -pid : pid;
      return 0;
    }
    case 16: {
      const type = file.owner < 0 ? 2 : 1;
      return storeUser(k, arg, 4, type) && storeUser(k, arg + 4, 4, Math.abs(file.owner)) ? 0 : -EFAULT;
    }
    case 1035:
    case 1037:
      return storeUser(k, arg, 8, 0) ? 0 : -EFAULT;
    case 1036:
    case 1038: {
      const hint = loadUser(k, arg, 8, false);
      return Number.isNaN(hint) ? -EFAULT : hint <= 5 ? 0 : -EINVAL;
    }
    default:
      return -EINVAL;
  }
}

const SECURITY_FILE_FCNTL = fn("security_file_fcntl");
/** What `fcntl` calls. */
export const FCNTL_CALLS: readonly FunctionRef[] = [
  SECURITY_FILE_FCNTL,
  DO_FCNTL,
  FCNTL_SETLK64,
  FCNTL_GETLK64,
];

/** `fcntl` of any width: -errno or what the command returns. */
export function fcntl(k: Kernel, fd: number, cmd: number, arg: number, wide: boolean): Pending {
  const file = fileOf(k, fd);
  if (file === undefined) return -EBADF;
  const { address } = file;
  if ((FILE.mode.get(k, address) & FMODE_PATH) !== 0 && !ON_PATHS.has(cmd)) return recordedOr(k, -EBADF);
  k.call(SECURITY_FILE_FCNTL, address, cmd, arg);
  if (!wide || !LOCKS_64.has(cmd)) return k.calls.callOrWait(DO_FCNTL, fd, cmd, arg, address);
  if (cmd === 12 || cmd === 36) return k.call(FCNTL_GETLK64, address, cmd, arg);
  return k.calls.callOrWait(FCNTL_SETLK64, fd, address, cmd, arg);
}
