/**
 * procfs: looking its names up and listing them; `fs/proc`.
 *
 * @module
 */

import type { Addr } from "../../../image/model.ts";
import { behaviour, fn, type FunctionRef } from "../../calls/function.ts";
import type { Kernel } from "../../kernel.ts";
import { kfree, kzalloc } from "../../process/alloc.ts";
import type { Task } from "../../process/task.ts";
import { ECHILD, ENOENT } from "../../syscalls/errno.ts";
import { PROC_INODE } from "../containers.ts";
import { PROC_DIR, PROC_FILE, PROC_ROOT_DIR, PROC_TGID_DIR } from "../fileops.ts";
import { type FileSystemType, isSpecial, specialOperations } from "../file_system.ts";
import { registerFileSystem } from "../file_systems.ts";
import type { DynamicEntries, Inode } from "../inode.ts";
import { PROC_DIR_INODE, PROC_FILE_INODE, PROC_ROOT_INODE } from "../inode_operations.ts";
import { LOOKUP_RCU, S_IFDIR, S_IFMT } from "../modes.ts";
import { D_SPLICE_ALIAS } from "../lookup.ts";
import { standAt } from "../nameidata.ts";
import { GENERIC_PERMISSION } from "../permission.ts";
import "./readdir.ts";
import { GENERIC_FILLATTR } from "../stat.ts";
import { FixedEntries, inodeMaker, type MakeInode, nodeOf } from "./node.ts";
import { SYSTEM_FILES } from "./system_files.ts";
import { taskDirectory } from "./task_files.ts";

/** `/proc`: its fixed entries, then a directory for each process. */
class RootEntries implements DynamicEntries {
  readonly #k: Kernel;
  readonly #fixed: FixedEntries;
  readonly #make: MakeInode;
  readonly #inodes = new WeakMap<Task, Inode>();

  constructor(k: Kernel, make: MakeInode) {
    this.#k = k;
    this.#make = make;
    this.#fixed = new FixedEntries(k, () => SYSTEM_FILES, null, make);
  }

  find(name: string): Inode | null {
    if (!this.owns(name)) return this.#fixed.find(name);
    const task = this.#k.tasks.byPid(Number(name));
    if (task === undefined || task.pid === 0) return null;
    let inode = this.#inodes.get(task);
    if (inode === undefined) {
      inode = this.#make({ ...taskDirectory(name, task), ops: PROC_TGID_DIR }, task);
      this.#inodes.set(task, inode);
    }
    return inode;
  }

  owns(name: string): boolean {
    return /^[1-9][0-9]{0,8}$/.test(name);
  }

  names(): readonly string[] {
    const leaders = [...this.#k.tasks.leaders()].map(({ pid }) => pid).filter((pid) => pid > 0);
    return [...this.#fixed.names(), ...leaders.sort((one, other) => one - other).map(String)];
  }
}

/** procfs. Files that nothing here describes, as a recording may know them, are read as fixed ones. */
export const PROCFS: FileSystemType = {
  name: "proc",
  symbol: "proc_fs_type",
  superOperations: "proc_sops",
  magic: 0x9fa0,
  container: PROC_INODE,
  nodev: true,
  pinned: false,
  keepsNegative: false,
  statfs: fn("simple_statfs"),
  getTree(k) {
    const sb = k.vfs.newSuper(PROCFS, { mode: S_IFDIR | 0o555 }, {
      ops: PROC_ROOT_DIR,
      iops: PROC_ROOT_INODE,
    });
    const root = sb.root.inode;
    if (root !== null) root.dynamic = new RootEntries(k, inodeMaker(k, sb.address));
    return sb;
  },
  fileOperations: (mode, rdev) =>
    (mode & S_IFMT) === S_IFDIR ? PROC_DIR : isSpecial(mode) ? specialOperations(mode, rdev) : PROC_FILE,
  inodeOperations: (mode) => (mode & S_IFMT) === S_IFDIR ? PROC_DIR_INODE : PROC_FILE_INODE,
};
registerFileSystem(PROCFS);

/** Puts the inode that a name has into the dentry cache, by way of `instantiate`: 0 or -ENOENT. */
function found(k: Kernel, address: Addr): number {
  const dentry = k.vfs.dentries.get(address);
  if (dentry?.inode == null) return -ENOENT;
  return k.call(D_SPLICE_ALIAS, dentry.inode.address, address);
}

/** A fixed name: (dir, dentry, proc_dir_entry). */
const PROC_LOOKUP_DE: FunctionRef = behaviour(
  "proc_lookup_de",
  [D_SPLICE_ALIAS],
  (k, _dir = 0, dentry = 0) => found(k, dentry),
);
const PROC_LOOKUP: FunctionRef = behaviour(
  "proc_lookup",
  [PROC_LOOKUP_DE],
  (k, dir = 0, dentry = 0) => k.call(PROC_LOOKUP_DE, dir, dentry, NaN),
);
/** A process: (dentry, flags). */
const PROC_PID_LOOKUP: FunctionRef = behaviour("proc_pid_lookup", [D_SPLICE_ALIAS], (k, address = 0) => {
  const dentry = k.vfs.dentries.get(address);
  return dentry !== undefined && /^[0-9]+$/.test(dentry.name) ? found(k, address) : -ENOENT;
});
behaviour("proc_root_lookup", [PROC_PID_LOOKUP, PROC_LOOKUP], (k, dir = 0, dentry = 0, flags = 0) => {
  if (k.call(PROC_PID_LOOKUP, dentry, flags) === 0) return 0;
  return k.call(PROC_LOOKUP, dir, dentry, flags);
});
/** A file of a process: (task, dentry, pid_entry). */
const PROC_PIDENT_INSTANTIATE: FunctionRef = behaviour(
  "proc_pident_instantiate",
  [D_SPLICE_ALIAS],
  (k, dentry = 0) => found(k, dentry),
);
const PROC_PIDENT_LOOKUP: FunctionRef = behaviour(
  "proc_pident_lookup",
  [PROC_PIDENT_INSTANTIATE],
  (k, _dir = 0, dentry = 0) =>
    k.vfs.dentries.get(dentry)?.inode == null ? -ENOENT : k.call(PROC_PIDENT_INSTANTIATE, dentry, NaN, NaN),
);
behaviour(
  "proc_tgid_base_lookup",
  [PROC_PIDENT_LOOKUP],
  (k, dir = 0, dentry = 0) => k.call(PROC_PIDENT_LOOKUP, dir, dentry, NaN, NaN),
);
for (const name of ["proc_lookupfd", "proc_lookupfdinfo", "proc_task_lookup"]) {
  behaviour(name, [D_SPLICE_ALIAS], (k, _dir = 0, dentry = 0) => found(k, dentry));
}

/** A cached name of a process: still there while the task is. */
behaviour("pid_revalidate", [], (k, address = 0) => {
  const inode = k.vfs.dentries.get(address)?.inode;
  const task = nodeOf(inode)?.task ?? null;
  return task === null || k.tasks.byPid(task.pid) === task ? 1 : 0;
});
/** A cached fixed name: there is no telling without references. */
behaviour(
  "proc_misc_d_revalidate",
  [],
  (_k, _dentry = 0, flags = 0) => (flags & LOOKUP_RCU) !== 0 ? -ECHILD : 1,
);
/** A cached descriptor. */
behaviour("tid_fd_revalidate", [], (k, address = 0, flags = 0) => {
  if ((flags & LOOKUP_RCU) !== 0) return -ECHILD;
  const node = nodeOf(k.vfs.dentries.get(address)?.inode);
  return node?.spec.place?.(k, node.task) == null ? 0 : 1;
});

/** The text of `/proc/self` and `/proc/thread-self`, made for who asks. */
for (const name of ["proc_self_get_link", "proc_thread_self_get_link"]) {
  behaviour(name, [], (k, _dentry = 0, inode = 0) => {
    const text = k.vfs.inodes.get(inode)?.dynamicTarget?.() ?? null;
    if (text === null) return -ENOENT;
    return keepText(k, text);
  });
}

/** Puts a link's text in memory until so many more were made that no walk reads it any more. */
function keepText(k: Kernel, text: string): Addr {
  const at = kzalloc(k, text.length + 1);
  k.memory.writeString(at, text);
  const texts = made.get(k) ?? [];
  made.set(k, texts);
  texts.push(at);
  if (texts.length > LINKS) kfree(k, texts.shift() ?? 0);
  return at;
}
const made = new WeakMap<Kernel, Addr[]>();
const LINKS = 64;

/** Jumps to what a link of a process stands for: 0, or -errno. (dentry, inode, done) */
behaviour("proc_pid_get_link", [fn("nd_jump_link")], (k, _dentry = 0, address = 0) => {
  const inode = k.vfs.inodes.get(address);
  const node = nodeOf(inode);
  if (node?.spec.target !== undefined) {
    return keepText(k, node.spec.target(k, node.task) ?? "");
  }
  const place = node?.spec.place?.(k, node.task) ?? null;
  const dentry = place === null ? undefined : k.vfs.dentries.get(place.dentry);
  if (place === null || dentry === undefined) return -ENOENT;
  k.call(fn("nd_jump_link"), NaN);
  standAt(k, k.vfs.walking, dentry, place.mnt);
  return 0;
});

for (const name of ["proc_pid_permission", "proc_fd_permission"]) {
  behaviour(
    name,
    [GENERIC_PERMISSION],
    (k, ns = 0, inode = 0, mask = 0) => k.call(GENERIC_PERMISSION, ns, inode, mask),
  );
}
for (const name of ["proc_root_getattr", "proc_getattr", "pid_getattr"]) {
  behaviour(name, [GENERIC_FILLATTR], (k, ns = 0, path = 0, stat = 0) => {
    const dentry = k.vfs.dentries.get(k.memory.readPointer(path + k.image.pointerSize));
    k.call(GENERIC_FILLATTR, ns, dentry?.inode?.address ?? 0, stat);
    return 0;
  });
}
behaviour(
  "proc_notify_change",
  [fn("setattr_prepare"), fn("setattr_copy")],
  (k, ns = 0, dentry = 0, attr = 0) => {
    const error = k.call(fn("setattr_prepare"), ns, dentry, attr);
    if (error === 0) k.call(fn("setattr_copy"), ns, k.vfs.dentries.get(dentry)?.inode?.address ?? 0, attr);
    return error;
  },
);
