/** Descriptors of overlapping calls of two threads. */

import { assertEquals } from "@std/assert";
import { bootTest, run } from "../syscalls/test_program.ts";
import { fdFile } from "./files_struct.ts";
import { AT_FDCWD } from "./modes.ts";

Deno.test("a call that began before another thread closed its descriptor still gets it", async () => {
  const k = await bootTest();
  k.vfs.makePath("/tmp/old", { content: new Uint8Array(3) });
  k.vfs.makePath("/tmp/new", { content: new Uint8Array(7) });
  run(k, function* (p) {
    const sizeOf = (fd: number) => k.vfs.files.get(fdFile(k, p.task.files, fd))?.inode?.size;
    assertEquals(yield* p.replay("openat", [AT_FDCWD, "/tmp/old", 0, 0], { ret: 3 }), 3);
    const other = k.tasks.create({ comm: "other", threadOf: p.task });
    // This thread's open begins, the other's close of 3 comes, the open ends and has 3.
    assertEquals(yield* p.replay("openat", [AT_FDCWD, "/tmp/new", 0, 0], { ret: 3 }), 3);
    assertEquals(sizeOf(3), 3);
    assertEquals(yield* p.replay("close", [3], { ret: 0 }), 0);
    assertEquals(sizeOf(3), 7);
    // Where nobody closes it, the next use shows which file it is.
    assertEquals(yield* p.replay("openat", [AT_FDCWD, "/tmp/old", 0, 0], { ret: 3 }), 3);
    assertEquals(sizeOf(3), 7);
    assertEquals(yield* p.replay("fsync", [3], { ret: 0 }), 0);
    assertEquals(sizeOf(3), 3);
    k.tasks.exit(other, 0);
    k.tasks.release(other);
  });
});
