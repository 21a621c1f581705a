/** What file system calls leave behind when they succeed. */

import { assertEquals } from "@std/assert";
import { ARCHES, bootTest, pick, run, start, type TestProgram } from "../syscalls/test_program.ts";
import { INODE } from "./fields.ts";
import { AT_FDCWD, O_CREAT, O_RDWR, O_TMPFILE_BIT, O_WRONLY, S_IFDIR } from "./modes.ts";

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

/** A `struct flock` in user memory. */
function flock(p: TestProgram, type: number, from: number, length: number): number {
  const wide = p.k.image.pointerSize === 8;
  const at = p.room(32);
  p.k.memory.store(at, 2, type);
  p.k.memory.store(at + 2, 2, 0);
  p.k.memory.store(at + (wide ? 8 : 4), 8, from);
  p.k.memory.store(at + (wide ? 16 : 12), 8, length);
  return at;
}

/** What `F_GETLK` leaves there: type, start, length, pid. */
function told(p: TestProgram, at: number): number[] {
  const wide = p.k.image.pointerSize === 8;
  return [
    p.k.memory.load(at, 2, true),
    p.k.memory.load(at + (wide ? 8 : 4), 8, true),
    p.k.memory.load(at + (wide ? 16 : 12), 8, true),
    p.k.memory.load(at + (wide ? 24 : 20), 4, true),
  ];
}

const [SETLK, SETLKW, GETLK] = [6, 7, 5];
/** i386's `fcntl64` has numbers of its own for the wide structure. */
function lockCommand(p: TestProgram, cmd: number): number {
  return p.k.image.pointerSize === 8 ? cmd : { 5: 12, 6: 13, 7: 14 }[cmd] ?? cmd;
}

for (const arch of ARCHES) {
  Deno.test(`${arch}: locks of a process split and join, and go with any descriptor`, async () => {
    const k = await bootTest(arch);
    k.vfs.makePath("/file", { content: text("0123456789") });
    run(k, function* (p) {
      const fcntl = pick(k, "fcntl64", "fcntl");
      const fd = yield* p.call("openat", AT_FDCWD, "/file", O_RDWR, 0);
      const lock = (type: number, from: number, length: number) =>
        p.call(fcntl, fd, lockCommand(p, SETLK), flock(p, type, from, length));
      const ranges = () =>
        (k.vfs.lookup("/file")?.inode?.locks?.posix ?? []).map(({ type, start, end }) => [type, start, end]);
      assertEquals(yield* lock(1, 0, 10), 0);
      assertEquals(yield* lock(0, 2, 3), 0);
      assertEquals(ranges(), [[1, 0, 1], [0, 2, 4], [1, 5, 9]]);
      assertEquals(yield* lock(2, 6, 1), 0);
      assertEquals(ranges(), [[1, 0, 1], [0, 2, 4], [1, 5, 5], [1, 7, 9]]);
      assertEquals(yield* lock(1, 0, 8), 0);
      assertEquals(ranges(), [[1, 0, 9]]);
      const other = yield* p.call("openat", AT_FDCWD, "/file", 0, 0);
      assertEquals(yield* p.call("close", other), 0);
      assertEquals(ranges(), []);
      // A read lock needs a file that can be read.
      const writer = yield* p.call("openat", AT_FDCWD, "/file", O_WRONLY, 0);
      assertEquals(yield* p.call(fcntl, writer, lockCommand(p, SETLK), flock(p, 0, 0, 1)), -9);
    });
  });

  Deno.test(`${arch}: who finds a lock in the way is told, waits, and gets it`, async () => {
    const k = await bootTest(arch);
    k.vfs.makePath("/file", { content: text("x") });
    const order: string[] = [];
    const sleep = function* (p: TestProgram, ns: number): Generator<{ until?: number }, void, void> {
      const time = p.room(16);
      k.memory.store(time, k.image.pointerSize, 0);
      k.memory.store(time + k.image.pointerSize, k.image.pointerSize, ns);
      yield* p.call("nanosleep", time, 0);
    };
    const holder = start(k, "holder", function* (p) {
      const fcntl = pick(k, "fcntl64", "fcntl");
      const fd = yield* p.call("openat", AT_FDCWD, "/file", O_RDWR, 0);
      assertEquals(yield* p.call(fcntl, fd, lockCommand(p, SETLK), flock(p, 1, 0, 0)), 0);
      assertEquals(yield* p.call("flock", fd, 2), 0);
      yield* sleep(p, 100_000);
      order.push("gives up");
      assertEquals(yield* p.call(fcntl, fd, lockCommand(p, SETLK), flock(p, 2, 0, 0)), 0);
      yield* sleep(p, 100_000);
      order.push("closes");
      yield* p.call("close", fd);
    });
    start(k, "waiter", function* (p) {
      const fcntl = pick(k, "fcntl64", "fcntl");
      yield* sleep(p, 10_000);
      const fd = yield* p.call("openat", AT_FDCWD, "/file", O_RDWR, 0);
      assertEquals(yield* p.call(fcntl, fd, lockCommand(p, SETLK), flock(p, 1, 3, 4)), -11);
      const asked = flock(p, 1, 3, 4);
      assertEquals(yield* p.call(fcntl, fd, lockCommand(p, GETLK), asked), 0);
      assertEquals(told(p, asked), [1, 0, 0, holder.task.tgid]);
      assertEquals(yield* p.call("flock", fd, 2 | 4), -11);
      assertEquals(yield* p.call(fcntl, fd, lockCommand(p, SETLKW), flock(p, 1, 3, 4)), 0);
      order.push("has the range");
      assertEquals(yield* p.call("flock", fd, 2), 0);
      order.push("has the file");
    });
    k.scheduler.run();
    assertEquals(order, ["gives up", "has the range", "closes", "has the file"]);
  });

  Deno.test(`${arch}: bytes go from file to file, through pipes and back`, async () => {
    const k = await bootTest(arch);
    k.vfs.makePath("/from", { content: text("0123456789") });
    run(k, function* (p) {
      const sendfile = pick(k, "sendfile64", "sendfile");
      const from = yield* p.call("openat", AT_FDCWD, "/from", 0, 0);
      const to = yield* p.call("openat", AT_FDCWD, "/to", O_CREAT | O_RDWR, 0o644);
      const content = () => new TextDecoder().decode(k.vfs.lookup("/to")?.inode?.read(0, 100));
      assertEquals(yield* p.call(sendfile, to, from, 0, 4), 4);
      assertEquals(yield* p.call(sendfile, to, from, 0, 100), 6);
      assertEquals(yield* p.call(sendfile, to, from, 0, 100), 0);
      assertEquals(content(), "0123456789");
      const offset = p.room(8);
      k.memory.store(offset, 8, 8);
      assertEquals(yield* p.call(sendfile, to, from, offset, 100), 2);
      assertEquals(k.memory.load(offset, 8, true), 10);
      assertEquals(content(), "012345678989");
      k.memory.store(offset, 8, 2);
      assertEquals(yield* p.call("copy_file_range", from, offset, to, 0, 3, 0), 3);
      assertEquals(content(), "012345678989234");
      const fds = p.room(8);
      yield* p.call("pipe2", fds, 0);
      const [read, write] = [k.memory.readS32(fds), k.memory.readS32(fds + 4)];
      k.memory.store(offset, 8, 0);
      assertEquals(yield* p.call("splice", from, offset, write, 0, 5, 0), 5);
      const second = p.room(8);
      yield* p.call("pipe2", second, 0);
      const [read2, write2] = [k.memory.readS32(second), k.memory.readS32(second + 4)];
      assertEquals(yield* p.call("tee", read, write2, 3, 0), 3);
      assertEquals(yield* p.call("splice", read, 0, to, 0, 100, 0), 5);
      assertEquals(content(), "01234567898923401234");
      const buf = p.room(16);
      assertEquals(yield* p.call("read", read2, buf, 16), 3);
      assertEquals(k.memory.readString(buf, 3), "012");
    });
  });

  Deno.test(`${arch}: preadv2 and pwritev2 take a position, or the file's own`, async () => {
    const k = await bootTest(arch);
    k.vfs.makePath("/file", { content: text("0123456789") });
    run(k, function* (p) {
      const fd = yield* p.call("openat", AT_FDCWD, "/file", O_RDWR, 0);
      const [iov, buf] = [p.room(16), p.room(16)];
      k.memory.writeWord(iov, buf);
      k.memory.writeWord(iov + k.image.pointerSize, 4);
      const read = (low: number, high: number, flags = 0) => p.call("preadv2", fd, iov, 1, low, high, flags);
      assertEquals([yield* read(2, 0), k.memory.readString(buf, 4)], [4, "2345"]);
      assertEquals([yield* read(-1, -1), k.memory.readString(buf, 4)], [4, "0123"]);
      assertEquals([yield* read(-1, -1), k.memory.readString(buf, 4)], [4, "4567"]);
      assertEquals(yield* read(0, 0, 64), -95);
      assertEquals(yield* p.call("pwritev2", fd, iov, 1, 0, 0, 0), 4);
      assertEquals(new TextDecoder().decode(k.vfs.lookup("/file")?.inode?.read(0, 20)), "4567456789");
    });
  });

  Deno.test(`${arch}: attributes are what was set, times and owners included`, async () => {
    const k = await bootTest(arch);
    k.vfs.makePath("/file", { content: text("x"), mode: 0o106755 });
    run(k, function* (p) {
      const inode = k.vfs.lookup("/file")?.inode;
      assertEquals(yield* p.call("fchmodat", AT_FDCWD, "/file", 0o6711), 0);
      assertEquals(inode?.mode, 0o106711);
      // A change of owner takes the set-id bits.
      assertEquals(yield* p.call("fchownat", AT_FDCWD, "/file", 5, 6, 0), 0);
      assertEquals(inode?.mode, 0o100711);
      assertEquals([INODE.uid, INODE.gid].map((id) => id.get(k, inode?.address ?? 0)), [5, 6]);
      const times = p.room(32);
      const word = k.image.pointerSize;
      [1, 2, 3, 4].forEach((value, i) => k.memory.store(times + i * word, word, value));
      assertEquals(yield* p.call("utimensat", AT_FDCWD, "/file", times, 0), 0);
      const fields = [INODE.atime, INODE.atimeNsec, INODE.mtime, INODE.mtimeNsec];
      assertEquals(fields.map((time) => time.get(k, inode?.address ?? 0)), [1, 2, 3, 4]);
      const buf = p.room(64);
      assertEquals(yield* p.call("setxattr", "/file", "trusted.one", "value", 5, 0), 0);
      assertEquals(yield* p.call("setxattr", "/file", "security.two", "v", 1, 1), 0);
      assertEquals(yield* p.call("setxattr", "/file", "security.two", "v", 1, 1), -17);
      assertEquals(yield* p.call("getxattr", "/file", "trusted.one", buf, 64), 5);
      assertEquals(k.memory.readString(buf, 5), "value");
      assertEquals(yield* p.call("getxattr", "/file", "trusted.one", buf, 4), -34);
      assertEquals(yield* p.call("getxattr", "/file", "trusted.one", 0, 0), 5);
      assertEquals(yield* p.call("listxattr", "/file", buf, 64), 25);
      assertEquals(yield* p.call("removexattr", "/file", "trusted.one"), 0);
      assertEquals(yield* p.call("listxattr", "/file", buf, 64), 13);
    });
  });

  Deno.test(`${arch}: files without a name get one, or seals, and are gone when closed`, async () => {
    const k = await bootTest(arch);
    k.vfs.makePath("/dir", { mode: S_IFDIR | 0o755 });
    run(k, function* (p) {
      const fcntl = pick(k, "fcntl64", "fcntl");
      const directory = arch === "arm64" ? 0o40000 : 0o200000;
      const sizes = () => [k.vfs.dentries.size, k.vfs.inodes.size];
      const before = sizes();
      const fd = yield* p.call("openat", AT_FDCWD, "/dir", O_TMPFILE_BIT | directory | O_RDWR, 0o600);
      assertEquals(yield* p.call("write", fd, "text", 4), 4);
      assertEquals(k.vfs.lookup("/dir")?.inode?.entries?.size, 0);
      assertEquals(yield* p.call("linkat", fd, "", AT_FDCWD, "/dir/named", 0x1000), 0);
      assertEquals(yield* p.call("close", fd), 0);
      assertEquals(k.vfs.lookup("/dir/named")?.inode?.size, 4);
      assertEquals(yield* p.call("unlinkat", AT_FDCWD, "/dir/named", 0), 0);
      assertEquals(sizes(), before);
      const memory = yield* p.call("memfd_create", "m", 2);
      assertEquals(yield* p.call(fcntl, memory, 1034, 0), 0);
      assertEquals(yield* p.call("write", memory, "text", 4), 4);
      assertEquals(yield* p.call(fcntl, memory, 1033, 6), 0);
      assertEquals(yield* p.call("write", memory, "more", 4), -1);
      assertEquals(yield* p.call("pwrite64", memory, "over", 4, 0), 4);
      assertEquals(yield* p.call(pick(k, "ftruncate"), memory, 2), -1);
      assertEquals(yield* p.call(fcntl, memory, 1033, 9), 0);
      assertEquals(yield* p.call("pwrite64", memory, "none", 4, 0), -1);
      assertEquals(yield* p.call(fcntl, memory, 1034, 0), 15);
      assertEquals(yield* p.call(fcntl, memory, 1033, 2), -1);
      assertEquals(yield* p.call("close", memory), 0);
      assertEquals(yield* p.call("pipe2", p.room(8), 0), 0);
      assertEquals(yield* p.call(fcntl, 3, 1032, 0), 65536);
      assertEquals(yield* p.call(fcntl, 3, 1031, 5000), 8192);
    });
  });
}
