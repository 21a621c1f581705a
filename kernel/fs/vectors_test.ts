import { assertEquals } from "@std/assert";
import type { Kernel } from "../kernel.ts";
import { ARCHES, bootTest, run, type TestProgram } from "../syscalls/test_program.ts";
import { AT_FDCWD, O_RDWR } from "./modes.ts";

/** Puts an iovec of these ranges into a program's memory. */
function vector(p: TestProgram, ranges: readonly (readonly [base: number, length: number])[]): number {
  const word = p.k.image.pointerSize;
  const at = p.room(ranges.length * 2 * word);
  ranges.forEach(([base, length], i) => {
    p.k.memory.store(at + 2 * i * word, word, base);
    p.k.memory.store(at + (2 * i + 1) * word, word, length);
  });
  return at;
}

/** Records the position pointer, one of its arguments, that a function is given at each call. */
function positions(k: Kernel, name: string, argument: number): number[] {
  const seen: number[] = [];
  const fn = k.calls.functionByName(name);
  if (fn === undefined) throw new Error(`${k.image.arch} has no ${name}`);
  fn.hooks = {
    offsets: [],
    at() {},
    entry(regs) {
      seen.push(regs.arg(argument));
      return false;
    },
  };
  return seen;
}

for (const arch of ARCHES) {
  Deno.test(`${arch}: readv and writev move the position as read and write do`, async () => {
    const k = await bootTest(arch);
    k.vfs.makePath("/tmp/f", { content: new TextEncoder().encode("0123456789") });
    run(k, function* (p) {
      const fd = yield* p.call("openat", AT_FDCWD, "/tmp/f", O_RDWR, 0);
      const [a, b] = [p.room(16), p.room(16)];
      assertEquals(yield* p.call("readv", fd, vector(p, [[a, 3], [b, 2]]), 2), 5);
      assertEquals(k.memory.readString(a, 3) + k.memory.readString(b, 2), "01234");
      assertEquals(yield* p.call("read", fd, a, 2), 2);
      assertEquals(k.memory.readString(a, 2), "56");
      assertEquals(yield* p.call("writev", fd, vector(p, [[b, 1], [b, 1]]), 2), 2);
      assertEquals(yield* p.call("lseek", fd, 0, 1), 9);
      assertEquals(yield* p.call("preadv", fd, vector(p, [[a, 4]]), 1, 6, 0), 4);
      assertEquals(k.memory.readString(a, 4), "6339");
      assertEquals(yield* p.call("lseek", fd, 0, 1), 9);
      assertEquals(yield* p.call("readv", 99, 0, 0), -9);
      assertEquals(yield* p.call("readv", fd, vector(p, []), 2000), -22);
    });
  });

  Deno.test(`${arch}: a stream has no position, for one buffer or several`, async () => {
    const k = await bootTest(arch);
    const single = positions(k, "vfs_read", 3);
    const several = positions(k, "do_iter_read", 2);
    run(k, function* (p) {
      const fds = p.room(8);
      yield* p.call("pipe2", fds, 0);
      const [read, write] = [k.memory.readS32(fds), k.memory.readS32(fds + 4)];
      const buf = p.room(16);
      yield* p.call("writev", write, vector(p, [[buf, 4], [buf, 4]]), 2);
      assertEquals(yield* p.call("read", read, buf, 4), 4);
      assertEquals(yield* p.call("readv", read, vector(p, [[buf, 4]]), 1), 4);
      assertEquals(yield* p.call("preadv", read, vector(p, [[buf, 4]]), 1, 0, 0), -29);
      assertEquals(yield* p.call("pread64", read, buf, 4, 0), -29);
    });
    assertEquals([single, several], [[0], [0]]);
  });
}
