/** `openat2`: which flags go together, and where a walk must not go. openat2(2). */

import { assertEquals } from "@std/assert";
import type { Kernel } from "../kernel.ts";
import { ARCHES, bootTest, run, type TestProgram } from "../syscalls/test_program.ts";
import { E2BIG, EAGAIN, EFAULT, EINVAL, ELOOP, ENOENT, EXDEV } from "../syscalls/errno.ts";
import { fdFile } from "./files_struct.ts";
import { AT_FDCWD, O_CREAT, O_PATH, O_RDWR, S_IFDIR, S_IFLNK } from "./modes.ts";

const NO_XDEV = 1;
const NO_MAGICLINKS = 2;
const NO_SYMLINKS = 4;
const BENEATH = 8;
const IN_ROOT = 16;
const CACHED = 32;

function plant(k: Kernel): void {
  k.vfs.makePath("/d/sub/deep/file", {});
  k.vfs.makePath("/d/file", {});
  k.vfs.makePath("/file", {});
  k.vfs.makePath("/d/sub", { mode: S_IFDIR | 0o755 });
  for (
    const [path, target] of [["/d/in", "sub/deep/file"], ["/d/out", "../file"], ["/d/abs", "/file"]] as const
  ) {
    k.vfs.makePath(path, { mode: S_IFLNK | 0o777, target });
  }
}

function* openat2(
  p: TestProgram,
  path: string,
  flags: number,
  mode: number,
  resolve: number,
  size = 24,
): Generator<{ until?: number }, number | string, void> {
  const how = p.room(64);
  p.k.memory.fill(how, 64, 0);
  p.k.memory.store(how, 8, flags);
  p.k.memory.store(how + 8, 8, mode);
  p.k.memory.store(how + 16, 8, resolve);
  const fd = yield* p.call("openat2", AT_FDCWD, path, how, size);
  if (fd < 0) return fd;
  const file = p.k.vfs.files.get(fdFile(p.k, p.task.files, fd));
  yield* p.call("close", fd);
  return file?.dentry?.path ?? "nothing";
}

/** From `/d`. */
const WALKS: readonly (readonly [path: string, resolve: number, want: string | number])[] = [
  ["sub/deep/file", BENEATH, "/d/sub/deep/file"],
  ["sub/../file", BENEATH, "/d/file"],
  ["../file", BENEATH, -EXDEV],
  ["sub/../../file", BENEATH, -EXDEV],
  ["/file", BENEATH, -EXDEV],
  ["in", BENEATH, "/d/sub/deep/file"],
  ["out", BENEATH, -EXDEV],
  ["abs", BENEATH, -EXDEV],
  ["/file", IN_ROOT, "/d/file"],
  ["../file", IN_ROOT, "/d/file"],
  ["../../../sub/deep/file", IN_ROOT, "/d/sub/deep/file"],
  ["out", IN_ROOT, "/d/file"],
  ["abs", IN_ROOT, "/d/file"],
  ["/none", IN_ROOT, -ENOENT],
  ["in", NO_SYMLINKS, -ELOOP],
  ["file", NO_SYMLINKS, "/d/file"],
  ["/dev/null", NO_XDEV, -EXDEV],
  ["/file", NO_XDEV, "/file"],
  ["/proc/self/cwd/file", NO_MAGICLINKS, -ELOOP],
  ["/proc/self/cwd/file", 0, "/d/file"],
  ["in", NO_MAGICLINKS, "/d/sub/deep/file"],
  ["file", CACHED, "/d/file"],
];

for (const arch of ARCHES) {
  Deno.test(`${arch}: a walk stays where openat2 says`, async () => {
    const k = await bootTest(arch);
    plant(k);
    const got: string[] = [];
    run(k, function* (p) {
      yield* p.call("chdir", "/d");
      for (const [path, resolve] of WALKS) {
        got.push(`${path} ${resolve}: ${yield* openat2(p, path, 0, 0, resolve)}`);
      }
    });
    assertEquals(got, WALKS.map(([path, resolve, want]) => `${path} ${resolve}: ${want}`));
  });

  Deno.test(`${arch}: openat2 minds what open never did`, async () => {
    const k = await bootTest(arch);
    plant(k);
    run(k, function* (p) {
      yield* p.call("chdir", "/d");
      assertEquals(yield* openat2(p, "file", 0, 0o644, 0), -EINVAL);
      assertEquals(yield* openat2(p, "file", O_CREAT, 0o10000, 0), -EINVAL);
      assertEquals(yield* openat2(p, "file", 0x40000000, 0, 0), -EINVAL);
      assertEquals(yield* openat2(p, "file", 0, 0, 64), -EINVAL);
      assertEquals(yield* openat2(p, "file", 0, 0, BENEATH | IN_ROOT), -EINVAL);
      assertEquals(yield* openat2(p, "file", O_PATH | O_RDWR, 0, 0), -EINVAL);
      assertEquals(yield* openat2(p, "file", O_CREAT | O_RDWR, 0o600, CACHED), -EAGAIN);
      assertEquals(yield* openat2(p, "file", 0, 0, 0, 16), -EINVAL);
      assertEquals(yield* openat2(p, "file", 0, 0, 0, 40), "/d/file");
      assertEquals(yield* openat2(p, "file", 0, 0, 0, 5000), -E2BIG);
      assertEquals(yield* p.call("openat2", AT_FDCWD, "file", 0x10, 24), -EFAULT);
      assertEquals(yield* p.call("openat", AT_FDCWD, "file", 0x40000000, 0o644), 3);
    });
  });
}
