/**
 * Which groups watch which inodes.
 *
 * @module
 */

import type { Addr } from "../../../image/model.ts";
import type { Inode } from "../inode.ts";
import type { InotifyGroup } from "./group.ts";

/** One group's interest in an inode: `struct inotify_inode_mark`. */
export interface Watch {
  /** Address of the mark. */
  readonly address: Addr;
  readonly group: InotifyGroup;
  readonly inode: Inode;
  /** The watch descriptor. */
  readonly wd: number;
  mask: number;
}

/** All watches of one kernel. */
export class Watches {
  readonly #byInode = new Map<Inode, Watch[]>();
  /** Groups by the address of their `struct fsnotify_group`. */
  readonly groups: Map<Addr, InotifyGroup> = new Map();
  #cookie = 0;

  /** Whether nobody watches anything. */
  get none(): boolean {
    return this.#byInode.size === 0;
  }

  /** Who watches an inode. */
  of(inode: Inode): readonly Watch[] {
    return this.#byInode.get(inode) ?? [];
  }

  /** Begins a watch. */
  add(watch: Watch): void {
    const list = this.#byInode.get(watch.inode);
    if (list === undefined) this.#byInode.set(watch.inode, [watch]);
    else list.push(watch);
  }

  /** Ends one. */
  remove(watch: Watch): void {
    const rest = this.of(watch.inode).filter((other) => other !== watch);
    if (rest.length === 0) this.#byInode.delete(watch.inode);
    else this.#byInode.set(watch.inode, rest);
  }

  /** What ties the two events of a move together. */
  nextCookie(): number {
    return ++this.#cookie;
  }
}
