/**
 * Which call stands for which on another architecture, and how its arguments and result change.
 *
 * @module
 */

import type { Arch } from "../../image/model.ts";
import { AT_FDCWD, flags, name, NULL, number, struct, text } from "./build_value.ts";
import type { RecordedCall, StraceResult } from "./record.ts";
import {
  type Args,
  byName,
  descriptor,
  fcntlCommand,
  high,
  inPages,
  llseek,
  milliseconds,
  or,
  statx,
  timespecOf,
  timeval,
  timevals,
  utimbuf,
  valueOf,
} from "./translation_arguments.ts";
import { structField } from "./value.ts";

/** One way to make a call. `name` null: this architecture leaves it out, even if its table has the name. */
export interface TranslationRule {
  readonly name: string | null;
  readonly args: (args: Args, call: RecordedCall) => Args;
  readonly result: (call: RecordedCall) => StraceResult;
}

/** The ways to make a recorded call, in order: `forced` before the call's own name, `fallbacks` after it. */
export interface TranslationRules {
  readonly forced: readonly TranslationRule[];
  readonly fallbacks: readonly TranslationRule[];
}

const X86_64 = "x86_64";
const ARM64 = "arm64";
const I386 = "i386";
const SIXTY_FOUR: readonly Arch[] = [X86_64, ARM64];

const forced: Readonly<Record<Arch, Map<string, TranslationRule[]>>> = {
  x86_64: new Map(),
  arm64: new Map(),
  i386: new Map(),
};
const fallbacks = new Map<string, TranslationRule[]>();
const NONE: readonly TranslationRule[] = [];

/** The rules for a call by its recorded name, on `arch`. */
export function rulesFor(recorded: string, arch: Arch): TranslationRules {
  return { forced: forced[arch].get(recorded) ?? NONE, fallbacks: fallbacks.get(recorded) ?? NONE };
}

/** `recorded` is made as `to` on these architectures, whatever their tables have. */
function force(
  archs: readonly Arch[],
  recorded: string,
  to: string | null,
  args: TranslationRule["args"] = same,
  result: TranslationRule["result"] = sameResult,
): void {
  for (const arch of archs) append(forced[arch], recorded, { name: to, args, result });
}

/** Where a table lacks `recorded`, `to` stands for it. */
function fallback(
  recorded: string,
  to: string,
  args: TranslationRule["args"] = same,
  result: TranslationRule["result"] = sameResult,
): void {
  append(fallbacks, recorded, { name: to, args, result });
}

function append(table: Map<string, TranslationRule[]>, key: string, rule: TranslationRule): void {
  const rules = table.get(key);
  if (rules === undefined) table.set(key, [rule]);
  else rules.push(rule);
}

function same(args: Args): Args {
  return args;
}

function sameResult(call: RecordedCall): StraceResult {
  return call.result;
}

/** Failures stay; success returns `value`. */
function succeedWith(value: number): TranslationRule["result"] {
  return (call) => call.result.errno === undefined && call.result.value >= 0 ? { value } : call.result;
}

// Paths: arm64 has only the `at` calls.
fallback("open", "openat", (a) => [AT_FDCWD, ...a]);
fallback("creat", "openat", (a) => [
  AT_FDCWD,
  or(a[0], NULL),
  flags(name("O_WRONLY"), name("O_CREAT"), name("O_TRUNC")),
  or(a[1], number(0)),
]);
fallback("access", "faccessat", (a) => [AT_FDCWD, ...a]);
fallback("mkdir", "mkdirat", (a) => [AT_FDCWD, ...a]);
fallback("mknod", "mknodat", (a) => [AT_FDCWD, ...a]);
fallback("chmod", "fchmodat", (a) => [AT_FDCWD, ...a]);
fallback("chown", "fchownat", (a) => [AT_FDCWD, ...a, number(0)]);
fallback("lchown", "fchownat", (a) => [AT_FDCWD, ...a, name("AT_SYMLINK_NOFOLLOW")]);
fallback("unlink", "unlinkat", (a) => [AT_FDCWD, ...a, number(0)]);
fallback("rmdir", "unlinkat", (a) => [AT_FDCWD, ...a, name("AT_REMOVEDIR")]);
fallback("rename", "renameat", (a) => [AT_FDCWD, or(a[0], NULL), AT_FDCWD, or(a[1], NULL)]);
fallback("rename", "renameat2", (a) => [AT_FDCWD, or(a[0], NULL), AT_FDCWD, or(a[1], NULL), number(0)]);
fallback("renameat", "renameat2", (a) => [...a, number(0)]);
fallback("link", "linkat", (a) => [AT_FDCWD, or(a[0], NULL), AT_FDCWD, or(a[1], NULL), number(0)]);
fallback("symlink", "symlinkat", (a) => [or(a[0], NULL), AT_FDCWD, or(a[1], NULL)]);
fallback("readlink", "readlinkat", (a) => [AT_FDCWD, ...a]);
fallback("getdents", "getdents64");
fallback("utime", "utimensat", (a) => [AT_FDCWD, or(a[0], NULL), utimbuf(a[1]), number(0)]);
fallback("utimes", "utimensat", (a) => [AT_FDCWD, or(a[0], NULL), timevals(a[1]), number(0)]);
fallback("futimesat", "utimensat", (a) => [or(a[0], AT_FDCWD), or(a[1], NULL), timevals(a[2]), number(0)]);

// The stat family. i386's C library asks statx.
for (const [recorded, follow] of [["stat", true], ["lstat", false]] as const) {
  const flag = follow ? number(0) : name("AT_SYMLINK_NOFOLLOW");
  const at = (a: Args): Args => [AT_FDCWD, or(a[0], NULL), or(a[1], NULL), flag];
  force([I386], recorded, "statx", (a) => statx(at(a)));
  fallback(recorded, "newfstatat", at);
  fallback(`${recorded}64`, recorded);
  fallback(`${recorded}64`, "newfstatat", at);
}
const ofDescriptor = (
  a: Args,
): Args => [or(a[0], number(-1)), text(""), or(a[1], NULL), name("AT_EMPTY_PATH")];
force([I386], "fstat", "statx", (a) => statx(ofDescriptor(a)));
force([I386], "newfstatat", "statx", statx);
fallback("fstat64", "fstat");
fallback("fstatat64", "newfstatat");
force([I386], "statfs", "statfs64", (a) => [or(a[0], NULL), number(84), or(a[1], NULL)]);
force([I386], "fstatfs", "fstatfs64", (a) => [or(a[0], NULL), number(84), or(a[1], NULL)]);
fallback("statfs64", "statfs", (a) => [or(a[0], NULL), or(a[2], NULL)]);
fallback("fstatfs64", "fstatfs", (a) => [or(a[0], NULL), or(a[2], NULL)]);

// Descriptors.
fallback("dup2", "dup3", (a) => [...a, number(0)]);
fallback("pipe", "pipe2", (a) => [...a, number(0)]);
force([I386], "fcntl", "fcntl64");
fallback("fcntl64", "fcntl", (a) => a.map(fcntlCommand));
force([I386], "sendfile", "sendfile64");
fallback("sendfile64", "sendfile");
force([I386], "ftruncate", "ftruncate64");
force([I386], "truncate", "truncate64");
fallback("ftruncate64", "ftruncate");
fallback("truncate64", "truncate");
force([I386], "fadvise64", "fadvise64_64");
fallback("fadvise64_64", "fadvise64");
// strace prints the position as one number, the kernel takes it in two.
for (const call of ["preadv2", "pwritev2"]) {
  force([...SIXTY_FOUR, I386], call, call, (a) => [...a.slice(0, 4), number(0), or(a[4], number(0))]);
}
fallback("pread", "pread64");
fallback("pwrite", "pwrite64");
force([I386], "lseek", "_llseek", llseek, succeedWith(0));
force([I386], "_llseek", "_llseek", (a) => [or(a[0], NULL), ...high(a[1]), or(a[2], NULL), or(a[3], NULL)]);
fallback("_llseek", "lseek", (a) => [or(a[0], NULL), or(a[1], NULL), or(a[3], NULL)], (call) => {
  const position = call.args[2]?.value;
  const reached = position?.kind === "array" ? position.items[0]?.value : undefined;
  return succeedWith(reached?.kind === "number" ? valueOf(reached) : NaN)(call);
});

// Waiting for descriptors.
fallback("poll", "ppoll", (a) => [or(a[0], NULL), or(a[1], number(0)), milliseconds(a[2]), NULL, number(0)]);
fallback("select", "pselect6", (a) => [...a.slice(0, 4), timespecOf(a[4]), NULL]);
fallback("_newselect", "select");
fallback("_newselect", "pselect6", (a) => [...a.slice(0, 4), timespecOf(a[4]), NULL]);
force([I386], "select", "_newselect");
fallback("epoll_wait", "epoll_pwait", (a) => [...a, NULL, number(8)]);
fallback("epoll_create", "epoll_create1", () => [number(0)]);
fallback("inotify_init", "inotify_init1", () => [number(0)]);
fallback("eventfd", "eventfd2", (a) => [...a, number(0)]);
fallback("signalfd", "signalfd4", (a) => [...a, number(0)]);

// Memory. strace prints mmap2's offset in bytes; the kernel takes pages.
force([I386], "mmap", "mmap2", inPages);
force([I386], "mmap2", "mmap2", inPages);
fallback("mmap2", "mmap");

// Processes. The arguments of clone are named in recordings; their order is the architecture's.
const BACKWARDS = ["flags", "child_stack", "parent_tid", "tls", "child_tidptr"];
force([ARM64, I386], "clone", "clone", (a, call) => byName(a, call, BACKWARDS));
force(
  [X86_64],
  "clone",
  "clone",
  (a, call) => byName(a, call, ["flags", "child_stack", "parent_tid", "child_tidptr", "tls"]),
);
fallback("fork", "clone", () => [
  flags(name("CLONE_CHILD_CLEARTID"), name("CLONE_CHILD_SETTID"), name("SIGCHLD")),
  NULL,
  NULL,
  NULL,
  NULL,
]);
fallback("vfork", "clone", () => [
  flags(name("CLONE_VM"), name("CLONE_VFORK"), name("SIGCHLD")),
  NULL,
  NULL,
  NULL,
  NULL,
]);
fallback("waitpid", "wait4", (a) => [...a, NULL]);
fallback("getpgrp", "getpgid", () => [number(0)]);
fallback("alarm", "setitimer", (a) => [
  name("ITIMER_REAL"),
  struct({ it_interval: timeval(number(0), number(0)), it_value: timeval(or(a[0], number(0)), number(0)) }),
  NULL,
], succeedWith(0));
fallback("pause", "ppoll", () => [NULL, number(0), NULL, NULL, number(8)]);
fallback("time", "clock_gettime", () => [name("CLOCK_REALTIME"), struct({})], succeedWith(0));
fallback("sigreturn", "rt_sigreturn");
fallback("sigaction", "rt_sigaction", (a) => [...a, number(8)]);
fallback("sigprocmask", "rt_sigprocmask", (a) => [...a, number(8)]);
fallback("sigpending", "rt_sigpending", (a) => [...a, number(8)]);
fallback("sigsuspend", "rt_sigsuspend", (a) => [...a, number(8)]);
force([I386], "getrlimit", "ugetrlimit");
fallback("ugetrlimit", "getrlimit");
fallback("semop", "semtimedop_time64", (a) => [...a, NULL]);
fallback("semtimedop", "semtimedop_time64");

// Where thread-local storage is: a segment base, a descriptor table entry, or on arm64 a register that no call sets.
force([I386], "arch_prctl", "set_thread_area", (a) => [descriptor(or(a[1], NULL))]);
force([ARM64], "arch_prctl", null);
force([ARM64], "set_thread_area", null);
force([X86_64], "set_thread_area", "arch_prctl", (a) => [
  name("ARCH_SET_FS"),
  or(structField(a[0], "base_addr"), NULL),
]);

// Sockets: i386 has no accept of its own, and only i386 prints recv and send.
fallback("accept", "accept4", (a) => [...a, number(0)]);
fallback("recv", "recvfrom", (a) => [...a, NULL, NULL]);
fallback("send", "sendto", (a) => [...a, NULL, number(0)]);

// i386's 32-bit user ids and 64-bit times have names of their own.
for (
  const id
    of ("getuid getgid geteuid getegid setuid setgid setreuid setregid getgroups setgroups setresuid " +
      "getresuid setresgid getresgid setfsuid setfsgid chown lchown fchown").split(" ")
) {
  force([I386], id, `${id}32`);
  force([X86_64], `${id}32`, id);
}
for (const id of ["chown", "lchown"]) {
  const flag = id === "chown" ? number(0) : name("AT_SYMLINK_NOFOLLOW");
  fallback(`${id}32`, "fchownat", (a) => [AT_FDCWD, ...a, flag]);
}
for (
  const id
    of ("getuid getgid geteuid getegid setuid setgid setreuid setregid getgroups setgroups setresuid " +
      "getresuid setresgid getresgid setfsuid setfsgid fchown").split(" ")
) {
  force([ARM64], `${id}32`, id);
}
for (
  const call of ("clock_getres clock_nanosleep futex ppoll pselect6 utimensat recvmmsg rt_sigtimedwait " +
    "sched_rr_get_interval semtimedop mq_timedsend mq_timedreceive io_pgetevents").split(" ")
) {
  force(SIXTY_FOUR, `${call}_time64`, call);
}
for (
  const call of ("clock_gettime clock_settime clock_adjtime timer_gettime timer_settime timerfd_gettime " +
    "timerfd_settime").split(" ")
) {
  force(SIXTY_FOUR, `${call}64`, call);
}
force([I386], "clock_gettime", "clock_gettime64");
