/**
 * What epoll descriptors watch: the objects of `fs/eventpoll.c`, and how they lie inside one another.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { Kernel } from "../kernel.ts";
import { field } from "../process/objects.ts";
import { FILE } from "./fields.ts";
import type { OpenFile } from "./file.ts";
import { EPOLL } from "./fileops.ts";

/** Fields of `struct eventpoll`. */
export const EP = {
  wq: field("eventpoll", "wq"),
  pollWait: field("eventpoll", "poll_wait"),
  rdllist: field("eventpoll", "rdllist"),
  file: field("eventpoll", "file"),
} as const;
/** Fields of `struct epitem`. */
export const EPI = {
  rdllink: field("epitem", "rdllink"),
  file: field("epitem", "ffd.file"),
  fd: field("epitem", "ffd.fd"),
  ep: field("epitem", "ep"),
  events: field("epitem", "event.events"),
  data: field("epitem", "event.data"),
} as const;

/** What an epoll descriptor watches, by file and descriptor. */
export interface Watch {
  readonly item: Addr;
  readonly file: Addr;
  readonly fd: number;
  /** Its entries in the file's wait queues: `struct eppoll_entry`. */
  readonly entries: Addr[];
}
/** An epoll descriptor. */
export interface Poll {
  readonly address: Addr;
  readonly watches: Map<string, Watch>;
}
/** All of one kernel. */
export interface State {
  /** By `struct eventpoll`. */
  readonly polls: Map<Addr, Poll>;
  /** By `struct epitem`. */
  readonly watches: Map<Addr, Watch>;
  /** Items that watch a file. */
  readonly byFile: Map<Addr, Set<Addr>>;
  /** Item of a wait entry. */
  readonly ofEntry: Map<Addr, Addr>;
}
const states = new WeakMap<Kernel, State>();

/** What the epoll descriptors of a kernel watch. */
export function stateOf(k: Kernel): State {
  let state = states.get(k);
  if (state === undefined) {
    states.set(k, state = { polls: new Map(), watches: new Map(), byFile: new Map(), ofEntry: new Map() });
  }
  return state;
}

/** A `struct eppoll_entry`: next, base, wait, whead. */
export function entryWait(k: Kernel, entry: Addr): Addr {
  return entry + 2 * k.image.pointerSize;
}

/** The epoll descriptor that a file is; undefined for other files. */
export function pollOf(k: Kernel, file: OpenFile): Poll | undefined {
  return file.ops === EPOLL ? stateOf(k).polls.get(FILE.privateData.get(k, file.address)) : undefined;
}

/** Whether an epoll file watches `target`, itself or through others. */
export function reaches(k: Kernel, file: OpenFile, target: Addr): boolean {
  const poll = pollOf(k, file);
  if (poll === undefined) return false;
  return [...poll.watches.values()].some((watch) => {
    const next = k.vfs.files.get(watch.file);
    return watch.file === target || (next !== undefined && reaches(k, next, target));
  });
}

/** How many epoll files lie below one another from this one on. */
export function nests(k: Kernel, file: OpenFile): number {
  const poll = pollOf(k, file);
  if (poll === undefined) return 0;
  let depth = 0;
  for (const watch of poll.watches.values()) {
    const next = k.vfs.files.get(watch.file);
    if (next !== undefined) depth = Math.max(depth, nests(k, next));
  }
  return depth + 1;
}

/** Key of a watch: the same file may be watched under several descriptors. */
export function key(file: Addr, fd: number): string {
  return `${file} ${fd}`;
}
