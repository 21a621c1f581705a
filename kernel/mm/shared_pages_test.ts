/** One page for a file's readers, writers and mappings. */

import { assertEquals } from "@std/assert";
import { bootDisk } from "../fs/ext4/testing.ts";
import { AT_FDCWD, O_CREAT, O_RDWR } from "../fs/modes.ts";
import { MemoryFault } from "../memory/fault.ts";
import type { Blocking } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { INODE } from "../fs/fields.ts";
import { ARCHES, bootTest, pick, run, type TestProgram } from "../syscalls/test_program.ts";
import { PG_DIRTY } from "./page_flags.ts";

const [READ, WRITE] = [1, 2];
const [SHARED, PRIVATE] = [1, 2];

function map(p: TestProgram, length: number, prot: number, flags: number, fd: number): Blocking<number> {
  return p.call(pick(p.k, "mmap2", "mmap"), 0, length, prot, flags, fd, 0);
}

const bytesAt = (k: Kernel, at: number, count: number): string =>
  new TextDecoder().decode(k.memory.readBytes(at, count));

for (const arch of ARCHES) {
  Deno.test(`${arch}: what is written to a file shows in its mappings, and the other way`, async () => {
    const k = await bootTest(arch);
    k.vfs.makePath("/tmp/file", { content: new TextEncoder().encode("0123456789") });
    run(k, function* (p) {
      const fd = yield* p.call("openat", AT_FDCWD, "/tmp/file", O_RDWR, 0);
      const address = (at: number) => arch === "i386" ? at >>> 0 : at;
      const at = address(yield* map(p, 4096, READ | WRITE, SHARED, fd));
      const own = address(yield* map(p, 4096, READ | WRITE, PRIVATE, fd));
      assertEquals(bytesAt(k, at, 10), "0123456789");
      assertEquals(bytesAt(k, own, 10), "0123456789");
      yield* p.call("write", fd, p.text("abc"), 3);
      assertEquals([bytesAt(k, at, 10), bytesAt(k, own, 10)], ["abc3456789", "abc3456789"]);
      k.memory.writeBytes(at + 4, new TextEncoder().encode("XY"));
      const buf = p.room(16);
      yield* p.call("lseek", fd, 0, 0);
      assertEquals(yield* p.call("read", fd, buf, 16), 10);
      assertEquals(bytesAt(k, buf, 10), "abc3XY6789");
      // A private copy is nobody else's.
      k.memory.writeBytes(own, new TextEncoder().encode("P"));
      assertEquals(bytesAt(k, at, 10), "abc3XY6789");
      yield* p.call("lseek", fd, 0, 0);
      yield* p.call("write", fd, p.text("Q"), 1);
      assertEquals([bytesAt(k, at, 1), bytesAt(k, own, 1)], ["Q", "P"]);
      // What was written stays when the mapping goes; nothing behind the end is kept.
      k.memory.writeBytes(at + 8, new TextEncoder().encode("89ABC"));
      yield* p.call("munmap", at, 4096);
      yield* p.call("lseek", fd, 0, 0);
      assertEquals(yield* p.call("read", fd, buf, 16), 10);
      assertEquals(bytesAt(k, buf, 10), "Qbc3XY6789");
    });
  });
}

Deno.test("a file that is cut takes its mapped pages with it", async () => {
  const k = await bootTest();
  k.vfs.makePath("/tmp/file", { content: new Uint8Array(8192).fill(0x41) });
  run(k, function* (p) {
    const fd = yield* p.call("openat", AT_FDCWD, "/tmp/file", O_RDWR, 0);
    const at = yield* map(p, 8192, READ | WRITE, SHARED, fd);
    assertEquals(bytesAt(k, at + 4096, 2), "AA");
    yield* p.call("ftruncate", fd, 2);
    assertEquals(bytesAt(k, at, 4), "AA\0\0");
    let fault: unknown;
    try {
      k.memory.readBytes(at + 4096, 1);
    } catch (error) {
      fault = error;
    }
    assertEquals(fault instanceof MemoryFault || p.task.sigPending, true);
  });
});

Deno.test("ext4: a page written through a mapping is dirty, has its time, and is written back", async () => {
  const k = await bootDisk();
  run(k, function* (p) {
    const fd = yield* p.call("openat", AT_FDCWD, "/mnt/file", O_RDWR | O_CREAT, 0o644);
    yield* p.call("write", fd, p.text("0123456789"), 10);
    assertEquals(yield* p.call("fsync", fd), 0);
    const inode = k.vfs.lookup("/mnt/file")?.inode;
    if (!inode) throw new Error("no file");
    const folio = () => k.pageCache.known(inode)?.pages.get(0);
    assertEquals(folio()?.test(PG_DIRTY), false);
    const at = yield* map(p, 4096, READ | WRITE, SHARED, fd);
    const time = p.room(16);
    k.memory.store(time, 8, 0);
    k.memory.store(time + 8, 8, 20_000_000);
    yield* p.call("nanosleep", time, 0);
    const before = INODE.mtimeNsec.get(k, inode.address);
    k.memory.writeBytes(at, new TextEncoder().encode("Z"));
    assertEquals(folio()?.test(PG_DIRTY), true);
    assertEquals(INODE.mtimeNsec.get(k, inode.address) > before, true);
    assertEquals(yield* p.call("msync", at, 4096, 4), 0);
    assertEquals(folio()?.test(PG_DIRTY), false);
    // Clean again: the next write is noticed, too.
    k.memory.writeBytes(at + 1, new TextEncoder().encode("Y"));
    assertEquals(folio()?.test(PG_DIRTY), true);
    const buf = p.room(16);
    assertEquals(yield* p.call("pread64", fd, buf, 16, 0), 10);
    assertEquals(bytesAt(k, buf, 10), "ZY23456789");
  });
});
