/** What file system calls return, one line each, against what their manual pages and Linux's source say. */

import { assertEquals } from "@std/assert";
import type { Kernel } from "../kernel.ts";
import { ARCHES, bootTest, pick, run, type TestProgram } from "../syscalls/test_program.ts";
import {
  EACCES,
  EAGAIN,
  EBADF,
  EBUSY,
  EEXIST,
  EFAULT,
  EINVAL,
  EISDIR,
  ELOOP,
  ENAMETOOLONG,
  ENODATA,
  ENODEV,
  ENOENT,
  ENOTDIR,
  ENOTTY,
  EOPNOTSUPP,
  EPERM,
  ERANGE,
  EROFS,
  ESPIPE,
  EXDEV,
} from "../syscalls/errno.ts";
import { AT_FDCWD, O_CREAT, O_RDWR, O_WRONLY, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK } from "./modes.ts";

/** Descriptors that every line finds open. */
const RW = 3;
const RO = 4;
const DIR = 5;
const READ_END = 6;
const WRITE_END = 7;
const BAD = 99;
/** An address that nothing is mapped at. */
const WILD = 0x10;

function plant(k: Kernel): void {
  k.vfs.makePath("/d/sub/deep", { mode: S_IFDIR | 0o755 });
  k.vfs.makePath("/d/file", { content: new TextEncoder().encode("0123456789") });
  k.vfs.makePath("/d/other", { content: new TextEncoder().encode("other") });
  k.vfs.makePath("/d/link", { mode: S_IFLNK | 0o777, target: "file" });
  k.vfs.makePath("/d/loop", { mode: S_IFLNK | 0o777, target: "loop" });
}

function* open(p: TestProgram): Generator<{ until?: number }, void, void> {
  yield* p.call("chdir", "/d");
  assertEquals(yield* p.call("openat", AT_FDCWD, "file", O_RDWR, 0), RW);
  assertEquals(yield* p.call("openat", AT_FDCWD, "file", 0, 0), RO);
  assertEquals(yield* p.call("openat", AT_FDCWD, "sub", 0, 0), DIR);
  const fds = p.room(8);
  assertEquals(yield* p.call("pipe2", fds, 0), 0);
}

/** A buffer's address, in place of an argument. */
const BUF = "@";
type Line = readonly [call: string, args: readonly (string | number)[], want: number];

const LONG = "x".repeat(256);
const LINES: readonly Line[] = [
  ["fchmodat", [AT_FDCWD, "file", 0o600], 0],
  ["fchmodat", [AT_FDCWD, "none", 0o600], -ENOENT],
  ["fchmodat", [AT_FDCWD, "file/x", 0o600], -ENOTDIR],
  ["fchmodat", [AT_FDCWD, "loop", 0o600], -ELOOP],
  ["fchmodat", [AT_FDCWD, LONG, 0o600], -ENAMETOOLONG],
  ["fchmodat", [AT_FDCWD, WILD, 0o600], -EFAULT],
  ["fchmodat", [BAD, "file", 0o600], -EBADF],
  ["fchmod", [RW, 0o600], 0],
  ["fchmod", [BAD, 0o600], -EBADF],
  ["fchownat", [AT_FDCWD, "file", 1, 2, 0], 0],
  ["fchownat", [AT_FDCWD, "link", 1, 2, 0x100], 0],
  ["fchownat", [AT_FDCWD, "none", 1, 2, 0], -ENOENT],
  ["fchownat", [AT_FDCWD, "file", 1, 2, 4], -EINVAL],
  ["utimensat", [AT_FDCWD, "file", 0, 0], 0],
  ["utimensat", [AT_FDCWD, "none", 0, 0], -ENOENT],
  ["utimensat", [AT_FDCWD, "file", 0, 0x4000], -EINVAL],
  ["utimensat", [AT_FDCWD, "file", WILD, 0], -EFAULT],
  ["utimensat", [RW, 0, 0, 0], 0],
  ["utimensat", [BAD, 0, 0, 0], -EBADF],
  ["mknodat", [AT_FDCWD, "fifo", S_IFIFO | 0o600, 0], 0],
  ["mknodat", [AT_FDCWD, "null", S_IFCHR | 0o600, 0x103], 0],
  ["mknodat", [AT_FDCWD, "regular", 0o600, 0], 0],
  ["mknodat", [AT_FDCWD, "dir", S_IFDIR | 0o600, 0], -EPERM],
  ["mknodat", [AT_FDCWD, "odd", 0o130000, 0], -EINVAL],
  ["mknodat", [AT_FDCWD, "file", S_IFIFO | 0o600, 0], -EEXIST],
  ["mknodat", [AT_FDCWD, "none/fifo", S_IFIFO | 0o600, 0], -ENOENT],
  ["setxattr", ["file", "trusted.a", "v", 1, 0], 0],
  ["setxattr", ["file", "user.a", "v", 1, 0], -EOPNOTSUPP],
  ["setxattr", ["file", "trusted.a", "v", 1, 2], -ENODATA],
  ["setxattr", ["file", "trusted.a", "v", 1, 4], -EINVAL],
  ["setxattr", ["file", "", "v", 1, 0], -ERANGE],
  ["setxattr", ["none", "trusted.a", "v", 1, 0], -ENOENT],
  ["getxattr", ["file", "trusted.a", BUF, 10], -ENODATA],
  ["getxattr", ["file", "odd", BUF, 10], -EOPNOTSUPP],
  ["listxattr", ["file", BUF, 100], 0],
  ["removexattr", ["file", "trusted.a"], -ENODATA],
  ["fsetxattr", [BAD, "trusted.a", "v", 1, 0], -EBADF],
  ["flock", [RW, 2], 0],
  ["flock", [RW, 8], 0],
  ["flock", [RW, 3], -EINVAL],
  ["flock", [BAD, 2], -EBADF],
  ["statfs", ["file", BUF], 0],
  ["statfs", ["none", BUF], -ENOENT],
  ["statfs", ["file", WILD], -EFAULT],
  ["fstatfs", [RW, BUF], 0],
  ["fstatfs", [BAD, BUF], -EBADF],
  ["fsync", [RW], 0],
  ["fsync", [READ_END], -EINVAL],
  ["fsync", [BAD], -EBADF],
  ["fdatasync", [RW], 0],
  ["sync", [], 0],
  ["syncfs", [RW], 0],
  ["syncfs", [BAD], -EBADF],
  ["memfd_create", ["name", 0], 8],
  ["memfd_create", ["name", 0x100], -EINVAL],
  ["memfd_create", ["x".repeat(250), 0], -EINVAL],
  ["memfd_create", [WILD, 0], -EFAULT],
  ["inotify_init1", [0], 8],
  ["inotify_init1", [1], -EINVAL],
  ["inotify_add_watch", [RW, "file", 0x100], -EINVAL],
  ["inotify_add_watch", [BAD, "file", 0x100], -EBADF],
  ["inotify_rm_watch", [RW, 1], -EINVAL],
  ["ioctl", [RW, 0x541b, BUF], 0],
  ["ioctl", [READ_END, 0x541b, BUF], 0],
  ["ioctl", [RW, 0x5401, BUF], -ENOTTY],
  ["ioctl", [RW, 0x541b, WILD], -EFAULT],
  ["ioctl", [RW, 0x40049409, RO], -EOPNOTSUPP],
  ["ioctl", [BAD, 0x541b, BUF], -EBADF],
  ["ioctl", [RW, 0x5451, 0], 0],
  ["close_range", [8, 20, 0], 0],
  ["close_range", [20, 8, 0], -EINVAL],
  ["close_range", [3, 20, 8], -EINVAL],
  ["copy_file_range", [RO, 0, RW, 0, 4, 1], -EINVAL],
  ["copy_file_range", [RO, 0, RO, 0, 4, 0], -EBADF],
  ["copy_file_range", [RO, 0, DIR, 0, 4, 0], -EISDIR],
  ["copy_file_range", [BAD, 0, RW, 0, 4, 0], -EBADF],
  ["splice", [RO, 0, WRITE_END, 0, 4, 0], 4],
  ["splice", [RO, 0, RW, 0, 4, 0], -EINVAL],
  ["splice", [READ_END, 0, WRITE_END, 0, 4, 0], -EINVAL],
  ["splice", [READ_END, BUF, RW, 0, 4, 0], -ESPIPE],
  ["splice", [READ_END, 0, RW, 0, 4, 16], -EINVAL],
  ["splice", [READ_END, 0, RW, 0, 4, 2], -EAGAIN],
  ["splice", [BAD, 0, RW, 0, 4, 0], -EBADF],
  ["tee", [RO, WRITE_END, 4, 0], -EINVAL],
  ["tee", [BAD, WRITE_END, 4, 0], -EBADF],
  ["vmsplice", [RW, BUF, 1, 0], -EBADF],
  ["mount", ["x", "/d/sub", "tmpfs", 0, 0], 0],
  ["mount", ["x", "/d/sub", "nofs", 0, 0], -ENODEV],
  ["mount", ["x", "/d/none", "tmpfs", 0, 0], -ENOENT],
  ["mount", ["x", "/d/file", "tmpfs", 0, 0], -ENOTDIR],
  ["mount", ["x", "/d/sub", 0, 0, 0], -EINVAL],
  ["umount2", ["/d/sub", 0], -EINVAL],
  ["umount2", ["/d/none", 0], -ENOENT],
  ["umount2", ["/dev", 0x10], -EINVAL],
  ["umount2", ["/dev", 0], -EBUSY],
  ["chroot", ["/d"], 0],
  ["chroot", ["/d/file"], -ENOTDIR],
  ["chroot", ["/d/none"], -ENOENT],
  ["name_to_handle_at", [AT_FDCWD, "file", BUF, BUF, 2], -EINVAL],
  ["renameat2", [AT_FDCWD, "file", AT_FDCWD, "other", 1], -EEXIST],
  ["renameat2", [AT_FDCWD, "file", AT_FDCWD, "other", 2], 0],
  ["renameat2", [AT_FDCWD, "file", AT_FDCWD, "sub", 2], 0],
  ["renameat2", [AT_FDCWD, "file", AT_FDCWD, "none", 2], -ENOENT],
  ["renameat2", [AT_FDCWD, "file", AT_FDCWD, "new", 3], -EINVAL],
  ["renameat2", [AT_FDCWD, "file", AT_FDCWD, "new", 8], -EINVAL],
  ["renameat2", [AT_FDCWD, "file", AT_FDCWD, "new", 4], 0],
  ["renameat2", [AT_FDCWD, "file", AT_FDCWD, "/dev/file", 0], -EXDEV],
  ["linkat", [AT_FDCWD, "file", AT_FDCWD, "/dev/file", 0], -EXDEV],
  ["statx", [AT_FDCWD, "file", 0, 0x7ff, BUF], 0],
  ["statx", [AT_FDCWD, "file", 0, 0x80000000, BUF], -EINVAL],
  ["statx", [AT_FDCWD, "file", 0x6000, 0x7ff, BUF], -EINVAL],
  ["statx", [AT_FDCWD, "none", 0, 0x7ff, BUF], -ENOENT],
  ["statx", [AT_FDCWD, "file", 0, 0x7ff, WILD], -EFAULT],
  ["faccessat", [AT_FDCWD, "file", 8], -EINVAL],
  ["faccessat", [AT_FDCWD, "file", 1], -EACCES],
  ["openat", [AT_FDCWD, "file/", O_CREAT | O_WRONLY, 0], -EISDIR],
];

function* make(p: TestProgram, [call, args]: Line): Generator<{ until?: number }, number, void> {
  const buf = p.room(512);
  const name = call === "umount2" ? pick(p.k, "umount2") : call;
  return yield* p.call(name, ...args.map((arg) => arg === BUF ? buf : arg));
}

for (const arch of ARCHES) {
  Deno.test(`${arch}: file system calls return what Linux returns`, async () => {
    const lines = [...LINES.filter(([, , want]) => want < 0), ...LINES.filter(([, , want]) => want >= 0)];
    const got: string[] = [];
    // What fails changes nothing: all that does shares a kernel. What succeeds gets one of its own.
    for (let at = 0; at < lines.length;) {
      const k = await bootTest(arch);
      plant(k);
      run(k, function* (p) {
        yield* open(p);
        do {
          const line = lines[at++] as Line;
          p.map();
          got.push(`${line[0]}(${line[1].join(", ")}) = ${yield* make(p, line)}`);
        } while (at < lines.length && lines[at - 1]![2] < 0 && lines[at]![2] < 0);
      });
    }
    assertEquals(got, lines.map(([call, args, want]) => `${call}(${args.join(", ")}) = ${want}`));
  });

  Deno.test(`${arch}: who may not, does not`, async () => {
    const k = await bootTest(arch);
    plant(k);
    k.vfs.makePath("/sticky", { mode: S_IFDIR | 0o1777 });
    k.vfs.makePath("/sticky/his", { uid: 1 });
    k.vfs.makePath("/secret/file", {});
    const secret = k.vfs.lookup("/secret")?.inode;
    if (secret) secret.mode = S_IFDIR | 0o700;
    run(k, function* (p) {
      const get = (path: string, flags = 0) => p.call("openat", AT_FDCWD, path, flags, 0o600);
      assertEquals(yield* p.call("fchmodat", AT_FDCWD, "/d/file", 0o640), 0);
      p.task.uid = 1000;
      p.task.gid = 1000;
      assertEquals(yield* get("/d/file"), -EACCES);
      assertEquals(yield* get("/d/other"), 3);
      assertEquals(yield* get("/d/other", O_RDWR), -EACCES);
      assertEquals(yield* get("/d/new", O_CREAT | O_WRONLY), -EACCES);
      assertEquals(yield* get("/secret/file"), -EACCES);
      assertEquals(yield* p.call("fchmodat", AT_FDCWD, "/d/other", 0o666), -EPERM);
      assertEquals(yield* p.call("fchownat", AT_FDCWD, "/d/other", 1000, 1000, 0), -EPERM);
      assertEquals(yield* p.call("unlinkat", AT_FDCWD, "/sticky/his", 0), -EPERM);
      assertEquals(yield* get("/sticky/mine", O_CREAT | O_WRONLY), 4);
      assertEquals(yield* p.call("fchownat", AT_FDCWD, "/sticky/mine", 0, 0, 0), -EPERM);
      assertEquals(yield* p.call("fchmodat", AT_FDCWD, "/sticky/mine", 0o644), 0);
      assertEquals(yield* p.call("unlinkat", AT_FDCWD, "/sticky/mine", 0), 0);
      assertEquals(yield* p.call("mknodat", AT_FDCWD, "/sticky/dev", S_IFCHR | 0o600, 0x103), -EPERM);
      assertEquals(yield* p.call("mount", "x", "/sticky", "tmpfs", 0, 0), -EPERM);
      assertEquals(yield* p.call("chroot", "/sticky"), -EPERM);
      assertEquals(yield* p.call("setxattr", "/d/other", "trusted.a", "v", 1, 0), -EPERM);
      assertEquals(k.vfs.lookup("/sticky/mine"), null);
    });
  });

  Deno.test(`${arch}: a mount hides what is below it, and nothing leaves it by accident`, async () => {
    const k = await bootTest(arch);
    plant(k);
    run(k, function* (p) {
      const buf = p.room(256);
      const get = (path: string, flags = 0) => p.call("openat", AT_FDCWD, path, flags, 0o600);
      assertEquals(yield* p.call("mount", "x", "/d/sub", "tmpfs", 0, 0), 0);
      assertEquals(yield* get("/d/sub/deep"), -ENOENT);
      const made = yield* get("/d/sub/made", O_CREAT | O_WRONLY);
      assertEquals(made, 3);
      assertEquals(yield* p.call("umount2", "/d/sub", 0), -EBUSY);
      assertEquals(yield* p.call("chdir", "/d/sub"), 0);
      assertEquals(yield* p.call("getcwd", buf, 256), 7);
      assertEquals(k.memory.readString(buf), "/d/sub");
      assertEquals(yield* get("../file"), 4);
      assertEquals(yield* p.call("unlinkat", AT_FDCWD, "/d/sub", 0x200), -EBUSY);
      assertEquals(yield* p.call("chdir", "/"), 0);
      assertEquals(yield* p.call("close", made), 0);
      assertEquals(yield* p.call("mount", "x", "/d/sub", 0, 33, 0), 0);
      assertEquals(yield* get("/d/sub/made", O_WRONLY), -EROFS);
      assertEquals(yield* get("/d/sub/more", O_CREAT | O_WRONLY), -EROFS);
      assertEquals(yield* p.call("unlinkat", AT_FDCWD, "/d/sub/made", 0), -EROFS);
      assertEquals(yield* p.call("umount2", "/d/sub", 0), 0);
      assertEquals(yield* get("/d/sub/deep"), 3);
    });
  });
}
