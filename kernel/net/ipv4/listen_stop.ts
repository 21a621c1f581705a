/**
 * A listening sock is closed: connections that nobody accepted are broken off.
 *
 * @module
 */

import { behaviour, fn, type FunctionRef } from "../../calls/function.ts";
import { sockOf, sockPut } from "../core/sock.ts";
import { ICSK, SK } from "../fields.ts";
import { freeRequest, unhashRequest } from "./request_sock.ts";
import { tcpOf } from "./tcp_sock.ts";

const INET_CHILD_FORGET: FunctionRef = behaviour(
  "inet_child_forget",
  [fn("tcp_disconnect"), fn("inet_csk_destroy_sock")],
  (k, _sk, _req, child = 0) => {
    const sk = sockOf(k, child);
    k.call(fn("tcp_disconnect"), child, 0x4000);
    sk.dead = true;
    k.call(fn("inet_csk_destroy_sock"), child);
    return Number.NaN;
  },
);

/** Breaks off what waits in the accept queue, and forgets requests. */
export const INET_CSK_LISTEN_STOP: FunctionRef = behaviour(
  "inet_csk_listen_stop",
  [INET_CHILD_FORGET, fn("sk_free")],
  (k, address = 0) => {
    const { accepted } = tcpOf(sockOf(k, address));
    for (let req = accepted.shift(); req !== undefined; req = accepted.shift()) {
      SK.ackBacklog.add(k, address, -1);
      const { child } = req;
      freeRequest(k, req);
      if (child === null) continue;
      SK.refcnt.add(k, child.address, 1);
      k.call(INET_CHILD_FORGET, address, req.address, child.address);
      sockPut(k, child);
    }
    ICSK.acceptHead.set(k, address, 0);
    ICSK.acceptTail.set(k, address, 0);
    for (const end of [...k.net.established.values()]) {
      if ("kind" in end && end.kind === "request" && end.listener.address === address) {
        unhashRequest(k, end);
        freeRequest(k, end);
      }
    }
    return Number.NaN;
  },
);
