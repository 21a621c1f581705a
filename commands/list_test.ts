import { assert, assertEquals } from "@std/assert";
import { coreImage } from "../image/load.ts";
import { listLines } from "./list.ts";

const image = await coreImage("x86_64");

Deno.test("a glob with a kind lists that kind, sorted", () => {
  const lines = listLines(image, "kprobe:vfs_*", false);
  assert(lines.includes("kprobe:vfs_open"));
  assert(lines.every((line) => line.startsWith("kprobe:vfs_")));
  assertEquals([...lines].sort(), lines);
  assertEquals(listLines(image, "k:vfs_open", false), ["kprobe:vfs_open"]);
  assertEquals(listLines(image, "kretprobe:vfs_open", true), ["kretprobe:vfs_open", "    int retval"]);
});

Deno.test("verbose shows parameters and fields", () => {
  assertEquals(listLines(image, "kprobe:vfs_open", true), [
    "kprobe:vfs_open",
    "    const struct path * path",
    "    struct file * file",
  ]);
  assertEquals(listLines(image, "tracepoint:syscalls:sys_enter_openat", true), [
    "tracepoint:syscalls:sys_enter_openat",
    "    int __syscall_nr",
    "    int dfd",
    "    const char * filename",
    "    int flags",
    "    umode_t mode",
  ]);
});

Deno.test("a bare glob lists functions and tracepoints", () => {
  assertEquals(listLines(image, "vfs_open", false), ["kprobe:vfs_open"]);
  assert(listLines(image, "*sys_enter_openat", false).includes("tracepoint:syscalls:sys_enter_openat"));
  assert(listLines(image, "syscalls:*", false).every((line) => line.startsWith("tracepoint:syscalls:")));
});

Deno.test("types are listed as C", () => {
  assertEquals(listLines(image, "struct path", true), [
    "struct path {",
    "    struct vfsmount * mnt;",
    "    struct dentry * dentry;",
    "};",
  ]);
  assertEquals(listLines(image, "struct path", false), ["struct path"]);
});

Deno.test("nothing matches", () => {
  assertEquals(listLines(image, "kprobe:vfs_opne", false), []);
});
