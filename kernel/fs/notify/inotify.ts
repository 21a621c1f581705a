/**
 * inotify: making groups, adding and removing watches, reading events.
 *
 * @module
 */

import type { Addr } from "../../../image/model.ts";
import { behaviour, blocking, fn, type FunctionRef } from "../../calls/function.ts";
import type { Kernel } from "../../kernel.ts";
import { sizeOfStruct } from "../../process/objects.ts";
import { popLocals, pushLocal } from "../../process/stack.ts";
import { storeUserBytes } from "../../process/user_store.ts";
import { WAIT_EVENT_CALLS, waitEvent } from "../../sched/wait_event.ts";
import { EAGAIN, EBADF, EEXIST, EFAULT, EINVAL, ERESTARTSYS } from "../../syscalls/errno.ts";
import { anonInodeGetfd, GETFD } from "../anon_inodes.ts";
import { fileOf } from "../fdtable.ts";
import { FILE, PATH } from "../fields.ts";
import { INOTIFY } from "../fileops.ts";
import type { Inode } from "../inode.ts";
import { AT_FDCWD, LOOKUP_DIRECTORY, LOOKUP_FOLLOW, O_CLOEXEC, O_NONBLOCK } from "../modes.ts";
import { DECISIVE, INODE_PERMISSION } from "../namei.ts";
import { PATH_PUT } from "../path_lookup.ts";
import { MAY_READ } from "../permission.ts";
import { USER_PATH_AT_EMPTY } from "../place.ts";
import { EPOLLIN, EPOLLRDNORM, pollWait, QUEUE_PROCS } from "../poll.ts";
import { recorded } from "../recorded.ts";
import { endWatch, FSNOTIFY_INIT_MARK, MARK_CACHE } from "./events.ts";
import { InotifyGroup } from "./group.ts";
import {
  IN_ALL_EVENTS,
  IN_DONT_FOLLOW,
  IN_EXCL_UNLINK,
  IN_MASK_ADD,
  IN_MASK_CREATE,
  IN_ONESHOT,
  IN_ONLYDIR,
  IN_UNMOUNT,
} from "./masks.ts";
import { initUserNs } from "../../process/user_namespace.ts";

const SETTABLE = IN_ALL_EVENTS | IN_ONESHOT | IN_EXCL_UNLINK | IN_UNMOUNT;
const VALID = SETTABLE | IN_ONLYDIR | IN_DONT_FOLLOW | IN_MASK_CREATE | IN_MASK_ADD | 0x40000000;

/** A group's memory. */
const FSNOTIFY_ALLOC_GROUP: FunctionRef = behaviour("fsnotify_alloc_group", [], (k) => {
  const group = new InotifyGroup(k);
  k.vfs.watches.groups.set(group.address, group);
  return group.address;
});

/** `inotify_init`: a descriptor, or -errno. */
export const DO_INOTIFY_INIT: FunctionRef = behaviour(
  "do_inotify_init",
  [FSNOTIFY_ALLOC_GROUP, GETFD],
  (k, flags = 0) => {
    if ((flags & ~(O_CLOEXEC | O_NONBLOCK)) !== 0) return -EINVAL;
    const group = k.call(FSNOTIFY_ALLOC_GROUP);
    const fd = anonInodeGetfd(k, "inotify", INOTIFY, group, flags);
    if (fd < 0) destroyGroup(k, group);
    return fd;
  },
);

const INOTIFY_FIND_INODE: FunctionRef = behaviour(
  "inotify_find_inode",
  [USER_PATH_AT_EMPTY, INODE_PERMISSION, PATH_PUT],
  (k, name = 0, path = 0, flags = 0) => {
    const error = k.call(USER_PATH_AT_EMPTY, AT_FDCWD, name, flags, path, 0);
    if (error !== 0) return error;
    const inode = k.vfs.dentries.get(PATH.dentry.get(k, path))?.inode?.address ?? 0;
    const denied = k.call(INODE_PERMISSION, initUserNs(k), inode, MAY_READ, DECISIVE);
    if (denied !== 0) k.call(PATH_PUT, path);
    return denied;
  },
);

const INOTIFY_UPDATE_WATCH: FunctionRef = behaviour(
  "inotify_update_watch",
  [FSNOTIFY_INIT_MARK],
  (k, address = 0, inodeAddress = 0, arg = 0) => {
    const group = k.vfs.watches.groups.get(address);
    const inode = k.vfs.inodes.get(inodeAddress);
    if (group === undefined || inode === undefined) return -EINVAL;
    const known = [...group.watches.values()].find((watch) => watch.inode === inode);
    if (known !== undefined) {
      if ((arg & IN_MASK_CREATE) !== 0) return -EEXIST;
      known.mask = ((arg & IN_MASK_ADD) !== 0 ? known.mask : 0) | arg & SETTABLE;
      return known.wd;
    }
    return newWatch(k, group, inode, arg);
  },
);

function newWatch(k: Kernel, group: InotifyGroup, inode: Inode, arg: number): number {
  const mark = k.slab.alloc(MARK_CACHE, sizeOfStruct(k, "fsnotify_mark") + 8);
  k.call(FSNOTIFY_INIT_MARK, mark, group.address);
  // A replayed watch has the descriptor that the recording says.
  const told = recorded(k)?.ret ?? -1;
  let wd = group.newWd();
  while (told > wd && told < 1e6) wd = group.newWd();
  const watch = { address: mark, group, inode, wd, mask: arg & SETTABLE };
  group.watches.set(wd, watch);
  k.vfs.watches.add(watch);
  return wd;
}

/** `inotify_add_watch`: a watch descriptor, or -errno. */
export function addWatch(k: Kernel, fd: number, pathname: Addr, mask: number): number {
  if ((mask & VALID) === 0 || (mask & ~VALID) !== 0) return -EINVAL;
  const file = fileOf(k, fd);
  if (file === undefined) return -EBADF;
  if ((mask & IN_MASK_ADD) !== 0 && (mask & IN_MASK_CREATE) !== 0) return -EINVAL;
  const group = FILE.privateData.get(k, file.address);
  if (file.ops !== INOTIFY) return -EINVAL;
  const flags = ((mask & IN_DONT_FOLLOW) === 0 ? LOOKUP_FOLLOW : 0) |
    ((mask & IN_ONLYDIR) !== 0 ? LOOKUP_DIRECTORY : 0);
  const mark = k.current.locals;
  const path = pushLocal(k, sizeOfStruct(k, "path"));
  let result = k.call(INOTIFY_FIND_INODE, pathname, path, flags, mask & IN_ALL_EVENTS);
  if (result === 0) {
    const inode = k.vfs.dentries.get(PATH.dentry.get(k, path))?.inode?.address ?? 0;
    result = k.call(INOTIFY_UPDATE_WATCH, group, inode, mask);
    k.call(PATH_PUT, path);
  }
  popLocals(k, mark);
  return result;
}
/** What `addWatch` calls. */
export const ADD_WATCH_CALLS: readonly FunctionRef[] = [INOTIFY_FIND_INODE, INOTIFY_UPDATE_WATCH, PATH_PUT];

/** `inotify_rm_watch`: 0 or -errno. */
export function removeWatch(k: Kernel, fd: number, wd: number): number {
  const file = fileOf(k, fd);
  if (file === undefined) return -EBADF;
  if (file.ops !== INOTIFY) return -EINVAL;
  const watch = k.vfs.watches.groups.get(FILE.privateData.get(k, file.address))?.watches.get(wd);
  if (watch === undefined) return -EINVAL;
  endWatch(k, watch);
  return 0;
}

const PEEK: FunctionRef = behaviour(
  "fsnotify_peek_first_event",
  [],
  (k, group = 0) => (k.vfs.watches.groups.get(group)?.length ?? 0) === 0 ? 0 : Number.NaN,
);
const REMOVE: FunctionRef = fn("fsnotify_remove_first_event");
const DESTROY: FunctionRef = fn("fsnotify_destroy_event");

/** Reads events: bytes, or -errno. Waits for the first. */
export const INOTIFY_READ: FunctionRef = blocking(
  "inotify_read",
  [PEEK, REMOVE, DESTROY, ...WAIT_EVENT_CALLS],
  function* (k, address = 0, buf = 0, count = 0) {
    const address_ = FILE.privateData.get(k, address);
    const group = k.vfs.watches.groups.get(address_);
    if (group === undefined) return recorded(k)?.ret ?? -EINVAL;
    const outcome = recorded(k);
    const nonblock = (FILE.flags.get(k, address) & O_NONBLOCK) !== 0;
    let done = 0;
    for (;;) {
      const next = k.call(PEEK, address_);
      if (next !== 0) {
        const size = group.nextBytes;
        if (outcome === undefined && size > count - done) return done > 0 ? done : -EINVAL;
        k.call(REMOVE, address_);
        const bytes = group.take();
        if (!storeUserBytes(k, buf + done, bytes) && outcome === undefined) return done > 0 ? done : -EFAULT;
        k.call(DESTROY, address_, NaN);
        done += bytes.length;
        if (outcome === undefined || done < outcome.ret) continue;
      }
      if (outcome !== undefined) {
        if (outcome.ret > 0 && outcome.data !== undefined) {
          storeUserBytes(k, buf, outcome.data.subarray(0, outcome.ret));
        }
        return outcome.ret;
      }
      if (done > 0) return done;
      if (nonblock) return -EAGAIN;
      const error = yield* waitEvent(k, group.waitQueue, () => group.length > 0);
      if (error < 0) return -ERESTARTSYS;
    }
  },
);

behaviour("inotify_poll", QUEUE_PROCS, (k, address = 0, table = 0) => {
  const group = k.vfs.watches.groups.get(FILE.privateData.get(k, address));
  if (group === undefined) return 0;
  pollWait(k, address, group.waitQueue, table);
  return group.length > 0 ? EPOLLIN | EPOLLRDNORM : 0;
});

behaviour("inotify_release", [], (k, _inode = 0, file = 0) => {
  destroyGroup(k, FILE.privateData.get(k, file));
  return 0;
});

function destroyGroup(k: Kernel, address: Addr): void {
  const group = k.vfs.watches.groups.get(address);
  if (group === undefined) return;
  for (const watch of [...group.watches.values()]) {
    k.vfs.watches.remove(watch);
    k.slab.free(MARK_CACHE, watch.address);
  }
  k.vfs.watches.groups.delete(address);
  group.free();
}
