import { assertEquals } from "@std/assert";
import type { Arch } from "../../image/model.ts";
import { evaluate } from "./evaluate.ts";
import { parseCall } from "./parse_call.ts";
import { printValue } from "./print_value.ts";
import type { RecordedCall } from "./record.ts";
import { translate } from "./translate.ts";

/** Names that one architecture's table lacks and the others' rules turn on; all others are there. */
const LACKING: Readonly<Record<Arch, ReadonlySet<string>>> = {
  x86_64: new Set(
    ("_llseek _newselect mmap2 fcntl64 stat64 lstat64 fstat64 fstatat64 statfs64 fstatfs64 sendfile64 ftruncate64 " +
      "truncate64 fadvise64_64 ugetrlimit waitpid sigreturn recv send getuid32 chown32 clock_gettime64 pread " +
      "ppoll_time64 futex_time64 set_robust_list2").split(" "),
  ),
  arm64: new Set(
    ("open creat stat lstat access mkdir rmdir unlink rename link symlink readlink chmod chown lchown mknod dup2 " +
      "pipe poll select epoll_wait epoll_create inotify_init eventfd signalfd fork vfork alarm pause getpgrp time " +
      "utime utimes futimesat getdents arch_prctl _llseek _newselect mmap2 fcntl64 stat64 lstat64 fstat64 fstatat64 " +
      "statfs64 fstatfs64 sendfile64 ftruncate64 truncate64 fadvise64_64 ugetrlimit waitpid sigreturn recv send " +
      "getuid32 chown32 clock_gettime64 futex_time64 iopl").split(" "),
  ),
  i386: new Set("newfstatat accept semop recv send".split(" ")),
};

function on(arch: Arch, text: string): string | null {
  const open = text.indexOf("(");
  const parsed = parseCall(text, open + 1);
  if (typeof parsed === "string") throw new Error(parsed);
  const call: RecordedCall = {
    kind: "call",
    pid: 1,
    time: 0,
    line: 1,
    name: text.slice(0, open),
    args: parsed.args,
    result: parsed.result,
    duration: 0,
    interrupted: false,
    cutShort: false,
  };
  const made = translate(call, { arch, has: (name) => !LACKING[arch].has(name) });
  if (made === null) return null;
  const result = Number.isNaN(made.result.value) ? "?" : String(made.result.value);
  return `${made.name}(${made.args.map(printValue).join(", ")}) = ${result}${
    made.result.errno === undefined ? "" : ` ${made.result.errno}`
  }`;
}

function check(cases: readonly (readonly [Arch, string, string | null])[]): void {
  for (const [arch, text, wanted] of cases) assertEquals(on(arch, text), wanted, `${arch}: ${text}`);
}

Deno.test("arm64 has only the calls with a directory", () => {
  check([
    ["arm64", 'open("f", O_RDONLY|O_CLOEXEC) = 3', 'openat(AT_FDCWD, "f", O_RDONLY|O_CLOEXEC) = 3'],
    ["x86_64", 'open("f", O_RDONLY) = 3', 'open("f", O_RDONLY) = 3'],
    ["arm64", 'creat("f", 0644) = 3', 'openat(AT_FDCWD, "f", O_WRONLY|O_CREAT|O_TRUNC, 0644) = 3'],
    [
      "arm64",
      'access("f", R_OK) = -1 ENOENT (No such file or directory)',
      'faccessat(AT_FDCWD, "f", R_OK) = -1 ENOENT',
    ],
    ["arm64", 'stat("f", {st_size=1, ...}) = 0', 'newfstatat(AT_FDCWD, "f", {st_size=1, ...}, 0) = 0'],
    ["arm64", 'lstat("f", 0x7f) = 0', 'newfstatat(AT_FDCWD, "f", 0x7f, AT_SYMLINK_NOFOLLOW) = 0'],
    ["arm64", 'mkdir("d", 0755) = 0', 'mkdirat(AT_FDCWD, "d", 0755) = 0'],
    ["arm64", 'rmdir("d") = 0', 'unlinkat(AT_FDCWD, "d", AT_REMOVEDIR) = 0'],
    ["arm64", 'unlink("f") = 0', 'unlinkat(AT_FDCWD, "f", 0) = 0'],
    ["arm64", 'rename("a", "b") = 0', 'renameat(AT_FDCWD, "a", AT_FDCWD, "b") = 0'],
    ["arm64", 'symlink("a", "b") = 0', 'symlinkat("a", AT_FDCWD, "b") = 0'],
    ["arm64", 'readlink("s", "f", 100) = 1', 'readlinkat(AT_FDCWD, "s", "f", 100) = 1'],
    ["arm64", "dup2(4, 1) = 1", "dup3(4, 1, 0) = 1"],
    ["arm64", "pipe([3, 4]) = 0", "pipe2([3, 4], 0) = 0"],
    ["arm64", "getdents(3, [], 100) = 0", "getdents64(3, [], 100) = 0"],
  ]);
});

Deno.test("waiting calls take their time in another form", () => {
  check([
    [
      "arm64",
      "poll([{fd=3, events=POLLIN}], 1, 1500) = 1 ([{fd=3, revents=POLLIN}])",
      "ppoll([{fd=3, events=POLLIN}], 1, {tv_sec=1, tv_nsec=500000000}, NULL, 0) = 1",
    ],
    [
      "arm64",
      "poll([{fd=3, events=POLLIN}], 1, -1) = 1",
      "ppoll([{fd=3, events=POLLIN}], 1, NULL, NULL, 0) = 1",
    ],
    [
      "arm64",
      "select(4, [3], NULL, NULL, {tv_sec=0, tv_usec=5}) = 0 (Timeout)",
      "pselect6(4, [3], NULL, NULL, {tv_sec=0, tv_nsec=5000}, NULL) = 0",
    ],
    ["i386", "select(4, [3], NULL, NULL, NULL) = 1", "_newselect(4, [3], NULL, NULL, NULL) = 1"],
    ["arm64", "epoll_wait(7, [], 1, 2) = 0", "epoll_pwait(7, [], 1, 2, NULL, 8) = 0"],
    [
      "arm64",
      "alarm(3) = 0",
      "setitimer(ITIMER_REAL, {it_interval={tv_sec=0, tv_usec=0}, it_value={tv_sec=3, tv_usec=0}}, NULL) = 0",
    ],
  ]);
});

Deno.test("i386 splits offsets, counts pages, and has its own stat, seek and thread area", () => {
  check([
    ["i386", 'pread64(3, "x", 784, 64) = 784', 'pread64(3, "x", 784, 64, 0) = 784'],
    ["i386", 'pwrite64(3, "x", 1, 4294967301) = 1', 'pwrite64(3, "x", 1, 5, 1) = 1'],
    ["i386", "ftruncate(3, 6000) = 0", "ftruncate64(3, 6000, 0) = 0"],
    [
      "i386",
      "fadvise64(3, 0, 0, POSIX_FADV_SEQUENTIAL) = 0",
      "fadvise64_64(3, 0, 0, 0, 0, POSIX_FADV_SEQUENTIAL) = 0",
    ],
    ["i386", "fallocate(3, 0, 0, 20000) = 0", "fallocate(3, 0, 0, 0, 20000, 0) = 0"],
    ["i386", "lseek(3, 10, SEEK_SET) = 10", "_llseek(3, 0, 10, [10], SEEK_SET) = 0"],
    [
      "i386",
      "lseek(0, 0, SEEK_CUR) = -1 ESPIPE (Illegal seek)",
      "_llseek(0, 0, 0, [0], SEEK_CUR) = -1 ESPIPE",
    ],
    [
      "i386",
      "mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 3, 0x26000) = 0xb7d9a000",
      "mmap2(NULL, 4096, PROT_READ, MAP_PRIVATE, 3, 38) = 3084492800",
    ],
    [
      "i386",
      'newfstatat(3, "", {st_mode=S_IFREG|0644, st_size=9, ...}, AT_EMPTY_PATH) = 0',
      'statx(3, "", AT_STATX_SYNC_AS_STAT|AT_NO_AUTOMOUNT|AT_EMPTY_PATH, STATX_BASIC_STATS, ' +
      "{st_mode=S_IFREG|0644, st_size=9, ...}) = 0",
    ],
    ["i386", "getuid() = 0", "getuid32() = 0"],
    ["i386", "accept(3, NULL, NULL) = 5", "accept4(3, NULL, NULL, 0) = 5"],
    [
      "i386",
      "arch_prctl(ARCH_SET_FS, 0xb7fc3600) = 0",
      "set_thread_area({entry_number=-1, base_addr=0xb7fc3600, limit=1048575, seg_32bit=1, contents=0, " +
      "read_exec_only=0, limit_in_pages=1, seg_not_present=0, useable=1}) = 0",
    ],
    ["i386", 'statfs(".", {...}) = 0', 'statfs64(".", 84, {...}) = 0'],
  ]);
});

Deno.test("recordings of i386 replay on the others", () => {
  check([
    [
      "x86_64",
      "mmap2(NULL, 8192, PROT_READ, MAP_PRIVATE, 3, 0x22000) = 0xb7fc2000",
      "mmap(NULL, 8192, PROT_READ, MAP_PRIVATE, 3, 0x22000) = 3086753792",
    ],
    [
      "i386",
      "mmap2(NULL, 8192, PROT_READ, MAP_PRIVATE, 3, 0x22000) = 0xb7fc2000",
      "mmap2(NULL, 8192, PROT_READ, MAP_PRIVATE, 3, 34) = 3086753792",
    ],
    ["arm64", "_llseek(3, 100, [100], SEEK_SET) = 0", "lseek(3, 100, SEEK_SET) = 100"],
    [
      "i386",
      "_llseek(3, 4294967297, [4294967297], SEEK_SET) = 0",
      "_llseek(3, 1, 1, [4294967297], SEEK_SET) = 0",
    ],
    [
      "x86_64",
      "_llseek(0, 0, 0x7f, SEEK_CUR) = -1 ESPIPE (Illegal seek)",
      "lseek(0, 0, SEEK_CUR) = -1 ESPIPE",
    ],
    [
      "x86_64",
      "set_thread_area({entry_number=-1, base_addr=0xb7fc3600, limit=0x0fffff}) = 0 (entry_number=6)",
      "arch_prctl(ARCH_SET_FS, 0xb7fc3600) = 0",
    ],
    ["arm64", "set_thread_area({entry_number=-1, base_addr=0xb7fc3600}) = 0", null],
    ["arm64", "arch_prctl(ARCH_SET_FS, 0x7f1ec47df740) = 0", null],
    ["arm64", "fcntl64(3, F_SETLK64, {l_type=F_WRLCK}) = 0", "fcntl(3, F_SETLK, {l_type=F_WRLCK}) = 0"],
    ["x86_64", 'recv(4, "x", 100, 0) = 1', 'recvfrom(4, "x", 100, 0, NULL, NULL) = 1'],
    ["arm64", "getuid32() = 0", "getuid() = 0"],
    ["arm64", 'chown32("f", 1, 2) = 0', 'fchownat(AT_FDCWD, "f", 1, 2, 0) = 0'],
    ["arm64", "clock_gettime64(CLOCK_REALTIME, {...}) = 0", "clock_gettime(CLOCK_REALTIME, {...}) = 0"],
    [
      "x86_64",
      'fstatat64(3, "", {st_size=1}, AT_EMPTY_PATH) = 0',
      'newfstatat(3, "", {st_size=1}, AT_EMPTY_PATH) = 0',
    ],
    ["x86_64", 'statfs64(".", 84, {f_bsize=4096}) = 0', 'statfs(".", {f_bsize=4096}) = 0'],
    ["x86_64", "sigreturn({mask=[]}) = 0", "rt_sigreturn({mask=[]}) = 0"],
  ]);
});

Deno.test("clone's arguments stand in the architecture's order", () => {
  const recorded =
    "clone(child_stack=0x10, flags=CLONE_VM|SIGCHLD, parent_tid=[5], tls=0x20, child_tidptr=0x30) = 5";
  check([
    ["x86_64", recorded, "clone(CLONE_VM|SIGCHLD, 0x10, [5], 0x30, 0x20) = 5"],
    ["arm64", recorded, "clone(CLONE_VM|SIGCHLD, 0x10, [5], 0x20, 0x30) = 5"],
    ["i386", recorded, "clone(CLONE_VM|SIGCHLD, 0x10, [5], 0x20, 0x30) = 5"],
    ["arm64", "vfork() = 7", "clone(CLONE_VM|CLONE_VFORK|SIGCHLD, NULL, NULL, NULL, NULL) = 7"],
    ["i386", "vfork() = 7", "vfork() = 7"],
  ]);
});

Deno.test("preadv takes two words of offset everywhere", () => {
  check([
    ["x86_64", "preadv(3, [], 2, 0) = 0", "preadv(3, [], 2, 0, 0) = 0"],
    ["i386", "preadv(3, [], 2, 4294967298) = 0", "preadv(3, [], 2, 2, 1) = 0"],
  ]);
});

Deno.test("a call that an architecture has nothing of is left out", () => {
  assertEquals(on("arm64", "iopl(3) = 0"), null);
});

Deno.test("constants have the value of the architecture that replays", () => {
  const noted: string[] = [];
  function value(text: string, arch: Arch): number {
    const call = parseCall(`f(${text}) = 0`, 2);
    if (typeof call === "string") throw new Error(call);
    return evaluate(call.args[0]!.value, arch, (what) => noted.push(what));
  }
  assertEquals(value("O_RDONLY|O_DIRECTORY|O_CLOEXEC", "x86_64"), 0o2200000);
  assertEquals(value("O_RDONLY|O_DIRECTORY|O_CLOEXEC", "arm64"), 0o2040000);
  assertEquals(value("O_RDONLY|O_LARGEFILE", "i386"), 0o100000);
  assertEquals(value("S_IFREG|0644", "arm64"), 0o100644);
  assertEquals(value("AT_FDCWD", "i386"), -100);
  assertEquals(value("PROT_READ|PROT_EXEC", "x86_64"), 5);
  assertEquals(value("MAP_PRIVATE|MAP_ANONYMOUS", "x86_64"), 0x22);
  assertEquals(value("CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID|SIGCHLD", "x86_64"), 0x1200011);
  assertEquals(value("8192*1024", "x86_64"), 8388608);
  assertEquals(value("makedev(0x1, 0x3)", "x86_64"), 0x103);
  assertEquals(value("makedev(0x8, 0x100)", "x86_64"), 0x100800);
  assertEquals(value("htons(9009)", "x86_64"), 0x3123);
  assertEquals(value('inet_addr("127.0.0.1")', "x86_64"), 0x0100007f);
  assertEquals(value("_IOC(_IOC_READ|_IOC_WRITE, 0x94, 0x9, 0x4)", "x86_64"), 0xc0049409);
  assertEquals(value("BTRFS_IOC_CLONE or FICLONE", "x86_64"), 0x40049409);
  assertEquals(value("SIGRT_1", "x86_64"), 33);
  assertEquals(value("1<<4|2", "x86_64"), 18);
  assertEquals(value("RLIM64_INFINITY", "x86_64"), -1);
  assertEquals(noted, []);
  assertEquals(value("O_RDONLY|O_FANCY", "x86_64"), NaN);
  assertEquals(noted, ["O_FANCY"]);
});
