/**
 * Copying descriptors: `dup2`, `dup3`, `F_DUPFD`, and closing them at execve.
 *
 * @module
 */

import { maxDescriptors } from "../process/rlimit.ts";
import { behaviour, type FunctionRef } from "../calls/function.ts";
import { EBADF, EINVAL, EMFILE } from "../syscalls/errno.ts";
import { ALLOC_FD, EXPAND_FILES, FD_INSTALL, fileOf, FILP_CLOSE } from "./fdtable.ts";
import { FILE } from "./fields.ts";
import { fdFile, installFd, setClosesOnExec } from "./files_struct.ts";
import { O_CLOEXEC } from "./modes.ts";

/** Puts a file at a descriptor; what was there is closed. Returns the descriptor. */
export const DO_DUP2: FunctionRef = behaviour(
  "do_dup2",
  [FILP_CLOSE],
  (k, files = 0, file = 0, fd = 0, flags = 0) => {
    const old = fdFile(k, files, fd);
    FILE.count.add(k, file, 1);
    installFd(k, files, fd, file, (flags & O_CLOEXEC) !== 0);
    if (old !== 0) k.call(FILP_CLOSE, old, files);
    return fd;
  },
);

/** `dup2`, `dup3` of different descriptors. */
export const KSYS_DUP3: FunctionRef = behaviour(
  "ksys_dup3",
  [EXPAND_FILES, DO_DUP2],
  (k, oldfd = 0, newfd = 0, flags = 0) => {
    if ((flags & ~O_CLOEXEC) !== 0 || oldfd === newfd) return -EINVAL;
    if (newfd < 0 || newfd >= maxDescriptors(k)) return -EBADF;
    const { files } = k.current;
    const error = k.call(EXPAND_FILES, files, newfd);
    if (error < 0) return error;
    const file = fileOf(k, oldfd);
    return file === undefined ? -EBADF : k.call(DO_DUP2, files, file.address, newfd, flags);
  },
);

/** A copy of a descriptor, not below `from`. */
export const F_DUPFD: FunctionRef = behaviour(
  "f_dupfd",
  [ALLOC_FD, FD_INSTALL],
  (k, from = 0, file = 0, flags = 0) => {
    if (from >= maxDescriptors(k)) return -EINVAL;
    const fd = k.call(ALLOC_FD, from, maxDescriptors(k), flags);
    if (fd < 0) return fd === -EMFILE ? -EMFILE : fd;
    FILE.count.add(k, file, 1);
    k.call(FD_INSTALL, fd, file);
    return fd;
  },
);

/** Sets a descriptor's close-on-exec flag. */
export const SET_CLOSE_ON_EXEC: FunctionRef = behaviour("set_close_on_exec", [], (k, fd = 0, on = 0) => {
  setClosesOnExec(k, k.current.files, fd, on !== 0);
  return Number.NaN;
});
