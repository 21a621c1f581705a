/** Path walks against what POSIX and path_resolution(7) say, one line each. */

import { assertEquals } from "@std/assert";
import type { Kernel } from "../kernel.ts";
import { ARCHES, bootTest, run, type TestProgram } from "../syscalls/test_program.ts";
import {
  EEXIST,
  EINVAL,
  EISDIR,
  ELOOP,
  ENAMETOOLONG,
  ENOENT,
  ENOTDIR,
  ENOTEMPTY,
} from "../syscalls/errno.ts";
import { fdFile } from "./files_struct.ts";
import { AT_FDCWD, AT_REMOVEDIR, O_CREAT, O_DIRECTORY, O_EXCL, O_WRONLY, S_IFDIR, S_IFLNK } from "./modes.ts";

/** Builds the tree that the tables are about; the current directory is `/d`. */
function plant(k: Kernel): void {
  k.vfs.makePath("/d/sub/deep", { mode: S_IFDIR | 0o755 });
  k.vfs.makePath("/d/file", { content: new TextEncoder().encode("text") });
  const links: Record<string, string> = {
    "/d/to-file": "file",
    "/d/to-sub": "sub",
    "/d/up": "..",
    "/d/abs": "/d/sub",
    "/d/dangling": "nowhere",
    "/d/self": "self",
    "/d/ping": "pong",
    "/d/pong": "ping",
    "/d/slashed": "sub/",
    "/d/file-slashed": "file/",
  };
  for (const [path, target] of Object.entries(links)) k.vfs.makePath(path, { mode: S_IFLNK | 0o777, target });
  // 40 links in a row may be followed, 41 may not.
  for (let i = 1; i <= 41; i++) {
    k.vfs.makePath(`/chain/${i}`, { mode: S_IFLNK | 0o777, target: i === 1 ? "/d/file" : `/chain/${i - 1}` });
  }
}

/** What opening gives: the path of the file, or the error. */
function* open(
  p: TestProgram,
  path: string,
  flags: number,
): Generator<{ until?: number }, string | number, void> {
  const fd = yield* p.call("openat", AT_FDCWD, path, flags, 0o644);
  if (fd < 0) return fd;
  const found = p.k.vfs.files.get(fdFile(p.k, p.task.files, fd))?.dentry?.path ?? "nothing";
  yield* p.call("close", fd);
  return found;
}

const OPENS: readonly (readonly [path: string, flags: number, want: string | number])[] = [
  ["file", 0, "/d/file"],
  ["./file", 0, "/d/file"],
  ["sub/../file", 0, "/d/file"],
  ["sub/deep/../../file", 0, "/d/file"],
  ["..", 0, "/"],
  ["../../../d/file", 0, "/d/file"],
  ["//d///file", 0, "/d/file"],
  ["/", 0, "/"],
  ["/..", 0, "/"],
  [".", 0, "/d"],
  ["sub/", 0, "/d/sub"],
  ["sub/.", 0, "/d/sub"],
  ["sub", O_DIRECTORY, "/d/sub"],
  ["", 0, -ENOENT],
  ["none", 0, -ENOENT],
  ["none/", 0, -ENOENT],
  ["none/file", 0, -ENOENT],
  ["none/../file", 0, -ENOENT],
  ["file/", 0, -ENOTDIR],
  ["file/.", 0, -ENOTDIR],
  ["file/..", 0, -ENOTDIR],
  ["file/x", 0, -ENOTDIR],
  ["file", O_DIRECTORY, -ENOTDIR],
  ["to-file", 0, "/d/file"],
  ["to-file/", 0, -ENOTDIR],
  ["to-sub", 0, "/d/sub"],
  ["to-sub/deep", 0, "/d/sub/deep"],
  ["to-sub/..", 0, "/d"],
  ["up/d/file", 0, "/d/file"],
  ["abs/deep", 0, "/d/sub/deep"],
  ["slashed", 0, "/d/sub"],
  ["slashed/deep", 0, "/d/sub/deep"],
  ["file-slashed", 0, -ENOTDIR],
  ["dangling", 0, -ENOENT],
  ["dangling/x", 0, -ENOENT],
  ["self", 0, -ELOOP],
  ["self/x", 0, -ELOOP],
  ["ping", 0, -ELOOP],
  ["/chain/40", 0, "/d/file"],
  ["/chain/41", 0, -ELOOP],
  ["x".repeat(255), 0, -ENOENT],
  ["x".repeat(256), 0, -ENAMETOOLONG],
  ["./".repeat(2048), 0, -ENAMETOOLONG],
  ["sub", O_WRONLY, -EISDIR],
  ["file", O_CREAT | O_WRONLY, "/d/file"],
  ["file", O_CREAT | O_EXCL | O_WRONLY, -EEXIST],
  ["dangling", O_CREAT | O_EXCL | O_WRONLY, -EEXIST],
  ["sub", O_CREAT, -EISDIR],
  ["new/", O_CREAT | O_WRONLY, -EISDIR],
  ["none/new", O_CREAT | O_WRONLY, -ENOENT],
  ["file/new", O_CREAT | O_WRONLY, -ENOTDIR],
  ["sub/new", O_CREAT | O_WRONLY, "/d/sub/new"],
  ["dangling", O_CREAT | O_WRONLY, "/d/nowhere"],
];

/** Calls that change names: `[call, arguments, result]`, each on a fresh tree. */
const CHANGES: readonly (readonly [call: string, args: readonly (string | number)[], want: number])[] = [
  ["mkdirat", [AT_FDCWD, "made", 0o755], 0],
  ["mkdirat", [AT_FDCWD, "made/", 0o755], 0],
  ["mkdirat", [AT_FDCWD, "sub", 0o755], -EEXIST],
  ["mkdirat", [AT_FDCWD, "file", 0o755], -EEXIST],
  ["mkdirat", [AT_FDCWD, ".", 0o755], -EEXIST],
  ["mkdirat", [AT_FDCWD, "/", 0o755], -EEXIST],
  ["mkdirat", [AT_FDCWD, "dangling", 0o755], -EEXIST],
  ["mkdirat", [AT_FDCWD, "none/made", 0o755], -ENOENT],
  ["mkdirat", [AT_FDCWD, "file/made", 0o755], -ENOTDIR],
  ["unlinkat", [AT_FDCWD, "file", 0], 0],
  ["unlinkat", [AT_FDCWD, "to-sub", 0], 0],
  ["unlinkat", [AT_FDCWD, "dangling", 0], 0],
  ["unlinkat", [AT_FDCWD, "none", 0], -ENOENT],
  ["unlinkat", [AT_FDCWD, "sub", 0], -EISDIR],
  ["unlinkat", [AT_FDCWD, "sub/", 0], -EISDIR],
  ["unlinkat", [AT_FDCWD, "none/", 0], -ENOENT],
  ["unlinkat", [AT_FDCWD, "file/", 0], -ENOTDIR],
  ["unlinkat", [AT_FDCWD, "file/x", 0], -ENOTDIR],
  ["unlinkat", [AT_FDCWD, "sub/deep", AT_REMOVEDIR], 0],
  ["unlinkat", [AT_FDCWD, "sub/deep/", AT_REMOVEDIR], 0],
  ["unlinkat", [AT_FDCWD, "sub", AT_REMOVEDIR], -ENOTEMPTY],
  ["unlinkat", [AT_FDCWD, "file", AT_REMOVEDIR], -ENOTDIR],
  ["unlinkat", [AT_FDCWD, "to-sub", AT_REMOVEDIR], -ENOTDIR],
  ["unlinkat", [AT_FDCWD, "sub/deep/.", AT_REMOVEDIR], -EINVAL],
  ["unlinkat", [AT_FDCWD, "sub/deep/..", AT_REMOVEDIR], -ENOTEMPTY],
  ["symlinkat", ["anything", AT_FDCWD, "link"], 0],
  ["symlinkat", ["anything", AT_FDCWD, "file"], -EEXIST],
  ["symlinkat", ["", AT_FDCWD, "link"], -ENOENT],
  ["symlinkat", ["anything", AT_FDCWD, "link/"], -ENOENT],
  ["linkat", [AT_FDCWD, "file", AT_FDCWD, "hard", 0], 0],
  ["linkat", [AT_FDCWD, "none", AT_FDCWD, "hard", 0], -ENOENT],
  ["linkat", [AT_FDCWD, "sub", AT_FDCWD, "hard", 0], -1],
  ["linkat", [AT_FDCWD, "file", AT_FDCWD, "sub", 0], -EEXIST],
  ["linkat", [AT_FDCWD, "file", AT_FDCWD, "hard/", 0], -ENOENT],
  ["renameat2", [AT_FDCWD, "file", AT_FDCWD, "other", 0], 0],
  ["renameat2", [AT_FDCWD, "file", AT_FDCWD, "file", 0], 0],
  ["renameat2", [AT_FDCWD, "none", AT_FDCWD, "other", 0], -ENOENT],
  ["renameat2", [AT_FDCWD, "file", AT_FDCWD, "sub", 0], -EISDIR],
  ["renameat2", [AT_FDCWD, "sub", AT_FDCWD, "file", 0], -ENOTDIR],
  ["renameat2", [AT_FDCWD, "sub", AT_FDCWD, "sub/deep/in", 0], -EINVAL],
  ["renameat2", [AT_FDCWD, "sub/deep", AT_FDCWD, "sub", 0], -ENOTEMPTY],
  ["renameat2", [AT_FDCWD, "file", AT_FDCWD, "other/", 0], -ENOTDIR],
  ["renameat2", [AT_FDCWD, "file/", AT_FDCWD, "other", 0], -ENOTDIR],
  ["renameat2", [AT_FDCWD, "sub/", AT_FDCWD, "other/", 0], 0],
];

for (const arch of ARCHES) {
  Deno.test(`${arch}: paths lead where POSIX says`, async () => {
    const k = await bootTest(arch);
    plant(k);
    const got: string[] = [];
    // The one flag used here that arm64 has another value for.
    const own = (flags: number): number => arch === "arm64" && flags === O_DIRECTORY ? 0o40000 : flags;
    run(k, function* (p) {
      yield* p.call("chdir", "/d");
      for (const [path, flags] of OPENS) {
        got.push(`${path} ${flags.toString(8)}: ${yield* open(p, path, own(flags))}`);
      }
    });
    assertEquals(got, OPENS.map(([path, flags, want]) => `${path} ${flags.toString(8)}: ${want}`));
  });

  Deno.test(`${arch}: names change as POSIX says`, async () => {
    const got: string[] = [];
    for (const [call, args] of CHANGES) {
      const k = await bootTest(arch);
      plant(k);
      run(k, function* (p) {
        yield* p.call("chdir", "/d");
        got.push(`${call}(${args.join(", ")}) = ${yield* p.call(call, ...args)}`);
      });
    }
    assertEquals(got, CHANGES.map(([call, args, want]) => `${call}(${args.join(", ")}) = ${want}`));
  });
}
