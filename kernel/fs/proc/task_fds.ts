/**
 * Names in `/proc/PID` that come and go: open descriptors and threads; `fs/proc/fd.c`.
 *
 * @module
 */

import { fn } from "../../calls/function.ts";
import type { Kernel } from "../../kernel.ts";
import type { Task } from "../../process/task.ts";
import { PID_DENTRY, TID_FD_DENTRY } from "../dentry_operations.ts";
import { FILE } from "../fields.ts";
import { PROC_FD_DIR, PROC_FDINFO_DIR, PROC_SINGLE } from "../fileops.ts";
import { closesOnExec, fdFile, openFds } from "../files_struct.ts";
import type { DynamicEntries, Inode } from "../inode.ts";
import {
  PROC_FD_INODE,
  PROC_FDINFO_INODE,
  PROC_PID_FILE_INODE,
  PROC_PID_LINK_INODE,
} from "../inode_operations.ts";
import { O_CLOEXEC } from "../modes.ts";
import type { MakeInode, NodeSpec, Place } from "./node.ts";

/** Where an open file is. */
export function placeOfFile(k: Kernel, file: number): Place | null {
  if (file === 0 || k.vfs.files.get(file) === undefined) return null;
  return { mnt: FILE.mnt.get(k, file), dentry: FILE.dentry.get(k, file) };
}

/** Open descriptors, each with an entry of its own. */
class Descriptors implements DynamicEntries {
  readonly #k: Kernel;
  readonly #task: Task;
  readonly #make: MakeInode;
  readonly #entry: (name: string, file: number) => NodeSpec;
  readonly #inodes = new Map<string, { readonly file: number; readonly inode: Inode }>();

  constructor(k: Kernel, task: Task, make: MakeInode, entry: (name: string, file: number) => NodeSpec) {
    this.#k = k;
    this.#task = task;
    this.#make = make;
    this.#entry = entry;
  }

  find(name: string): Inode | null {
    const file = this.owns(name) ? fdFile(this.#k, this.#task.files, Number(name)) : 0;
    const known = this.#inodes.get(name);
    if (known !== undefined && known.file === file) return known.inode;
    this.#inodes.delete(name);
    if (file === 0) return null;
    const inode = this.#make(this.#entry(name, file), this.#task);
    this.#inodes.set(name, { file, inode });
    return inode;
  }

  owns(name: string): boolean {
    return /^(0|[1-9][0-9]{0,6})$/.test(name);
  }

  names(): readonly string[] {
    return openFds(this.#k, this.#task.files).map(String);
  }
}

/** What a file may be used for, as rights of its owner. */
function rights(mode: number): number {
  return ((mode & 1) !== 0 ? 0o500 : 0) | ((mode & 2) !== 0 ? 0o300 : 0);
}

/** `fd`: links to what descriptors stand for. */
export const FD: NodeSpec = {
  name: "fd",
  mode: 0o500,
  ops: PROC_FD_DIR,
  iops: PROC_FD_INODE,
  dops: PID_DENTRY,
  dynamic: (k, task, make) =>
    new Descriptors(k, task ?? k.current, make, (name, file) => ({
      name,
      mode: rights(FILE.mode.get(k, file)),
      iops: PROC_PID_LINK_INODE,
      dops: TID_FD_DENTRY,
      place: (k, task) => task === null ? null : placeOfFile(k, fdFile(k, task.files, Number(name))),
    })),
};

/** Where a descriptor's file stands, and how it was opened. */
function fdinfo(k: Kernel, task: Task, fd: number): string {
  const file = fdFile(k, task.files, fd);
  if (file === 0) return "";
  const flags = FILE.flags.get(k, file) | (closesOnExec(k, task.files, fd) ? O_CLOEXEC : 0);
  const found = k.vfs.files.get(file);
  const mount = k.vfs.mounts.get(FILE.mnt.get(k, file));
  return `pos:\t${FILE.pos.get(k, file)}\nflags:\t0${flags.toString(8)}\n` +
    `mnt_id:\t${mount?.id ?? 0}\nino:\t${found?.inode?.ino ?? 0}\n`;
}

/** `fdinfo`: a file for each descriptor. */
export const FDINFO: NodeSpec = {
  name: "fdinfo",
  ops: PROC_FDINFO_DIR,
  iops: PROC_FDINFO_INODE,
  dops: PID_DENTRY,
  dynamic: (k, task, make) =>
    new Descriptors(k, task ?? k.current, make, (name) => ({
      name,
      mode: 0o444,
      ops: PROC_SINGLE,
      iops: PROC_PID_FILE_INODE,
      dops: TID_FD_DENTRY,
      show: fn("seq_show"),
      text: (k, task) => task === null ? "" : fdinfo(k, task, Number(name)),
    })),
};

/** The threads of a process. */
export class Threads implements DynamicEntries {
  readonly #task: Task;
  readonly #make: MakeInode;
  readonly #directory: (name: string, thread: Task) => NodeSpec;
  readonly #inodes = new Map<Task, Inode>();

  constructor(task: Task, make: MakeInode, directory: (name: string, thread: Task) => NodeSpec) {
    this.#task = task;
    this.#make = make;
    this.#directory = directory;
  }

  find(name: string): Inode | null {
    const thread = this.#task.threadGroup.find(({ pid }) => String(pid) === name);
    if (thread === undefined) return null;
    let inode = this.#inodes.get(thread);
    if (inode === undefined) {
      inode = this.#make(this.#directory(name, thread), thread);
      this.#inodes.set(thread, inode);
    }
    return inode;
  }

  owns(name: string): boolean {
    return /^[1-9][0-9]*$/.test(name);
  }

  names(): readonly string[] {
    return this.#task.threadGroup.map(({ pid }) => String(pid));
  }
}
