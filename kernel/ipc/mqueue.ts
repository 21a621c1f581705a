/**
 * POSIX message queues: `ipc/mqueue.c`. A queue has a name as long as nobody unlinks it, and lives as long as it has one or
 * somebody has it open.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { Kernel } from "../kernel.ts";
import { CAP_SYS_RESOURCE, nsCapable } from "../process/capability.ts";
import { kfree, kzalloc } from "../process/alloc.ts";
import { sizeOfStruct } from "../process/objects.ts";
import { limitOf } from "../process/rlimit.ts";
import type { Task } from "../process/task.ts";
import { initWaitQueueHead } from "../sched/wait.ts";
import { EINVAL, EMFILE, ENOSPC } from "../syscalls/errno.ts";

/** Priorities are below it (`MQ_PRIO_MAX`). */
export const MQ_PRIO_MAX = 32768;
const RLIMIT_MSGQUEUE = 12;
/** `fs.mqueue.queues_max`, `msg_max`, `msg_default`, `msgsize_max`, `msgsize_default`. */
const QUEUES_MAX = 256;
const MSG_MAX = 10;
const MSGSIZE_MAX = 8192;
const HARD_MSGMAX = 65536;
const HARD_MSGSIZEMAX = 16 * 1024 * 1024;
/** Bytes of a node that messages of one priority hang on. */
const NODE = 48;

/** One message. */
export interface Message {
  readonly priority: number;
  readonly bytes: Uint8Array;
}

/** Who is told when a message comes to an empty queue. */
export interface Notify {
  readonly owner: Task;
  /** 0: nobody is told, but the place is taken. */
  readonly signal: number;
  readonly value: number;
}

/** One queue. */
export class MqQueue {
  readonly name: string;
  readonly maxmsg: number;
  readonly msgsize: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes that its owner's limit counts. */
  readonly cost: number;
  /** By priority, then age. */
  readonly messages: Message[] = [];
  notify: Notify | null = null;
  /** Those who wait in `mq_receive`, and wait queues of receivers, senders, and pollers. */
  receivers = 0;
  readonly receiveQueue: Addr;
  readonly sendQueue: Addr;
  readonly pollQueue: Addr;
  /** Open files. */
  users = 0;
  linked = true;

  constructor(
    k: Kernel,
    name: string,
    maxmsg: number,
    msgsize: number,
    mode: number,
    uid: number,
    gid: number,
  ) {
    this.name = name;
    this.maxmsg = maxmsg;
    this.msgsize = msgsize;
    this.mode = mode;
    this.uid = uid;
    this.gid = gid;
    this.cost = costOf(k, maxmsg, msgsize);
    const head = sizeOfStruct(k, "wait_queue_head");
    [this.receiveQueue, this.sendQueue, this.pollQueue] = [
      kzalloc(k, head),
      kzalloc(k, head),
      kzalloc(k, head),
    ];
    for (const queue of [this.receiveQueue, this.sendQueue, this.pollQueue]) initWaitQueueHead(k, queue);
  }

  /** Puts a message behind those of its priority and above. */
  insert(message: Message): void {
    let at = this.messages.length;
    while (at > 0 && (this.messages[at - 1] as Message).priority < message.priority) at--;
    this.messages.splice(at, 0, message);
  }

  /** Bytes of the messages that wait. */
  get size(): number {
    return this.messages.reduce((sum, { bytes }) => sum + bytes.length, 0);
  }
}

/** The queues of one kernel. */
export class Mqueues {
  readonly named: Map<string, MqQueue> = new Map();
  /** By the address of the open file. */
  readonly byFile: Map<Addr, MqQueue> = new Map();

  /** A queue that nobody has open and that has no name is gone. */
  drop(k: Kernel, queue: MqQueue): void {
    if (queue.linked || queue.users > 0) return;
    for (const head of [queue.receiveQueue, queue.sendQueue, queue.pollQueue]) kfree(k, head);
  }
}

const all = new WeakMap<Kernel, Mqueues>();

/** The queues of a kernel. */
export function mqueues(k: Kernel): Mqueues {
  let found = all.get(k);
  if (found === undefined) all.set(k, found = new Mqueues());
  return found;
}

function costOf(k: Kernel, maxmsg: number, msgsize: number): number {
  return maxmsg * k.image.pointerSize + Math.min(maxmsg, MQ_PRIO_MAX) * NODE + maxmsg * msgsize;
}

/** What a new queue is like, or why it may not be made: -errno. `attr`: null for the usual one. */
export function checkNew(
  k: Kernel,
  attr: { readonly maxmsg: number; readonly msgsize: number } | null,
): { readonly maxmsg: number; readonly msgsize: number } | number {
  const queues = mqueues(k);
  const mighty = nsCapable(k, CAP_SYS_RESOURCE);
  if (queues.named.size >= QUEUES_MAX && !mighty) return -ENOSPC;
  const { maxmsg, msgsize } = attr ?? { maxmsg: MSG_MAX, msgsize: MSGSIZE_MAX };
  if (maxmsg <= 0 || msgsize <= 0) return -EINVAL;
  const most = mighty ? [HARD_MSGMAX, HARD_MSGSIZEMAX] : [MSG_MAX, MSGSIZE_MAX];
  if (maxmsg > (most[0] ?? 0) || msgsize > (most[1] ?? 0)) return -EINVAL;
  const { uid } = k.current;
  const used = [...queues.named.values()].reduce((sum, one) => one.uid === uid ? sum + one.cost : sum, 0);
  return used + costOf(k, maxmsg, msgsize) > limitOf(k, k.current, RLIMIT_MSGQUEUE)
    ? -EMFILE
    : { maxmsg, msgsize };
}
