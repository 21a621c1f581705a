/**
 * Which calls may wait: their recorded duration is then not all time on the CPU.
 *
 * @module
 */

import { FILE } from "../fs/fields.ts";
import type { OpenFile } from "../fs/file.ts";
import { fdFile } from "../fs/files_struct.ts";
import type { Kernel } from "../kernel.ts";
import { isCached } from "../mm/filemap_read.ts";
import type { Task } from "../process/task.ts";
import type { SyscallRequest } from "./request.ts";

/** Calls that wait whatever they are called with. */
const ALWAYS = new Set([
  "accept",
  "accept4",
  "clock_nanosleep",
  "clock_nanosleep_time64",
  "connect",
  "epoll_pwait",
  "epoll_pwait2",
  "epoll_wait",
  "flock",
  "futex",
  "futex_time64",
  "nanosleep",
  "pause",
  "poll",
  "ppoll",
  "ppoll_time64",
  "pselect6",
  "pselect6_time64",
  "recv",
  "recvfrom",
  "recvmmsg",
  "recvmsg",
  "rt_sigsuspend",
  "rt_sigtimedwait",
  "select",
  "_newselect",
  "send",
  "sendmsg",
  "sendto",
  "sigsuspend",
  "sync",
  "fsync",
  "fdatasync",
  "vfork",
  "wait4",
  "waitid",
  "waitpid",
]); // deno-fmt-ignore
/** Calls that wait on some kinds of files; the descriptor is their first argument. */
const BY_FILE = new Set(["read", "write", "readv", "writev", "pread64", "preadv", "splice", "tee", "sendfile", "sendfile64"]);
/** Those kinds of files. */
const WAITING = new Set([
  "pipefifo_fops",
  "tty_fops",
  "socket_file_ops",
  "eventfd_fops",
  "timerfd_fops",
  "signalfd_fops",
  "inotify_fops",
]); // deno-fmt-ignore

/** Whether a call may wait for something that other tasks or time bring. */
export function mayBlock(k: Kernel, task: Task, request: SyscallRequest): boolean {
  if (ALWAYS.has(request.name)) return true;
  if (!BY_FILE.has(request.name)) return false;
  const file = k.vfs.files.get(fdFile(k, task.files, request.args[0] ?? -1));
  if (file === undefined) return false;
  return file.ops?.symbol === "ext4_file_operations"
    ? waitsForDisk(k, file, request)
    : WAITING.has(file.ops?.symbol ?? "");
}

/** Whether a read on a disk finds something that is not in memory. */
function waitsForDisk(k: Kernel, file: OpenFile, { name, args, recorded }: SyscallRequest): boolean {
  const { inode } = file;
  if (!inode || !/^p?read/.test(name) || recorded === undefined || recorded.ret <= 0) return false;
  const pos = /^pread/.test(name) ? args[3] ?? 0 : FILE.pos.get(k, file.address);
  return !isCached(k.pageCache.known(inode), pos, recorded.ret);
}
