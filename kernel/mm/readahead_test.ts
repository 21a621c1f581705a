import { assertEquals } from "@std/assert";
import { bootDisk, record } from "../fs/ext4/testing.ts";
import type { Kernel } from "../kernel.ts";
import { run } from "../syscalls/test_program.ts";
import { PG_READAHEAD } from "./page_flags.ts";
import { initialSize, nextSize } from "./readahead.ts";

const AT_FDCWD = -100;

/** Sizes of the reads, in pages, that a disk gets while pages of a file are read in that order. */
async function readsOf(pages: readonly number[], each = 1): Promise<{ k: Kernel; reads: number[] }> {
  const k = await bootDisk("x86_64");
  k.vfs.makePath("/mnt/file", { size: 4 * 2 ** 20 });
  const issued = record(k, "block:block_rq_issue");
  run(k, function* (p) {
    const fd = yield* p.call("openat", AT_FDCWD, "/mnt/file", 0, 0);
    const buf = p.room(each * 4096);
    for (const page of pages) {
      assertEquals(yield* p.call("pread64", fd, buf, each * 4096, page * 4096), each * 4096);
    }
  });
  return { k, reads: issued.map(({ fields }) => (fields.nr_sector ?? 0) / 8) };
}

const inOrder = (count: number) => Array.from({ length: count }, (_, i) => i);

Deno.test("windows grow as get_init_ra_size and get_next_ra_size have it", () => {
  assertEquals([1, 2, 3, 4, 8, 9, 32].map((request) => initialSize(request, 32)), [4, 4, 8, 8, 16, 32, 32]);
  assertEquals([1, 2, 4, 8, 16, 17, 32].map((size) => nextSize(size, 32)), [4, 4, 8, 16, 32, 32, 32]);
});

Deno.test("a file that is read in sequence is read ahead in windows that double up to 32 pages", async () => {
  const { k, reads } = await readsOf(inOrder(100));
  assertEquals(reads.slice(0, 6), [4, 8, 16, 32, 32, 32]);
  // The next window starts when its marked page is reached, which is the first of the window before.
  const inode = k.vfs.lookup("/mnt/file")?.inode;
  const space = inode ? k.pageCache.known(inode) : undefined;
  const marked = [...space?.pages ?? []].filter(([, folio]) => folio.test(PG_READAHEAD)).map(([index]) =>
    index
  );
  assertEquals(marked, [124]);
  assertEquals(space?.pages.size, 156);
});

Deno.test("what is read in no order is read as it is asked for", async () => {
  const places = Array.from({ length: 40 }, (_, i) => 5 + (i * 397) % 1000);
  assertEquals((await readsOf(places)).reads, places.map(() => 1));
  assertEquals((await readsOf(places.slice(0, 10).map((page) => page & ~1), 2)).reads, new Array(10).fill(2));
});

Deno.test("nothing is read behind the end of a file, and nothing twice", async () => {
  const { k, reads } = await readsOf([...inOrder(1024), ...inOrder(1024)]);
  assertEquals(reads.reduce((sum, pages) => sum + pages, 0), 1024);
  assertEquals(k.pageCache.known(k.vfs.lookup("/mnt/file")!.inode!)?.pages.size, 1024);
});
