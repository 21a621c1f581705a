import { assert, assertEquals } from "@std/assert";
import type { Kernel } from "../../kernel.ts";
import type { Blocking } from "../../calls/function.ts";
import { ARCHES, pick, run, start, type TestProgram } from "../../syscalls/test_program.ts";
import { Kprobe } from "../../kprobes/mod.ts";
import { bootDisk, record } from "./testing.ts";

const O_RDWR = 2;
const O_CREAT = 0o100;
const O_APPEND = 0o2000;
const O_SYNC = 0o4010000;
const O_DIRECT = { x86_64: 0o40000, arm64: 0o200000, i386: 0o40000 } as const;
const AT_FDCWD = -100;
const AT_REMOVEDIR = 0x200;

/** Writes text to a new file and closes it; the results of the calls. */
function* put(p: TestProgram, path: string, text: string): Blocking<number[]> {
  const fd = yield* p.call("openat", AT_FDCWD, path, O_RDWR | O_CREAT, 0o644);
  const wrote = yield* p.call("write", fd, p.text(text), text.length);
  return [fd, wrote, yield* p.call("close", fd)];
}

function* get(k: Kernel, p: TestProgram, path: string): Blocking<string> {
  const fd = yield* p.call("openat", AT_FDCWD, path, 0, 0);
  const buf = p.room(8192);
  const count = yield* p.call("read", fd, buf, 8192);
  yield* p.call("close", fd);
  return count < 0 ? String(count) : k.memory.readString(buf, Math.max(1, count + 1)).slice(0, count);
}

for (const arch of ARCHES) {
  for (
    const [name, options] of [["a journal and extents", {}], ["neither", {
      blockSize: 1024,
      journal: false,
      extents: false,
    }]] as const
  ) {
    Deno.test(`${arch}, ext4 with ${name}: names and contents`, async () => {
      const k = await bootDisk(arch, options);
      run(k, function* (p) {
        assertEquals(yield* put(p, "/mnt/a", "hello"), [3, 5, 0]);
        assertEquals(yield* get(k, p, "/mnt/a"), "hello");
        assertEquals(yield* p.call("mkdirat", AT_FDCWD, "/mnt/d", 0o755), 0);
        assertEquals(yield* p.call("mkdirat", AT_FDCWD, "/mnt/d", 0o755), -17);
        assertEquals(
          yield* p.call(pick(k, "renameat", "renameat2"), AT_FDCWD, "/mnt/a", AT_FDCWD, "/mnt/d/b", 0),
          0,
        );
        assertEquals(yield* get(k, p, "/mnt/d/b"), "hello");
        assertEquals(yield* p.call("linkat", AT_FDCWD, "/mnt/d/b", AT_FDCWD, "/mnt/c", 0), 0);
        assertEquals(yield* p.call("symlinkat", "d/b", AT_FDCWD, "/mnt/s"), 0);
        assertEquals(yield* get(k, p, "/mnt/s"), "hello");
        assertEquals(yield* p.call("unlinkat", AT_FDCWD, "/mnt/d", AT_REMOVEDIR), -39);
        assertEquals(yield* p.call("unlinkat", AT_FDCWD, "/mnt/d/b", 0), 0);
        assertEquals(yield* p.call("unlinkat", AT_FDCWD, "/mnt/d", AT_REMOVEDIR), 0);
        assertEquals(yield* get(k, p, "/mnt/c"), "hello");
        assertEquals(yield* p.call("openat", AT_FDCWD, "/mnt/a", 0, 0), -2);
        assertEquals(yield* p.call("sync"), 0);
      });
      const inode = k.vfs.lookup("/mnt/c")?.inode;
      assertEquals([inode?.nlink, inode?.size], [1, 5]);
    });
  }
}

Deno.test("a file that is gone gives its blocks and its number back", async () => {
  const k = await bootDisk("x86_64", { blockSize: 1024, journal: false, extents: false });
  const { ext4OfSuper } = await import("./file_system.ts");
  const ext4 = ext4OfSuper(k, k.vfs.lookup("/mnt")?.inode?.sb ?? 0);
  assert(ext4 !== undefined);
  run(k, function* (p) {
    // The directory's own block is there from the first name on.
    yield* put(p, "/mnt/first", "x");
    yield* p.call("sync");
    const before = [ext4.allocator.free, ext4.freeInodes];
    const fd = yield* p.call("openat", AT_FDCWD, "/mnt/f", O_RDWR | O_CREAT, 0o644);
    yield* p.call("write", fd, p.room(50000), 50000);
    assertEquals([ext4.allocator.free, ext4.allocator.reserved], [before[0], 49]);
    assertEquals(yield* p.call("fsync", fd), 0);
    // 49 blocks, and one that lists those that the inode has no room for.
    assertEquals([ext4.allocator.free, ext4.allocator.reserved], [(before[0] ?? 0) - 50, 0]);
    assertEquals(yield* p.call("unlinkat", AT_FDCWD, "/mnt/f", 0), 0);
    assertEquals(ext4.allocator.free, (before[0] ?? 0) - 50);
    assertEquals(yield* p.call("close", fd), 0);
    assertEquals([ext4.allocator.free, ext4.freeInodes], before);
  });
});

Deno.test("a read that misses waits for the disk, the next one does not; pages know their place", async () => {
  for (const arch of ARCHES) {
    const k = await bootDisk(arch);
    const content = Uint8Array.from({ length: 10000 }, (_, i) => i % 251);
    k.vfs.makePath("/mnt/file", { content });
    const added = record(k, "filemap:mm_filemap_add_to_page_cache");
    run(k, function* (p) {
      const fd = yield* p.call("openat", AT_FDCWD, "/mnt/file", 0, 0);
      const buf = p.room(4096);
      const first = k.clock.now;
      assertEquals(yield* p.call("read", fd, buf, 4096), 4096);
      assert(k.clock.now - first >= 100_000);
      assertEquals(k.memory.readBytes(buf, 4096), content.subarray(0, 4096));
      const second = k.clock.now;
      assertEquals(yield* p.call("read", fd, buf, 4096), 4096);
      assert(k.clock.now - second < 50_000);
      assertEquals(yield* p.call("read", fd, buf, 4096), 10000 - 8192);
      assertEquals(yield* p.call("read", fd, buf, 4096), 0);
    });
    const inode = k.vfs.lookup("/mnt/file")?.inode;
    assertEquals(
      added.map(({ fields }) => [fields.i_ino, fields.index]),
      [0, 1, 2].map((i) => [inode?.ino, i]),
    );
    const space = inode ? k.pageCache.known(inode) : undefined;
    const page = space?.pages.get(1);
    assertEquals(
      ["index", "mapping"].map((name) => k.structs.field("struct page", name).get(page?.address ?? 0)),
      [1, space?.address],
    );
  }
});

Deno.test("a module's functions are probed by name, where a disk has loaded it", async () => {
  const k = await bootDisk("x86_64");
  let reads = 0;
  const probe = new Kprobe({
    symbolName: "ext4_file_read_iter",
    preHandler: () => {
      reads++;
      return 0;
    },
  });
  assertEquals(k.kprobes.registerKprobe(probe), 0);
  run(k, function* (p) {
    assertEquals(yield* put(p, "/mnt/a", "hello"), [3, 5, 0]);
    assertEquals(yield* get(k, p, "/mnt/a"), "hello");
  });
  assertEquals(reads, 1);
});

Deno.test("O_APPEND writes at the end, wherever the file's position is", async () => {
  for (const direct of [0, O_DIRECT.x86_64]) {
    const k = await bootDisk("x86_64");
    run(k, function* (p) {
      const fd = yield* p.call("openat", AT_FDCWD, "/mnt/log", O_RDWR | O_CREAT | O_APPEND | direct, 0o644);
      assertEquals(yield* p.call("write", fd, p.room(512), 512), 512);
      assertEquals(yield* p.call("lseek", fd, 0, 0), 0);
      assertEquals(yield* p.call("write", fd, p.room(512), 512), 512);
      assertEquals(yield* p.call("lseek", fd, 0, 1), 1024);
    });
    assertEquals(k.vfs.lookup("/mnt/log")?.inode?.size, 1024);
  }
});

Deno.test("fsync with a journal: the data, the log, then a commit record that flushes", async () => {
  const k = await bootDisk("x86_64", { kind: "ssd" });
  const passed = record(k, "block:block_rq_issue", "block:block_rq_complete");
  run(k, function* (p) {
    const fd = yield* p.call("openat", AT_FDCWD, "/mnt/f", O_RDWR | O_CREAT, 0o644);
    yield* p.call("write", fd, p.room(4096), 4096);
    assertEquals(passed, []);
    assertEquals(yield* p.call("fsync", fd), 0);
    const done = k.clock.now;
    assert(passed.every(({ time }) => time <= done));
    const again = passed.length;
    // Nothing has changed since: one flush, no commit.
    assertEquals(yield* p.call("fsync", fd), 0);
    assertEquals(passed.slice(again).map(({ name, rwbs }) => `${name} ${rwbs}`), [
      "block_rq_issue FF",
      "block_rq_complete FF",
      "block_rq_complete FW",
    ]);
  });
  const issued = passed.filter(({ name }) => name === "block_rq_issue").map(({ comm, rwbs }) =>
    `${comm} ${rwbs}`
  );
  assertEquals(issued[0], "test WS");
  // The record is issued from the interrupt that ends the flush before it.
  assert(/^swapper\/\d WFSM$/.test(issued.slice(1, -1).at(-1) ?? ""));
  assert(issued.includes("jbd2/nullb0-8 WSM"));
  assert(issued.includes("jbd2/nullb0-8 FF"));
});

Deno.test("fsync without a journal writes the data, then the inode's block", async () => {
  const k = await bootDisk("x86_64", { blockSize: 1024, journal: false, extents: false });
  const passed = record(k, "block:block_rq_issue");
  run(k, function* (p) {
    const fd = yield* p.call("openat", AT_FDCWD, "/mnt/f", O_RDWR | O_CREAT, 0o644);
    yield* p.call("write", fd, p.room(4096), 4096);
    assertEquals(yield* p.call("fsync", fd), 0);
  });
  assertEquals(passed.map(({ rwbs, fields }) => [rwbs, fields.nr_sector]), [["WS", 8], ["WS", 2]]);
});

Deno.test("O_SYNC writes are over when they are on the disk", async () => {
  const k = await bootDisk();
  const passed = record(k, "block:block_rq_complete");
  run(k, function* (p) {
    const fd = yield* p.call("openat", AT_FDCWD, "/mnt/f", O_RDWR | O_CREAT | O_SYNC, 0o644);
    assertEquals(yield* p.call("write", fd, p.room(4096), 4096), 4096);
    assert(passed.length > 0);
    assertEquals(k.pageCache.dirty, 0);
  });
});

Deno.test("O_DIRECT goes past the page cache, in whole sectors only", async () => {
  for (const arch of ARCHES) {
    const k = await bootDisk(arch);
    const passed = record(k, "block:block_rq_issue");
    run(k, function* (p) {
      const buf = Math.ceil(p.room(12288) / 4096) * 4096;
      const fd = yield* p.call("openat", AT_FDCWD, "/mnt/f", O_RDWR | O_CREAT | O_DIRECT[arch], 0o644);
      k.memory.fill(buf, 8192, 7);
      assertEquals(yield* p.call("write", fd, buf, 8192), 8192);
      assertEquals(yield* p.call("write", fd, buf, 100), -22);
      k.memory.fill(buf, 8192, 0);
      assertEquals(yield* p.call("lseek", fd, 0, 0), 0);
      assertEquals(yield* p.call("read", fd, buf, 4096), 4096);
      assertEquals(k.memory.readBytes(buf, 4096), new Uint8Array(4096).fill(7));
      assertEquals(yield* p.call("lseek", fd, 100, 0), 100);
      assertEquals(yield* p.call("read", fd, buf, 4096), -22);
    });
    assertEquals(passed.map(({ rwbs, fields }) => `${rwbs} ${fields.nr_sector}`), ["WS 16", "R 8"]);
    assertEquals(k.pageCache.filePages, 0);
  }
});

Deno.test("a full disk: ENOSPC, and room again when something is removed", async () => {
  const k = await bootDisk("x86_64", { bytes: 2 ** 20, blockSize: 1024, journal: false, extents: false });
  run(k, function* (p) {
    const buf = p.room(65536);
    const fd = yield* p.call("openat", AT_FDCWD, "/mnt/big", O_RDWR | O_CREAT, 0o644);
    let total = 0;
    let last = 0;
    for (let i = 0; i < 40; i++) {
      last = yield* p.call("write", fd, buf, 65536);
      if (last <= 0) break;
      total += last;
    }
    assertEquals(last, -28);
    assert(total > 500_000 && total < 2 ** 20);
    const other = yield* p.call("openat", AT_FDCWD, "/mnt/other", O_RDWR | O_CREAT, 0o644);
    assertEquals(yield* p.call("write", other, buf, 4096), -28);
    yield* p.call("close", fd);
    assertEquals(yield* p.call("unlinkat", AT_FDCWD, "/mnt/big", 0), 0);
    assertEquals(yield* p.call("write", other, buf, 4096), 4096);
    assertEquals(yield* p.call("fsync", other), 0);
  });
});

Deno.test("sectors that fail: EIO to who reads, and to the next fsync after a write", async () => {
  const k = await bootDisk("x86_64", {
    blockSize: 1024,
    journal: false,
    extents: false,
    badSectors: [[5000, 100000]],
  });
  k.vfs.makePath("/mnt/good", { content: new Uint8Array(2 ** 20) });
  k.vfs.makePath("/mnt/bad", { content: new Uint8Array(4 * 2 ** 20) });
  const passed = record(k, "block:block_rq_error");
  run(k, function* (p) {
    const buf = p.room(65536);
    const good = yield* p.call("openat", AT_FDCWD, "/mnt/good", 0, 0);
    assertEquals(yield* p.call("read", good, buf, 4096), 4096);
    const bad = yield* p.call("openat", AT_FDCWD, "/mnt/bad", O_RDWR, 0);
    assertEquals(yield* p.call("pread64", bad, buf, 4096, 3 * 2 ** 20), -5);
    assert(passed.length > 0 && passed.every(({ fields }) => fields.error === -5));
    assertEquals(yield* p.call("pwrite64", bad, buf, 4096, 3 * 2 ** 20), 4096);
    assertEquals(yield* p.call("fsync", bad), -5);
    assertEquals(yield* p.call("fsync", bad), 0);
  });
});

Deno.test("what is dirty for half a minute is written by a worker", async () => {
  const k = await bootDisk("x86_64", { blockSize: 1024, journal: false, extents: false });
  const passed = record(
    k,
    "writeback:writeback_start",
    "writeback:writeback_written",
    "block:block_rq_issue",
  );
  run(k, function* (p) {
    const fd = yield* p.call("openat", AT_FDCWD, "/mnt/f", O_RDWR | O_CREAT, 0o644);
    yield* p.call("write", fd, p.room(8192), 8192);
    const time = p.room(16);
    k.memory.store(time, 8, 40);
    k.memory.store(time + 8, 8, 0);
    assertEquals(k.pageCache.dirty, 2);
    yield* p.call("nanosleep", time, 0);
    assertEquals([k.pageCache.dirty, k.pageCache.writeback], [0, 0]);
  });
  const issue = passed.find(({ name }) => name === "block_rq_issue");
  assertEquals([issue?.comm, issue?.rwbs, issue?.fields.nr_sector], ["kworker/u4:0", "W", 16]);
  assert((issue?.time ?? 0) >= 30e9 && (issue?.time ?? 0) < 36e9);
  const starts = passed.filter(({ name }) => name === "writeback_start");
  const ends = passed.filter(({ name }) => name === "writeback_written");
  assert(starts.length > 0 && starts.length === ends.length);
});

Deno.test("a writer that dirties too much waits, and a worker writes in the background", async () => {
  const k = await bootDisk("x86_64", { blockSize: 1024, journal: false, extents: false });
  k.pageCache.dirtyable = 1000;
  const passed = record(
    k,
    "writeback:balance_dirty_pages",
    "writeback:writeback_wake_background",
    "block:block_rq_issue",
  );
  run(k, function* (p) {
    const buf = p.room(65536);
    const fd = yield* p.call("openat", AT_FDCWD, "/mnt/f", O_RDWR | O_CREAT, 0o644);
    for (let i = 0; i < 40; i++) assertEquals(yield* p.call("write", fd, buf, 65536), 65536);
    assert(k.pageCache.dirty <= 200);
  });
  const names = passed.map(({ name }) => name);
  assert(names.includes("writeback_wake_background") && names.includes("balance_dirty_pages"));
  assert(passed.some(({ name, comm }) => name === "block_rq_issue" && comm.startsWith("kworker")));
});

Deno.test("truncating takes pages and blocks away, and what was behind the cut reads as zeros", async () => {
  for (const arch of ARCHES) {
    const k = await bootDisk(arch);
    run(k, function* (p) {
      const buf = p.room(16384);
      k.memory.fill(buf, 16384, 9);
      const fd = yield* p.call("openat", AT_FDCWD, "/mnt/f", O_RDWR | O_CREAT, 0o644);
      yield* p.call("write", fd, buf, 16384);
      const cut = pick(k, "ftruncate");
      assertEquals(yield* p.call(cut, fd, 5000), 0);
      assertEquals([k.pageCache.filePages, k.pageCache.dirty], [2, 2]);
      assertEquals(yield* p.call(cut, fd, 9000), 0);
      assertEquals(yield* p.call("lseek", fd, 0, 0), 0);
      assertEquals(yield* p.call("read", fd, buf, 16384), 9000);
      assertEquals([k.memory.load(buf + 4999, 1, false), k.memory.load(buf + 5000, 1, false)], [9, 0]);
      assertEquals(yield* p.call("fsync", fd), 0);
    });
  }
});

Deno.test("two tasks that want one page: one reads it, both get it", async () => {
  const k = await bootDisk();
  k.vfs.makePath("/mnt/file", { content: new Uint8Array(4096).fill(3) });
  const passed = record(k, "block:block_rq_issue");
  const read = function* (p: TestProgram): Blocking<void> {
    const fd = yield* p.call("openat", AT_FDCWD, "/mnt/file", 0, 0);
    const buf = p.room(4096);
    assertEquals(yield* p.call("read", fd, buf, 4096), 4096);
    assertEquals(k.memory.load(buf, 1, false), 3);
  };
  start(k, "one", read);
  start(k, "two", read);
  assertEquals(k.scheduler.run().reason, "done");
  assertEquals(passed.length, 1);
});
