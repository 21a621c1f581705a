/**
 * System calls that make files without a directory's help, watch them, and name them otherwise than by path.
 *
 * @module
 */

import { fn } from "../calls/function.ts";
import { FILP_CLOSE, PICK_FILE } from "../fs/fdtable.ts";
import { dupFiles, fdFile, filesUsers, maxFds, putFiles, setClosesOnExec } from "../fs/files_struct.ts";
import { NAME_TO_HANDLE_CALLS, nameToHandleAt, OPEN_BY_HANDLE_CALLS, openByHandleAt } from "../fs/handles.ts";
import { MEMFD_CALLS, memfdCreate } from "../fs/memfd.ts";
import { DO_MKNODAT } from "../fs/mknod.ts";
import { AT_FDCWD } from "../fs/modes.ts";
import { GETNAME } from "../fs/names.ts";
import { ADD_WATCH_CALLS, addWatch, DO_INOTIFY_INIT, removeWatch } from "../fs/notify/inotify.ts";
import { ioctl, IOCTL_CALLS } from "../fs/ioctl.ts";
import { getdents, OLD_READDIR_CALLS, oldReaddir } from "../fs/readdir.ts";
import { encodeDev } from "../fs/stat.ts";
import type { Kernel } from "../kernel.ts";
import { storeUser } from "../process/user_store.ts";
import { recorded } from "../fs/recorded.ts";
import { blockingSyscall, syscall } from "./define.ts";
import { EFAULT, EINVAL } from "./errno.ts";

const MKNOD = [GETNAME, DO_MKNODAT];
syscall(
  "mknod",
  ["ulong", "uint", "uint"],
  MKNOD,
  (k, filename, mode = 0, dev) => k.call(DO_MKNODAT, AT_FDCWD, k.call(GETNAME, filename), mode & 0xffff, dev),
);
syscall(
  "mknodat",
  ["int", "ulong", "uint", "uint"],
  MKNOD,
  (k, dfd, filename, mode = 0, dev) => k.call(DO_MKNODAT, dfd, k.call(GETNAME, filename), mode & 0xffff, dev),
);

syscall(
  "memfd_create",
  ["ulong", "uint"],
  MEMFD_CALLS,
  (k, name = 0, flags = 0) => memfdCreate(k, name, flags),
);

syscall("inotify_init", [], [DO_INOTIFY_INIT], (k) => k.call(DO_INOTIFY_INIT, 0));
syscall("inotify_init1", ["int"], [DO_INOTIFY_INIT], (k, flags) => k.call(DO_INOTIFY_INIT, flags));
syscall(
  "inotify_add_watch",
  ["int", "ulong", "uint"],
  ADD_WATCH_CALLS,
  (k, fd = 0, pathname = 0, mask = 0) => addWatch(k, fd, pathname, mask),
);
syscall("inotify_rm_watch", ["int", "int"], [], (k, fd = 0, wd = 0) => removeWatch(k, fd, wd));

blockingSyscall(
  "ioctl",
  ["uint", "uint", "ulong"],
  IOCTL_CALLS,
  (k, fd = 0, cmd = 0, arg = 0) => ioctl(k, fd, cmd, arg),
);

syscall(
  "name_to_handle_at",
  ["int", "ulong", "ulong", "ulong", "int"],
  NAME_TO_HANDLE_CALLS,
  (k, dfd = 0, name = 0, handle = 0, mountId = 0, flag = 0) =>
    nameToHandleAt(k, dfd, name, handle, mountId, flag),
);
syscall(
  "open_by_handle_at",
  ["int", "ulong", "int"],
  OPEN_BY_HANDLE_CALLS,
  (k, mountFd = 0, handle = 0, flags = 0) => openByHandleAt(k, mountFd, handle, flags),
);

const CLOSE_RANGE_UNSHARE = 2;
const CLOSE_RANGE_CLOEXEC = 4;
syscall(
  "close_range",
  ["uint", "uint", "uint"],
  [PICK_FILE, FILP_CLOSE],
  (k, first = 0, last = 0, flags = 0) => {
    if ((flags & ~(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC)) !== 0 || first > last) return -EINVAL;
    if ((flags & CLOSE_RANGE_UNSHARE) !== 0) unshareFiles(k);
    const { files } = k.current;
    const end = Math.min(last, maxFds(k, files) - 1);
    for (let fd = first; fd <= end; fd++) {
      if (fdFile(k, files, fd) === 0) continue;
      if ((flags & CLOSE_RANGE_CLOEXEC) !== 0) setClosesOnExec(k, files, fd, true);
      else k.call(FILP_CLOSE, k.call(PICK_FILE, files, fd), files);
    }
    return 0;
  },
);

/** The task gets a descriptor table of its own (`unshare_fd`). */
function unshareFiles(k: Kernel): void {
  const { files } = k.current;
  if (filesUsers(k, files) <= 1) return;
  k.current.files = dupFiles(k, files, false);
  putFiles(k, files);
}

syscall(
  "getdents",
  ["uint", "ulong", "uint"],
  [fn("iterate_dir")],
  (k, fd = 0, buf = 0, count = 0) => getdents(k, fd, buf, count),
);
syscall(
  "old_readdir",
  ["uint", "ulong", "uint"],
  OLD_READDIR_CALLS,
  (k, fd = 0, buf = 0) => oldReaddir(k, fd, buf),
);

/** `ustat`: free blocks and inodes of a mounted device. tmpfs and its kin tell nothing. */
syscall("ustat", ["uint", "ulong"], [], (k, dev = 0, buf = 0) => {
  const replayed = recorded(k);
  if (replayed !== undefined) return replayed.ret;
  const found = [...k.vfs.supers.values()].some((sb) => encodeDev(sb.dev) === dev);
  if (!found) return -EINVAL;
  const size = k.image.pointerSize === 8 ? 32 : 20;
  for (let at = 0; at < size; at += 4) if (!storeUser(k, buf + at, 4, 0)) return -EFAULT;
  return 0;
});
