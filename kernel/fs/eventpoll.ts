/**
 * `epoll`: `fs/eventpoll.c`.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, blocking, fn, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { initList, listAdd, listAddTail, listDelInit, listEmpty, listEntries } from "../memory/list.ts";
import { freeObject, kfree, kzalloc, newObject } from "../process/alloc.ts";
import { field, sizeIfKnown, sizeOfStruct } from "../process/objects.ts";
import { signalPending } from "../process/signal.ts";
import { waitsInReplay } from "../process/recorded_wait.ts";
import { popLocals, pushLocal } from "../process/stack.ts";
import { storeUserBytes } from "../process/user_store.ts";
import { TASK_INTERRUPTIBLE } from "../process/task.ts";
import { TASK_NORMAL } from "../sched/wake_up.ts";
import {
  ADD_WAIT_QUEUE,
  ADD_WAIT_QUEUE_EXCLUSIVE,
  DEFAULT_WAKE_FUNCTION,
  initWaitEntry,
  initWaitQueueHead,
  REMOVE_WAIT_QUEUE,
  WAIT_ENTRY,
  waitEntry,
  waitQueueActive,
  WAKE_UP,
} from "../sched/wait.ts";
import { hrtimeout, HRTIMEOUT_CALLS } from "../time/hrtimeout.ts";
import { EBADF, EEXIST, EFAULT, EINTR, EINVAL, ELOOP, ENOENT, EPERM } from "../syscalls/errno.ts";
import { anonInodeGetfile, GETFILE } from "./anon_inodes.ts";
import { FD_INSTALL, fileOf, GET_UNUSED_FD_FLAGS, PUT_UNUSED_FD } from "./fdtable.ts";
import { FILE } from "./fields.ts";
import { EPOLL, POLLERS } from "./fileops.ts";
import { entryWait, EP, EPI, key, nests, pollOf, reaches, stateOf, type Watch } from "./eventpoll_state.ts";
import { O_CLOEXEC, O_RDWR } from "./modes.ts";
import { isErr } from "./names.ts";
import {
  EPOLLERR,
  EPOLLHUP,
  EPOLLIN,
  EPOLLOUT,
  EPOLLRDNORM,
  EPOLLWRNORM,
  initPollTable,
  POLL_TABLE,
  pollWait,
  QUEUE_PROCS,
  queueProc,
  vfsPoll,
} from "./poll.ts";
import { recorded } from "./recorded.ts";
import { deadlineOf } from "./select.ts";

/** `epoll_ctl`: watch a descriptor, stop watching it, watch for something else. */
export const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const EPOLL_CTL_MOD = 3;
const EPOLLEXCLUSIVE = 1 << 28;
const EPOLLWAKEUP = 1 << 29;
const EPOLLONESHOT = 1 << 30;
const EPOLLET = 1 << 31;
const PRIVATE_BITS = EPOLLWAKEUP | EPOLLONESHOT | EPOLLET | EPOLLEXCLUSIVE;
const INOUT = EPOLLIN | EPOLLOUT;
const EXCLUSIVE_OK = INOUT | EPOLLERR | EPOLLHUP | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE | EPOLLRDNORM |
  EPOLLWRNORM;
/** Epoll descriptors that may watch one another in a row. */
const MAX_NESTS = 4;
const MAX_EVENTS = Math.floor(0x7fffffff / 16);

/** The item whose file is polled now: what `ep_ptable_queue_proc` finds around its poll table (`struct ep_pqueue`). */
const polled = new WeakMap<Kernel, Watch>();

/** Something happened to a watched file: it goes on the ready list, and who waits is woken. (entry, mode, sync, key) */
export const EP_POLL_CALLBACK: FunctionRef = behaviour(
  "ep_poll_callback",
  [WAKE_UP],
  (k, wait = 0, _mode, _sync, key = 0) => {
    const item = stateOf(k).ofEntry.get(wait);
    if (item === undefined) return 0;
    const ep = EPI.ep.get(k, item);
    const events = EPI.events.get(k, item);
    const exclusive = (events & EPOLLEXCLUSIVE) !== 0;
    if ((events & ~PRIVATE_BITS) === 0 || (key !== 0 && (key & events) === 0)) return exclusive ? 0 : 1;
    const link = EPI.rdllink.at(k, item);
    if (listEmpty(k, link)) listAddTail(k, link, EP.rdllist.at(k, ep));
    let wakes = 0;
    const wq = EP.wq.at(k, ep);
    if (waitQueueActive(k, wq)) {
      const inout = key & INOUT;
      if (inout === 0 || inout === INOUT || (events & inout) !== 0) wakes = 1;
      k.call(WAKE_UP, wq, TASK_NORMAL, 1, 0);
    }
    pollSafewake(k, ep, key);
    return exclusive ? wakes : 1;
  },
);

/** Queues an item where the file tells of changes. (file, head, poll_table) */
export const EP_PTABLE_QUEUE_PROC: FunctionRef = queueProc(
  behaviour(
    "ep_ptable_queue_proc",
    [ADD_WAIT_QUEUE, ADD_WAIT_QUEUE_EXCLUSIVE],
    (k, _file, head = 0) => {
      const watch = polled.get(k);
      if (watch === undefined) return Number.NaN;
      const word = k.image.pointerSize;
      const size = sizeIfKnown(k, "eppoll_entry");
      const entry = k.slab.alloc("eventpoll_pwq", size === 0 ? 8 * word : size);
      k.memory.writeWord(entry + word, watch.item);
      const wait = entryWait(k, entry);
      initWaitEntry(k, wait, EP_POLL_CALLBACK, 0);
      k.memory.writeWord(entry + size - word, head);
      watch.entries.push(entry);
      stateOf(k).ofEntry.set(wait, watch.item);
      const exclusive = (EPI.events.get(k, watch.item) & EPOLLEXCLUSIVE) !== 0;
      k.call(exclusive ? ADD_WAIT_QUEUE_EXCLUSIVE : ADD_WAIT_QUEUE, head, wait);
      return Number.NaN;
    },
  ),
);

/** Takes the waiter out of the queue whether or not it slept. */
export const EP_AUTOREMOVE_WAKE_FUNCTION: FunctionRef = behaviour(
  "ep_autoremove_wake_function",
  [DEFAULT_WAKE_FUNCTION],
  (k, entry = 0, mode = 0, sync = 0, key = 0) => {
    const woken = k.call(DEFAULT_WAKE_FUNCTION, entry, mode, sync, key);
    listDelInit(k, WAIT_ENTRY.entry.at(k, entry));
    return woken;
  },
);

/** What an item's file is ready for, of what it is watched for. (item, poll_table, depth) */
const EP_ITEM_POLL: FunctionRef = behaviour(
  "ep_item_poll",
  [...POLLERS, fn("__ep_eventpoll_poll")],
  (k, item = 0, table = 0) => {
    const events = EPI.events.get(k, item);
    POLL_TABLE.key.set(k, table, events);
    return vfsPoll(k, EPI.file.get(k, item), table) & events;
  },
);

/** Makes one: a descriptor, or -errno. (flags) */
export const DO_EPOLL_CREATE: FunctionRef = behaviour(
  "do_epoll_create",
  [GET_UNUSED_FD_FLAGS, GETFILE, FD_INSTALL, PUT_UNUSED_FD],
  (k, flags = 0) => {
    if ((flags & ~O_CLOEXEC) !== 0) return -EINVAL;
    const ep = kzalloc(k, sizeOfStruct(k, "eventpoll"));
    initWaitQueueHead(k, EP.wq.at(k, ep));
    initWaitQueueHead(k, EP.pollWait.at(k, ep));
    initList(k, EP.rdllist.at(k, ep));
    const fd = k.call(GET_UNUSED_FD_FLAGS, O_RDWR | flags);
    const file = fd < 0 ? fd : anonInodeGetfile(k, "[eventpoll]", EPOLL, ep, O_RDWR | (flags & O_CLOEXEC));
    if (fd < 0 || isErr(file)) {
      if (fd >= 0) k.call(PUT_UNUSED_FD, fd);
      kfree(k, ep);
      return file;
    }
    EP.file.set(k, ep, file);
    stateOf(k).polls.set(ep, { address: ep, watches: new Map() });
    k.call(FD_INSTALL, fd, file);
    return fd;
  },
);

const EP_INSERT: FunctionRef = behaviour(
  "ep_insert",
  [EP_ITEM_POLL, WAKE_UP],
  (k, ep = 0, _event, file = 0, fd = 0) => {
    const poll = stateOf(k).polls.get(ep);
    const wanted = wanteds.get(k);
    if (poll === undefined || wanted === undefined) return -EINVAL;
    const item = newObject(k, "eventpoll_epi", "epitem");
    const watch: Watch = { item, file, fd, entries: [] };
    EPI.ep.set(k, item, ep);
    EPI.file.set(k, item, file);
    EPI.fd.set(k, item, fd);
    initList(k, EPI.rdllink.at(k, item));
    setEvent(k, item, wanted);
    poll.watches.set(key(file, fd), watch);
    const { watches, byFile } = stateOf(k);
    watches.set(item, watch);
    const watchers = byFile.get(file);
    const opened = k.vfs.files.get(file);
    if (opened !== undefined) opened.watched = true;
    if (watchers === undefined) byFile.set(file, new Set([item]));
    else watchers.add(item);
    polled.set(k, watch);
    const ready = itemPoll(k, item, EP_PTABLE_QUEUE_PROC);
    polled.delete(k);
    if (ready !== 0) nowReady(k, ep, item);
    return 0;
  },
);
const EP_MODIFY: FunctionRef = behaviour("ep_modify", [EP_ITEM_POLL, WAKE_UP], (k, ep = 0, item = 0) => {
  const wanted = wanteds.get(k);
  if (wanted === undefined) return -EINVAL;
  setEvent(k, item, wanted);
  if (itemPoll(k, item, null) !== 0) nowReady(k, ep, item);
  return 0;
});
const EP_REMOVE: FunctionRef = behaviour("ep_remove", [REMOVE_WAIT_QUEUE], (k, _ep, item = 0) => {
  remove(k, item);
  return 0;
});

/** Changes what is watched: 0 or -errno. The event is that given by `withEvent`. (epfd, op, fd, event, nonblock) */
export const DO_EPOLL_CTL: FunctionRef = behaviour(
  "do_epoll_ctl",
  [fn("__fdget"), EP_INSERT, EP_MODIFY, EP_REMOVE],
  (k, epfd = 0, op = 0, fd = 0) => {
    k.call(fn("__fdget"), epfd);
    const file = fileOf(k, epfd);
    if (file === undefined) return -EBADF;
    k.call(fn("__fdget"), fd);
    const target = fileOf(k, fd);
    if (target === undefined) return -EBADF;
    if (target.ops?.poll === undefined && recorded(k) === undefined) return -EPERM;
    const poll = pollOf(k, file);
    if (file === target || poll === undefined) return recorded(k)?.ret ?? -EINVAL;
    const watch = poll.watches.get(key(target.address, fd));
    const events = wanteds.get(k)?.events ?? 0;
    if (op !== EPOLL_CTL_DEL && (events & EPOLLEXCLUSIVE) !== 0) {
      if (op === EPOLL_CTL_MOD) return -EINVAL;
      if (pollOf(k, target) !== undefined || (events & ~EXCLUSIVE_OK) !== 0) return -EINVAL;
    }
    const outcome = recorded(k);
    if (outcome !== undefined && outcome.ret < 0) return outcome.ret;
    switch (op) {
      case EPOLL_CTL_ADD:
        if (watch !== undefined) return -EEXIST;
        if (pollOf(k, target) !== undefined && outcome === undefined) {
          if (reaches(k, target, file.address) || nests(k, target) + 1 > MAX_NESTS) return -ELOOP;
        }
        return k.call(EP_INSERT, poll.address, Number.NaN, target.address, fd);
      case EPOLL_CTL_DEL:
        return watch === undefined ? -ENOENT : k.call(EP_REMOVE, poll.address, watch.item);
      case EPOLL_CTL_MOD:
        if (watch === undefined) return -ENOENT;
        if ((EPI.events.get(k, watch.item) & EPOLLEXCLUSIVE) !== 0) return -EINVAL;
        return k.call(EP_MODIFY, poll.address, watch.item);
      default:
        return -EINVAL;
    }
  },
);

/** Waits for events: how many, 0 when the time is over, or -errno. (epfd, events, maxevents, to) */
export const DO_EPOLL_WAIT: FunctionRef = blocking(
  "do_epoll_wait",
  [fn("__fdget"), EP_ITEM_POLL, WAKE_UP, ...HRTIMEOUT_CALLS],
  function* (k, epfd = 0, events = 0, maxevents = 0) {
    if (maxevents <= 0 || maxevents > MAX_EVENTS) return -EINVAL;
    if (!k.memory.isUser(events) && recorded(k) === undefined) return -EFAULT;
    k.call(fn("__fdget"), epfd);
    const file = fileOf(k, epfd);
    if (file === undefined) return -EBADF;
    const poll = pollOf(k, file);
    const until = deadlineOf(k);
    if (poll === undefined && recorded(k) === undefined) return -EINVAL;
    const ep = poll?.address ?? 0;
    if (until !== undefined && until > k.clock.now) k.call(fn("select_estimate_accuracy"));
    if (recorded(k) !== undefined) {
      const mark = k.current.locals;
      const entry = ep === 0 ? 0 : waitEntry(k, EP_AUTOREMOVE_WAKE_FUNCTION);
      const ready = ep !== 0 && !listEmpty(k, EP.rdllist.at(k, ep));
      if (waitsInReplay(k, ready)) {
        if (entry !== 0 && listEmpty(k, EP.rdllist.at(k, ep))) joinExclusive(k, ep, entry);
        yield* hrtimeout(k, TASK_INTERRUPTIBLE, until);
        if (entry !== 0) leaveQueue(k, entry);
      }
      popLocals(k, mark);
      if (ep !== 0 && (recorded(k)?.ret ?? 0) > 0) sendEvents(k, ep, events, maxevents);
      return recorded(k)?.ret ?? 0;
    }
    let timedOut = until !== undefined && until <= k.clock.now;
    for (;;) {
      if (!listEmpty(k, EP.rdllist.at(k, ep))) {
        const sent = sendEvents(k, ep, events, maxevents);
        if (sent !== 0) return sent;
      }
      if (timedOut) return 0;
      if (signalPending(k, k.current)) return -EINTR;
      if (!listEmpty(k, EP.rdllist.at(k, ep))) continue;
      const mark = k.current.locals;
      const entry = waitEntry(k, EP_AUTOREMOVE_WAKE_FUNCTION);
      joinExclusive(k, ep, entry);
      timedOut = yield* hrtimeout(k, TASK_INTERRUPTIBLE, until);
      // Woken at the last moment: the events are its own.
      if (listEmpty(k, WAIT_ENTRY.entry.at(k, entry))) timedOut &&= listEmpty(k, EP.rdllist.at(k, ep));
      leaveQueue(k, entry);
      popLocals(k, mark);
    }
  },
);

/** Readable when something that it watches is ready. (file, poll_table) */
export const EP_EVENTPOLL_POLL: FunctionRef = behaviour(
  "ep_eventpoll_poll",
  [...QUEUE_PROCS, EP_ITEM_POLL],
  (k, address = 0, table = 0) => {
    const ep = FILE.privateData.get(k, address);
    if (!stateOf(k).polls.has(ep)) return 0;
    pollWait(k, address, EP.pollWait.at(k, ep), table);
    for (const item of readyItems(k, ep)) {
      if (itemPoll(k, item, null) !== 0) return EPOLLIN | EPOLLRDNORM;
      listDelInit(k, EPI.rdllink.at(k, item));
    }
    return 0;
  },
);

/** The last descriptor is closed: nothing is watched any more. (inode, file) */
export const EP_EVENTPOLL_RELEASE: FunctionRef = behaviour(
  "ep_eventpoll_release",
  [EP_REMOVE, REMOVE_WAIT_QUEUE],
  (k, _inode, address = 0) => {
    const ep = FILE.privateData.get(k, address);
    const poll = stateOf(k).polls.get(ep);
    if (poll === undefined) return 0;
    for (const watch of [...poll.watches.values()]) remove(k, watch.item);
    stateOf(k).polls.delete(ep);
    kfree(k, ep);
    return 0;
  },
);

/** A watched file is gone: whoever watches it stops. (file) */
export const EVENTPOLL_RELEASE_FILE: FunctionRef = behaviour(
  "eventpoll_release_file",
  [EP_REMOVE],
  (k, address = 0) => {
    for (const item of [...(stateOf(k).byFile.get(address) ?? [])]) {
      k.call(EP_REMOVE, EPI.ep.get(k, item), item);
    }
    return Number.NaN;
  },
);

/** What a file is to be watched for: `events` and 64 bits that come back with them. */
export interface EpollEvent {
  readonly events: number;
  readonly data: bigint;
}
const wanteds = new WeakMap<Kernel, EpollEvent>();

/** Calls `do_epoll_ctl` with an event in the kernel's hands; null where none was given. */
export function epollCtl(k: Kernel, epfd: number, op: number, fd: number, event: EpollEvent | null): number {
  if (event === null) wanteds.delete(k);
  else wanteds.set(k, event);
  return k.call(DO_EPOLL_CTL, epfd, op, fd, Number.NaN, 0);
}

/** Bytes of a `struct epoll_event` in user memory, and where its data lies. */
export function epollEventLayout(k: Kernel): { readonly size: number; readonly data: number } {
  return k.archName === "arm64" ? { size: 16, data: 8 } : { size: 12, data: 4 };
}

function setEvent(k: Kernel, item: Addr, { events, data }: EpollEvent): void {
  EPI.events.set(k, item, events | EPOLLERR | EPOLLHUP);
  k.memory.writeBig(EPI.data.at(k, item), 8, data);
}

function nowReady(k: Kernel, ep: Addr, item: Addr): void {
  const link = EPI.rdllink.at(k, item);
  if (!listEmpty(k, link)) return;
  listAddTail(k, link, EP.rdllist.at(k, ep));
  if (waitQueueActive(k, EP.wq.at(k, ep))) k.call(WAKE_UP, EP.wq.at(k, ep), TASK_NORMAL, 1, 0);
  pollSafewake(k, ep, 0);
}

/** Tells those who watch the epoll descriptor itself (`ep_poll_safewake`). */
function pollSafewake(k: Kernel, ep: Addr, _key: number): void {
  const head = EP.pollWait.at(k, ep);
  if (waitQueueActive(k, head)) k.call(WAKE_UP, head, TASK_NORMAL, 1, EPOLLIN);
}

function itemPoll(k: Kernel, item: Addr, qproc: FunctionRef | null): number {
  const mark = k.current.locals;
  const table = pushLocal(k, 2 * k.image.pointerSize + 8);
  initPollTable(k, table, qproc, 0);
  const ready = k.call(EP_ITEM_POLL, item, table, 1);
  popLocals(k, mark);
  return ready;
}

function readyItems(k: Kernel, ep: Addr): Addr[] {
  const offset = EPI.rdllink.offset(k);
  return listEntries(k, EP.rdllist.at(k, ep)).map((at) => at - offset);
}

/** Gives what is ready to user memory (`ep_send_events`): how many, or -EFAULT. */
function sendEvents(k: Kernel, ep: Addr, events: Addr, maxevents: number): number {
  const { size, data } = epollEventLayout(k);
  const list = EP.rdllist.at(k, ep);
  const items = readyItems(k, ep);
  let sent = 0;
  for (const item of items) {
    if (sent >= maxevents) break;
    const link = EPI.rdllink.at(k, item);
    listDelInit(k, link);
    const ready = itemPoll(k, item, null);
    if (ready === 0) continue;
    const bytes = new Uint8Array(size);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, ready >>> 0, true);
    view.setBigUint64(data, k.memory.readBig(EPI.data.at(k, item), 8, false), true);
    if (!storeUserBytes(k, events + sent * size, bytes) && recorded(k) === undefined) {
      listAdd(k, link, list);
      if (sent === 0) sent = -EFAULT;
      break;
    }
    sent++;
    const wanted = EPI.events.get(k, item);
    if ((wanted & EPOLLONESHOT) !== 0) EPI.events.set(k, item, wanted & PRIVATE_BITS);
    // Level-triggered: looked at again next time, behind those that have not had their turn.
    else if ((wanted & EPOLLET) === 0) listAddTail(k, link, list);
  }
  if (!listEmpty(k, list) && waitQueueActive(k, EP.wq.at(k, ep))) {
    k.call(WAKE_UP, EP.wq.at(k, ep), TASK_NORMAL, 1, 0);
  }
  return sent;
}

function joinExclusive(k: Kernel, ep: Addr, entry: Addr): void {
  WAIT_ENTRY.flags.set(k, entry, 1);
  listAddTail(k, WAIT_ENTRY.entry.at(k, entry), EP.wq.at(k, ep) + headOffset(k));
}

/** Offset of the list in a `wait_queue_head`. */
function headOffset(k: Kernel): number {
  return HEAD.offset(k);
}
const HEAD = field("wait_queue_head", "head");

function leaveQueue(k: Kernel, entry: Addr): void {
  const at = WAIT_ENTRY.entry.at(k, entry);
  if (!listEmpty(k, at)) listDelInit(k, at);
}

function remove(k: Kernel, item: Addr): void {
  const { polls, watches, byFile, ofEntry } = stateOf(k);
  const watch = watches.get(item);
  if (watch === undefined) return;
  for (const entry of watch.entries) {
    const wait = entryWait(k, entry);
    k.call(REMOVE_WAIT_QUEUE, Number.NaN, wait);
    ofEntry.delete(wait);
    k.slab.free("eventpoll_pwq", entry);
  }
  const link = EPI.rdllink.at(k, item);
  if (!listEmpty(k, link)) listDelInit(k, link);
  polls.get(EPI.ep.get(k, item))?.watches.delete(key(watch.file, watch.fd));
  watches.delete(item);
  const watchers = byFile.get(watch.file);
  watchers?.delete(item);
  if (watchers?.size === 0) byFile.delete(watch.file);
  freeObject(k, "eventpoll_epi", item);
}
