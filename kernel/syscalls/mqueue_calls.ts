/**
 * System calls of POSIX message queues: `mq_open` and what follows it.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, type Blocking, blocking, fn, type FunctionRef } from "../calls/function.ts";
import { PLAIN_INODE } from "../fs/containers.ts";
import { umask } from "../fs/create.ts";
import { FD_INSTALL, fileOf, GET_UNUSED_FD_FLAGS, PUT_UNUSED_FD } from "../fs/fdtable.ts";
import { FILE } from "../fs/fields.ts";
import { MQUEUE } from "../fs/fileops.ts";
import { O_ACCMODE, O_CLOEXEC, O_CREAT, O_EXCL, O_NONBLOCK, S_IFREG } from "../fs/modes.ts";
import { GETNAME, isErr, nameText, PUTNAME } from "../fs/names.ts";
import { fsgid, fsuid, inGroup } from "../fs/permission.ts";
import { EPOLLIN, EPOLLOUT, EPOLLRDNORM, EPOLLWRNORM, pollWait, QUEUE_PROCS } from "../fs/poll.ts";
import { recorded, recordedOr } from "../fs/recorded.ts";
import { scatter } from "../fs/shmem.ts";
import { checkNew, MQ_PRIO_MAX, MqQueue, mqueues, type Notify } from "../ipc/mqueue.ts";
import type { Kernel } from "../kernel.ts";
import { loadUser } from "../process/user_load.ts";
import { storeUser, storeUserBytes } from "../process/user_store.ts";
import { TASK_NORMAL } from "../sched/wake_up.ts";
import { WAKE_UP } from "../sched/wait.ts";
import { WAIT_EVENT_CALLS, waitEvent } from "../sched/wait_event.ts";
import { NSIG, PIDTYPE_TGID } from "../signal/numbers.ts";
import { SEND_SIGNAL_LOCKED, withSiginfo } from "../signal/send.ts";
import { BOOT_SECONDS } from "../time/wall_clock.ts";
import { blockingSyscall, syscall } from "./define.ts";
import {
  EACCES,
  EAGAIN,
  EBADF,
  EBUSY,
  EEXIST,
  EFAULT,
  EINVAL,
  EMSGSIZE,
  ENOENT,
  ERESTARTSYS,
  ETIMEDOUT,
} from "./errno.ts";

const SI_MESGQ = -3;
const [SIGEV_SIGNAL, SIGEV_NONE] = [0, 1];
const FMODE_READ = 1;
const FMODE_WRITE = 2;

/** The queue behind a descriptor that may be used so; -errno. */
function queueAt(k: Kernel, fd: number, need = 0): { readonly queue: MqQueue; readonly file: Addr } | number {
  const file = fileOf(k, fd)?.address;
  const queue = file === undefined ? undefined : mqueues(k).byFile.get(file);
  if (file === undefined || queue === undefined) return -EBADF;
  return (FILE.mode.get(k, file) & need) === need ? { queue, file } : -EBADF;
}

/** `struct mq_attr`: flags, messages at most, bytes of one at most, messages there. */
function loadAttr(k: Kernel, at: Addr): { flags: number; maxmsg: number; msgsize: number } | number {
  const word = k.image.pointerSize;
  const [flags = 0, maxmsg = 0, msgsize = 0] = [0, 1, 2].map((i) => loadUser(k, at + i * word, word, true));
  return Number.isNaN(flags + maxmsg + msgsize) ? -EFAULT : { flags, maxmsg, msgsize };
}

function allowed(k: Kernel, queue: MqQueue, access: number): boolean {
  const wish = [4, 2, 6][access] ?? 0;
  const uid = fsuid(k);
  const shift = uid === queue.uid ? 6 : inGroup(k, queue.gid) ? 3 : 0;
  return uid === 0 || (wish & ~(queue.mode >> shift)) === 0;
}

/** Opens or makes a queue: a descriptor, or -errno. (name, oflag, mode, attr) */
const DO_MQ_OPEN: FunctionRef = behaviour(
  "do_mq_open",
  [GETNAME, GET_UNUSED_FD_FLAGS, FD_INSTALL, PUT_UNUSED_FD, PUTNAME],
  (k, uname = 0, oflag = 0, mode = 0, attr = 0) => {
    const name = k.call(GETNAME, uname);
    if (isErr(name)) return name;
    const fd = k.call(GET_UNUSED_FD_FLAGS, O_CLOEXEC);
    if (fd < 0) {
      k.call(PUTNAME, name);
      return fd;
    }
    const queue = openQueue(k, nameText(k, name), oflag, mode, attr);
    if (typeof queue === "number") k.call(PUT_UNUSED_FD, fd);
    else {
      const file = k.vfs.anonymous(
        "mqueue",
        MQUEUE,
        S_IFREG | queue.mode,
        oflag & (O_ACCMODE | O_NONBLOCK),
        PLAIN_INODE,
      );
      queue.users++;
      mqueues(k).byFile.set(file.address, queue);
      k.call(FD_INSTALL, fd, file.address);
    }
    k.call(PUTNAME, name);
    return typeof queue === "number" ? queue : fd;
  },
);

function openQueue(k: Kernel, name: string, oflag: number, mode: number, attr: Addr): MqQueue | number {
  const access = oflag & O_ACCMODE;
  const queues = mqueues(k);
  const replayed = recorded(k);
  if (replayed !== undefined && replayed.ret < 0) return replayed.ret;
  if (name === "" || name.includes("/") || name === "." || name === "..") return -EACCES;
  const known = queues.named.get(name);
  if (known !== undefined) {
    if ((oflag & (O_CREAT | O_EXCL)) === (O_CREAT | O_EXCL)) return -EEXIST;
    if (access === O_ACCMODE) return -EINVAL;
    return allowed(k, known, access) || replayed !== undefined ? known : -EACCES;
  }
  if ((oflag & O_CREAT) === 0 && replayed === undefined) return -ENOENT;
  const wanted = attr === 0 || (oflag & O_CREAT) === 0 ? null : loadAttr(k, attr);
  if (typeof wanted === "number" && replayed === undefined) return wanted;
  const fits = checkNew(k, typeof wanted === "number" ? null : wanted);
  if (typeof fits === "number") return fits;
  const { maxmsg, msgsize } = fits;
  const made = new MqQueue(k, name, maxmsg, msgsize, mode & 0o777 & ~umask(k), fsuid(k), fsgid(k));
  queues.named.set(name, made);
  return made;
}

syscall("mq_open", ["ulong", "int", "uint", "ulong"], [DO_MQ_OPEN], (k, name, oflag, mode, attr = 0) => {
  if (attr !== 0 && recorded(k) === undefined && typeof loadAttr(k, attr) === "number") return -EFAULT;
  return k.call(DO_MQ_OPEN, name, oflag, mode, attr);
});

syscall("mq_unlink", ["ulong"], [GETNAME, PUTNAME], (k, uname = 0) => {
  const name = k.call(GETNAME, uname);
  if (isErr(name)) return name;
  const text = nameText(k, name);
  k.call(PUTNAME, name);
  const queues = mqueues(k);
  const queue = queues.named.get(text);
  if (queue === undefined) return recordedOr(k, text.includes("/") || text === "" ? -EACCES : -ENOENT);
  if (fsuid(k) !== 0 && fsuid(k) !== queue.uid) return recordedOr(k, -EACCES);
  queues.named.delete(text);
  queue.linked = false;
  queues.drop(k, queue);
  return recordedOr(k, 0);
});

/** When a wait for a queue ends: undefined for never, -errno. `at`: a point on the wall clock. */
function deadline(k: Kernel, at: Addr, narrow: boolean): number | undefined {
  if (at === 0) return undefined;
  const part = narrow ? 4 : 8;
  const sec = loadUser(k, at, part, true);
  const nsec = loadUser(k, at + part, narrow ? 4 : k.image.pointerSize, true);
  if (Number.isNaN(sec + nsec)) return -EFAULT;
  if (sec < 0 || nsec < 0 || nsec >= 1e9) return -EINVAL;
  return Math.max(1, (sec - BOOT_SECONDS) * 1e9 + nsec);
}

/** Tells who asked to be told that a message has come to an empty queue, once (`__do_notify`). */
const DO_NOTIFY: FunctionRef = behaviour("__do_notify", [WAKE_UP, SEND_SIGNAL_LOCKED], (k, info = 0) => {
  const queue = sending.get(k);
  if (queue === undefined) return Number.NaN;
  const { notify } = queue;
  if (notify !== null && queue.messages.length === 1) {
    if (notify.signal !== 0) tell(k, notify);
    queue.notify = null;
  }
  k.call(WAKE_UP, queue.pollQueue, TASK_NORMAL, 0, EPOLLIN | EPOLLRDNORM);
  void info;
  return Number.NaN;
});
const sending = new WeakMap<Kernel, MqQueue>();

function tell(k: Kernel, { owner, signal, value }: Notify): void {
  if (owner.exitCode !== null) return;
  const { current } = k;
  const info = { signo: signal, code: SI_MESGQ, pid: current.tgid, uid: current.uid, value };
  withSiginfo(k, info, (at) => k.call(SEND_SIGNAL_LOCKED, signal, at, owner.address, PIDTYPE_TGID));
}

/** Waits for room or for a message: 0, -EAGAIN, -ETIMEDOUT or -ERESTARTSYS. */
function* waits(
  k: Kernel,
  file: Addr,
  head: Addr,
  ready: () => boolean,
  until: number | undefined,
): Blocking<number> {
  const replayed = recorded(k) !== undefined;
  if (!replayed && !ready() && (FILE.flags.get(k, file) & O_NONBLOCK) !== 0) return -EAGAIN;
  const error = yield* waitEvent(k, head, ready, {
    exclusive: true,
    ...(until === undefined ? {} : { until }),
  });
  return error === 0 ? 0 : error === -ERESTARTSYS ? error : -ETIMEDOUT;
}

/** Sends a message: 0 or -errno. (mqdes, msg_ptr, msg_len, msg_prio, until or NaN) */
const DO_MQ_TIMEDSEND: FunctionRef = blocking(
  "do_mq_timedsend",
  [fn("load_msg"), fn("msg_insert"), DO_NOTIFY, WAKE_UP, ...WAIT_EVENT_CALLS],
  function* (k, fd = 0, at = 0, length = 0, priority = 0, until = Number.NaN) {
    if (priority >>> 0 >= MQ_PRIO_MAX) return -EINVAL;
    const found = queueAt(k, fd, FMODE_WRITE);
    if (typeof found === "number") return recordedOr(k, found);
    const { queue, file } = found;
    if (length < 0 || length > queue.msgsize) return recordedOr(k, -EMSGSIZE);
    const bytes = readUser(k, at, length);
    if (bytes === null) return recordedOr(k, -EFAULT);
    k.call(fn("load_msg"), at, length);
    const ready = (): boolean => queue.messages.length < queue.maxmsg;
    const error = yield* waits(k, file, queue.sendQueue, ready, Number.isNaN(until) ? undefined : until);
    if (error !== 0) return error;
    const outcome = recorded(k);
    if (outcome !== undefined && outcome.ret < 0) return outcome.ret;
    queue.insert({ priority: priority >>> 0, bytes });
    k.call(fn("msg_insert"), Number.NaN, Number.NaN);
    if (queue.receivers > 0) k.call(WAKE_UP, queue.receiveQueue, TASK_NORMAL, 1, 0);
    else {
      sending.set(k, queue);
      k.call(DO_NOTIFY, Number.NaN);
      sending.delete(k);
    }
    return 0;
  },
);

/** Takes the oldest message of the highest priority: its length, or -errno. (mqdes, msg_ptr, msg_len, u_msg_prio, until) */
const DO_MQ_TIMEDRECEIVE: FunctionRef = blocking(
  "do_mq_timedreceive",
  [fn("store_msg"), fn("free_msg"), WAKE_UP, ...WAIT_EVENT_CALLS],
  function* (k, fd = 0, at = 0, length = 0, prioAt = 0, until = Number.NaN) {
    const found = queueAt(k, fd, FMODE_READ);
    if (typeof found === "number") return recordedOr(k, found);
    const { queue, file } = found;
    if (length >= 0 && length < queue.msgsize) return recordedOr(k, -EMSGSIZE);
    queue.receivers++;
    const ready = (): boolean => queue.messages.length > 0;
    const error = yield* waits(k, file, queue.receiveQueue, ready, Number.isNaN(until) ? undefined : until);
    queue.receivers--;
    if (error !== 0) return error;
    const outcome = recorded(k);
    if (outcome !== undefined && outcome.ret < 0) return outcome.ret;
    const message = queue.messages.shift();
    k.call(WAKE_UP, queue.sendQueue, TASK_NORMAL, 1, 0);
    k.call(WAKE_UP, queue.pollQueue, TASK_NORMAL, 0, EPOLLOUT | EPOLLWRNORM);
    const bytes = outcome?.data ?? message?.bytes ?? new Uint8Array(outcome?.ret ?? 0);
    k.call(fn("store_msg"), at, Number.NaN, bytes.length);
    k.call(fn("free_msg"), Number.NaN);
    if (prioAt !== 0 && !storeUser(k, prioAt, 4, message?.priority ?? 0)) return recordedOr(k, -EFAULT);
    if (!storeUserBytes(k, at, bytes)) return recordedOr(k, -EFAULT);
    return outcome?.ret ?? bytes.length;
  },
);

function readUser(k: Kernel, at: Addr, length: number): Uint8Array | null {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) {
    const byte = loadUser(k, at + i, 1, false);
    if (Number.isNaN(byte)) return recorded(k) === undefined ? null : bytes;
    bytes[i] = byte;
  }
  return bytes;
}

// i386 has these calls with times of 32 bits, too.
for (const narrow of [false, true]) {
  const suffix = narrow ? "_time32" : "";
  const kinds = ["int", "ulong", "ulong", "ulong", "ulong"] as const;
  for (const [name, ref] of [["send", DO_MQ_TIMEDSEND], ["receive", DO_MQ_TIMEDRECEIVE]] as const) {
    blockingSyscall(`mq_timed${name}${suffix}`, kinds, [ref], (k, fd, at, length, prio = 0, timeout = 0) => {
      const until = deadline(k, timeout, narrow);
      if (until !== undefined && until < 0) return recordedOr(k, until);
      return k.calls.callOrWait(ref, fd, at, length, name === "send" ? prio | 0 : prio, until);
    });
  }
}

const DO_MQ_NOTIFY: FunctionRef = behaviour("do_mq_notify", [], (k, fd = 0, at = 0) => {
  const word = k.image.pointerSize;
  const method = at === 0 ? SIGEV_NONE : loadUser(k, at + word + 4, 4, true);
  const signal = at === 0 ? 0 : loadUser(k, at + word, 4, true);
  const value = at === 0 ? 0 : loadUser(k, at, word, true);
  if (Number.isNaN(method + signal + value)) return -EFAULT;
  if (at !== 0) {
    // Telling by a thread takes a netlink socket of the C library's.
    if (method !== SIGEV_SIGNAL && method !== SIGEV_NONE) return -EINVAL;
    if (method === SIGEV_SIGNAL && (signal < 0 || signal > NSIG)) return -EINVAL;
  }
  const found = queueAt(k, fd);
  if (typeof found === "number") return found;
  const { queue } = found;
  if (at === 0) {
    if (queue.notify?.owner === k.current.leader) queue.notify = null;
    return 0;
  }
  if (queue.notify !== null) return -EBUSY;
  queue.notify = { owner: k.current.leader, signal: method === SIGEV_SIGNAL ? signal : 0, value };
  return 0;
});
syscall("mq_notify", ["int", "ulong"], [DO_MQ_NOTIFY], (k, fd, at) => {
  return recordedOr(k, k.call(DO_MQ_NOTIFY, fd, at));
});

const DO_MQ_GETSETATTR: FunctionRef = behaviour("do_mq_getsetattr", [], (k, fd = 0, next = 0, old = 0) => {
  const word = k.image.pointerSize;
  const flags = next === 0 ? 0 : loadUser(k, next, word, true);
  if (Number.isNaN(flags)) return -EFAULT;
  if ((flags & ~O_NONBLOCK) !== 0) return -EINVAL;
  const found = queueAt(k, fd);
  if (typeof found === "number") return found;
  const { queue, file } = found;
  const now = FILE.flags.get(k, file);
  const words = [now & O_NONBLOCK, queue.maxmsg, queue.msgsize, queue.messages.length, 0, 0, 0, 0];
  if (next !== 0) FILE.flags.set(k, file, now & ~O_NONBLOCK | flags);
  if (old === 0) return 0;
  return words.every((value, i) => storeUser(k, old + i * word, word, value)) ? 0 : -EFAULT;
});
syscall("mq_getsetattr", ["int", "ulong", "ulong"], [DO_MQ_GETSETATTR], (k, fd, next, old) => {
  return recordedOr(k, k.call(DO_MQ_GETSETATTR, fd, next, old));
});

/** What a queue is ready for. (file, poll_table) */
behaviour("mqueue_poll_file", QUEUE_PROCS, (k, file = 0, table = 0) => {
  const queue = mqueues(k).byFile.get(file);
  if (queue === undefined) return 0;
  pollWait(k, file, queue.pollQueue, table);
  return (queue.messages.length > 0 ? EPOLLIN | EPOLLRDNORM : 0) |
    (queue.messages.length < queue.maxmsg ? EPOLLOUT | EPOLLWRNORM : 0);
});

/** What reading a queue as a file tells: its size, and who is told. (file, buf, count, pos) */
behaviour(
  "mqueue_read_file",
  [fn("simple_read_from_buffer")],
  (k, address = 0, buf = 0, count = 0, ppos = 0) => {
    const file = k.vfs.files.get(address);
    const queue = mqueues(k).byFile.get(address);
    if (file === undefined || queue === undefined) return -EBADF;
    const { notify } = queue;
    const text = `QSIZE:${String(queue.size).padEnd(10)} NOTIFY:${
      String(notify === null ? 0 : notify.signal === 0 ? SIGEV_NONE : SIGEV_SIGNAL).padEnd(5)
    } SIGNO:${String(notify?.signal ?? 0).padEnd(5)} NOTIFY_PID:${
      String(notify?.owner.pid ?? 0).padEnd(6)
    }\n`;
    const pos = ppos === 0 ? 0 : k.memory.load(ppos, 8, true);
    const bytes = new TextEncoder().encode(text).subarray(pos, pos + count);
    k.call(fn("simple_read_from_buffer"), buf, count, ppos, Number.NaN, text.length);
    const ranges = [{ base: buf, length: count }];
    if (!scatter(k, { file, pos, count, ranges }, bytes)) return -EFAULT;
    if (ppos !== 0) k.memory.store(ppos, 8, pos + bytes.length);
    return bytes.length;
  },
);

/** The last descriptor is closed. (inode, file) */
behaviour("mqueue_flush_file", [], (k, _inode, address = 0) => {
  const queues = mqueues(k);
  const queue = queues.byFile.get(address);
  if (queue === undefined) return 0;
  if (queue.notify?.owner === k.current.leader) queue.notify = null;
  queues.byFile.delete(address);
  queue.users--;
  queues.drop(k, queue);
  return 0;
});
