/**
 * Who hears of what happens to files: `fs/notify`. While nobody watches anything, nothing here costs more than a look.
 *
 * @module
 */

import type { Addr } from "../../../image/model.ts";
import { behaviour, fn, type FunctionRef } from "../../calls/function.ts";
import type { Kernel } from "../../kernel.ts";
import { WAKE_UP } from "../../sched/wait.ts";
import type { Inode } from "../inode.ts";
import type { Watch } from "./watches.ts";
import {
  IN_ALL_EVENTS,
  IN_ATTRIB,
  IN_DELETE,
  IN_DELETE_SELF,
  IN_IGNORED,
  IN_ISDIR,
  IN_MOVE_SELF,
  IN_MOVED_FROM,
  IN_MOVED_TO,
  IN_ONESHOT,
  IN_UNMOUNT,
} from "./masks.ts";

const FSNOTIFY_INSERT_EVENT: FunctionRef = behaviour(
  "fsnotify_insert_event",
  [WAKE_UP],
  (k, group = 0) => {
    const found = k.vfs.watches.groups.get(group);
    if (found !== undefined) k.call(WAKE_UP, found.waitQueue, 1, 1, 0x41);
    return 0;
  },
);

/** What is to be told, beside what its arguments say. */
interface Telling {
  readonly name: string;
  readonly cookie: number;
}
const tellings = new WeakMap<Kernel, Telling>();

/** An event for one watch: queued, and who waits is woken. (mark, mask, inode, dir, name, cookie) */
const INOTIFY_HANDLE_INODE_EVENT: FunctionRef = behaviour(
  "inotify_handle_inode_event",
  [FSNOTIFY_INSERT_EVENT],
  (k, mark = 0, mask = 0, inode = 0) => {
    const watch = k.vfs.watches.of(k.vfs.inodes.get(inode) as Inode).find(({ address }) => address === mark);
    if (watch === undefined) return 0;
    const { name, cookie } = tellings.get(k) ?? { name: "", cookie: 0 };
    if (watch.group.queue(watch.wd, mask, cookie, name)) k.call(FSNOTIFY_INSERT_EVENT, watch.group.address);
    if ((watch.mask & IN_ONESHOT) !== 0) endWatch(k, watch);
    return 0;
  },
);
const FSNOTIFY_HANDLE_INODE_EVENT: FunctionRef = behaviour(
  "fsnotify_handle_inode_event",
  [INOTIFY_HANDLE_INODE_EVENT],
  (k, _group = 0, mark = 0, mask = 0, inode = 0) =>
    k.call(INOTIFY_HANDLE_INODE_EVENT, mark, mask, inode, 0, 0, 0),
);

/** Tells all who watch an inode. (mask, data, data_type, dir, file_name, inode, cookie) */
export const FSNOTIFY: FunctionRef = behaviour(
  "fsnotify",
  [FSNOTIFY_HANDLE_INODE_EVENT],
  (k, mask = 0, _data = 0, _type = 0, _dir = 0, _name = 0, inode = 0) => {
    const found = k.vfs.inodes.get(inode);
    if (found === undefined) return 0;
    for (const { address, group, mask: wanted } of [...k.vfs.watches.of(found)]) {
      if ((wanted & mask & IN_ALL_EVENTS) === 0 && (mask & IN_UNMOUNT) === 0) continue;
      k.call(FSNOTIFY_HANDLE_INODE_EVENT, group.address, address, mask, inode);
    }
    return 0;
  },
);

function tell(k: Kernel, inode: Inode, mask: number, name: string, cookie = 0): void {
  if (k.vfs.watches.of(inode).length === 0) return;
  tellings.set(k, { name, cookie });
  k.calls.callN(FSNOTIFY, [mask, 0, 0, 0, 0, inode.address, cookie]);
}

/** Something happened to a name in a directory. */
export function notifyName(
  k: Kernel,
  dir: Inode | null | undefined,
  name: string,
  mask: number,
  cookie = 0,
): void {
  if (k.vfs.watches.none || dir == null) return;
  tell(k, dir, mask, name, cookie);
}

/** Something happened to what a dentry stands for: who watches it hears, and who watches its directory. */
export function notifyDentry(k: Kernel, address: Addr, mask: number): void {
  if (k.vfs.watches.none) return;
  const dentry = k.vfs.dentries.get(address);
  const inode = dentry?.inode;
  if (dentry === undefined || !inode) return;
  const event = inode.entries === null ? mask : mask | IN_ISDIR;
  if (!dentry.isRoot && dentry.parent.inode !== null) tell(k, dentry.parent.inode, event, dentry.name);
  tell(k, inode, event, "");
}

/** Something happened to an inode itself. */
export function notifyInode(k: Kernel, inode: Inode | null | undefined, mask: number): void {
  if (k.vfs.watches.none || inode == null) return;
  tell(k, inode, mask, "");
}

/** A name moved: both directories hear, with one cookie, and who watches what moved or was replaced. */
export function notifyMove(
  k: Kernel,
  from: Inode | undefined,
  oldName: string,
  to: Inode | undefined,
  newName: string,
  moved: Inode | null,
  replaced: Inode | null,
): void {
  const cookie = k.vfs.watches.nextCookie();
  const kind = moved?.entries == null ? 0 : IN_ISDIR;
  notifyName(k, from, oldName, IN_MOVED_FROM | kind, cookie);
  notifyName(k, to, newName, IN_MOVED_TO | kind, cookie);
  if (moved !== null) tell(k, moved, IN_MOVE_SELF, "");
  if (replaced !== null) inodeGone(k, replaced);
}

/** A name was removed: its directory hears, and who watched what it stood for, which may be gone now. */
export function notifyRemoved(k: Kernel, dir: Inode | undefined, name: string, inode: Inode | null): void {
  if (k.vfs.watches.none) return;
  notifyName(k, dir, name, IN_DELETE | (inode?.entries == null ? 0 : IN_ISDIR));
  if (inode !== null) inodeGone(k, inode);
}

/** The last name of an inode is gone; watches end with it, or tell of a link less. */
function inodeGone(k: Kernel, inode: Inode): void {
  if (k.vfs.watches.of(inode).length === 0) return;
  if (inode.nlink > 0) {
    tell(k, inode, IN_ATTRIB, "");
    return;
  }
  tell(k, inode, IN_DELETE_SELF, "");
  for (const watch of [...k.vfs.watches.of(inode)]) endWatch(k, watch);
}

/** Ends a watch, and says so. */
export function endWatch(k: Kernel, watch: Watch): void {
  const { group } = watch;
  if (!group.watches.delete(watch.wd)) return;
  k.vfs.watches.remove(watch);
  if (group.queue(watch.wd, IN_IGNORED, 0, "")) k.call(FSNOTIFY_INSERT_EVENT, group.address);
  k.slab.free(MARK_CACHE, watch.address);
}

/** Slab cache of the marks. */
export const MARK_CACHE = "inotify_inode_mark";
/** Makes one (`fsnotify_init_mark`). */
export const FSNOTIFY_INIT_MARK: FunctionRef = fn("fsnotify_init_mark");
