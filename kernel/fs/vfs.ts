/**
 * The file systems of one kernel: a tmpfs root, the file systems without a mount point behind pipes and sockets, and
 * every dentry, inode and file by its address.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { AddressTable } from "../memory/address_table.ts";
import type { Kernel } from "../kernel.ts";
import { kzalloc, newObject } from "../process/alloc.ts";
import { sizeOfStruct, symbolAddress } from "../process/objects.ts";
import type { Task } from "../process/task.ts";
import { Dentry } from "./dentry.ts";
import { FILE, MOUNT, SUPER, VFSMOUNT } from "./fields.ts";
import { freeFile, newFile, type OpenFile, openOn } from "./file.ts";
import {
  type FileOperations,
  NULL_DEVICE,
  RANDOM_DEVICE,
  SHMEM_FILE,
  SIMPLE_DIR,
  SOCKET,
  TTY,
  ZERO_DEVICE,
} from "./fileops.ts";
import { FILES_STRUCT, installFd } from "./files_struct.ts";
import { Inode, type InodeContainer, PLAIN_INODE } from "./inode.ts";
import { O_RDWR, S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG, S_IFSOCK } from "./modes.ts";
import { PIPE } from "./fileops.ts";

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

/** A file system without a place in the tree: `pipefs`, `sockfs`, `anon_inodefs`. */
export interface PseudoFs {
  readonly sb: Addr;
  readonly mnt: Addr;
}

const TMPFS_MAGIC = 0x01021994;
const PSEUDO_MAGIC: Readonly<Record<string, number>> = {
  pipe: 0x50495045,
  sockfs: 0x534f434b,
  anon_inodefs: 0x09041934,
};

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
  readonly #k: Kernel;
  readonly #pseudo = new Map<string, PseudoFs>();
  #nextIno = 1;
  #nextDev = 2;

  constructor(k: Kernel) {
    this.#k = k;
    this.sb = this.#newSuper("tmpfs", TMPFS_MAGIC);
    this.root = new Dentry(k, "/", null, this.sb);
    this.dentries.set(this.root.address, this.root);
    this.root.inode = this.newInode({ mode: S_IFDIR | 0o755 });
    SUPER.root.set(k, this.sb, this.root.address);
    this.rootMount = this.#newMount(this.sb, this.root.address);
    this.mnt = MOUNT.vfsmount.at(k, this.rootMount);
    for (const dir of ["/dev", "/etc", "/proc", "/root", "/sys", "/tmp", "/usr", "/var"]) {
      this.makePath(dir, { mode: S_IFDIR | 0o755 });
    }
    this.makePath("/dev/null", { mode: S_IFCHR | 0o666, rdev: 1 << 20 | 3 });
    this.makePath("/dev/zero", { mode: S_IFCHR | 0o666, rdev: 1 << 20 | 5 });
    this.makePath("/dev/random", { mode: S_IFCHR | 0o666, rdev: 1 << 20 | 8 });
    this.makePath("/dev/urandom", { mode: S_IFCHR | 0o666, rdev: 1 << 20 | 9 });
    this.makePath("/dev/tty", { mode: S_IFCHR | 0o666, rdev: 5 << 20 });
  }

  /** Gives a program that is started afresh its descriptors 0 to 2, on `/dev/null`. */
  openStdio(task: Task): void {
    const k = this.#k;
    const stdio = this.lookup("/dev/null");
    if (task.userSpace === null || stdio === null) return;
    const file = newFile(k, O_RDWR, task.cred);
    openOn(k, file, stdio, this.mnt);
    for (let fd = 0; fd < 3; fd++) installFd(k, task.files, fd, file.address, false);
    FILE.count.set(k, file.address, 3);
    FILES_STRUCT.nextFd.set(k, task.files, 3);
  }

  /** The dentry at a path, without running any kernel function; null if there is none. Symbolic links are followed. */
  lookup(path: string, from: Dentry = this.root, follow = true): Dentry | null {
    return this.#walk(path, from, follow, 0);
  }

  /** Makes what a path names, with the directories above it; gives what is there if it is there already. */
  makePath(path: string, options: NodeOptions = {}, from: Dentry = this.root): Dentry {
    let dir = path.startsWith("/") ? this.root : from;
    const parts = path.split("/").filter((part) => part !== "" && part !== ".");
    parts.forEach((name, i) => {
      if (name === "..") dir = dir.parent;
      else {
        const last = i === parts.length - 1;
        let next = this.child(dir, name);
        if (next === null || !last && next.inode?.entries === null && next.inode.target === null) {
          if (next !== null) this.remove(next);
          next = this.addChild(dir, name, this.newInode(last ? options : { mode: S_IFDIR | 0o755 }));
        } else if (!last && next.inode?.target) next = this.lookup(next.inode.target, dir) ?? next;
        dir = next;
      }
    });
    const inode = dir.inode;
    if (options.content !== undefined) inode?.write(0, options.content);
    return dir;
  }

  /** The entry of a directory. */
  child(dir: Dentry, name: string): Dentry | null {
    return dir.inode?.entries?.get(name) ?? null;
  }

  /** Adds an entry to a directory. */
  addChild(dir: Dentry, name: string, inode: Inode): Dentry {
    const dentry = this.newDentry(name, dir);
    dentry.inode = inode;
    dir.inode?.entries?.set(name, dentry);
    if (inode.entries !== null && dir.inode !== null) dir.inode.nlink++;
    return dentry;
  }

  /** Takes an entry out of its directory; the inode goes with its last link, unless a file holds it open. */
  remove(dentry: Dentry): void {
    const dir = dentry.parent;
    dir.inode?.entries?.delete(dentry.name);
    const inode = dentry.inode;
    if (inode === null) return;
    if (inode.entries !== null) {
      inode.nlink = 0;
      if (dir.inode !== null) dir.inode.nlink--;
    } else inode.nlink--;
  }

  /** A dentry without an inode, in no directory yet. */
  newDentry(name: string, parent: Dentry | null, sb: Addr = this.sb): Dentry {
    const dentry = new Dentry(this.#k, name, parent, sb);
    this.dentries.set(dentry.address, dentry);
    return dentry;
  }

  /** An inode, by default a regular file of the root file system. */
  newInode(options: NodeOptions, ops?: FileOperations, fs?: PseudoFs, container?: InodeContainer): Inode {
    const mode = options.mode ?? (options.target === undefined ? S_IFREG | 0o644 : S_IFLNK | 0o777);
    const inode = new Inode(this.#k, {
      mode: (mode & S_IFMT) === 0 ? mode | S_IFREG : mode,
      ops: ops ?? operationsOf(mode, options.rdev ?? 0),
      sb: fs?.sb ?? this.sb,
      ino: this.#nextIno++,
      ...(container === undefined ? {} : { container }),
      ...(options.rdev === undefined ? {} : { rdev: options.rdev }),
      ...(options.uid === undefined ? {} : { uid: options.uid }),
      ...(options.gid === undefined ? {} : { gid: options.gid }),
      ...(options.target === undefined ? {} : { target: options.target }),
    });
    if (options.size !== undefined) inode.size = options.size;
    this.inodes.set(inode.address, inode);
    return inode;
  }

  /** A file system without a mount point, made at first use. */
  pseudo(name: string): PseudoFs {
    let fs = this.#pseudo.get(name);
    if (fs === undefined) {
      const k = this.#k;
      const sb = this.#newSuper(name, PSEUDO_MAGIC[name] ?? 0);
      const root = this.newDentry(`${name}:`, null, sb);
      root.inode = this.newInode({ mode: S_IFDIR | 0o600 }, SIMPLE_DIR, { sb, mnt: 0 }, PLAIN_INODE);
      SUPER.root.set(k, sb, root.address);
      fs = { sb, mnt: MOUNT.vfsmount.at(k, this.#newMount(sb, root.address)) };
      this.#pseudo.set(name, fs);
    }
    return fs;
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
    return file;
  }

  /** Drops a reference to a file; the last one releases and frees it. */
  putFile(address: Addr): void {
    const file = this.files.get(address);
    if (file === undefined) return;
    if (FILE.count.add(this.#k, address, -1) > 0) return;
    const release = file.ops?.release;
    // Those who wait for a pipe's other end, or watch the file, are told.
    if (release !== undefined) this.#k.call(release, file.inode?.address ?? 0, address);
    this.dispose(file);
  }

  /** Frees a file that nobody refers to any more. */
  dispose(file: OpenFile): void {
    freeFile(this.#k, file);
  }

  #walk(path: string, from: Dentry, follow: boolean, links: number): Dentry | null {
    let at = path.startsWith("/") ? this.root : from;
    const parts = path.split("/").filter((part) => part !== "" && part !== ".");
    for (let i = 0; i < parts.length; i++) {
      const name = parts[i] as string;
      if (name === "..") {
        at = at.parent;
        continue;
      }
      const next = this.child(at, name);
      if (next === null) return null;
      const target = next.inode?.target ?? null;
      if (target !== null && (follow || i < parts.length - 1)) {
        const resolved = links > 40 ? null : this.#walk(target, at, true, links + 1);
        if (resolved === null) return null;
        at = resolved;
      } else at = next;
    }
    return at;
  }

  #newSuper(type: string, magic: number): Addr {
    const k = this.#k;
    const sb = kzalloc(k, sizeOfStruct(k, "super_block"));
    SUPER.magic.set(k, sb, magic);
    SUPER.dev.set(k, sb, this.#nextDev++);
    SUPER.blocksize.set(k, sb, 4096);
    SUPER.type.set(k, sb, symbolAddress(k, type === "tmpfs" ? "shmem_fs_type" : `${type}_fs_type`));
    k.memory.writeString(SUPER.id.at(k, sb), type, 32);
    return sb;
  }

  #newMount(sb: Addr, root: Addr): Addr {
    const k = this.#k;
    const mount = newObject(k, "mnt_cache", "mount");
    MOUNT.parent.set(k, mount, mount);
    MOUNT.mountpoint.set(k, mount, root);
    const mnt = MOUNT.vfsmount.at(k, mount);
    VFSMOUNT.root.set(k, mnt, root);
    VFSMOUNT.sb.set(k, mnt, sb);
    return mount;
  }
}

/** How files of a mode (and device number) are read and written. */
export function operationsOf(mode: number, rdev: number): FileOperations {
  switch (mode & S_IFMT) {
    case S_IFDIR:
      return SIMPLE_DIR;
    case S_IFIFO:
      return PIPE;
    case S_IFSOCK:
      return SOCKET;
    case S_IFCHR:
    case S_IFBLK:
      return deviceOperations(rdev >>> 20, rdev & 0xfffff);
    default:
      return SHMEM_FILE;
  }
}

function deviceOperations(major: number, minor: number): FileOperations {
  if (major !== 1) return TTY;
  if (minor === 3) return NULL_DEVICE;
  return minor === 5 ? ZERO_DEVICE : RANDOM_DEVICE;
}
