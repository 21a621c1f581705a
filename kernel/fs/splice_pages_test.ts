/** Files of a disk are sent and filled by way of the page cache. */

import { assert, assertEquals } from "@std/assert";
import { run } from "../syscalls/test_program.ts";
import { bootDisk, record } from "./ext4/testing.ts";
import { AT_FDCWD, O_CREAT, O_RDWR } from "./modes.ts";
import { PG_DIRTY } from "../mm/page_flags.ts";

Deno.test("sendfile reads what is not in memory from the disk, and leaves dirty pages where it writes", async () => {
  const k = await bootDisk();
  const content = new Uint8Array(100_000).map((_, i) => i % 251);
  k.vfs.makePath("/mnt/source", { content });
  const passed = record(k, "block:block_rq_issue");
  run(k, function* (p) {
    const from = yield* p.call("openat", AT_FDCWD, "/mnt/source", 0, 0);
    const to = yield* p.call("openat", AT_FDCWD, "/mnt/copy", O_RDWR | O_CREAT, 0o644);
    let sent = 0;
    for (;;) {
      const count = yield* p.call("sendfile", to, from, 0, 70_000);
      if (count <= 0) break;
      sent += count;
    }
    assertEquals(sent, 100_000);
    const reads = passed.filter(({ rwbs }) => rwbs.startsWith("R"));
    assert(reads.reduce((sum, { fields }) => sum + (fields.nr_sector ?? 0), 0) >= 196);
    const copy = k.vfs.lookup("/mnt/copy")?.inode;
    if (!copy) throw new Error("no copy");
    assertEquals(copy.size, 100_000);
    assertEquals(copy.read(0, 100_000), content);
    const pages = k.pageCache.known(copy)?.pages;
    assertEquals(pages?.size, 25);
    assert([...pages?.values() ?? []].every((folio) => folio.test(PG_DIRTY)));
    // The second time everything is there.
    passed.length = 0;
    const offset = p.room(8);
    k.memory.store(offset, 8, 0);
    assertEquals(yield* p.call("sendfile", to, from, offset, 1000), 1000);
    assertEquals(passed.filter(({ rwbs }) => rwbs.startsWith("R")), []);
  });
});

Deno.test("splice moves a disk's file into a pipe and out of it again", async () => {
  const k = await bootDisk();
  k.vfs.makePath("/mnt/source", { content: new TextEncoder().encode("0123456789".repeat(1000)) });
  run(k, function* (p) {
    const from = yield* p.call("openat", AT_FDCWD, "/mnt/source", 0, 0);
    const to = yield* p.call("openat", AT_FDCWD, "/mnt/copy", O_RDWR | O_CREAT, 0o644);
    const fds = p.room(8);
    assertEquals(yield* p.call("pipe2", fds, 0), 0);
    const [out, into] = [k.memory.load(fds, 4, true), k.memory.load(fds + 4, 4, true)];
    assertEquals(yield* p.call("splice", from, 0, into, 0, 6000, 0), 6000);
    assertEquals(yield* p.call("splice", out, 0, to, 0, 6000, 0), 6000);
    assertEquals(new TextDecoder().decode(k.vfs.lookup("/mnt/copy")?.inode?.read(5990, 20)), "0123456789");
    assertEquals(k.vfs.lookup("/mnt/copy")?.inode?.size, 6000);
  });
});
