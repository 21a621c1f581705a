/** Which calls change which times of which inodes. */

import { assertEquals } from "@std/assert";
import type { Blocking } from "../calls/function.ts";
import { ARCHES, bootTest, pick, run, type TestProgram } from "../syscalls/test_program.ts";
import { BOOT_SECONDS } from "../time/wall_clock.ts";
import { INODE } from "./fields.ts";
import { AT_FDCWD, O_CREAT, O_NOATIME, O_RDWR } from "./modes.ts";

const MS = 1_000_000;

function* sleep(p: TestProgram, ms: number): Blocking<void> {
  const word = p.k.image.pointerSize;
  const time = p.room(16);
  p.k.memory.store(time, word, 0);
  p.k.memory.store(time + word, word, ms * MS);
  yield* p.call("nanosleep", time, 0);
}

/** Times of what is at a path, in milliseconds since boot: read, written, changed. */
function times(p: TestProgram, path: string): number[] {
  const inode = p.k.vfs.lookup(path)?.inode?.address ?? 0;
  return (["atime", "mtime", "ctime"] as const).map((name) =>
    (INODE[name].get(p.k, inode) - BOOT_SECONDS) * 1000 + INODE[`${name}Nsec`].get(p.k, inode) / MS
  );
}

/** The last tick, in milliseconds since boot. */
const tick = (p: TestProgram): number => Math.floor(p.k.clock.now / (4 * MS)) * 4;

for (const arch of ARCHES) {
  Deno.test(`${arch}: writing, reading and renaming leave the time of the last tick`, async () => {
    const k = await bootTest(arch);
    run(k, function* (p) {
      yield* sleep(p, 10);
      const fd = yield* p.call("openat", AT_FDCWD, "/tmp/file", O_RDWR | O_CREAT, 0o644);
      const made = tick(p);
      assertEquals(times(p, "/tmp/file"), [made, made, made]);
      assertEquals(times(p, "/tmp").slice(1), [made, made]);
      yield* sleep(p, 10);
      const buf = p.room(16);
      yield* p.call("write", fd, buf, 16);
      const written = tick(p);
      assertEquals(times(p, "/tmp/file"), [made, written, written]);
      // Within the same tick nothing differs from what is noted.
      yield* p.call("write", fd, buf, 16);
      assertEquals(times(p, "/tmp/file"), [made, written, written]);
      yield* sleep(p, 10);
      yield* p.call("pread64", fd, buf, 8, 0, 0);
      const read = tick(p);
      assertEquals(times(p, "/tmp/file"), [read, written, written]);
      yield* sleep(p, 10);
      yield* p.call(pick(k, "rename", "renameat"), ...onPaths(k, "/tmp/file", "/tmp/other"));
      const renamed = tick(p);
      assertEquals(times(p, "/tmp/other"), [read, written, renamed]);
      assertEquals(times(p, "/tmp").slice(1), [renamed, renamed]);
      yield* sleep(p, 10);
      yield* p.call(pick(k, "ftruncate64", "ftruncate"), fd, 0, 0);
      const cut = tick(p);
      assertEquals(times(p, "/tmp/other"), [read, cut, cut]);
      yield* sleep(p, 10);
      yield* p.call("fchmod", fd, 0o600);
      assertEquals(times(p, "/tmp/other"), [read, cut, tick(p)]);
    });
  });
}

function onPaths(k: TestProgram["k"], from: string, to: string): (string | number)[] {
  return k.image.syscallNumber("rename") === undefined ? [AT_FDCWD, from, AT_FDCWD, to] : [from, to];
}

/** Reads a file again and again: after which rounds, of those from 0 on, its time of access was new. */
async function noted(flags: number, open = 0): Promise<number[]> {
  const k = await bootTest();
  const rounds: number[] = [];
  run(k, function* (p) {
    yield* p.call("mkdir", "/mnt", 0o755);
    assertEquals(yield* p.call("mount", "none", "/mnt", "tmpfs", flags, 0), 0);
    const fd = yield* p.call("openat", AT_FDCWD, "/mnt/file", O_RDWR | O_CREAT | open, 0o644);
    const buf = p.room(16);
    for (let round = 0; round < 4; round++) {
      yield* sleep(p, 10);
      if (round === 2) yield* p.call("write", fd, buf, 16);
      yield* sleep(p, 10);
      const [before] = times(p, "/mnt/file");
      yield* p.call("pread64", fd, buf, 8, 0);
      if (times(p, "/mnt/file")[0] !== before) rounds.push(round);
    }
  });
  return rounds;
}

Deno.test("a read is noted after a change only, unless the mount says otherwise", async () => {
  const [NOATIME, STRICTATIME] = [1024, 1 << 24];
  assertEquals(await noted(0), [0, 2]);
  assertEquals(await noted(STRICTATIME), [0, 1, 2, 3]);
  assertEquals(await noted(NOATIME), []);
  assertEquals(await noted(STRICTATIME, O_NOATIME), []);
});
