/**
 * sysfs: its roots and the few attributes that programs read.
 *
 * @module
 */

import { behaviour, fn } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { ECHILD } from "../syscalls/errno.ts";
import { PLAIN_INODE } from "./containers.ts";
import { KERNFS_DENTRY } from "./dentry_operations.ts";
import { KERNFS_DIR, KERNFS_FILE } from "./fileops.ts";
import { type FileSystemType, isSpecial, specialOperations } from "./file_system.ts";
import { registerFileSystem } from "./file_systems.ts";
import { KERNFS_DIR_INODE, KERNFS_FILE_INODE } from "./inode_operations.ts";
import { LOOKUP_RCU, S_IFDIR, S_IFMT } from "./modes.ts";
import { D_SPLICE_ALIAS } from "./lookup.ts";
import { GENERIC_PERMISSION } from "./permission.ts";
import { FixedEntries, inodeMaker, type NodeSpec } from "./proc/node.ts";
import { GENERIC_FILLATTR } from "./stat.ts";

function directory(name: string, children: readonly NodeSpec[] = []): NodeSpec {
  return {
    name,
    mode: 0o755,
    ops: KERNFS_DIR,
    iops: KERNFS_DIR_INODE,
    dops: KERNFS_DENTRY,
    children: () => children,
  };
}

function attribute(name: string, text: (k: Kernel) => string): NodeSpec {
  return {
    name,
    ops: KERNFS_FILE,
    iops: KERNFS_FILE_INODE,
    dops: KERNFS_DENTRY,
    text: (k) => `${text(k)}\n`,
  };
}

function range(k: Kernel): string {
  return k.cpus === 1 ? "0" : `0-${k.cpus - 1}`;
}

const CPU: NodeSpec = {
  ...directory("cpu"),
  children: (k) => [
    attribute("online", range),
    attribute("possible", range),
    attribute("present", range),
    attribute("kernel_max", () => "8191"),
    ...Array.from({ length: k.cpus }, (_, cpu) =>
      directory(`cpu${cpu}`, [
        directory("topology", [attribute("core_id", () => String(cpu))]),
      ])),
  ],
};

/** What `/sys` has. */
const ROOT: readonly NodeSpec[] = [
  directory("block"),
  directory("bus"),
  directory("class", [directory("net", []), directory("block", []), directory("tty", [])]),
  directory("dev", [directory("block"), directory("char")]),
  directory("devices", [
    directory("system", [CPU, directory("node", [directory("node0"), attribute("online", () => "0")])]),
    directory("virtual"),
  ]),
  directory("firmware"),
  directory("fs", [directory("cgroup"), directory("bpf"), directory("pstore")]),
  directory("hypervisor"),
  directory("kernel", [
    directory("debug"),
    directory("tracing"),
    directory("security"),
    directory("mm", [
      directory("transparent_hugepage", [attribute("enabled", () => "always [madvise] never")]),
    ]),
    attribute("notes", () => ""),
    attribute("uevent_seqnum", () => "0"),
  ]),
  directory("module"),
  directory("power"),
];

/** sysfs. */
export const SYSFS: FileSystemType = {
  name: "sysfs",
  symbol: "sysfs_fs_type",
  superOperations: "kernfs_sops",
  magic: 0x62656572,
  container: PLAIN_INODE,
  nodev: true,
  pinned: false,
  keepsNegative: true,
  statfs: fn("simple_statfs"),
  getTree(k) {
    const sb = k.vfs.newSuper(SYSFS, { mode: S_IFDIR | 0o555 }, { ops: KERNFS_DIR, iops: KERNFS_DIR_INODE });
    const root = sb.root.inode;
    if (root !== null) root.dynamic = new FixedEntries(k, () => ROOT, null, inodeMaker(k, sb.address));
    return sb;
  },
  fileOperations: (mode, rdev) =>
    (mode & S_IFMT) === S_IFDIR ? KERNFS_DIR : isSpecial(mode) ? specialOperations(mode, rdev) : KERNFS_FILE,
  inodeOperations: (mode) => (mode & S_IFMT) === S_IFDIR ? KERNFS_DIR_INODE : KERNFS_FILE_INODE,
};
registerFileSystem(SYSFS);

behaviour("kernfs_iop_lookup", [D_SPLICE_ALIAS], (k, _dir = 0, dentry = 0) => {
  // What does not exist stays known as that.
  const inode = k.vfs.dentries.get(dentry)?.inode ?? null;
  return k.call(D_SPLICE_ALIAS, inode?.address ?? 0, dentry);
});
behaviour(
  "kernfs_dop_revalidate",
  [],
  (_k, _dentry = 0, flags = 0) => (flags & LOOKUP_RCU) !== 0 ? -ECHILD : 1,
);
behaviour(
  "kernfs_iop_permission",
  [GENERIC_PERMISSION],
  (k, ns = 0, inode = 0, mask = 0) => k.call(GENERIC_PERMISSION, ns, inode, mask),
);
behaviour("kernfs_iop_getattr", [GENERIC_FILLATTR], (k, ns = 0, path = 0, stat = 0) => {
  const dentry = k.vfs.dentries.get(k.memory.readPointer(path + k.image.pointerSize));
  k.call(GENERIC_FILLATTR, ns, dentry?.inode?.address ?? 0, stat);
  return 0;
});
behaviour("kernfs_iop_listxattr", [], () => 0);
