/**
 * A folder of text files, and the programs that people run over one: ls, grep, find, cp.
 *
 * @module
 */

import type { Kernel } from "../../kernel/kernel.ts";
import { name, NULL, number, struct } from "../replay/build_value.ts";
import { programWorkload, type Steps } from "../program.ts";
import type { Sys } from "../sys.ts";
import type { Workload } from "../workload.ts";
import { numbersText } from "./cat.ts";
import { installProgram, startProgram } from "./start_program.ts";

const FOLDER = "/src";
const DIRECTORY = "O_RDONLY|O_NONBLOCK|O_CLOEXEC|O_DIRECTORY";
const CWD = name("AT_FDCWD");

function fileNames(files: number): readonly string[] {
  return Array.from({ length: files }, (_, at) => `file${at + 1}.txt`);
}

function makeFiles(k: Kernel, files: number): void {
  fileNames(files).forEach((file, at) =>
    k.vfs.makePath(`${FOLDER}/${file}`, { content: numbersText(at + 1, 300 + 217 * (at % 40)) })
  );
}

/** Reads a directory to its end. */
function* readDirectory(sys: Sys, fd: number): Steps<void> {
  for (;;) {
    const length = yield* sys.call("getdents64", fd, struct({}), 32768);
    if (length <= 0) return;
  }
}

/** `ls -l`: every entry's attributes, and the extended ones that could tell of an access list. */
function* ls(sys: Sys, files: number): Steps<void> {
  yield* startProgram(sys, "/usr/bin/ls", ["ls", "-l", "src"]);
  yield* sys.call("ioctl", 1, name("TCGETS"), struct({}));
  yield* sys.call("statx", CWD, FOLDER, name("AT_SYMLINK_NOFOLLOW"), name("STATX_MODE"), struct({}));
  const fd = yield* sys.call("openat", CWD, FOLDER, name("O_RDONLY|O_DIRECTORY|O_CLOEXEC"));
  yield* sys.fstat(fd);
  for (;;) {
    const length = yield* sys.call("getdents64", fd, struct({}), 32768);
    for (const file of length > 0 ? fileNames(files) : []) {
      const path = `${FOLDER}/${file}`;
      yield* sys.call("statx", CWD, path, name("AT_SYMLINK_NOFOLLOW"), name("STATX_MODE"), struct({}));
      yield* sys.call("lgetxattr", path, "security.selinux", NULL, 0);
      yield* sys.call("getxattr", path, "system.posix_acl_access", NULL, 0);
    }
    if (length <= 0) break;
  }
  yield* sys.close(fd);
  yield* sys.call("newfstatat", CWD, "/etc/localtime", struct({}), number(0));
  yield* sys.fstat(1);
  yield* sys.write(1, fileNames(files).map((file) => `-rw-r--r-- 1 root root 300 ${file}\n`).join(""));
  yield* sys.close(1);
  yield* sys.close(2);
}

/** `grep -r`: every file opened relative to its folder, and read to its end. */
function* grep(sys: Sys, files: number): Steps<void> {
  yield* startProgram(sys, "/usr/bin/grep", ["grep", "-r", "77", "src"]);
  yield* sys.fstat(1);
  yield* sys.stat(FOLDER);
  const folder = yield* sys.open(FOLDER, DIRECTORY);
  yield* sys.fstat(folder);
  yield* readDirectory(sys, folder);
  for (const file of fileNames(files)) {
    const fd = yield* sys.openAt(folder, file, "O_RDONLY|O_NOCTTY|O_NONBLOCK|O_NOFOLLOW");
    yield* sys.fstat(fd);
    while ((yield* sys.read(fd, 98304)) > 0);
    yield* sys.close(fd);
  }
  yield* sys.write(1, "src/file1.txt:77\n");
  yield* sys.close(folder);
  yield* sys.close(1);
  yield* sys.close(2);
}

/** `find`: every entry's attributes, folder by folder. */
function* find(sys: Sys, files: number): Steps<void> {
  yield* startProgram(sys, "/usr/bin/find", ["find", "src", "-size", "+1k"]);
  const folder = yield* sys.open(FOLDER, DIRECTORY);
  yield* sys.fstat(folder);
  yield* readDirectory(sys, folder);
  for (const file of fileNames(files)) {
    yield* sys.call("newfstatat", folder, file, struct({}), name("AT_SYMLINK_NOFOLLOW"));
  }
  yield* sys.close(folder);
  yield* sys.write(1, `${fileNames(files).map((file) => `src/${file}`).join("\n")}\n`);
  yield* sys.close(1);
  yield* sys.close(2);
}

/** `cp -r`: every file read and written, with its mode. */
function* copy(sys: Sys, files: number): Steps<void> {
  yield* startProgram(sys, "/usr/bin/cp", ["cp", "-r", "src", "copy"]);
  yield* sys.mkdir("/copy");
  const folder = yield* sys.open(FOLDER, DIRECTORY);
  yield* readDirectory(sys, folder);
  for (const file of fileNames(files)) {
    const from = yield* sys.openAt(folder, file, "O_RDONLY|O_NOFOLLOW");
    yield* sys.fstat(from);
    const to = yield* sys.open(`/copy/${file}`, "O_WRONLY|O_CREAT|O_EXCL", 0o644);
    yield* sys.fstat(to);
    yield* sys.call("fadvise64", from, 0, 0, name("POSIX_FADV_SEQUENTIAL"));
    for (;;) {
      const length = yield* sys.read(from, 131072);
      if (length <= 0) break;
      yield* sys.write(to, length);
    }
    yield* sys.close(to);
    yield* sys.close(from);
  }
  yield* sys.close(folder);
}

function overFiles(
  command: string,
  size: number,
  what: string,
  files: number,
  program: (sys: Sys, files: number) => Steps<void>,
): Workload {
  return programWorkload({
    name: command,
    description: `${what} ${files} files`,
    prepare(k): void {
      installProgram(k, `/usr/bin/${command}`, size);
      makeFiles(k, files);
    },
    programs: [{ program: (sys) => program(sys, files) }],
  });
}

/** `ls -l` of a folder of `files` files. */
export function lsWorkload(files: number): Workload {
  return overFiles("ls", 151344, "ls -l of", files, ls);
}

/** `grep -r` over `files` files. */
export function grepWorkload(files: number): Workload {
  return overFiles("grep", 203152, "grep -r over", files, grep);
}

/** `find` over `files` files. */
export function findWorkload(files: number): Workload {
  return overFiles("find", 224848, "find over", files, find);
}

/** `cp -r` of `files` files. */
export function cpWorkload(files: number): Workload {
  return overFiles("cp", 151152, "cp -r of", files, copy);
}
