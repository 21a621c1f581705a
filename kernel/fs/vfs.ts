/**
 * The file systems of one kernel: a tmpfs root, the file systems without a mount point behind pipes and sockets, and
 * every dentry, inode and file by its address.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { AddressTable } from "../memory/address_table.ts";
import { fn } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import type { Task } from "../process/task.ts";
import { Dentry } from "./dentry.ts";
import type { DentryOperations } from "./dentry_operations.ts";
import { FILE, INODE } from "./fields.ts";
import { DEVTMPFS, type FileSystemType, pseudoType, SuperBlock, TMPFS } from "./file_system.ts";
import { fileSystemNamed } from "./file_systems.ts";
import { freeFile, newFile, type OpenFile, openOn } from "./file.ts";
import type { FileOperations } from "./fileops.ts";
import { FILES_STRUCT, installFd } from "./files_struct.ts";
import { Inode, type InodeContainer } from "./inode.ts";
import type { InodeOperations } from "./inode_operations.ts";
import { O_RDWR, S_IFCHR, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from "./modes.ts";
import { MNT_RELATIME, Mount } from "./mount.ts";
import { Watches } from "./notify/watches.ts";
import { pathNames } from "./path_names.ts";

/** What a new file in the tree is. */
export interface NodeOptions {
  /** Type and permissions; a regular file with 0644 by default. */
  readonly mode?: number;
  /** Contents; they also give the size. */
  readonly content?: Uint8Array;
  /** Size where the contents don't matter. */
  readonly size?: number;
  /** Device number, major << 20 | minor. */
  readonly rdev?: number;
  /** Where a symbolic link points. */
  readonly target?: string;
  readonly uid?: number;
  readonly gid?: number;
}

/** How an inode differs from what its file system would make. */
export interface InodeKind {
  readonly ops?: FileOperations;
  readonly iops?: InodeOperations;
  readonly container?: InodeContainer;
  readonly dops?: DentryOperations;
}

/** A file system without a place in the tree: `pipefs`, `sockfs`, `anon_inodefs`. */
export interface PseudoFs {
  readonly sb: Addr;
  readonly mnt: Addr;
}

/** The file systems of one kernel. */
export class Vfs {
  /** Root dentry: its parent is itself. */
  readonly root: Dentry;
  /** The root's `struct mount`: its parent is itself. */
  readonly rootMount: Addr;
  /** The root's `struct vfsmount`, what a `struct path` points to. */
  readonly mnt: Addr;
  /** Super block of the root file system. */
  readonly sb: Addr;
  /** Every dentry by address. */
  readonly dentries: AddressTable<Dentry> = new AddressTable();
  /** Every inode by address. */
  readonly inodes: AddressTable<Inode> = new AddressTable();
  /** Every open file by address. */
  readonly files: AddressTable<OpenFile> = new AddressTable();
  /** Every super block by address. */
  readonly supers: Map<Addr, SuperBlock> = new Map();
  /** Every mount that has a place in the tree, by the address of its `struct vfsmount`; the root first. */
  readonly mounts: Map<Addr, Mount> = new Map();
  /** Address of the `struct nameidata` of the walk that began last. */
  walking: Addr = 0;
  /** Who watches which inodes. */
  readonly watches: Watches = new Watches();
  readonly #k: Kernel;
  readonly #pseudo = new Map<string, PseudoFs>();
  /** Inodes that directories with names of their own have told of. */
  readonly #found = new WeakSet<Inode>();
  #nextIno = 1;
  #nextDev = 2;
  #nextMount = 1;
  #shm: Mount | null = null;

  constructor(k: Kernel) {
    this.#k = k;
    const sb = this.newSuper(TMPFS);
    this.sb = sb.address;
    this.root = sb.root;
    const mount = this.#newMount(sb, sb.root, "tmpfs");
    // The kernel mounts its first file system by itself, not by way of `mount`, which would make it `relatime`.
    this.mounts.set(mount.mnt, mount);
    this.rootMount = mount.address;
    this.mnt = mount.mnt;
    for (const dir of ["/dev", "/etc", "/proc", "/root", "/sys", "/tmp", "/usr", "/var"]) {
      this.makePath(dir, { mode: S_IFDIR | 0o755 });
    }
    this.mount(this.newSuper(DEVTMPFS), "/dev", { source: "devtmpfs" });
    for (const [name, major, minor] of DEVICES) {
      this.makePath(`/dev/${name}`, { mode: S_IFCHR | 0o666, rdev: major << 20 | minor });
    }
  }

  /** Mounts what every system has: to be called once the kernel knows its files. */
  boot(): void {
    for (const [type, at] of [["proc", "/proc"], ["sysfs", "/sys"]] as const) {
      const sb = fileSystemNamed(type)?.getTree?.(this.#k, type);
      if (sb !== undefined && typeof sb !== "number") this.mount(sb, at, { source: type });
    }
  }

  /** A new file system with an empty root directory, mounted nowhere. */
  newSuper(type: FileSystemType, options: NodeOptions = {}, kind: InodeKind = {}): SuperBlock {
    const sb = new SuperBlock(this.#k, type, this.#nextDev++);
    this.supers.set(sb.address, sb);
    const root = new Dentry(this.#k, "/", null, sb.address);
    this.dentries.set(root.address, root);
    root.inode = this.newInodeOn(sb.address, { mode: S_IFDIR | 0o755, ...options }, kind);
    sb.root = root;
    return sb;
  }

  /**
   * Mounts a file system, or a part of one, at a path or a dentry (whose mount is then `parent`).
   *
   * Errors: a path that leads to no directory.
   */
  mount(
    sb: SuperBlock,
    at: string | Dentry,
    options: {
      readonly source?: string;
      readonly flags?: number;
      readonly root?: Dentry;
      readonly parent?: Mount;
    } = {},
  ): Mount {
    const place = typeof at === "string" ? this.#walk(at, this.#placeOf(this.root), true, 0) : null;
    const dentry = typeof at === "string" ? place?.dentry : at;
    const parent = options.parent ?? place?.mount ??
      (dentry === undefined ? null : this.#placeOf(dentry).mount);
    if (dentry === undefined || parent === null) {
      throw new Error(`Cannot mount a ${sb.type.name} at "${at}": there is no such place; make it first`);
    }
    const { root = sb.root, source = sb.type.name, flags = MNT_RELATIME } = options;
    const mount = this.newMount(sb, root, source, flags);
    this.attachMount(mount, parent, dentry);
    return mount;
  }

  /** A mount that has no place in the tree yet. */
  newMount(sb: SuperBlock, root: Dentry, source: string, flags: number): Mount {
    const mount = this.#newMount(sb, root, source);
    mount.flags = flags;
    return mount;
  }

  /** Gives a mount its place. */
  attachMount(mount: Mount, parent: Mount, at: Dentry): void {
    mount.attach(parent, at);
    this.mounts.set(mount.mnt, mount);
  }

  /** Takes a mount off the tree. Its file system goes with its last mount, its objects stay as long as files are open. */
  unmount(mount: Mount): void {
    mount.detach();
    this.mounts.delete(mount.mnt);
  }

  /** What is mounted on a dentry of a mount, the topmost; null if nothing is. */
  mountedOn(parent: Addr, dentry: Dentry): Mount | null {
    for (let i = dentry.mounts.length - 1; i >= 0; i--) {
      const mount = dentry.mounts[i] as Mount;
      if (mount.parent.mnt === parent) return mount;
    }
    return null;
  }

  /** Gives a program that is started afresh its descriptors 0 to 2, on `/dev/null`. */
  openStdio(task: Task): void {
    const k = this.#k;
    const stdio = this.lookup("/dev/null");
    if (task.userSpace === null || stdio === null) return;
    const file = newFile(k, O_RDWR, task.cred);
    openOn(k, file, stdio, this.#placeOf(stdio).mount?.mnt ?? this.mnt);
    for (let fd = 0; fd < 3; fd++) installFd(k, task.files, fd, file.address, false);
    FILE.count.set(k, file.address, 3);
    FILES_STRUCT.nextFd.set(k, task.files, 3);
  }

  /** The dentry at a path, without running any kernel function; null if there is none. Symbolic links are followed. */
  lookup(path: string, from: Dentry = this.root, follow = true): Dentry | null {
    const start = path.startsWith("/") ? this.root : from;
    return this.#walk(path, this.#placeOf(start), follow, 0)?.dentry ?? null;
  }

  /** Makes what a path names, with the directories above it; gives what is there if it is there already. */
  makePath(path: string, options: NodeOptions = {}, from: Dentry = this.root): Dentry {
    let dir = path.startsWith("/") ? this.root : from;
    const parts = pathNames(path);
    parts.forEach((name, i) => {
      if (name === "..") dir = this.#above(dir);
      else {
        const last = i === parts.length - 1;
        let next = this.child(dir, name);
        if (next === null || !last && next.inode?.entries === null && next.inode.target === null) {
          if (next !== null) this.remove(next);
          next = this.addChild(
            dir,
            name,
            this.#newChildInode(dir, last ? options : { mode: S_IFDIR | 0o755 }),
          );
        } else if (!last && next.inode?.target) next = this.lookup(next.inode.target, dir) ?? next;
        dir = next.mounted ? this.#below(next) : next;
      }
    });
    const inode = dir.inode;
    if (options.content !== undefined) inode?.write(0, options.content);
    return dir;
  }

  /** The entry of a directory, whether the dentry cache has it or not; null if there is none. */
  child(dir: Dentry, name: string): Dentry | null {
    const inode = dir.inode;
    if (inode === null) return null;
    if (inode.dynamic !== null) return this.#dynamicChild(dir, inode, name);
    return inode.entries?.get(name) ?? null;
  }

  /** What the dentry cache has for a name: a dentry, without an inode if it is known not to exist; null if unknown. */
  cached(dir: Dentry, name: string): Dentry | null {
    const found = dir.inode?.dynamic == null
      ? dir.inode?.entries?.get(name)
      : this.#dynamicChild(dir, dir.inode, name);
    if (found != null && found.hashed) return found;
    return dir.negative?.get(name) ?? null;
  }

  /** Adds an entry to a directory. */
  addChild(dir: Dentry, name: string, inode: Inode): Dentry {
    const sb = this.superOf(dir);
    const dentry = new Dentry(this.#k, name, dir, sb.address, sb.type.pinned ? "cached" : "uncached");
    if (sb.type.pinned) this.dentries.set(dentry.address, dentry);
    dentry.inode = inode;
    dir.inode?.entries?.set(name, dentry);
    this.forgetNegative(dir, name);
    if (inode.entries !== null && dir.inode !== null) dir.inode.nlink++;
    return dentry;
  }

  /** A name that was known not to exist is about to. */
  forgetNegative(dir: Dentry, name: string): void {
    const known = dir.negative?.get(name);
    if (known === undefined) return;
    dir.negative?.delete(name);
    this.dentries.delete(known.address);
    known.free();
  }

  /** The kind of file system that an inode is on. */
  typeOf(inode: Inode): FileSystemType | undefined {
    return this.supers.get(INODE.sb.get(this.#k, inode.address))?.type;
  }

  /** The super block of a dentry's file system. */
  superOf(dentry: Dentry): SuperBlock {
    return this.supers.get(dentry.sb) ?? (this.supers.get(this.sb) as SuperBlock);
  }

  /**
   * Takes an entry out of its directory. Dentry and inode go with their last reference: at once, unless files are open on
   * it or, with `keep`, the caller still works with it and calls `release` later.
   */
  remove(dentry: Dentry, keep = false): void {
    const dir = dentry.parent;
    dir.inode?.entries?.delete(dentry.name);
    const inode = dentry.inode;
    if (inode !== null) {
      if (inode.entries !== null) {
        inode.nlink = 0;
        if (dir.inode !== null) dir.inode.nlink--;
      } else inode.nlink--;
    }
    if (dentry.hashed && this.superOf(dentry).type.pinned) dentry.put();
    dentry.hashed = false;
    if (!keep) this.release(dentry);
  }

  /** Drops a reference to a dentry (`dput`); one that no name leads to goes with the last. */
  put(dentry: Dentry): void {
    dentry.put();
    this.release(dentry);
  }

  /** The call that made a dentry without a name is done with it: it goes with the last file on it. */
  settle(dentry: Dentry): void {
    if (!dentry.transient) return;
    dentry.transient = false;
    this.put(dentry);
  }

  /** Frees a dentry that nobody refers to and no name leads to, with what only it held. */
  release(dentry: Dentry): void {
    if (dentry.hashed || dentry.count > 0 || dentry.mounted || this.superOf(dentry).root === dentry) return;
    const { inode, parent } = dentry;
    this.dentries.delete(dentry.address);
    dentry.free();
    if (inode !== null) this.#putInode(inode);
    if (parent !== dentry) this.put(parent);
  }

  #putInode(inode: Inode): void {
    if (INODE.count.add(this.#k, inode.address, -1) > 0 || inode.nlink > 0 && this.#isNamed(inode)) return;
    const evict = this.supers.get(INODE.sb.get(this.#k, inode.address))?.type.evictInode;
    if (evict !== undefined) this.#k.call(evict, inode.address);
    this.inodes.delete(inode.address);
    inode.free();
  }

  /** Whether a file system finds an inode again by itself, without a dentry. */
  #isNamed(inode: Inode): boolean {
    return this.typeOf(inode)?.pinned === false;
  }

  /** A dentry without an inode, in no directory yet. */
  newDentry(name: string, parent: Dentry | null, sb: Addr = parent?.sb ?? this.sb): Dentry {
    const dentry = new Dentry(this.#k, name, parent, sb, "new");
    this.dentries.set(dentry.address, dentry);
    return dentry;
  }

  /** An inode, by default a regular file of the root file system. */
  newInode(options: NodeOptions, ops?: FileOperations, fs?: PseudoFs, container?: InodeContainer): Inode {
    return this.newInodeOn(fs?.sb ?? this.sb, options, {
      ...(ops === undefined ? {} : { ops }),
      ...(container === undefined ? {} : { container }),
    });
  }

  /** An inode of a file system, by default a regular file; `kind` says where it is no ordinary one. */
  newInodeOn(sb: Addr, options: NodeOptions, kind: InodeKind = {}): Inode {
    const type = this.supers.get(sb)?.type ?? TMPFS;
    const mode = options.mode ?? (options.target === undefined ? S_IFREG | 0o644 : S_IFLNK | 0o777);
    const inode = new Inode(this.#k, {
      mode: (mode & S_IFMT) === 0 ? mode | S_IFREG : mode,
      ops: kind.ops ?? type.fileOperations(mode, options.rdev ?? 0),
      iops: kind.iops ?? type.inodeOperations((mode & S_IFMT) === 0 ? mode | S_IFREG : mode),
      container: kind.container ?? type.container,
      dops: kind.dops,
      sb,
      ino: this.#nextIno++,
      rdev: options.rdev,
      uid: options.uid,
      gid: options.gid,
      target: options.target,
    });
    if (options.size !== undefined) inode.size = options.size;
    this.inodes.set(inode.address, inode);
    return inode;
  }

  /** A file system without a mount point, made at first use. */
  pseudo(name: string): PseudoFs {
    let fs = this.#pseudo.get(name);
    if (fs === undefined) {
      const sb = new SuperBlock(this.#k, pseudoType(name), this.#nextDev++);
      this.supers.set(sb.address, sb);
      const root = this.newDentry(`${name}:`, null, sb.address);
      root.inode = this.newInodeOn(sb.address, { mode: S_IFDIR | 0o600 });
      sb.root = root;
      fs = { sb: sb.address, mnt: this.#newMount(sb, root, name).mnt };
      this.#pseudo.set(name, fs);
    }
    return fs;
  }

  /** Makes the file systems that a kernel mounts for itself, as far as nothing has needed them yet. */
  kernelMounts(): void {
    this.shmMount();
    for (const name of KERNEL_MOUNTS) this.pseudo(name);
  }

  /** The tmpfs that is mounted nowhere: what `memfd_create` and shared memory are on. */
  shmMount(): Mount {
    if (this.#shm === null) {
      const sb = this.newSuper(TMPFS);
      this.#shm = this.#newMount(sb, sb.root, "tmpfs");
    }
    return this.#shm;
  }

  /** An open file without a place in the tree: a pipe end, a socket, an event descriptor. */
  anonymous(
    fsName: string,
    ops: FileOperations,
    mode: number,
    flags: number,
    container: InodeContainer,
  ): OpenFile {
    const k = this.#k;
    const fs = this.pseudo(fsName);
    const inode = this.newInode({ mode }, ops, fs, container);
    const dentry = this.newDentry("", null, fs.sb);
    dentry.inode = inode;
    const file = newFile(k, flags);
    openOn(k, file, dentry, fs.mnt);
    this.settle(dentry);
    return file;
  }

  /** Drops a reference to a file; the last one releases and frees it. */
  putFile(address: Addr): void {
    const file = this.files.get(address);
    if (file === undefined) return;
    if (FILE.count.add(this.#k, address, -1) > 0) return;
    if (file.watched) this.#k.call(fn("eventpoll_release_file"), address);
    const release = file.ops?.release;
    // Those who wait for a pipe's other end, or watch the file, are told.
    if (release !== undefined) this.#k.call(release, file.inode?.address ?? 0, address);
    this.dispose(file);
  }

  /** Frees a file that nobody refers to any more. */
  dispose(file: OpenFile): void {
    freeFile(this.#k, file);
  }

  /** The path of a place as a task with that root sees it (`d_path`); null if it cannot be reached from there. */
  pathOf(mnt: Addr, dentry: Dentry, rootMnt: Addr = this.mnt, root: Dentry = this.root): string | null {
    const names: string[] = [];
    let mount = this.mounts.get(mnt) ?? null;
    let at = dentry;
    while (at !== root || mount !== null && mount.mnt !== rootMnt) {
      if (at === mount?.root || at.isRoot) {
        if (mount === null || mount.parent === mount) return at === this.root ? `/${names.join("/")}` : null;
        at = mount.mountpoint;
        mount = mount.parent;
      } else {
        names.unshift(at.name);
        at = at.parent;
      }
    }
    return `/${names.join("/")}`;
  }

  /** A mount through which a dentry is in the tree. */
  mountOf(dentry: Dentry): Mount | null {
    return this.#placeOf(dentry).mount;
  }

  #walk(path: string, from: Place, follow: boolean, links: number): Place | null {
    let at = path.startsWith("/") ? this.#placeOf(this.root) : from;
    const parts = pathNames(path);
    for (let i = 0; i < parts.length; i++) {
      const name = parts[i] as string;
      if (name === "..") {
        at = this.#up(at);
        continue;
      }
      const next = this.child(at.dentry, name);
      if (next === null) return null;
      const target = next.inode?.dynamicTarget?.() ?? next.inode?.target ?? null;
      if (target !== null && (follow || i < parts.length - 1)) {
        const resolved = links > 40 ? null : this.#walk(target, at, true, links + 1);
        if (resolved === null) return null;
        at = resolved;
      } else at = this.#down(at.mount, next);
    }
    return at;
  }

  /** The topmost mount over a place, or the place itself. */
  #down(on: Mount | null, found: Dentry): Place {
    let mount = on;
    let dentry = found;
    while (dentry.mounted && mount !== null) {
      const over = this.mountedOn(mount.mnt, dentry);
      if (over === null) break;
      mount = over;
      dentry = over.root;
    }
    return { mount, dentry };
  }

  #up(place: Place): Place {
    let { mount, dentry } = place;
    while (mount !== null && dentry === mount.root && mount.parent !== mount) {
      dentry = mount.mountpoint;
      mount = mount.parent;
    }
    return { mount, dentry: dentry.parent };
  }

  #above(dentry: Dentry): Dentry {
    return dentry.isRoot ? this.#up(this.#placeOf(dentry)).dentry : dentry.parent;
  }

  #below(dentry: Dentry): Dentry {
    return this.#down(this.#placeOf(dentry).mount, dentry).dentry;
  }

  #placeOf(dentry: Dentry): Place {
    let top = dentry;
    while (!top.isRoot) top = top.parent;
    for (const mount of this.mounts.values()) if (mount.root === top) return { mount, dentry };
    return { mount: null, dentry };
  }

  #newChildInode(dir: Dentry, options: NodeOptions): Inode {
    return this.newInodeOn(dir.sb, options);
  }

  #dynamicChild(dir: Dentry, inode: Inode, name: string): Dentry | null {
    const known = inode.entries?.get(name) ?? null;
    const found = inode.dynamic?.find(name) ?? null;
    if (found !== null ? known?.inode === found : inode.dynamic?.owns(name) !== true) return known;
    // What a recording says to be there, as a process that nothing else tells of, stays.
    if (found === null && known?.inode != null && !this.#found.has(known.inode)) return known;
    if (known !== null) {
      inode.entries?.delete(name);
      known.hashed = false;
      if (this.dentries.get(known.address) === known) this.release(known);
    }
    if (found === null) return null;
    const dentry = new Dentry(this.#k, name, dir, dir.sb, "uncached");
    dentry.inode = found;
    this.#found.add(found);
    inode.entries?.set(name, dentry);
    return dentry;
  }

  #newMount(sb: SuperBlock, root: Dentry, source: string): Mount {
    return new Mount(this.#k, sb, root, source, this.#nextMount++);
  }
}

/** A place in the tree. `mount` is null where the dentry is in none. */
interface Place {
  readonly mount: Mount | null;
  readonly dentry: Dentry;
}

/** File systems that every kernel has of its own, mounted at no place that programs see. */
const KERNEL_MOUNTS = [
  ...[
    "anon_inodefs",
    "bdev",
    "bpf",
    "cgroup2",
    "configfs",
    "dax",
    "debugfs",
    "devpts",
    "hugetlbfs",
    "mqueue",
  ],
  ...["nsfs", "pipe", "pstore", "ramfs", "securityfs", "sockfs", "tracefs"],
];

/** What devtmpfs has from the start: name, major, minor. */
const DEVICES: readonly (readonly [name: string, major: number, minor: number])[] = [
  ["null", 1, 3],
  ["zero", 1, 5],
  ["full", 1, 7],
  ["random", 1, 8],
  ["urandom", 1, 9],
  ["tty", 5, 0],
  ["console", 5, 1],
  ["ptmx", 5, 2],
];

/** How files of a mode (and device number) are read and written on tmpfs. */
export function operationsOf(mode: number, rdev: number): FileOperations {
  return TMPFS.fileOperations(mode, rdev);
}
