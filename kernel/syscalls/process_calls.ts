/**
 * System calls that make, run, end and wait for tasks, sleep, and tell ids.
 *
 * @module
 */

import { type Blocking, blocking, fn, type FunctionRef } from "../calls/function.ts";
import { AT_FDCWD } from "../fs/modes.ts";
import { GETNAME } from "../fs/names.ts";
import { FS } from "../fs/fs_struct.ts";
import { recordedOr } from "../fs/recorded.ts";
import type { Kernel } from "../kernel.ts";
import { DO_EXECVEAT_COMMON } from "../process/exec.ts";
import { DO_EXIT, DO_GROUP_EXIT } from "../process/exit.ts";
import { clone, CLONE_VFORK, CLONE_VM, KERNEL_CLONE } from "../process/fork.ts";
import { CLEAR_CHILD_TID } from "../process/mm_release.ts";
import { HRTIMER_NANOSLEEP } from "../process/nanosleep.ts";
import { popLocals, pushLocal } from "../process/stack.ts";
import { loadUser } from "../process/user_load.ts";
import { mayStore, storeUser } from "../process/user_store.ts";
import { KERNEL_WAIT4, KERNEL_WAITID, readWaitidInfo, waitidInfo } from "../process/wait.ts";
import { CRED } from "../process/task.ts";
import { blockingSyscall, syscall } from "./define.ts";
import { EFAULT, EINVAL } from "./errno.ts";

const SIGCHLD = 17;

blockingSyscall("fork", [], [KERNEL_CLONE], (k) => clone(k, { flags: 0, exitSignal: SIGCHLD }));
blockingSyscall(
  "vfork",
  [],
  [KERNEL_CLONE],
  (k) => clone(k, { flags: CLONE_VFORK | CLONE_VM, exitSignal: SIGCHLD }),
);
// x86_64 has (flags, stack, parent_tid, child_tid, tls), the others tls before child_tid.
blockingSyscall(
  "clone",
  ["ulong", "ulong", "ulong", "ulong", "ulong"],
  [KERNEL_CLONE],
  (k, flags = 0, stack = 0, parentTid = 0, fourth = 0, fifth = 0) =>
    clone(k, {
      flags: (flags & ~0xff) >>> 0,
      exitSignal: flags & 0xff,
      stack,
      parentTid,
      childTid: k.image.arch === "x86_64" ? fourth : fifth,
    }),
);
blockingSyscall(
  "clone3",
  ["ulong", "ulong"],
  [fn("copy_clone_args_from_user"), KERNEL_CLONE],
  function* (k, args = 0, size = 0) {
    if (size < 64) return -EINVAL;
    if (Number.isNaN(loadUser(k, args, 8, false) + loadUser(k, args + 56, 8, false))) {
      return recordedOr(k, -EFAULT);
    }
    k.call(fn("copy_clone_args_from_user"), Number.NaN, args, size);
    const at = (index: number): number => loadUser(k, args + index * 8, 8, false);
    return yield* clone(k, {
      flags: at(0),
      exitSignal: at(4),
      stack: at(5),
      stackSize: at(6),
      pidfd: at(1),
      tls: at(7),
      childTid: at(2),
      parentTid: at(3),
    });
  },
);

syscall("execve", ["ulong", "ulong", "ulong"], [GETNAME, DO_EXECVEAT_COMMON], (k, filename, argv, envp) => {
  return k.call(DO_EXECVEAT_COMMON, AT_FDCWD, k.call(GETNAME, filename), argv, envp, 0);
});
syscall(
  "execveat",
  ["int", "ulong", "ulong", "ulong", "int"],
  [GETNAME, DO_EXECVEAT_COMMON],
  (k, fd, filename, argv, envp, flags) =>
    k.call(DO_EXECVEAT_COMMON, fd, k.call(GETNAME, filename), argv, envp, flags),
);

syscall("exit", ["int"], [DO_EXIT], (k, code = 0) => k.call(DO_EXIT, (code & 0xff) << 8));
syscall("exit_group", ["int"], [DO_GROUP_EXIT], (k, code = 0) => k.call(DO_GROUP_EXIT, (code & 0xff) << 8));

blockingSyscall(
  "wait4",
  ["int", "ulong", "int", "ulong"],
  [KERNEL_WAIT4],
  function* (k, pid = 0, stat = 0, options = 0, ru = 0) {
    return yield* k.calls.callBlocking(KERNEL_WAIT4, pid, stat, options, ru);
  },
);
blockingSyscall(
  "waitpid",
  ["int", "ulong", "int"],
  [KERNEL_WAIT4],
  function* (k, pid = 0, stat = 0, options = 0) {
    return yield* k.calls.callBlocking(KERNEL_WAIT4, pid, stat, options, 0);
  },
);

blockingSyscall(
  "waitid",
  ["int", "int", "ulong", "int", "ulong"],
  [KERNEL_WAITID],
  function* (k, which = 0, upid = 0, infop = 0, options = 0, ru = 0) {
    const mark = k.current.locals;
    const info = waitidInfo(k);
    const found = yield* k.calls.callBlocking(KERNEL_WAITID, which, upid, info, options, ru);
    const told = readWaitidInfo(k, info);
    popLocals(k, mark);
    if (found < 0 || infop === 0) return Math.min(found, 0);
    if (!mayStore(k, infop, 28)) return recordedOr(k, -EFAULT);
    // `si_signo`, errno, code; pid, uid and status where every architecture has them.
    const parts = found > 0 ? [SIGCHLD, 0, told.cause] : [0, 0, 0];
    parts.forEach((part, i) => k.memory.store(infop + 4 * i, 4, part));
    const fields = infop + (k.image.pointerSize === 8 ? 16 : 12);
    [told.pid, told.uid, told.status].forEach((part, i) =>
      k.memory.store(fields + 4 * i, 4, found > 0 ? part : 0)
    );
    return 0;
  },
);

/** `clock_nanosleep` of an ordinary clock. */
const COMMON_NSLEEP: FunctionRef = blocking(
  "common_nsleep",
  [HRTIMER_NANOSLEEP],
  function* (k, which = 0, flags = 0, time = 0) {
    const nanoseconds = k.memory.load(time, 8, true) * 1e9 +
      k.memory.load(time + 8, k.image.pointerSize, true);
    return yield* k.calls.callBlocking(HRTIMER_NANOSLEEP, nanoseconds, (flags & 1) !== 0 ? 0 : 1, which);
  },
);

for (const [suffix, narrow] of [["", false], ["_time32", true]] as const) {
  const get = fn(narrow ? "get_old_timespec32" : "get_timespec64");
  blockingSyscall(
    `nanosleep${suffix}`,
    ["ulong", "ulong"],
    [get, HRTIMER_NANOSLEEP],
    function* (k, request = 0, rmtp = 0) {
      tellsLeft(k, rmtp, narrow);
      return yield* withTimespec(k, get, request, narrow, function* (_at, ns) {
        return yield* k.calls.callBlocking(HRTIMER_NANOSLEEP, ns, 1, 1);
      });
    },
  );
  blockingSyscall(
    `clock_nanosleep${suffix}`,
    ["int", "int", "ulong", "ulong"],
    [get, COMMON_NSLEEP],
    function* (k, which = 0, flags = 0, request = 0, rmtp = 0) {
      tellsLeft(k, (flags & 1) !== 0 ? 0 : rmtp, narrow);
      return yield* withTimespec(k, get, request, narrow, function* (at) {
        return yield* k.calls.callBlocking(COMMON_NSLEEP, which, flags, at);
      });
    },
  );
}

/** A sleep that a signal breaks off stores what is left of it at `rmtp`, if that is not 0. */
function tellsLeft(k: Kernel, rmtp: number, narrow: boolean): void {
  const part = narrow ? 4 : 8;
  k.current.nanosleepLeft = rmtp === 0 ? null : (ns) => {
    const seconds = Math.floor(ns / 1e9);
    return storeUser(k, rmtp, part, seconds) &&
      storeUser(k, rmtp + part, part, Math.round(ns - seconds * 1e9));
  };
}

/** Takes a time out of user memory into the kernel stack and runs `body` with it. */
function* withTimespec(
  k: Kernel,
  get: FunctionRef,
  request: number,
  narrow: boolean,
  body: (at: number, ns: number) => Blocking<number>,
): Blocking<number> {
  const word = narrow ? 4 : 8;
  let seconds = loadUser(k, request, word, true);
  let nanos = loadUser(k, request + word, word === 8 ? k.image.pointerSize : 4, true);
  if (Number.isNaN(seconds + nanos)) {
    if (k.current.request?.recorded === undefined) return -EFAULT;
    seconds = nanos = 0;
  }
  // Longer than any run: 8 million seconds, the largest time that is exact in nanoseconds.
  seconds = Math.min(seconds, 8e6);
  if (seconds < 0 || nanos < 0 || nanos >= 1e9) return -EINVAL;
  const mark = k.current.locals;
  const at = pushLocal(k, 16);
  k.call(get, at, request);
  k.memory.store(at, 8, seconds);
  k.memory.store(at + 8, 8, nanos);
  const result = yield* body(at, seconds * 1e9 + nanos);
  popLocals(k, mark);
  return result;
}

/** Calls that tell who the caller is: what they return comes from its `task_struct`. */
const IDS: Readonly<Record<string, (k: Kernel) => number>> = {
  getpid: (k) => k.current.tgid,
  gettid: (k) => k.current.pid,
  getppid: (k) => k.current.parent?.tgid ?? 0,
  getuid: (k) => CRED.uid.get(k, k.current.cred),
  geteuid: (k) => CRED.euid.get(k, k.current.cred),
  getgid: (k) => CRED.gid.get(k, k.current.cred),
  getegid: (k) => CRED.egid.get(k, k.current.cred),
};
for (const [name, tell] of Object.entries(IDS)) syscall(name, [], [], (k) => recordedOr(k, tell(k)));
syscall("umask", ["int"], [], (k, mask = 0) => {
  const old = FS.umask.get(k, k.current.fs);
  FS.umask.set(k, k.current.fs, mask & 0o777);
  return recordedOr(k, old);
});
syscall("set_tid_address", ["ulong"], [], (k, at = 0) => {
  CLEAR_CHILD_TID.set(k, k.current.address, at);
  return recordedOr(k, k.current.pid);
});
