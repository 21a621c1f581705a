/**
 * Inodes: the object in memory, and the contents that the model keeps for it.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { Kernel } from "../kernel.ts";
import type { UserPage } from "../memory/user_page.ts";
import { freeObject, newObject } from "../process/alloc.ts";
import { Contents } from "./contents.ts";
import { type InodeContainer, PLAIN_INODE, SHMEM_INODE } from "./containers.ts";
import type { Dentry } from "./dentry.ts";
import { INODE, MAPPING_HOST } from "./fields.ts";
import type { LockContext } from "./file_lock.ts";
import type { FileOperations } from "./fileops.ts";
import type { DentryOperations } from "./dentry_operations.ts";
import type { InodeOperations } from "./inode_operations.ts";
import { type Field, field, sizeIfKnown, symbolAddress } from "../process/objects.ts";
import { S_IFDIR, S_IFMT } from "./modes.ts";
import { BOOT_SECONDS } from "../time/wall_clock.ts";
import { MappedPages } from "./mapped_pages.ts";
import type { PipeInfo } from "./pipe_info.ts";

export { type InodeContainer, PLAIN_INODE, SHMEM_INODE, SOCKET_INODE } from "./containers.ts";

/** Contents are kept up to this offset, in bytes. */
const MAX_KEPT = 2 ** 26;
/** For how many seconds what is there at boot has been there. */
const AGE = 3600;
const TIMES = ["atime", "mtime", "ctime"] as const;
/** Most bytes that one read gives (`MAX_RW_COUNT` is 2 GiB; nobody here has such a buffer). */
const MAX_READ = 2 ** 26;

/** What a new inode is. */
export interface InodeOptions {
  readonly mode: number;
  readonly ops: FileOperations;
  readonly iops: InodeOperations;
  readonly sb: Addr;
  readonly ino: number;
  readonly container?: InodeContainer | undefined;
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
  readonly rdev?: number | undefined;
  readonly target?: string | undefined;
  readonly dops?: DentryOperations | undefined;
}

/** Names of a directory that are made when somebody asks for them. */
export interface DynamicEntries {
  /** What a name stands for now; null if for nothing. The same inode again while it stands for the same thing. */
  find(name: string): Inode | null;
  /** Whether a name is one of these even when it stands for nothing: a number that is no process. */
  owns(name: string): boolean;
  /** All names now, in order. */
  names(): readonly string[];
}

/** An inode. Mode, size, links and owner live in memory; the bytes of its file are kept here. */
export class Inode {
  readonly address: Addr;
  readonly ops: FileOperations;
  readonly iops: InodeOperations;
  /** How its names in the dentry cache are checked; null if they need no check. */
  readonly dops: DentryOperations | null;
  /** A link that leads to an object rather than to a path: `/proc/PID/exe`. */
  jumps = false;
  /** Where a link leads whose text is made when somebody asks; null for other files. */
  dynamicTarget: (() => string | null) | null = null;
  /** What a directory has beside its entries: names that come and go by themselves, as those of processes. */
  dynamic: DynamicEntries | null = null;
  /** Opened with `O_TMPFILE`: has no name yet, and may get one (`I_LINKABLE`). */
  linkable = false;
  /** Seals of a memory file (`F_ADD_SEALS`); other files are sealed against seals. */
  seals = 1;
  /** Locks on it; null while there never was one. */
  locks: LockContext | null = null;
  /** Extended attributes by name; null while it has none. */
  xattrs: Map<string, Uint8Array> | null = null;
  /** Entries of a directory by name; null for other files. */
  readonly entries: Map<string, Dentry> | null;
  /** Where a symbolic link points. */
  readonly target: string | null;
  /** What waits in a pipe. */
  pipe: PipeInfo | null = null;
  readonly #k: Kernel;
  readonly #container: InodeContainer;
  readonly #base: Addr;
  readonly #contents = new Contents();
  #mapped: MappedPages | null = null;

  constructor(k: Kernel, options: InodeOptions) {
    const wanted = options.container ?? SHMEM_INODE;
    // An image need not describe every container; the inode itself is the same in all of them.
    const container = sizeIfKnown(k, wanted.type) === 0 ? PLAIN_INODE : wanted;
    this.#k = k;
    this.#container = container;
    this.ops = options.ops;
    this.iops = options.iops;
    this.dops = options.dops ?? null;
    this.#base = newObject(k, container.cache, container.type);
    this.address = this.#base +
      (container.member === "" ? 0 : memberOf(container).offset(k));
    const type = options.mode & S_IFMT;
    this.entries = type === S_IFDIR ? new Map() : null;
    this.target = options.target ?? null;
    const at = this.address;
    INODE.mode.set(k, at, options.mode);
    INODE.uid.set(k, at, options.uid ?? 0);
    INODE.gid.set(k, at, options.gid ?? 0);
    INODE.sb.set(k, at, options.sb);
    INODE.ino.set(k, at, options.ino);
    INODE.nlink.set(k, at, type === S_IFDIR ? 2 : 1);
    INODE.count.set(k, at, 1);
    INODE.blkbits.set(k, at, 12);
    INODE.rdev.set(k, at, options.rdev ?? 0);
    INODE.mapping.set(k, at, INODE.data.at(k, at));
    MAPPING_HOST.set(k, INODE.data.at(k, at), at);
    for (const time of TIMES) INODE[time].set(k, at, BOOT_SECONDS - AGE);
    INODE.fop.set(k, at, symbolAddress(k, options.ops.symbol));
    INODE.op.set(k, at, symbolAddress(k, options.iops.symbol));
    if (this.target !== null) INODE.size.set(k, at, this.target.length);
  }

  /** `i_mode`. */
  get mode(): number {
    return INODE.mode.get(this.#k, this.address);
  }

  set mode(mode: number) {
    INODE.mode.set(this.#k, this.address, mode);
  }

  /** File type bits of the mode. */
  get type(): number {
    return this.mode & S_IFMT;
  }

  /** `i_size` in bytes. */
  get size(): number {
    return INODE.size.get(this.#k, this.address);
  }

  set size(size: number) {
    const cut = size < this.size;
    INODE.size.set(this.#k, this.address, size);
    INODE.blocks.set(this.#k, this.address, Math.ceil(size / 4096) * 8);
    if (!cut) return;
    this.#contents.cut(size);
    this.#mapped?.cut(size);
  }

  /** `i_nlink`. */
  get nlink(): number {
    return INODE.nlink.get(this.#k, this.address);
  }

  set nlink(links: number) {
    INODE.nlink.set(this.#k, this.address, links);
  }

  /** `i_sb`. */
  get sb(): Addr {
    return INODE.sb.get(this.#k, this.address);
  }

  /** `i_ino`. */
  get ino(): number {
    return INODE.ino.get(this.#k, this.address);
  }

  set ino(ino: number) {
    INODE.ino.set(this.#k, this.address, ino);
  }

  /** Somebody looks at a page of it that is mapped: what is read and written is that page's from now on. */
  shownIn(index: number, page: UserPage): void {
    const mapped = this.#mapped ??= new MappedPages(this.#contents);
    mapped.add(index, page);
    page.unmapped = () => mapped.remove(index, page, this.size);
  }

  /** Up to `count` bytes at `pos`, to be read at once; holes read as zeros. */
  read(pos: number, count: number): Uint8Array {
    if (this.#mapped !== null && !this.#mapped.empty) this.#mapped.collect(pos, count, this.size);
    return this.#contents.read(pos, Math.max(0, Math.min(count, this.size - pos, MAX_READ)));
  }

  /** Stores bytes at `pos`; the file does not grow by it. */
  store(pos: number, bytes: Uint8Array): void {
    if (pos + bytes.length <= MAX_KEPT) this.#contents.write(pos, bytes);
    if (this.#mapped !== null) this.#mapped.show(pos, bytes);
  }

  /** Stores bytes at `pos` and grows the file as needed. */
  write(pos: number, bytes: Uint8Array): void {
    const end = pos + bytes.length;
    // Bytes far out are not kept: they read as a hole.
    if (end <= MAX_KEPT) this.#contents.write(pos, bytes);
    if (this.#mapped !== null) this.#mapped.show(pos, bytes);
    if (end > this.size) {
      INODE.size.set(this.#k, this.address, end);
      INODE.blocks.set(this.#k, this.address, Math.ceil(end / 4096) * 8);
    }
  }

  /** Gives the object back to its slab. */
  free(): void {
    freeObject(this.#k, this.#container.cache, this.#base);
  }
}

const members = new Map<InodeContainer, Field>();

function memberOf(container: InodeContainer): Field {
  let member = members.get(container);
  if (member === undefined) members.set(container, member = field(container.type, container.member));
  return member;
}
