/** Mounting by descriptors, and disks by their device. */

import { assertEquals } from "@std/assert";
import { ARCHES, bootTest, run, type TestProgram } from "../syscalls/test_program.ts";
import { bootDisk } from "./ext4/testing.ts";
import { AT_FDCWD, O_CREAT, O_RDWR } from "./modes.ts";

const [FLAG, STRING, CREATE] = [0, 1, 6];
const F_EMPTY_PATH = 4;

const isMount = (p: TestProgram, path: string): boolean =>
  [...p.k.vfs.mounts.values()].some(({ mnt, mountpoint, parent }) =>
    p.k.vfs.pathOf(parent.mnt, mountpoint) === path && parent.mnt !== mnt
  );

for (const arch of ARCHES) {
  Deno.test(`${arch}: a file system is opened, configured, mounted nowhere and then somewhere`, async () => {
    const k = await bootTest(arch);
    run(k, function* (p) {
      assertEquals(yield* p.call("fsopen", "nonsense", 0), -19);
      assertEquals(yield* p.call("fsopen", "tmpfs", 2), -22);
      const fs = yield* p.call("fsopen", "tmpfs", 1);
      assertEquals(yield* p.call("fsmount", fs, 0, 0), -16);
      assertEquals(yield* p.call("fsconfig", fs, STRING, "source", "store", 0), 0);
      assertEquals(yield* p.call("fsconfig", fs, STRING, "size", "1M", 0), 0);
      assertEquals(yield* p.call("fsconfig", fs, STRING, "colour", "red", 0), -22);
      assertEquals(yield* p.call("fsconfig", fs, FLAG, "ro", 0, 0), 0);
      assertEquals(yield* p.call("fsconfig", fs, CREATE, 0, 0, 0), 0);
      assertEquals(yield* p.call("fsconfig", fs, CREATE, 0, 0, 0), -16);
      // MOUNT_ATTR_NODEV
      const mount = yield* p.call("fsmount", fs, 1, 4);
      assertEquals(mount >= 0, true);
      yield* p.call("mkdirat", AT_FDCWD, "/store", 0o755);
      assertEquals(yield* p.call("move_mount", mount, "", AT_FDCWD, "/none", F_EMPTY_PATH), -2);
      assertEquals(yield* p.call("move_mount", mount, "", AT_FDCWD, "/store", F_EMPTY_PATH), 0);
      assertEquals(isMount(p, "/store"), true);
      assertEquals(yield* p.call("openat", AT_FDCWD, "/store/x", O_RDWR | O_CREAT, 0o600), -30);
      const found = [...k.vfs.mounts.values()].find(({ source }) => source === "store");
      assertEquals([found?.sb.readOnly, (found?.flags ?? 0) & 0x22], [true, 0x22]);
      const clone = yield* p.call("open_tree", AT_FDCWD, "/store", 1);
      yield* p.call("mkdirat", AT_FDCWD, "/again", 0o755);
      assertEquals(yield* p.call("move_mount", clone, "", AT_FDCWD, "/again", F_EMPTY_PATH), 0);
      assertEquals(isMount(p, "/again"), true);
      // MOUNT_ATTR_NOEXEC set; the first of its kind to be cleared isn't there.
      const attr = p.room(32);
      for (let i = 0; i < 4; i++) k.memory.store(attr + i * 8, 8, i === 0 ? 8 : 0);
      assertEquals(yield* p.call("mount_setattr", AT_FDCWD, "/again", 0, attr, 16), -22);
      assertEquals(yield* p.call("mount_setattr", AT_FDCWD, "/again", 0, attr, 32), 0);
    });
  });
}

Deno.test("a disk's file system goes and comes by its device", async () => {
  const k = await bootDisk();
  run(k, function* (p) {
    const fd = yield* p.call("openat", AT_FDCWD, "/mnt/file", O_RDWR | O_CREAT, 0o644);
    yield* p.call("write", fd, p.text("kept"), 4);
    assertEquals(yield* p.call("umount2", "/mnt", 0), -16);
    yield* p.call("close", fd);
    assertEquals(yield* p.call("umount2", "/mnt", 0), 0);
    assertEquals(yield* p.call("openat", AT_FDCWD, "/mnt/file", 0, 0), -2);
    assertEquals(yield* p.call("mount", "/dev/none", "/mnt", "ext4", 0, 0), -2);
    assertEquals(yield* p.call("mount", "/dev/null", "/mnt", "ext4", 0, 0), -15);
    yield* p.call("mkdir", "/data", 0o755);
    assertEquals(yield* p.call("mount", "/dev/nullb0", "/data", "ext4", 0, 0), 0);
    const again = yield* p.call("openat", AT_FDCWD, "/data/file", 0, 0);
    const buf = p.room(8);
    assertEquals(yield* p.call("read", again, buf, 8), 4);
    assertEquals(new TextDecoder().decode(k.memory.readBytes(buf, 4)), "kept");
  });
});
