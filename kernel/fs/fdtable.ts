/**
 * Descriptors, as `fs/file.c` hands them out and takes them back.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { EBADF, EMFILE } from "../syscalls/errno.ts";
import { failsAt } from "./failures.ts";
import { FILE } from "./fields.ts";
import { RELEASERS } from "./fileops.ts";
import type { OpenFile } from "./file.ts";
import {
  clearFd,
  closesOnExec,
  expandFiles,
  fdFile,
  fdInUse,
  freeFd,
  installFd,
  NOFILE,
  reserveFd,
} from "./files_struct.ts";
import { LOCKS_REMOVE_FILE, LOCKS_REMOVE_POSIX } from "./locks.ts";
import { maxDescriptors } from "../process/rlimit.ts";
import { FMODE_WRITE, O_CLOEXEC } from "./modes.ts";
import { notifyDentry } from "./notify/events.ts";
import { IN_CLOSE_NOWRITE, IN_CLOSE_WRITE } from "./notify/masks.ts";
import { parkFile, unparkFile } from "./parked_fds.ts";
import { TASK_WORK_ADD } from "../process/task_work.ts";

/** Descriptors that the recording says the current call got, in order; others are the lowest free ones. */
function recordedFd(k: Kernel, files: Addr): number | undefined {
  const request = k.current.request;
  const outcome = request?.recorded;
  if (request === null || outcome === undefined || !GIVES_FD.has(request.name)) return undefined;
  if (outcome.fds !== undefined) return outcome.fds.find((fd) => !fdInUse(k, files, fd));
  return outcome.ret >= 0 ? outcome.ret : undefined;
}

/** Calls whose result, or stored pair, is a new descriptor. */
// deno-fmt-ignore
export const GIVES_FD: ReadonlySet<string> = new Set([
  "open", "openat", "openat2", "creat", "dup", "dup2", "dup3", "fcntl", "fcntl64", "pipe", "pipe2", "socket",
  "socketpair", "accept", "accept4", "epoll_create", "epoll_create1", "eventfd", "eventfd2", "timerfd_create",
  "signalfd", "signalfd4", "inotify_init", "inotify_init1", "memfd_create", "pidfd_open", "userfaultfd",
  "perf_event_open", "fanotify_init", "io_uring_setup", "open_by_handle_at",
]);

/** Calls that take a descriptor away from its file. */
const REPLACES: ReadonlySet<string> = new Set(["dup2", "dup3"]);

/** Finds room for a descriptor; -errno if it is past the limit. */
export const EXPAND_FILES: FunctionRef = behaviour(
  "expand_files",
  [],
  (k, files = 0, nr = 0) => expandFiles(k, files, nr) ? 1 : 0,
);

/** The lowest free descriptor from `start`, reserved; or -EMFILE. */
export const ALLOC_FD: FunctionRef = behaviour(
  "alloc_fd",
  [EXPAND_FILES],
  (k, start = 0, end = NOFILE, flags = 0) => {
    const { files } = k.current;
    const failure = failsAt(k, "descriptor");
    if (failure !== 0) return failure;
    const fd = recordedFd(k, files) ?? freeFd(k, files, start);
    if (fd >= end && recordedFd(k, files) === undefined) return -EMFILE;
    const error = k.call(EXPAND_FILES, files, fd);
    if (error < 0) return error;
    reserveFd(k, files, fd, (flags & O_CLOEXEC) !== 0);
    return fd;
  },
);

/** `alloc_fd` from 0. */
export const GET_UNUSED_FD_FLAGS: FunctionRef = behaviour(
  "get_unused_fd_flags",
  [ALLOC_FD],
  (k, flags = 0) => k.call(ALLOC_FD, 0, maxDescriptors(k), flags),
);

/** Gives a reserved descriptor back. */
export const PUT_UNUSED_FD: FunctionRef = behaviour("put_unused_fd", [], (k, fd = 0) => {
  clearFd(k, k.current.files, fd);
  return Number.NaN;
});

/** Makes a reserved descriptor stand for a file, which takes over the caller's reference. */
export const FD_INSTALL: FunctionRef = behaviour("fd_install", [], (k, fd = 0, file = 0) => {
  const { files } = k.current;
  const old = fdFile(k, files, fd);
  const cloexec = closesOnExec(k, files, fd);
  if (old !== 0) {
    const { request, threadGroup } = k.current;
    // Another thread is about to close what has this number.
    if (request?.recorded !== undefined && threadGroup.length > 1 && !REPLACES.has(request.name)) {
      parkFile(k, files, fd, { file, cloexec });
      return Number.NaN;
    }
    k.vfs.putFile(old);
  }
  installFd(k, files, fd, file, cloexec);
  return Number.NaN;
});

/** Takes a descriptor out of the table: its file, or 0. */
export const PICK_FILE: FunctionRef = behaviour("pick_file", [], (k, files = 0, fd = 0) => {
  const file = fdFile(k, files, fd);
  if (file === 0) return 0;
  clearFd(k, files, fd);
  const parked = unparkFile(k, files, fd);
  if (parked !== undefined) installFd(k, files, fd, parked.file, parked.cloexec);
  return file;
});

/** Drops a reference; the last one is given back on the way to user space. */
export const FPUT: FunctionRef = behaviour("fput", [TASK_WORK_ADD], (k, file = 0) => {
  if (FILE.count.add(k, file, -1) === 0) k.call(TASK_WORK_ADD, k.current.address, file, 1);
  return Number.NaN;
});

/** What closing a descriptor does to its file. */
export const FILP_CLOSE: FunctionRef = behaviour(
  "filp_close",
  [fn("dnotify_flush"), LOCKS_REMOVE_POSIX, FPUT],
  (k, file = 0, id = 0) => {
    k.call(fn("dnotify_flush"), file, id);
    k.call(LOCKS_REMOVE_POSIX, file, id);
    k.call(FPUT, file);
    return 0;
  },
);

/** Closes a descriptor: 0 or -EBADF. */
export const CLOSE_FD: FunctionRef = behaviour("close_fd", [PICK_FILE, FILP_CLOSE], (k, fd = 0) => {
  const { files } = k.current;
  const file = k.call(PICK_FILE, files, fd);
  return file === 0 ? -EBADF : k.call(FILP_CLOSE, file, files);
});

const EVENTPOLL_RELEASE_FILE = fn("eventpoll_release_file");

/** The last reference is gone: lets the file's kind release it, and frees it. */
export const DO_FPUT: FunctionRef = behaviour(
  "__fput",
  [
    EVENTPOLL_RELEASE_FILE,
    LOCKS_REMOVE_FILE,
    fn("ima_file_free"),
    fn("dput"),
    fn("mntput"),
    fn("security_file_free"),
    ...RELEASERS,
  ],
  (k, address = 0) => {
    const file = k.vfs.files.get(address);
    if (file === undefined) return Number.NaN;
    const { inode, dentry } = file;
    if (file.watched) k.call(EVENTPOLL_RELEASE_FILE, address);
    if (!k.vfs.watches.none && dentry !== null) {
      notifyDentry(
        k,
        dentry.address,
        (FILE.mode.get(k, address) & FMODE_WRITE) !== 0 ? IN_CLOSE_WRITE : IN_CLOSE_NOWRITE,
      );
    }
    k.call(LOCKS_REMOVE_FILE, address);
    k.call(fn("ima_file_free"), address);
    const release = file.ops?.release;
    if (release !== undefined) k.call(release, inode?.address ?? 0, address);
    if (dentry !== null) {
      k.call(fn("dput"), dentry.address);
      k.call(fn("mntput"), FILE.mnt.get(k, address));
    }
    k.call(fn("security_file_free"), address);
    k.vfs.dispose(file);
    return Number.NaN;
  },
);

/** The task work that `fput` queued. */
export const FPUT_WORK: FunctionRef = behaviour("____fput", [DO_FPUT], (k, work = 0) => {
  k.call(DO_FPUT, work);
  return Number.NaN;
});

/** The file behind a descriptor of the current task, or undefined. */
export function fileOf(k: Kernel, fd: number): OpenFile | undefined {
  return k.vfs.files.get(fdFile(k, k.current.files, fd));
}
