/**
 * From a packet to the reader's memory: `net/core/datagram.c`.
 *
 * @module
 */

import { behaviour, fn, type FunctionRef } from "../../calls/function.ts";
import { EFAULT } from "../../syscalls/errno.ts";
import { recorded } from "../../fs/recorded.ts";
import { tracepoint } from "../../tracing/reference.ts";
import { scatterIter } from "../msghdr.ts";
import { skbBytes, skbOf } from "./skbuff.ts";

const COPY_EVENT = tracepoint("skb:skb_copy_datagram_iovec", "skbaddr", "len");

/** Copies part of a packet to an iterator: 0, or -EFAULT: (skb, offset, iter, length). */
export const SKB_COPY_DATAGRAM_ITER: FunctionRef = behaviour(
  "skb_copy_datagram_iter",
  [fn("__skb_datagram_iter")],
  (k, address = 0, offset = 0, iter = 0, length = 0) => {
    if (k.tracepoints.enabled(COPY_EVENT)) k.tracepoints.fire(COPY_EVENT, address, length);
    k.call(fn("__skb_datagram_iter"), address, offset, iter, length, Number.NaN, 0);
    const skb = skbOf(k, address);
    const bytes = skb.payload ?? skbBytes(k, skb);
    if (scatterIter(k, iter, bytes.subarray(offset, offset + length))) return 0;
    return recorded(k) === undefined ? -EFAULT : 0;
  },
);
