import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { ARCHES, bootTest, pick, run } from "../syscalls/test_program.ts";
import { DENTRY, FILE, MOUNT } from "./fields.ts";
import { fdFile, openFds } from "./files_struct.ts";
import { AT_FDCWD, O_APPEND, O_CREAT, O_EXCL, O_RDWR, O_TRUNC, O_WRONLY, S_IFDIR, S_IFLNK } from "./modes.ts";

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

for (const arch of ARCHES) {
  Deno.test(`${arch}: dentries and mounts end in themselves`, async () => {
    const k = await bootTest(arch);
    const file = k.vfs.makePath("/srv/demo/a/very/deep/place/with-a-name-longer-than-the-inline-one.txt");
    let at = file.address;
    const names: string[] = [];
    for (let steps = 0; steps < 20; steps++) {
      names.push(k.memory.readString(DENTRY.name.get(k, at)));
      const parent = DENTRY.parent.get(k, at);
      if (parent === at) break;
      at = parent;
    }
    assertEquals(names, [
      "with-a-name-longer-than-the-inline-one.txt",
      "place",
      "deep",
      "very",
      "a",
      "demo",
      "srv",
      "/",
    ]); // deno-fmt-ignore
    assertEquals(MOUNT.parent.get(k, k.vfs.rootMount), k.vfs.rootMount);
    assertEquals(MOUNT.mountpoint.get(k, k.vfs.rootMount), k.vfs.root.address);
  });

  Deno.test(`${arch}: a file is written, read and found again`, async () => {
    const k = await bootTest(arch);
    run(k, function* (p) {
      const fd = yield* p.call("openat", AT_FDCWD, "/tmp/note", O_RDWR | O_CREAT | O_TRUNC, 0o644);
      assertEquals(fd, 3);
      assertEquals(yield* p.call("write", fd, "hello world", 11), 11);
      assertEquals(yield* p.call(pick(k, "lseek"), fd, 6, 0), 6);
      const buf = p.room(64);
      assertEquals(yield* p.call("read", fd, buf, 64), 5);
      assertEquals(k.memory.readString(buf, 5), "world");
      assertEquals(yield* p.call("read", fd, buf, 64), 0);
      assertEquals(FILE.pos.get(k, fdFile(k, p.task.files, fd)), 11);
      assertEquals(yield* p.call("close", fd), 0);
      assertEquals(yield* p.call("close", fd), -9);
      const again = yield* p.call("openat", AT_FDCWD, "/tmp/../tmp/./note", O_WRONLY | O_APPEND, 0);
      assertEquals(yield* p.call("write", again, "!", 1), 1);
      assertEquals(yield* p.call("read", again, buf, 1), -9);
    });
    assertEquals(k.vfs.lookup("/tmp/note")?.inode?.size, 12);
  });

  Deno.test(`${arch}: the errors are Linux's`, async () => {
    const k = await bootTest(arch);
    k.vfs.makePath("/tmp/file", { content: text("x") });
    k.vfs.makePath("/tmp/dir/inner", {});
    run(k, function* (p) {
      const open = (path: string, flags = 0) => p.call("openat", AT_FDCWD, path, flags, 0o600);
      assertEquals(yield* open("/tmp/none"), -2);
      assertEquals(yield* open(""), -2);
      assertEquals(yield* open("/tmp/file/x"), -20);
      assertEquals(yield* open("/none/x", O_CREAT), -2);
      assertEquals(yield* open("/tmp/dir", O_WRONLY), -21);
      assertEquals(yield* open("/tmp/file", O_CREAT | O_EXCL), -17);
      assertEquals(yield* p.call("openat", AT_FDCWD, 0x10, 0, 0), -14);
      assertEquals(yield* p.call("openat", 99, "relative", 0, 0), -9);
      assertEquals(yield* p.call("read", 99, p.room(8), 8), -9);
      const unlink = (path: string, flags: number) => p.call("unlinkat", AT_FDCWD, path, flags);
      assertEquals(yield* unlink("/tmp/dir", 0), -21);
      assertEquals(yield* unlink("/tmp/dir", 0x200), -39);
      assertEquals(yield* unlink("/tmp/file", 0x200), -20);
      assertEquals(yield* unlink("/tmp/none", 0), -2);
      assertEquals(yield* p.call("mkdirat", AT_FDCWD, "/tmp/dir", 0o755), -17);
      assertEquals(yield* p.call("chdir", "/tmp/file"), -20);
      const [read = -1] = yield* pipe(p);
      assertEquals(yield* p.call("lseek", read, 0, 0), -29);
      assertEquals(yield* p.call("dup", 77), -9);
      assertEquals(yield* p.call("ioctl", read, 0x5401, 0), -25);
    });
  });

  Deno.test(`${arch}: descriptors are the lowest free ones, shared positions included`, async () => {
    const k = await bootTest(arch);
    k.vfs.makePath("/etc/hosts", { content: text("127.0.0.1") });
    run(k, function* (p) {
      const first = yield* p.call("openat", AT_FDCWD, "/etc/hosts", 0, 0);
      const second = yield* p.call("openat", AT_FDCWD, "/etc/hosts", 0, 0);
      assertEquals([first, second], [3, 4]);
      yield* p.call("close", first);
      assertEquals(yield* p.call("dup", second), 3);
      const buf = p.room(16);
      yield* p.call("read", 3, buf, 4);
      yield* p.call("read", second, buf, 4);
      assertEquals(k.memory.readString(buf, 4), "0.0.");
      assertEquals(yield* p.call("dup3", second, 200, 0), 200);
      assertEquals(yield* p.call(pick(k, "fcntl64", "fcntl"), second, 0, 100), 100);
      assertEquals(openFds(k, p.task.files), [0, 1, 2, 3, 4, 100, 200]);
      for (let fd = 5; fd < 1024; fd++) {
        if (fd !== 100 && fd !== 200) assertEquals(yield* p.call("dup", 3), fd);
      }
      assertEquals(yield* p.call("dup", 3), -24);
    });
  });

  Deno.test(`${arch}: names move, and an open file outlives its name`, async () => {
    const k = await bootTest(arch);
    k.vfs.makePath("/w/a", { content: text("data") });
    k.vfs.makePath("/w/sub/x", {});
    run(k, function* (p) {
      const fd = yield* p.call("openat", AT_FDCWD, "/w/a", 0, 0);
      const rename = (from: string, to: string, flags = 0) =>
        p.call("renameat2", AT_FDCWD, from, AT_FDCWD, to, flags);
      assertEquals(yield* rename("/w/a", "/w/sub/b"), 0);
      assertEquals(k.vfs.lookup("/w/sub/b")?.path, "/w/sub/b");
      assertEquals(k.vfs.lookup("/w/a"), null);
      assertEquals(yield* rename("/w/sub", "/w/sub/inside"), -22);
      assertEquals(yield* rename("/w/sub/b", "/w/sub/x", 1), -17);
      assertEquals(yield* rename("/w/sub/b", "/w/sub/x"), 0);
      assertEquals(yield* p.call("unlinkat", AT_FDCWD, "/w/sub/x", 0), 0);
      const buf = p.room(16);
      assertEquals(yield* p.call("read", fd, buf, 16), 4);
      assertEquals(yield* p.call("unlinkat", AT_FDCWD, "/w/sub", 0x200), 0);
      assertEquals([...(k.vfs.lookup("/w")?.inode?.entries?.keys() ?? [])], []);
    });
  });

  Deno.test(`${arch}: links, directories and places`, async () => {
    const k = await bootTest(arch);
    k.vfs.makePath("/real/dir/file", { content: text("abc") });
    k.vfs.makePath("/link", { mode: S_IFLNK | 0o777, target: "real/dir" });
    k.vfs.makePath("/loop", { mode: S_IFLNK | 0o777, target: "/loop" });
    run(k, function* (p) {
      assertEquals(yield* p.call("openat", AT_FDCWD, "/link/file", 0, 0), 3);
      assertEquals(k.vfs.files.get(fdFile(k, p.task.files, 3))?.dentry?.path, "/real/dir/file");
      assertEquals(yield* p.call("openat", AT_FDCWD, "/loop", 0, 0), -40);
      assertEquals(yield* p.call("chdir", "/link/.."), 0);
      const buf = p.room(256);
      assertEquals(yield* p.call("getcwd", buf, 256), 6);
      assertEquals(k.memory.readString(buf), "/real");
      assertEquals(yield* p.call("getcwd", buf, 3), -34);
      assertEquals(yield* p.call("readlinkat", AT_FDCWD, "/link", buf, 256), 8);
      assertEquals(k.memory.readString(buf, 8), "real/dir");
      const dir = yield* p.call("openat", AT_FDCWD, "dir", 0, 0);
      const length = yield* p.call("getdents64", dir, buf, 256);
      assertEquals(direntNames(k.memory.readBytes(buf, length)), [".", "..", "file"]);
      assertEquals(yield* p.call("getdents64", dir, buf, 256), 0);
      assertEquals(yield* p.call("getdents64", 3, buf, 256), -20);
    });
  });
}

Deno.test("vfs_open's path is the walk's own, and leads to the file's dentry", async () => {
  const k = await bootTest("x86_64");
  k.vfs.makePath("/etc/hosts", { content: text("x") });
  const target = k.vfs.lookup("/etc/hosts");
  const seen: number[] = [];
  const fn = k.calls.functionByName("vfs_open");
  assert(fn !== undefined);
  fn.hooks = {
    offsets: [],
    at() {},
    entry(regs) {
      seen.push(k.memory.readPointer(regs.arg(0) + k.image.pointerSize));
      return false;
    },
  };
  run(k, function* (p) {
    const fd = yield* p.call("openat", AT_FDCWD, "/etc/hosts", 0, 0);
    const file = fdFile(k, p.task.files, fd);
    assertEquals(FILE.dentry.get(k, file), target?.address);
    assertEquals(FILE.inode.get(k, file), target?.inode?.address);
  });
  assertEquals(seen, [target?.address]);
});

Deno.test("makePath keeps what is there and makes what isn't", async () => {
  const k = await bootTest("x86_64");
  const dir = k.vfs.makePath("/x/y/", { mode: S_IFDIR | 0o700 });
  assertStrictEquals(k.vfs.makePath("/x/y"), dir);
  assertEquals(dir.inode?.mode, S_IFDIR | 0o700);
  assertEquals(dir.parent.path, "/x");
});

function* pipe(
  p: import("../syscalls/test_program.ts").TestProgram,
): Generator<{ until?: number }, number[], void> {
  const fds = p.room(8);
  yield* p.call("pipe2", fds, 0);
  return [p.k.memory.readS32(fds), p.k.memory.readS32(fds + 4)];
}

function direntNames(bytes: Uint8Array): string[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const names: string[] = [];
  for (let at = 0; at < bytes.length; at += view.getUint16(at + 16, true)) {
    const end = bytes.indexOf(0, at + 19);
    names.push(new TextDecoder().decode(bytes.subarray(at + 19, end)));
  }
  return names;
}
