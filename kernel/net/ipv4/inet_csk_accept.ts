/**
 * Listening and accepting: `inet_csk_listen_start`, `inet_csk_accept`.
 *
 * @module
 */

import { behaviour, type Blocking, blocking, fn, type FunctionRef } from "../../calls/function.ts";
import { recorded } from "../../fs/recorded.ts";
import type { Kernel } from "../../kernel.ts";
import { signalPending } from "../../process/signal.ts";
import { recordedWake, sleep } from "../../process/sleep.ts";
import { popLocals } from "../../process/stack.ts";
import { TASK_INTERRUPTIBLE } from "../../process/task.ts";
import { FINISH_WAIT, PREPARE_TO_WAIT_EXCLUSIVE, waitEntry } from "../../sched/wait.ts";
import { EADDRINUSE, EAGAIN, EINVAL, ERESTARTSYS } from "../../syscalls/errno.ts";
import { AF_INET6, TCP_CLOSE, TCP_LISTEN } from "../constants.ts";
import {
  INET_SK_STATE_STORE,
  LOCK_SOCK_NESTED,
  RELEASE_SOCK,
  sleepQueue,
  type Sock,
  sockOf,
} from "../core/sock.ts";
import { ICSK, REQ, SK } from "../fields.ts";
import { acceptExpected, expectPeer } from "../implied_data.ts";
import { INET6_HASH, INET_CSK_GET_PORT, INET_HASH } from "./inet_hashtables.ts";
import { freeRequest, type RequestSock } from "./request_sock.ts";
import { tcpOf } from "./tcp_sock.ts";

const O_NONBLOCK = 0o4000;
const SCHEDULE_TIMEOUT = fn("schedule_timeout");

/** Begins to listen: 0, or -errno: (sk). */
export const INET_CSK_LISTEN_START: FunctionRef = behaviour(
  "inet_csk_listen_start",
  [fn("reqsk_queue_alloc"), INET_SK_STATE_STORE, INET_CSK_GET_PORT, INET_HASH, INET6_HASH],
  (k, address = 0) => {
    const sk = sockOf(k, address);
    k.call(fn("reqsk_queue_alloc"), Number.NaN);
    SK.ackBacklog.set(k, address, 0);
    k.call(INET_SK_STATE_STORE, address, TCP_LISTEN);
    if (k.call(INET_CSK_GET_PORT, address, sk.localPort) === 0) {
      k.call(sk.family === AF_INET6 ? INET6_HASH : INET_HASH, address);
      return 0;
    }
    k.call(INET_SK_STATE_STORE, address, TCP_CLOSE);
    return -EADDRINUSE;
  },
);

/** Waits for a connection as Linux does: one waiter is woken at a time. 0, or -errno. */
function* waitForConnect(k: Kernel, sk: Sock, ready: () => boolean): Blocking<number> {
  const replayed = !Number.isNaN(recordedWake(k));
  const mark = k.current.locals;
  const entry = waitEntry(k);
  const wq = sleepQueue(k, sk);
  let result = 0;
  for (;;) {
    k.call(PREPARE_TO_WAIT_EXCLUSIVE, wq, entry, TASK_INTERRUPTIBLE);
    k.call(RELEASE_SOCK, sk.address);
    if (replayed) {
      if (!ready() && k.clock.now < recordedWake(k)) {
        yield* sleep(k, "recorded", TASK_INTERRUPTIBLE, SCHEDULE_TIMEOUT);
      }
    } else if (!ready()) yield* sleep(k, {}, TASK_INTERRUPTIBLE, SCHEDULE_TIMEOUT);
    k.call(LOCK_SOCK_NESTED, sk.address, 0);
    if (replayed || ready()) break;
    if (SK.state.get(k, sk.address) !== TCP_LISTEN) result = -EINVAL;
    else if (signalPending(k, k.current)) result = -ERESTARTSYS;
    if (result !== 0) break;
  }
  k.call(FINISH_WAIT, wq, entry);
  popLocals(k, mark);
  return result;
}

/**
 * Takes the oldest connection that waits, or waits for one: its sock; 0 where there is none, with the error at `err`:
 * (sk, flags, err, kern).
 */
export const INET_CSK_ACCEPT: FunctionRef = blocking(
  "inet_csk_accept",
  [
    LOCK_SOCK_NESTED,
    PREPARE_TO_WAIT_EXCLUSIVE,
    RELEASE_SOCK,
    SCHEDULE_TIMEOUT,
    FINISH_WAIT,
    fn("tcp_v4_reqsk_destructor"),
  ],
  function* (k, address = 0, flags = 0, err = 0) {
    const sk = sockOf(k, address);
    const tcp = tcpOf(sk);
    k.call(LOCK_SOCK_NESTED, address, 0);
    let error = SK.state.get(k, address) === TCP_LISTEN ? 0 : -EINVAL;
    const outcome = recorded(k);
    const wanted = (): RequestSock | undefined => choose(tcp.accepted, outcome?.peer?.port);
    if (error === 0 && wanted() === undefined) {
      if ((flags & O_NONBLOCK) !== 0 && outcome === undefined || outcome?.ret === -EAGAIN) error = -EAGAIN;
      else {
        const release = expectPeer(k, sk, outcome);
        error = yield* waitForConnect(k, sk, () => wanted() !== undefined);
        release();
      }
    }
    if (error === 0 && outcome !== undefined && outcome.ret < 0) error = outcome.ret;
    if (error === 0 && wanted() === undefined && outcome !== undefined) acceptExpected(k, sk, outcome.peer);
    const req = error === 0 ? wanted() ?? tcp.accepted[0] : undefined;
    if (error === 0 && req === undefined) {
      error = outcome === undefined || outcome.ret >= 0 ? -EAGAIN : outcome.ret;
    }
    if (req === undefined || req.child === null) {
      k.call(RELEASE_SOCK, address);
      if (err !== 0 && err === err) k.memory.store(err, 4, error);
      return 0;
    }
    const child = req.child.address;
    tcp.accepted.splice(tcp.accepted.indexOf(req), 1);
    SK.ackBacklog.add(k, address, -1);
    ICSK.acceptHead.set(k, address, tcp.accepted[0]?.address ?? 0);
    if (tcp.accepted.length === 0) ICSK.acceptTail.set(k, address, 0);
    REQ.sk.set(k, req.address, 0);
    k.call(RELEASE_SOCK, address);
    k.call(fn("tcp_v4_reqsk_destructor"), req.address);
    freeRequest(k, req);
    return child;
  },
);

/** The connection of a recorded peer; without one the oldest. */
function choose(accepted: readonly RequestSock[], port: number | undefined): RequestSock | undefined {
  if (port === undefined || port === 0) return accepted[0];
  // A connection whose port nothing told is the recorded one too.
  return accepted.find((req) => req.remotePort === port) ?? accepted[0];
}
