/**
 * Commits as git makes them: objects written under temporary names and linked into place, an index and a ref behind
 * lock files.
 *
 * @module
 */

import { programWorkload, type Steps } from "../program.ts";
import type { Sys } from "../sys.ts";
import type { Workload } from "../workload.ts";
import { installProgram, startProgram } from "./start_program.ts";

const REPOSITORY = "/repo";
const GIT = `${REPOSITORY}/.git`;

/** A name of 40 hex digits that stands for an object's contents. */
function objectName(text: string): string {
  let name = "";
  for (let part = 0; name.length < 40; part++) {
    let hash = 0x811c9dc5 ^ part;
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
    name += (hash >>> 0).toString(16).padStart(8, "0");
  }
  return name;
}

/** Writes an object: to a temporary file, that then gets its name. */
function* writeObject(sys: Sys, content: string): Steps<void> {
  const name = objectName(content);
  const folder = `${GIT}/objects/${name.slice(0, 2)}`;
  const path = `${folder}/${name.slice(2)}`;
  if ((yield* sys.access(path, "F_OK")) === 0) return;
  const temporary = `${folder}/tmp_obj_${name.slice(0, 6)}`;
  let fd = yield* sys.open(temporary, "O_RDWR|O_CREAT|O_EXCL", 0o444);
  if (fd < 0) {
    yield* sys.mkdir(folder);
    fd = yield* sys.open(temporary, "O_RDWR|O_CREAT|O_EXCL", 0o444);
  }
  yield* sys.write(fd, content);
  yield* sys.call("fsync", fd);
  yield* sys.close(fd);
  yield* sys.call("link", temporary, path);
  yield* sys.unlink(temporary);
}

/** Replaces a file: whoever holds `NAME.lock` writes it, and renames it over the old one. */
function* replaceFile(sys: Sys, path: string, content: string): Steps<void> {
  const fd = yield* sys.open(`${path}.lock`, "O_RDWR|O_CREAT|O_EXCL|O_CLOEXEC", 0o666);
  yield* sys.write(fd, content);
  yield* sys.close(fd);
  yield* sys.rename(`${path}.lock`, path);
}

function* readFile(sys: Sys, path: string): Steps<void> {
  const fd = yield* sys.open(path);
  if (fd < 0) return;
  yield* sys.fstat(fd);
  while ((yield* sys.read(fd, 4096)) > 0);
  yield* sys.close(fd);
}

function* commit(sys: Sys, number: number, files: number): Steps<void> {
  yield* startProgram(sys, "/usr/bin/git", ["git", "commit", "-qam", `change ${number}`]);
  for (const path of [`${GIT}/HEAD`, `${GIT}/config`, "/etc/gitconfig", `${GIT}/index`]) {
    yield* readFile(sys, path);
  }
  for (let file = 1; file <= files; file++) {
    yield* sys.stat(`${REPOSITORY}/file${file}.txt`);
    yield* readFile(sys, `${REPOSITORY}/file${file}.txt`);
    yield* writeObject(sys, `blob ${number} ${file}\n`);
  }
  yield* replaceFile(sys, `${GIT}/index`, `DIRC ${number}\n`.repeat(files));
  yield* writeObject(sys, `tree ${number}\n`);
  yield* writeObject(sys, `commit ${number}\n`);
  yield* replaceFile(sys, `${GIT}/refs/heads/main`, `${objectName(`commit ${number}\n`)}\n`);
}

/** The workload: `commits` commits, each of `files` changed files. */
export function gitWorkload(commits: number, files: number): Workload {
  return programWorkload({
    name: "git",
    description: `${commits} commits of ${files} files`,
    prepare(k): void {
      installProgram(k, "/usr/bin/git", 3710360);
      const text = (content: string) => ({ content: new TextEncoder().encode(content) });
      k.vfs.makePath(`${GIT}/HEAD`, text("ref: refs/heads/main\n"));
      k.vfs.makePath(`${GIT}/config`, text("[core]\n\tbare = false\n"));
      k.vfs.makePath(`${GIT}/refs/heads/main`, text(`${objectName("root")}\n`));
      k.vfs.makePath(`${GIT}/objects/info/packs`, text("\n"));
      for (let file = 1; file <= files; file++) {
        k.vfs.makePath(`${REPOSITORY}/file${file}.txt`, text(`line ${file}\n`));
      }
    },
    programs: [{
      comm: "sh",
      *program(sys) {
        for (let number = 1; number <= commits; number++) {
          yield* sys.fork((child) => commit(child, number, files));
          yield* sys.wait();
        }
      },
    }],
  });
}
