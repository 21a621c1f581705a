/**
 * What a recorded outcome says about the world before the call: a file that was opened was there, one that was not
 * found was not, a descriptor that was read from was open. The model is put in that state before it runs the call.
 *
 * @module
 */

import { GIVES_FD } from "../fs/fdtable.ts";
import type { Dentry } from "../fs/dentry.ts";
import {
  EPOLL,
  EVENTFD,
  type FileOperations,
  SHMEM_FILE,
  SIGNALFD,
  SOCKET,
  TIMERFD,
  TTY,
} from "../fs/fileops.ts";
import { fdFile, installFd } from "../fs/files_struct.ts";
import { FS } from "../fs/fs_struct.ts";
import { type InodeContainer, PLAIN_INODE, SOCKET_INODE } from "../fs/inode.ts";
import {
  AT_FDCWD,
  AT_REMOVEDIR,
  AT_SYMLINK_NOFOLLOW,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_RDWR,
  openFlags,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
} from "../fs/modes.ts";
import { unparkFile } from "../fs/parked_fds.ts";
import { userString } from "../fs/names.ts";
import { operationsOf } from "../fs/vfs.ts";
import type { Kernel } from "../kernel.ts";
import type { Task } from "../process/task.ts";
import {
  EBADF,
  EDQUOT,
  EEXIST,
  EISDIR,
  ELOOP,
  ENAMETOOLONG,
  ENOENT,
  ENOSPC,
  ENOTDIR,
  ENOTEMPTY,
  ENOTSOCK,
} from "./errno.ts";
import type { CallFacts } from "./call_facts.ts";
import { PATH_CALLS, type PathArgument } from "./path_calls.ts";
import type { RecordedOutcome, RecordedStat, SyscallRequest } from "./request.ts";

/** Those of them whose descriptor has to be a socket. */
// deno-fmt-ignore
const SOCKET_CALLS: ReadonlySet<string> = new Set([
  "bind", "listen", "accept", "accept4", "connect", "getsockname", "getpeername", "send", "sendto", "sendmsg", "sendmmsg",
  "recv", "recvfrom", "recvmsg", "recvmmsg", "recvmmsg_time64", "shutdown", "setsockopt", "getsockopt",
]);
/** Calls whose first argument is a descriptor that has to be open for them to succeed. */
// deno-fmt-ignore
export const FD_CALLS: ReadonlySet<string> = new Set([
  "read", "write", "readv", "writev", "pread64", "pwrite64", "preadv", "pwritev", "close", "lseek", "_llseek", "fstat",
  "fstat64", "newfstat", "fcntl", "fcntl64", "ftruncate", "ftruncate64", "getdents64", "getdents", "dup", "dup2", "dup3",
  "fchdir", "fsync", "fdatasync", "ioctl", "fadvise64", "fadvise64_64", "flock", ...SOCKET_CALLS,
]);
/** Files that calls without a model make. */
const MAKES: ReadonlyMap<string, readonly [fs: string, FileOperations, mode: number, InodeContainer]> =
  new Map(Object.entries<readonly [fs: string, FileOperations, mode: number, InodeContainer]>({
    socket: ["sockfs", SOCKET, S_IFSOCK | 0o777, SOCKET_INODE],
    socketpair: ["sockfs", SOCKET, S_IFSOCK | 0o777, SOCKET_INODE],
    accept: ["sockfs", SOCKET, S_IFSOCK | 0o777, SOCKET_INODE],
    accept4: ["sockfs", SOCKET, S_IFSOCK | 0o777, SOCKET_INODE],
    eventfd: ["anon_inodefs", EVENTFD, 0o600, PLAIN_INODE],
    eventfd2: ["anon_inodefs", EVENTFD, 0o600, PLAIN_INODE],
    epoll_create: ["anon_inodefs", EPOLL, 0o600, PLAIN_INODE],
    epoll_create1: ["anon_inodefs", EPOLL, 0o600, PLAIN_INODE],
    timerfd_create: ["anon_inodefs", TIMERFD, 0o600, PLAIN_INODE],
    signalfd: ["anon_inodefs", SIGNALFD, 0o600, PLAIN_INODE],
    signalfd4: ["anon_inodefs", SIGNALFD, 0o600, PLAIN_INODE],
  }));

/** Puts the model in the state that a recorded outcome implies. */
export function imply(
  k: Kernel,
  task: Task,
  { paths, onDescriptor }: CallFacts,
  request: SyscallRequest,
  recorded: RecordedOutcome,
): void {
  if (paths !== null) {
    for (let i = 0; i < paths.length; i++) {
      implyPath(k, task, request, recorded, paths[i] as PathArgument, i === paths.length - 1);
    }
  }
  if (onDescriptor) implyFd(k, task, request, recorded);
}

/** Installs what a call without a model made, so that later calls find its descriptors. */
export function adopt(k: Kernel, task: Task, request: SyscallRequest, recorded: RecordedOutcome): void {
  const made = MAKES.get(request.name);
  const fds = recorded.fds ?? (GIVES_FD.has(request.name) && recorded.ret >= 0 ? [recorded.ret] : []);
  if (made === undefined || recorded.ret < 0) return;
  for (const fd of fds) {
    const old = fdFile(k, task.files, fd);
    if (old !== 0) k.vfs.putFile(old);
    installFd(k, task.files, fd, k.vfs.anonymous(made[0], made[1], made[2], O_RDWR, made[3]).address, false);
  }
}

function implyFd(k: Kernel, task: Task, request: SyscallRequest, recorded: RecordedOutcome): void {
  const fd = request.args[0] ?? -1;
  if (recorded.ret === -EBADF) {
    const open = fdFile(k, task.files, fd);
    if (open !== 0) installFd(k, task.files, fd, 0, false);
    return;
  }
  if (fd < 0 || fd > 0xffff) return;
  const parked = request.name === "close" ? undefined : unparkFile(k, task.files, fd);
  if (parked !== undefined) {
    k.vfs.putFile(fdFile(k, task.files, fd));
    installFd(k, task.files, fd, parked.file, parked.cloexec);
  }
  const file = k.vfs.files.get(fdFile(k, task.files, fd));
  if (SOCKET_CALLS.has(request.name) && recorded.ret !== -ENOTSOCK && file?.ops !== SOCKET) {
    return implySocket(k, task, request, fd, file === undefined);
  }
  if (file === undefined) {
    k.syscalls.warn(
      `${task.comm} (${task.pid}) makes ${request.name} on descriptor ${fd}, which the recording never opened`,
    );
    const ops = operationsFor(recorded.stat?.mode ?? S_IFREG);
    const unknown = k.vfs.anonymous(
      "tmpfs",
      ops,
      recorded.stat?.mode ?? S_IFREG | 0o644,
      O_RDWR,
      PLAIN_INODE,
    );
    installFd(k, task.files, fd, unknown.address, false);
    return;
  }
  if (recorded.stat !== undefined) implyStat(k, task, fd, file.dentry, recorded.stat);
}

/** A descriptor turns out to be a socket: one that the recording did not see being made. */
function implySocket(k: Kernel, task: Task, request: SyscallRequest, fd: number, unknown: boolean): void {
  if (unknown) {
    k.syscalls.warn(
      `${task.comm} (${task.pid}) makes ${request.name} on descriptor ${fd}, which the recording never opened`,
    );
  }
  const old = fdFile(k, task.files, fd);
  const file = k.vfs.anonymous("sockfs", SOCKET, S_IFSOCK | 0o777, O_RDWR, SOCKET_INODE);
  if (old !== 0) k.vfs.putFile(old);
  installFd(k, task.files, fd, file.address, false);
}

function operationsFor(mode: number): FileOperations {
  const type = mode & S_IFMT;
  return type === S_IFSOCK ? SOCKET : type === S_IFCHR || type === S_IFIFO ? TTY : SHMEM_FILE;
}

function implyPath(
  k: Kernel,
  task: Task,
  request: SyscallRequest,
  recorded: RecordedOutcome,
  argument: PathArgument,
  last: boolean,
): void {
  const from = startOf(
    k,
    task,
    argument.dfd === undefined ? AT_FDCWD : (request.args[argument.dfd] ?? 0) | 0,
  );
  const text = userString(k, request.args[argument.path] ?? 0);
  if (typeof text === "number" || from === null) return;
  if (text === "") {
    if (recorded.stat !== undefined) {
      const fd = (request.args[argument.dfd ?? 0] ?? -1) | 0;
      implyStat(k, task, fd, from, recorded.stat);
    }
    return;
  }
  const failed = recorded.ret < 0 && recorded.ret >= -4095;
  if (failed) return implyFailure(k, request, recorded.ret, argument, text, from, last);
  const creates = createsPath(k, request, argument);
  const follow = followsLinks(request, argument);
  const found = k.vfs.lookup(text, from, follow);
  if (creates === "always") {
    if (found !== null) k.vfs.remove(k.vfs.lookup(text, from, false) ?? found);
    implyDirectory(k, text, from);
    return;
  }
  if (found === null && creates === "maybe") return implyDirectory(k, text, from);
  const stat = recorded.stat;
  const mode = stat?.mode ?? (wantsDirectory(k, request, argument, text) ? S_IFDIR | 0o755 : S_IFREG | 0o755);
  const type = mode & S_IFMT;
  let known = found;
  if (found === null) {
    const target = type === 0o120000 ? { target: recorded.text ?? "?" } : {};
    k.vfs.makePath(text, { mode, ...target, ...(stat?.rdev === undefined ? {} : { rdev: stat.rdev }) }, from);
  } else if ((stat !== undefined || type === S_IFDIR) && found.inode !== null && found.inode.type !== type) {
    if (!found.isRoot) {
      k.vfs.remove(found);
      k.vfs.makePath(text, { mode, ...(stat?.rdev === undefined ? {} : { rdev: stat.rdev }) }, from);
      known = null;
    }
  }
  if (stat !== undefined) {
    const inode = (known ?? k.vfs.lookup(text, from, follow))?.inode;
    if (inode && stat.size !== undefined && inode.size !== stat.size) inode.size = stat.size;
    if (inode && stat.mode !== undefined) inode.mode = stat.mode;
  }
}

function implyFailure(
  k: Kernel,
  request: SyscallRequest,
  ret: number,
  argument: PathArgument,
  text: string,
  from: Dentry,
  last: boolean,
): void {
  const found = k.vfs.lookup(text, from, false);
  switch (ret) {
    case -ENOENT:
      // Of two paths the recording doesn't tell which is missing: the first one.
      if (
        found !== null && !found.isRoot && argument.path === (PATH_CALLS.get(request.name)?.[0]?.path ?? -1)
      ) {
        k.vfs.remove(found);
      }
      return;
    case -EEXIST:
    case -EISDIR:
    case -ENOTEMPTY: {
      if (!last && found === null) k.vfs.makePath(text, {}, from);
      if (!last || found !== null && ret === -EEXIST) return;
      const directory = ret !== -EEXIST || request.name.startsWith("mkdir");
      const made = found ??
        k.vfs.makePath(text, { mode: directory ? S_IFDIR | 0o755 : S_IFREG | 0o644 }, from);
      if (ret === -ENOTEMPTY && made.inode?.entries?.size === 0) k.vfs.makePath("entry", {}, made);
      return;
    }
    case -ENAMETOOLONG:
      return implyDirectory(k, text, from);
    case -ELOOP: {
      // The path leads to itself; where links are not followed, being one is enough.
      if (found !== null && (found.isRoot || found.inode?.target != null || found.inode?.entries?.size)) {
        return;
      }
      if (found !== null) k.vfs.remove(found);
      const name = text.slice(text.replace(/\/+$/, "").lastIndexOf("/") + 1);
      k.vfs.makePath(text.replace(/\/+$/, ""), { mode: S_IFLNK | 0o777, target: name }, from);
      return;
    }
    case -ENOTDIR: {
      if (!text.endsWith("/") && !wantsDirectory(k, request, argument, text)) {
        return implyFileAbove(k, text, from);
      }
      if (found?.inode?.entries === null || found?.isRoot) return;
      if (found !== null) k.vfs.remove(found);
      k.vfs.makePath(text.replace(/\/+$/, ""), {}, from);
      return;
    }
    default:
      if (last && createsPath(k, request, argument) === "always") {
        // What was to be made is not there yet; its directory is.
        if (found !== null && !found.isRoot) k.vfs.remove(found);
        implyDirectory(k, text, from);
        return;
      }
      if (found !== null) return;
      if ((ret === -ENOSPC || ret === -EDQUOT) && createsPath(k, request, argument) !== "no") {
        return implyDirectory(k, text, from);
      }
      k.vfs.makePath(
        text,
        { mode: wantsDirectory(k, request, argument, text) ? S_IFDIR | 0o755 : S_IFREG | 0o644 },
        from,
      );
  }
}

/** A component before the last one is no directory. */
function implyFileAbove(k: Kernel, text: string, from: Dentry): void {
  const slash = text.lastIndexOf("/");
  if (slash <= 0) return;
  const above = text.slice(0, slash).replace(/\/+$/, "");
  const found = above === "" ? null : k.vfs.lookup(above, from, true);
  if (above === "" || found?.inode?.entries === null || found?.isRoot || found?.inode?.entries?.size) return;
  if (found !== null) k.vfs.remove(found);
  k.vfs.makePath(above, { mode: S_IFREG | 0o644 }, from);
}

function implyDirectory(k: Kernel, text: string, from: Dentry): void {
  const slash = text.replace(/\/+$/, "").lastIndexOf("/");
  if (slash > 0) k.vfs.makePath(text.slice(0, slash), { mode: S_IFDIR | 0o755 }, from);
}

/** Gives the file behind a descriptor the attributes that `stat` was recorded to return. */
function implyStat(k: Kernel, task: Task, fd: number, dentry: Dentry | null, stat: RecordedStat): void {
  const inode = dentry?.inode;
  if (!inode || dentry === null) return;
  const type = (stat.mode ?? inode.mode) & S_IFMT;
  if (type !== inode.type && fd >= 0) {
    // An inherited descriptor turns out to be of another kind.
    const old = fdFile(k, task.files, fd);
    const mode = stat.mode ?? type;
    const other = k.vfs.anonymous(
      type === S_IFSOCK ? "sockfs" : type === S_IFIFO ? "pipe" : "tmpfs",
      type === S_IFCHR ? operationsOf(mode, stat.rdev ?? 0) : operationsFor(type),
      mode,
      O_RDWR,
      type === S_IFSOCK ? SOCKET_INODE : PLAIN_INODE,
    );
    if (old !== 0) k.vfs.putFile(old);
    installFd(k, task.files, fd, other.address, false);
    return;
  }
  if (stat.mode !== undefined) inode.mode = stat.mode;
  if (stat.size !== undefined && inode.size !== stat.size) inode.size = stat.size;
}

function startOf(k: Kernel, task: Task, dfd: number): Dentry | null {
  if (dfd === AT_FDCWD) return k.vfs.dentries.get(FS.pwdDentry.get(k, task.fs)) ?? null;
  return k.vfs.files.get(fdFile(k, task.files, dfd))?.dentry ?? null;
}

function createsPath(k: Kernel, request: SyscallRequest, argument: PathArgument): "no" | "maybe" | "always" {
  if (argument.creates !== undefined) return argument.creates;
  if (argument.flags === undefined || !request.name.startsWith("open")) return "no";
  const flags = openFlags(k.image.arch, request.args[argument.flags] ?? 0);
  if ((flags & O_CREAT) === 0) return "no";
  return (flags & O_EXCL) !== 0 ? "always" : "maybe";
}

function followsLinks(request: SyscallRequest, argument: PathArgument): boolean {
  if (argument.nofollow === true) return false;
  if (argument.flags === undefined || request.name.startsWith("open")) return true;
  return ((request.args[argument.flags] ?? 0) & AT_SYMLINK_NOFOLLOW) === 0;
}

function wantsDirectory(k: Kernel, request: SyscallRequest, argument: PathArgument, text: string): boolean {
  if (argument.directory === true || text.endsWith("/")) return true;
  if (argument.flags === undefined) return false;
  const flags = request.args[argument.flags] ?? 0;
  if (request.name === "unlinkat") return (flags & AT_REMOVEDIR) !== 0;
  return request.name.startsWith("open") && (openFlags(k.image.arch, flags) & O_DIRECTORY) !== 0;
}
