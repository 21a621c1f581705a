/**
 * Connections that end with an error: a reset came, or nobody answers. `net/ipv4/tcp_input.c`.
 *
 * @module
 */

import { behaviour, fn, type FunctionRef } from "../../calls/function.ts";
import { ECONNREFUSED, ECONNRESET, EPIPE } from "../../syscalls/errno.ts";
import { tracepoint } from "../../tracing/reference.ts";
import { TCP_CLOSE, TCP_CLOSE_WAIT, TCP_SYN_SENT } from "../constants.ts";
import { SOCK_DEF_ERROR_REPORT, sockOf } from "../core/sock.ts";
import { SK } from "../fields.ts";
import { TCP_DONE } from "./tcp_close.ts";

const ERROR_EVENT = tracepoint("sock:inet_sk_error_report", "error", "family", "protocol", "sport", "dport");

const RESET_EVENT = tracepoint("tcp:tcp_receive_reset", "skaddr", "sport", "dport", "family");

const SK_ERROR_REPORT: FunctionRef = behaviour(
  "sk_error_report",
  [SOCK_DEF_ERROR_REPORT],
  (k, address = 0) => {
    const sk = sockOf(k, address);
    if (k.tracepoints.enabled(ERROR_EVENT)) {
      const { family, protocol, localPort, remotePort } = sk;
      k.tracepoints.fire(ERROR_EVENT, SK.err.get(k, address), family, protocol, localPort, remotePort);
    }
    k.call(SOCK_DEF_ERROR_REPORT, address);
    return Number.NaN;
  },
);

/** A connection is over by an error: (sk, errno). */
export const TCP_DONE_WITH_ERROR: FunctionRef = behaviour(
  "tcp_done_with_error",
  [fn("tcp_write_queue_purge"), TCP_DONE, SK_ERROR_REPORT],
  (k, address = 0, error = 0) => {
    const sk = sockOf(k, address);
    SK.err.set(k, address, error);
    k.call(fn("tcp_write_queue_purge"), address);
    k.call(TCP_DONE, address);
    if (!sk.dead) k.call(SK_ERROR_REPORT, address);
    return Number.NaN;
  },
);

/** The peer broke the connection off. */
export const TCP_RESET: FunctionRef = behaviour(
  "tcp_reset",
  [TCP_DONE_WITH_ERROR],
  (k, address = 0, _skb) => {
    const sk = sockOf(k, address);
    if (k.tracepoints.enabled(RESET_EVENT)) {
      k.tracepoints.fire(RESET_EVENT, address, sk.localPort, sk.remotePort, sk.family);
    }
    const state = SK.state.get(k, address);
    const error = state === TCP_SYN_SENT ? ECONNREFUSED : state === TCP_CLOSE_WAIT ? EPIPE : ECONNRESET;
    if (state === TCP_CLOSE) return Number.NaN;
    k.call(TCP_DONE_WITH_ERROR, address, error);
    return Number.NaN;
  },
);
