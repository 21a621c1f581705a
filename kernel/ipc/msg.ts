/**
 * System V message queues: `ipc/msg.c`.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, type Blocking, blocking, fn, type FunctionRef } from "../calls/function.ts";
import { recorded } from "../fs/recorded.ts";
import type { Kernel } from "../kernel.ts";
import { kfree, kzalloc } from "../process/alloc.ts";
import { TASK_NORMAL } from "../sched/wake_up.ts";
import { initWaitQueueHead, waitQueueHeadSize, WAKE_UP } from "../sched/wait.ts";
import { WAIT_EVENT_CALLS, waitEvent } from "../sched/wait_event.ts";
import { E2BIG, EACCES, EAGAIN, EIDRM, EINVAL, ENOMSG, ERESTARTNOHAND } from "../syscalls/errno.ts";
import { allowed, IPC_NOWAIT, IpcIds, type IpcPerm } from "./ids.ts";

/** Bytes of a message, and of a queue, at most. */
const MSGMAX = 8192;
const MSGMNB = 16384;
const MSG_NOERROR = 0o10000;
const MSG_EXCEPT = 0o20000;

/** One message. */
export interface Message {
  readonly type: number;
  readonly text: Uint8Array;
}
/** A queue. */
export interface MessageQueue {
  readonly perm: IpcPerm;
  readonly messages: Message[];
  bytes: number;
  maxBytes: number;
  /** Where senders and receivers wait: a `wait_queue_head_t`. */
  readonly queue: Addr;
  stime: number;
  rtime: number;
  ctime: number;
  lspid: number;
  lrpid: number;
}
const all = new WeakMap<Kernel, IpcIds<MessageQueue>>();

/** The queues of a kernel. */
export function msgIds(k: Kernel): IpcIds<MessageQueue> {
  let ids = all.get(k);
  if (ids === undefined) all.set(k, ids = new IpcIds());
  return ids;
}

/** (key, flags) */
export const KSYS_MSGGET: FunctionRef = behaviour("ksys_msgget", [fn("ipcget")], (k, key = 0, flags = 0) => {
  k.call(fn("ipcget"));
  return msgIds(k).getOrMake(k, key, flags, () => 0, (perm) => {
    const queue = kzalloc(k, waitQueueHeadSize(k));
    initWaitQueueHead(k, queue);
    const times = { stime: 0, rtime: 0, ctime: k.clock.now, lspid: 0, lrpid: 0 };
    return { perm, messages: [], bytes: 0, maxBytes: MSGMNB, queue, ...times };
  });
});

const outgoing = new WeakMap<object, Message>();
const incoming = new WeakMap<object, Message>();

/** Sends the message that `send` was given: 0 or -errno. (msqid, mtype, mtext, size, flags) */
export const DO_MSGSND: FunctionRef = blocking(
  "do_msgsnd",
  [WAKE_UP, ...WAIT_EVENT_CALLS],
  function* (k, id = 0, type = 0, _text = 0, size = 0, flags = 0): Blocking<number> {
    const message = outgoing.get(k.current);
    if (message === undefined || size > MSGMAX || size < 0 || id < 0 || type < 1) return -EINVAL;
    const queue = msgIds(k).get(id);
    if (queue === undefined) return -EINVAL;
    if (!allowed(k, queue.perm, 0o222)) return -EACCES;
    const fits = (): boolean =>
      queue.bytes + size <= queue.maxBytes && queue.messages.length + 1 <= queue.maxBytes;
    const outcome = recorded(k);
    if (outcome === undefined && !fits() && (flags & IPC_NOWAIT) !== 0) return -EAGAIN;
    const error = yield* waitEvent(k, queue.queue, () => queue.perm.deleted || fits());
    if (queue.perm.deleted) return -EIDRM;
    if (error < 0) return -ERESTARTNOHAND;
    if (outcome !== undefined && outcome.ret < 0) return outcome.ret;
    queue.messages.push(message);
    queue.bytes += size;
    queue.stime = k.clock.now;
    queue.lspid = k.current.tgid;
    k.call(WAKE_UP, queue.queue, TASK_NORMAL, 0, 0);
    return 0;
  },
);

/** Takes a message; `receive` gives it: its size, or -errno. (msqid, buf, size, mtype, flags) */
export const DO_MSGRCV: FunctionRef = blocking(
  "do_msgrcv",
  [WAKE_UP, ...WAIT_EVENT_CALLS],
  function* (k, id = 0, _buf = 0, size = 0, type = 0, flags = 0): Blocking<number> {
    if (id < 0 || size < 0) return -EINVAL;
    const queue = msgIds(k).get(id);
    if (queue === undefined) return -EINVAL;
    if (!allowed(k, queue.perm, 0o444)) return -EACCES;
    const find = (): Message | undefined => matching(queue.messages, type, (flags & MSG_EXCEPT) !== 0);
    const outcome = recorded(k);
    if (outcome === undefined && find() === undefined && (flags & IPC_NOWAIT) !== 0) return -ENOMSG;
    const error = yield* waitEvent(k, queue.queue, () => queue.perm.deleted || find() !== undefined);
    if (queue.perm.deleted) return -EIDRM;
    if (error < 0) return -ERESTARTNOHAND;
    const message = find();
    if (message === undefined) return outcome?.ret ?? -ENOMSG;
    if (message.text.length > size && (flags & MSG_NOERROR) === 0 && outcome === undefined) return -E2BIG;
    queue.messages.splice(queue.messages.indexOf(message), 1);
    queue.bytes -= message.text.length;
    queue.rtime = k.clock.now;
    queue.lrpid = k.current.tgid;
    k.call(WAKE_UP, queue.queue, TASK_NORMAL, 0, 0);
    const text = message.text.subarray(0, size);
    incoming.set(k.current, { type: message.type, text });
    return text.length;
  },
);

/** `msgsnd`. */
export function* send(k: Kernel, id: number, message: Message, flags: number): Blocking<number> {
  outgoing.set(k.current, message);
  const size = message.text.length;
  const result = yield* k.calls.callBlocking(DO_MSGSND, id, message.type, Number.NaN, size, flags);
  outgoing.delete(k.current);
  return result;
}

/** `msgrcv`: the message, or what the call returns without one. */
export function* receive(
  k: Kernel,
  id: number,
  size: number,
  type: number,
  flags: number,
): Generator<{ until?: number }, { readonly result: number; readonly message: Message | undefined }, void> {
  incoming.delete(k.current);
  const result = yield* k.calls.callBlocking(DO_MSGRCV, id, Number.NaN, size, type, flags);
  const message = incoming.get(k.current);
  incoming.delete(k.current);
  return { result, message };
}

/** Removes a queue: who waits is told. */
export function removeQueue(k: Kernel, queue: MessageQueue): void {
  msgIds(k).remove(queue);
  k.call(WAKE_UP, queue.queue, TASK_NORMAL, 0, 0);
  kfree(k, queue.queue);
}

/** The first message; of a type, of any other, or of the lowest type up to a number. */
function matching(messages: readonly Message[], type: number, except: boolean): Message | undefined {
  if (type === 0) return messages[0];
  if (type > 0) return messages.find((message) => (message.type === type) !== except);
  const low = messages.filter((message) => message.type <= -type);
  return low.reduce<Message | undefined>(
    (best, message) => best && best.type <= message.type ? best : message,
    undefined,
  );
}
