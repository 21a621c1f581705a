/** Random programs on the file tree: whatever they do, the tree stays a tree, and what is counted is right. */

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Kernel } from "../kernel.ts";
import { ARCHES, bootTest, run } from "../syscalls/test_program.ts";
import type { Dentry } from "./dentry.ts";
import { AT_FDCWD, AT_REMOVEDIR, O_CREAT, O_RDWR, S_IFDIR } from "./modes.ts";
import { checkTree } from "./testing.ts";

/** Names are few, so that calls meet. */
const name = fc.constantFrom("a", "b", "c");
const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => `/w/${parts.join("/")}`);
const act = fc.oneof(
  fc.record({ op: fc.constant("mkdir" as const), path, to: path }),
  fc.record({ op: fc.constant("create" as const), path, to: path }),
  fc.record({ op: fc.constant("unlink" as const), path, to: path }),
  fc.record({ op: fc.constant("rmdir" as const), path, to: path }),
  fc.record({ op: fc.constant("rename" as const), path, to: path }),
  fc.record({ op: fc.constant("exchange" as const), path, to: path }),
  fc.record({ op: fc.constant("link" as const), path, to: path }),
  fc.record({ op: fc.constant("symlink" as const), path, to: path }),
  fc.record({ op: fc.constant("open" as const), path, to: path }),
  fc.record({ op: fc.constant("close" as const), path, to: path }),
  fc.record({ op: fc.constant("chdir" as const), path, to: path }),
  fc.record({ op: fc.constant("mount" as const), path, to: path }),
  fc.record({ op: fc.constant("umount" as const), path, to: path }),
);
type Act = typeof act extends fc.Arbitrary<infer T> ? T : never;

for (const arch of ARCHES) {
  Deno.test(`${arch}: whatever programs do to the tree, chains end in themselves and counts are right`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(act, { maxLength: 60 }), async (acts: readonly Act[]) => {
        const k = await bootTest(arch);
        k.vfs.makePath("/w/a", { mode: S_IFDIR | 0o755 });
        const sizes = (): { dentries: number; inodes: number } => ({
          dentries: k.vfs.dentries.size,
          inodes: k.vfs.inodes.size,
        });
        run(k, function* (p) {
          const before = sizes();
          const fds: number[] = [];
          for (const { op, path, to } of acts) {
            switch (op) {
              case "mkdir":
                yield* p.call("mkdirat", AT_FDCWD, path, 0o755);
                break;
              case "create":
              case "open": {
                const fd = yield* p.call(
                  "openat",
                  AT_FDCWD,
                  path,
                  op === "open" ? 0 : O_CREAT | O_RDWR,
                  0o600,
                );
                if (fd >= 0) fds.push(fd);
                break;
              }
              case "close":
                if (fds.length > 0) yield* p.call("close", fds.shift() ?? -1);
                break;
              case "unlink":
              case "rmdir":
                yield* p.call("unlinkat", AT_FDCWD, path, op === "rmdir" ? AT_REMOVEDIR : 0);
                break;
              case "rename":
              case "exchange":
                yield* p.call("renameat2", AT_FDCWD, path, AT_FDCWD, to, op === "rename" ? 0 : 2);
                break;
              case "link":
                yield* p.call("linkat", AT_FDCWD, path, AT_FDCWD, to, 0);
                break;
              case "symlink":
                yield* p.call("symlinkat", to, AT_FDCWD, path);
                break;
              case "chdir":
                yield* p.call("chdir", path);
                break;
              case "mount":
                yield* p.call("mount", "x", path, "tmpfs", 0, 0);
                break;
              case "umount":
                yield* p.call("umount2", path, 0);
                break;
            }
            checkTree(k);
          }
          yield* p.call("chdir", "/");
          for (const fd of fds) yield* p.call("close", fd);
          // Everything goes, down to what was there before.
          for (const mount of [...k.vfs.mounts.values()].reverse()) {
            if (mount.source === "x") k.vfs.unmount(mount);
          }
          yield* clear(p, k, k.vfs.lookup("/w") as Dentry);
          yield* p.call("mkdirat", AT_FDCWD, "/w/a", 0o755);
          checkTree(k);
          if (!acts.some(({ op }) => op === "mount")) assertEquals(sizes(), before);
        });
      }),
      { numRuns: 40, seed: 7 },
    );
  });
}
/** Removes what is in a directory, with all below it. */
function* clear(
  p: import("../syscalls/test_program.ts").TestProgram,
  k: Kernel,
  dir: Dentry,
): Generator<{ until?: number }, void, void> {
  for (const child of [...dir.inode?.entries?.values() ?? []]) {
    if (child.inode?.entries) yield* clear(p, k, child);
    yield* p.call("unlinkat", AT_FDCWD, child.path, child.inode?.entries ? AT_REMOVEDIR : 0);
  }
}
