/**
 * `poll` and `select`: `fs/select.c`.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { type Blocking, blocking, fn, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { MemoryFault } from "../memory/fault.ts";
import { limitOf, RLIMIT_NOFILE } from "../process/rlimit.ts";
import { signalPending } from "../process/signal.ts";
import { waitsInReplay } from "../process/recorded_wait.ts";
import { popLocals } from "../process/stack.ts";
import { loadUser } from "../process/user_load.ts";
import { EBADF, EFAULT, EINVAL, ERESTARTNOHAND } from "../syscalls/errno.ts";
import { fileOf } from "./fdtable.ts";
import { POLLERS } from "./fileops.ts";
import { fdFile } from "./files_struct.ts";
import {
  EPOLLERR,
  EPOLLHUP,
  EPOLLIN,
  EPOLLNVAL,
  EPOLLOUT,
  EPOLLPRI,
  EPOLLRDBAND,
  EPOLLRDNORM,
  EPOLLWRBAND,
  EPOLLWRNORM,
  initPollTable,
  POLL_TABLE,
  vfsPoll,
} from "./poll.ts";
import {
  POLL_FREEWAIT,
  POLL_INITWAIT,
  POLL_SLEEPS,
  pollQueues,
  pollSleep,
  pollTableOf,
  POLLWAIT,
} from "./poll_queues.ts";
import { recorded } from "./recorded.ts";

const FDGET = fn("__fdget");
const ACCURACY = fn("select_estimate_accuracy");
const IN_SET = EPOLLRDNORM | EPOLLRDBAND | EPOLLIN | EPOLLHUP | EPOLLERR | EPOLLNVAL;
const OUT_SET = EPOLLWRBAND | EPOLLWRNORM | EPOLLOUT | EPOLLERR | EPOLLNVAL;
const EX_SET = EPOLLPRI | EPOLLNVAL;
/** `struct pollfd`: fd, events, revents. */
const POLLFD = 8;

/** One round over what is waited for: how many are ready. */
type Round = (table: Addr) => number;

/** Looks, queues up, sleeps and looks again, until something is ready, a signal comes or the time does. */
function* untilReady(k: Kernel, round: Round, until: number | undefined): Blocking<number> {
  const queues = pollQueues(k);
  const table = pollTableOf(k, queues);
  let timedOut = until !== undefined && until <= k.clock.now;
  if (timedOut) initPollTable(k, table, null, 0);
  else if (until !== undefined) k.call(ACCURACY);
  let count = 0;
  const replay = recorded(k) !== undefined;
  for (;;) {
    count = round(table);
    POLL_TABLE.qproc.set(k, table, 0);
    if (replay) {
      if (!waitsInReplay(k, count > 0)) break;
      yield* pollSleep(k, queues, until);
      count = round(table);
      break;
    }
    if (count !== 0 || timedOut) break;
    if (signalPending(k, k.current)) {
      count = -ERESTARTNOHAND;
      break;
    }
    timedOut = yield* pollSleep(k, queues, until);
  }
  k.call(POLL_FREEWAIT, queues);
  return recorded(k)?.ret ?? count;
}

const WAITS: readonly FunctionRef[] = [
  FDGET,
  ACCURACY,
  POLL_INITWAIT,
  POLLWAIT,
  POLL_FREEWAIT,
  ...POLL_SLEEPS,
  ...POLLERS,
];

/** `poll`: how many descriptors are ready, or -errno; `until` NaN for no limit. (ufds, nfds, until) */
export const DO_SYS_POLL: FunctionRef = blocking("do_sys_poll", WAITS, function* (k, ufds = 0, nfds = 0) {
  const until = deadlines.get(k.current);
  if (nfds > limitOf(k, k.current, RLIMIT_NOFILE)) return -EINVAL;
  const fds: { readonly fd: number; readonly events: number; revents: number }[] = [];
  for (let i = 0; i < nfds; i++) {
    const at = ufds + i * POLLFD;
    const fd = loadUser(k, at, 4, true);
    if (Number.isNaN(fd)) {
      if (recorded(k) === undefined) return -EFAULT;
      break;
    }
    fds.push({ fd, events: loadUser(k, at + 4, 2, false), revents: 0 });
  }
  const mark = k.current.locals;
  const count = yield* untilReady(k, (table) => {
    let ready = 0;
    for (const one of fds) {
      one.revents = one.fd < 0 ? 0 : look(k, one.fd, one.events | EPOLLERR | EPOLLHUP, table);
      if (one.revents === 0) continue;
      ready++;
      POLL_TABLE.qproc.set(k, table, 0);
    }
    return ready;
  }, until);
  popLocals(k, mark);
  for (const [i, { revents }] of fds.entries()) {
    if (!storeShort(k, ufds + i * POLLFD + 6, revents) && recorded(k) === undefined) return -EFAULT;
  }
  return count;
});

/** What a call waits for at most; where the arguments of `do_sys_poll` and the others are pointers to times. */
const deadlines = new WeakMap<object, number>();

/** Sets until when the running task's `poll`, `select` or `epoll_wait` waits; undefined for no limit. */
export function setDeadline(k: Kernel, until: number | undefined): void {
  if (until === undefined) deadlines.delete(k.current);
  else deadlines.set(k.current, until);
}

/** Until when it waits. */
export function deadlineOf(k: Kernel): number | undefined {
  return deadlines.get(k.current);
}

/** What one descriptor is ready for of `filter`. */
function look(k: Kernel, fd: number, filter: number, table: Addr): number {
  k.call(FDGET, fd);
  const file = fileOf(k, fd);
  if (file === undefined) return EPOLLNVAL;
  POLL_TABLE.key.set(k, table, filter);
  return vfsPoll(k, file.address, table) & filter;
}

/** `select` on bitmaps of `n` descriptors in user memory, 0 where there is none. (n, in, out, ex) */
export const CORE_SYS_SELECT: FunctionRef = blocking(
  "core_sys_select",
  [blocking("do_select", WAITS, doSelect)],
  function* (k, n = 0, inp = 0, outp = 0, exp = 0) {
    if (n < 0) return -EINVAL;
    const count = Math.min(n, 65536);
    const sets = [inp, outp, exp].map((at) => at === 0 ? null : loadBits(k, at, count));
    if (sets.includes(undefined as never)) return recorded(k)?.ret ?? -EFAULT;
    const given = sets as (Uint8Array | null)[];
    const results = given.map((set) => new Uint8Array(set?.length ?? 0));
    selections.set(k.current, { n: count, given, results });
    const ready = yield* k.calls.callBlocking(fn("do_select"), count, Number.NaN, Number.NaN);
    selections.delete(k.current);
    if (ready < 0) return ready;
    for (const [i, at] of [inp, outp, exp].entries()) {
      if (at !== 0 && !storeBits(k, at, results[i]!) && recorded(k) === undefined) return -EFAULT;
    }
    return ready;
  },
);

interface Selection {
  readonly n: number;
  readonly given: readonly (Uint8Array | null)[];
  readonly results: readonly Uint8Array[];
}
const selections = new WeakMap<object, Selection>();

function* doSelect(k: Kernel): Blocking<number> {
  const selection = selections.get(k.current);
  if (selection === undefined) return -EINVAL;
  const { n, given, results } = selection;
  const has = (set: Uint8Array | null | undefined, fd: number): boolean =>
    set != null && ((set[fd >> 3]! >> (fd & 7)) & 1) !== 0;
  const wanted: number[] = [];
  for (let fd = 0; fd < n; fd++) {
    if (!given.some((set) => has(set, fd))) continue;
    if (fdFile(k, k.current.files, fd) === 0) {
      if (recorded(k) === undefined) return -EBADF;
      continue;
    }
    wanted.push(fd);
  }
  const mark = k.current.locals;
  const masks = [IN_SET, OUT_SET, EX_SET];
  const ready = yield* untilReady(k, (table) => {
    let count = 0;
    for (const set of results) set.fill(0);
    for (const fd of wanted) {
      k.call(FDGET, fd);
      const file = fileOf(k, fd);
      if (file === undefined) continue;
      let key = EPOLLPRI;
      if (has(given[0], fd)) key |= IN_SET;
      if (has(given[1], fd)) key |= OUT_SET;
      POLL_TABLE.key.set(k, table, key);
      const mask = vfsPoll(k, file.address, table);
      masks.forEach((filter, i) => {
        if (!has(given[i], fd) || (mask & filter) === 0) return;
        results[i]![fd >> 3]! |= 1 << (fd & 7);
        count++;
        POLL_TABLE.qproc.set(k, table, 0);
      });
    }
    return count;
  }, deadlineOf(k));
  popLocals(k, mark);
  return ready;
}

function loadBits(k: Kernel, at: Addr, n: number): Uint8Array | undefined {
  const word = k.image.pointerSize;
  const bytes = Math.ceil(n / (8 * word)) * word;
  try {
    if (!k.memory.isUser(at)) return undefined;
    return bytes === 0 ? new Uint8Array(0) : k.memory.readBytes(at, bytes);
  } catch (error) {
    if (error instanceof MemoryFault) return undefined;
    throw error;
  }
}

function storeBits(k: Kernel, at: Addr, bits: Uint8Array): boolean {
  try {
    if (!k.memory.isUser(at)) return false;
    if (bits.length > 0) k.memory.writeBytes(at, bits);
    return true;
  } catch (error) {
    if (error instanceof MemoryFault) return false;
    throw error;
  }
}

function storeShort(k: Kernel, at: Addr, value: number): boolean {
  try {
    if (!k.memory.isUser(at)) return false;
    k.memory.store(at, 2, value);
    return true;
  } catch (error) {
    if (error instanceof MemoryFault) return false;
    throw error;
  }
}
