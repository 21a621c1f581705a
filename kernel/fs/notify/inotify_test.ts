/** What a watcher reads: inotify(7). */

import { assertEquals } from "@std/assert";
import { bootTest, run, start, type TestProgram } from "../../syscalls/test_program.ts";
import { AT_FDCWD, AT_REMOVEDIR, O_CREAT, O_NONBLOCK, O_WRONLY, S_IFDIR } from "../modes.ts";
import { IN_ALL_EVENTS, IN_CREATE, IN_ISDIR, IN_ONESHOT } from "./masks.ts";

const NAMES: readonly (readonly [bit: number, name: string])[] = [
  [0x1, "ACCESS"],
  [0x2, "MODIFY"],
  [0x4, "ATTRIB"],
  [0x8, "CLOSE_WRITE"],
  [0x10, "CLOSE_NOWRITE"],
  [0x20, "OPEN"],
  [0x40, "MOVED_FROM"],
  [0x80, "MOVED_TO"],
  [0x100, "CREATE"],
  [0x200, "DELETE"],
  [0x400, "DELETE_SELF"],
  [0x800, "MOVE_SELF"],
  [0x8000, "IGNORED"],
  [IN_ISDIR, "ISDIR"],
];

/** The events that a read gives, as `wd:MASK name`, moves with their cookie. */
function* events(p: TestProgram, fd: number): Generator<{ until?: number }, string[], void> {
  const buf = p.room(4096);
  const length = yield* p.call("read", fd, buf, 4096);
  const found: string[] = [];
  for (let at = 0; at < length;) {
    const mask = p.k.memory.readU32(buf + at + 4);
    const cookie = p.k.memory.readU32(buf + at + 8);
    const size = p.k.memory.readU32(buf + at + 12);
    const bits = NAMES.filter(([bit]) => (mask & bit) !== 0).map(([, name]) => name).join("|");
    const name = size === 0 ? "" : ` ${p.k.memory.readString(buf + at + 16, size)}`;
    found.push(`${p.k.memory.readS32(buf + at)}:${bits}${name}${cookie === 0 ? "" : ` #${cookie}`}`);
    at += 16 + size;
  }
  return found;
}

Deno.test("a directory's watcher hears what happens to its names", async () => {
  const k = await bootTest("x86_64");
  k.vfs.makePath("/w/sub", { mode: S_IFDIR | 0o755 });
  run(k, function* (p) {
    const fd = yield* p.call("inotify_init1", O_NONBLOCK);
    assertEquals(yield* p.call("inotify_add_watch", fd, "/w", IN_ALL_EVENTS & ~0x5), 1);
    assertEquals(yield* p.call("inotify_add_watch", fd, "/w", IN_ALL_EVENTS & ~0x5), 1);
    assertEquals(yield* p.call("inotify_add_watch", fd, "/none", IN_CREATE), -2);
    const file = yield* p.call("openat", AT_FDCWD, "/w/new", O_CREAT | O_WRONLY, 0o600);
    yield* p.call("write", file, "text", 4);
    yield* p.call("write", file, "text", 4);
    yield* p.call("close", file);
    yield* p.call("renameat2", AT_FDCWD, "/w/new", AT_FDCWD, "/w/sub/old", 0);
    yield* p.call("unlinkat", AT_FDCWD, "/w/sub/old", 0);
    yield* p.call("unlinkat", AT_FDCWD, "/w/sub", AT_REMOVEDIR);
    assertEquals(yield* events(p, fd), [
      "1:CREATE new",
      "1:OPEN new",
      "1:MODIFY new",
      "1:CLOSE_WRITE new",
      "1:MOVED_FROM new #1",
      "1:DELETE|ISDIR sub",
    ]);
    assertEquals(yield* p.call("read", fd, p.room(64), 64), -11);
    assertEquals(yield* p.call("inotify_rm_watch", fd, 1), 0);
    assertEquals(yield* events(p, fd), ["1:IGNORED"]);
    assertEquals(yield* p.call("inotify_rm_watch", fd, 1), -22);
  });
});

Deno.test("a file's watcher hears of it until it is gone", async () => {
  const k = await bootTest("arm64");
  k.vfs.makePath("/w/file", { content: Uint8Array.of(1, 2, 3) });
  run(k, function* (p) {
    const fd = yield* p.call("inotify_init1", O_NONBLOCK);
    assertEquals(yield* p.call("inotify_add_watch", fd, "/w/file", IN_ALL_EVENTS), 1);
    const file = yield* p.call("openat", AT_FDCWD, "/w/file", 0, 0);
    yield* p.call("read", file, p.room(8), 8);
    yield* p.call("fchmod", file, 0o600);
    yield* p.call("close", file);
    yield* p.call("unlinkat", AT_FDCWD, "/w/file", 0);
    assertEquals(yield* events(p, fd), [
      "1:OPEN",
      "1:ACCESS",
      "1:ATTRIB",
      "1:CLOSE_NOWRITE",
      "1:DELETE_SELF",
      "1:IGNORED",
    ]);
  });
});

Deno.test("a reader waits for the first event; one shot is one event; a buffer that is too small is refused", async () => {
  const k = await bootTest("x86_64");
  k.vfs.makePath("/w", { mode: S_IFDIR | 0o755 });
  const heard: string[] = [];
  start(k, "reader", function* (p) {
    const fd = yield* p.call("inotify_init1", 0);
    yield* p.call("inotify_add_watch", fd, "/w", IN_CREATE | IN_ONESHOT);
    heard.push(...yield* events(p, fd));
    yield* p.call("inotify_add_watch", fd, "/w", IN_CREATE);
    yield* p.call("mkdirat", AT_FDCWD, "/w/last", 0o755);
    assertEquals(yield* p.call("read", fd, p.room(64), 20), -22);
  });
  start(k, "maker", function* (p) {
    const time = p.room(16);
    p.k.memory.store(time + 8, 8, 1000);
    yield* p.call("nanosleep", time, 0);
    yield* p.call("mkdirat", AT_FDCWD, "/w/one", 0o755);
    yield* p.call("mkdirat", AT_FDCWD, "/w/two", 0o755);
  });
  k.scheduler.run();
  assertEquals(heard, ["1:CREATE|ISDIR one", "1:IGNORED"]);
});
