/**
 * What files of procfs and sysfs are: who says what they contain, and by which function.
 *
 * @module
 */

import type { Addr } from "../../../image/model.ts";
import type { FunctionRef } from "../../calls/function.ts";
import type { Kernel } from "../../kernel.ts";
import type { Task } from "../../process/task.ts";
import type { FileOperations } from "../fileops.ts";
import type { DynamicEntries, Inode } from "../inode.ts";
import type { InodeOperations } from "../inode_operations.ts";
import type { DentryOperations } from "../dentry_operations.ts";
import { S_IFDIR, S_IFLNK, S_IFREG } from "../modes.ts";

/** A place that a link leads to by itself, without a path. */
export interface Place {
  readonly mnt: Addr;
  readonly dentry: Addr;
}

/** One file, directory or link; `task` is whose it is, null for what belongs to nobody. */
export interface NodeSpec {
  readonly name: string;
  /** Permissions; 0444 for files, 0555 for directories and 0777 for links by default. */
  readonly mode?: number;
  readonly ops?: FileOperations;
  readonly iops: InodeOperations;
  readonly dops?: DentryOperations;
  /** What a file says. */
  readonly text?: (k: Kernel, task: Task | null) => string | Uint8Array;
  /** The function that writes it. */
  readonly show?: FunctionRef;
  /** What a write does: bytes taken, or -errno. */
  readonly store?: (k: Kernel, task: Task | null, bytes: Uint8Array) => number;
  /** The text of a link. */
  readonly target?: (k: Kernel, task: Task | null) => string | null;
  /** Where a link leads that needs no text. */
  readonly place?: (k: Kernel, task: Task | null) => Place | null;
  /** What a directory has, in order. */
  readonly children?: (k: Kernel, task: Task | null) => readonly NodeSpec[];
  /** A directory whose names come and go. */
  readonly dynamic?: (k: Kernel, task: Task | null, make: MakeInode) => DynamicEntries;
  /** The task that what is in it belongs to. */
  readonly task?: Task;
}

/** Makes the inode of a node. */
export type MakeInode = (spec: NodeSpec, task: Task | null) => Inode;

/** What an inode of such a file system is. */
export interface ProcNode {
  readonly spec: NodeSpec;
  readonly task: Task | null;
}

const nodes = new WeakMap<Inode, ProcNode>();

/** What an inode is; undefined for those of other file systems. */
export function nodeOf(inode: Inode | null | undefined): ProcNode | undefined {
  return inode == null ? undefined : nodes.get(inode);
}

/** Makes inodes on a file system. */
export function inodeMaker(k: Kernel, sb: Addr): MakeInode {
  const make: MakeInode = (spec, task) => {
    const directory = spec.children !== undefined || spec.dynamic !== undefined;
    const link = spec.target !== undefined || spec.place !== undefined;
    const type = directory ? S_IFDIR : link ? S_IFLNK : S_IFREG;
    const permissions = spec.mode ?? (directory ? 0o555 : link ? 0o777 : 0o444);
    const inode = k.vfs.newInodeOn(sb, {
      mode: type | permissions,
      ...(task === null ? {} : { uid: task.uid, gid: task.gid }),
    }, {
      iops: spec.iops,
      ...(spec.ops === undefined ? {} : { ops: spec.ops }),
      ...(spec.dops === undefined ? {} : { dops: spec.dops }),
    });
    nodes.set(inode, { spec, task });
    inode.jumps = spec.place !== undefined;
    if (link) inode.dynamicTarget = () => linkText(k, spec, task);
    if (spec.children !== undefined) inode.dynamic = new FixedEntries(k, spec.children, task, make);
    if (spec.dynamic !== undefined) inode.dynamic = spec.dynamic(k, task, make);
    return inode;
  };
  return make;
}

/** The text of a link, made from where it leads if it has none. */
export function linkText(k: Kernel, spec: NodeSpec, task: Task | null): string | null {
  if (spec.target !== undefined) return spec.target(k, task);
  const place = spec.place?.(k, task) ?? null;
  const dentry = place === null ? undefined : k.vfs.dentries.get(place.dentry);
  if (place === null || dentry === undefined) return null;
  return k.vfs.pathOf(place.mnt, dentry) ?? dentry.name;
}

/** Entries that are always the same; their inodes are made when first asked for. */
export class FixedEntries implements DynamicEntries {
  readonly #k: Kernel;
  readonly #children: (k: Kernel, task: Task | null) => readonly NodeSpec[];
  readonly #task: Task | null;
  readonly #make: MakeInode;
  readonly #inodes = new Map<string, Inode>();

  constructor(
    k: Kernel,
    children: (k: Kernel, task: Task | null) => readonly NodeSpec[],
    task: Task | null,
    make: MakeInode,
  ) {
    this.#k = k;
    this.#children = children;
    this.#task = task;
    this.#make = make;
  }

  find(name: string): Inode | null {
    let inode = this.#inodes.get(name);
    if (inode === undefined) {
      const spec = this.#children(this.#k, this.#task).find((child) => child.name === name);
      if (spec === undefined) return null;
      inode = this.#make(spec, spec.task ?? this.#task);
      this.#inodes.set(name, inode);
    }
    return inode;
  }

  owns(): boolean {
    return false;
  }

  names(): readonly string[] {
    return this.#children(this.#k, this.#task).map(({ name }) => name);
  }
}
