/**
 * Socket buffers: `struct sk_buff`, the bytes it points to, and their life from `__alloc_skb` to `kfree_skb_reason`.
 *
 * Headers, and the data of all but TCP, lie in simulated memory at `head`. What TCP sends lies in page fragments on a
 * real kernel; here it is kept beside the object (`payload`) and counted in `data_len`.
 *
 * @module
 */

import type { Addr } from "../../../image/model.ts";
import { behaviour, fn, type FunctionRef } from "../../calls/function.ts";
import type { Kernel } from "../../kernel.ts";
import { sizeOfStruct, symbolAddress } from "../../process/objects.ts";
import { tracepoint } from "../../tracing/reference.ts";
import { SKB_DROP_REASON_NOT_SPECIFIED } from "../constants.ts";
import { SKB, SKB_HEAD } from "../fields.ts";
import type { Sock } from "./sock.ts";

const KFREE_SKB_EVENT = tracepoint("skb:kfree_skb", "skbaddr", "location", "protocol", "reason");
const CONSUME_SKB_EVENT = tracepoint("skb:consume_skb", "skbaddr");

/** Bytes behind the data of every buffer: `struct skb_shared_info`. */
const SHARED_INFO = 320;
/** Room that TCP leaves in front of its data for headers. */
export const MAX_TCP_HEADER = 320;
/** `__alloc_skb`'s flag: two objects in one, the second for the clone that is sent. */
export const SKB_ALLOC_FCLONE = 1;
/** Buffers come from the pool for atomic contexts or not: `gfp` as recorded. */
export const GFP_KERNEL = 0xcc0;
export const GFP_ATOMIC = 0xa20;

/** The memory behind one or more socket buffers. */
interface SkbData {
  readonly head: Addr;
  readonly size: number;
  users: number;
}

/** What a buffer's owner is told when it lets go of it. */
export type Destructor = "sock_wfree" | "sock_rfree" | "tcp_wfree" | "__sock_wfree" | "unix_wfree";

/** A packet as TCP sees it: `TCP_SKB_CB`. */
export interface TcpControl {
  seq: number;
  endSeq: number;
  ackSeq: number;
  flags: number;
  /** Sent again already. */
  retransmitted: boolean;
  /** When it was sent last, in nanoseconds. */
  sentAt: number;
  window: number;
}

/** What the model keeps beside a `struct sk_buff`. */
export class Skb {
  readonly address: Addr;
  readonly data: SkbData;
  /** Of a pair: the first object, which owns the memory of both. */
  readonly pair: { readonly first: Addr; live: number } | null;
  /** What page fragments hold. */
  payload: Uint8Array | null = null;
  readonly tcp: TcpControl = {
    seq: 0,
    endSeq: 0,
    ackSeq: 0,
    flags: 0,
    retransmitted: false,
    sentAt: 0,
    window: 0,
  };
  sk: Sock | null = null;
  destructor: Destructor | null = null;
  /** Address and port of the sender, where a socket family keeps them in the buffer. */
  from: { readonly address: string; readonly port: number } | null = null;
  /** Files passed along: references that the buffer holds. */
  files: readonly Addr[] | null = null;
  /** The route that it holds a reference on; one that is only noted in `_skb_refdst` is none. */
  dst: Addr = 0;

  constructor(address: Addr, data: SkbData, pair: { readonly first: Addr; live: number } | null) {
    this.address = address;
    this.data = data;
    this.pair = pair;
  }
}

const ALLOC_NODE = fn("kmem_cache_alloc_node");
const KMALLOC_RESERVE = fn("kmalloc_reserve");

/** A buffer with room for `size` bytes; never fails. */
export const ALLOC_SKB: FunctionRef = behaviour(
  "__alloc_skb",
  [ALLOC_NODE, KMALLOC_RESERVE, fn("__build_skb_around")],
  (k, size = 0, gfp = 0, flags = 0) => {
    const object = sizeOfStruct(k, "sk_buff");
    const fclone = (flags & SKB_ALLOC_FCLONE) !== 0;
    k.call(ALLOC_NODE, Number.NaN, gfp, -1);
    const address = fclone
      ? k.slab.alloc("skbuff_fclone_cache", 2 * object + 8)
      : k.slab.alloc("skbuff_head_cache", object);
    k.call(KMALLOC_RESERVE, Number.NaN, gfp, -1);
    const room = Math.ceil((size + SHARED_INFO) / 64) * 64;
    const head = k.slab.kmalloc(room);
    k.call(fn("__build_skb_around"), address, head, room);
    const data: SkbData = { head, size: room - SHARED_INFO, users: 1 };
    const skb = new Skb(address, data, fclone ? { first: address, live: 1 } : null);
    k.net.skbs.set(address, skb);
    initialize(k, address, data, fclone ? 2 * object + 8 : object);
    return address;
  },
);

/** Allocates a buffer and leaves `reserve` bytes in front of its data. */
export function allocSkb(k: Kernel, size: number, reserve: number, gfp: number, flags = 0): Skb {
  const address = k.call(ALLOC_SKB, size, gfp, flags, -1);
  const skb = skbOf(k, address);
  SKB.data.set(k, address, skb.data.head + reserve);
  setTail(k, address, skb.data.head + reserve);
  return skb;
}

/** The buffer at an address that is one. */
export function skbOf(k: Kernel, address: Addr): Skb {
  const skb = k.net.skbs.get(address);
  if (skb === undefined) throw new Error("Cannot use a socket buffer that was freed");
  return skb;
}

const COPY_HEADER = fn("__copy_skb_header");
/** Makes `n` a second descriptor of the same data. */
const __SKB_CLONE: FunctionRef = behaviour("__skb_clone", [COPY_HEADER], (k, n = 0, from = 0) => {
  k.call(COPY_HEADER, n, from);
  k.memory.writeBytes(n, k.memory.readBytes(from, sizeOfStruct(k, "sk_buff")));
  for (const field of [SKB.next, SKB.prev, SKB.sk, SKB.destructor]) field.set(k, n, 0);
  SKB.users.set(k, n, 1);
  return n;
});

/** A second descriptor of the same data: the one that goes out while the first waits for its acknowledgement. */
export const SKB_CLONE: FunctionRef = behaviour("skb_clone", [__SKB_CLONE], (k, address = 0) => {
  const skb = skbOf(k, address);
  const object = sizeOfStruct(k, "sk_buff");
  let pair: Skb["pair"] = null;
  let clone: Addr;
  if (skb.pair !== null && skb.pair.first === address && skb.pair.live === 1) {
    pair = skb.pair;
    pair.live++;
    clone = address + object;
  } else clone = k.slab.alloc("skbuff_head_cache", object);
  skb.data.users++;
  const copy = new Skb(clone, skb.data, pair);
  copy.payload = skb.payload;
  Object.assign(copy.tcp, skb.tcp);
  copy.from = skb.from;
  k.net.skbs.set(clone, copy);
  k.call(__SKB_CLONE, clone, address);
  return clone;
});

/** Room in front of the data: its new start. */
export const SKB_PUSH: FunctionRef = behaviour("skb_push", [], (k, address = 0, length = 0) => {
  SKB.len.add(k, address, length);
  return SKB.data.add(k, address, -length);
});

/** Takes bytes off the front: the new start. */
export const SKB_PULL: FunctionRef = behaviour("skb_pull", [], (k, address = 0, length = 0) => {
  SKB.len.add(k, address, -length);
  return SKB.data.add(k, address, length);
});

/** Room behind the data: its old end. */
export const SKB_PUT: FunctionRef = behaviour("skb_put", [], (k, address = 0, length = 0) => {
  const tail = tailOf(k, address);
  setTail(k, address, tail + length);
  SKB.len.add(k, address, length);
  return tail;
});

/** Gives page fragments to a buffer. */
export function setPayload(k: Kernel, skb: Skb, bytes: Uint8Array): void {
  const grown = bytes.length - (skb.payload?.length ?? 0);
  skb.payload = bytes;
  SKB.len.add(k, skb.address, grown);
  SKB.dataLen.set(k, skb.address, bytes.length);
  SKB.truesize.add(k, skb.address, grown);
}

/** Writes TCP's part of the control block, where probes find it. */
export function storeControl(k: Kernel, skb: Skb): void {
  const cb = SKB.cb.at(k, skb.address);
  k.memory.store(cb, 4, skb.tcp.seq);
  k.memory.store(cb + 4, 4, skb.tcp.endSeq);
  k.memory.store(cb + 12, 1, skb.tcp.flags);
  k.memory.store(cb + 16, 4, skb.tcp.ackSeq);
}

/** Bytes that lie in memory between `data` and `tail`. */
export function linearBytes(k: Kernel, address: Addr): Uint8Array {
  return k.memory.readBytes(SKB.data.get(k, address), SKB.len.get(k, address) - SKB.dataLen.get(k, address));
}

/** Everything a packet carries behind `data`: what is linear, then the fragments. */
export function skbBytes(k: Kernel, skb: Skb): Uint8Array {
  const linear = linearBytes(k, skb.address);
  if (skb.payload === null) return linear;
  const bytes = new Uint8Array(linear.length + skb.payload.length);
  bytes.set(linear);
  bytes.set(skb.payload, linear.length);
  return bytes;
}

const RELEASE_HEAD_STATE: FunctionRef = behaviour(
  "skb_release_head_state",
  [
    fn("dst_release"),
    fn("sock_wfree"),
    fn("sock_rfree"),
    fn("tcp_wfree"),
    fn("__sock_wfree"),
    fn("unix_wfree"),
  ],
  (k, address = 0) => {
    const skb = skbOf(k, address);
    dropRoute(k, skb);
    orphan(k, skb);
    return Number.NaN;
  },
);
const FREE_HEAD: FunctionRef = behaviour("skb_free_head", [fn("kfree")], (k, address = 0) => {
  const { data } = skbOf(k, address);
  k.call(fn("kfree"), data.head);
  k.slab.kfree(data.head);
  return Number.NaN;
});
const RELEASE_DATA: FunctionRef = behaviour("skb_release_data", [FREE_HEAD], (k, address = 0) => {
  const { data } = skbOf(k, address);
  if (--data.users === 0) k.call(FREE_HEAD, address);
  return Number.NaN;
});
const KFREE_SKBMEM: FunctionRef = behaviour("kfree_skbmem", [fn("kmem_cache_free")], (k, address = 0) => {
  const skb = skbOf(k, address);
  k.net.skbs.delete(address);
  if (skb.pair === null) {
    k.call(fn("kmem_cache_free"), Number.NaN, address);
    k.slab.free("skbuff_head_cache", address);
  } else if (--skb.pair.live === 0) {
    k.call(fn("kmem_cache_free"), Number.NaN, skb.pair.first);
    k.slab.free("skbuff_fclone_cache", skb.pair.first);
  }
  return Number.NaN;
});

/** Frees a buffer that nobody uses. */
export const __KFREE_SKB: FunctionRef = behaviour(
  "__kfree_skb",
  [RELEASE_HEAD_STATE, RELEASE_DATA, KFREE_SKBMEM],
  (k, address = 0) => {
    k.call(RELEASE_HEAD_STATE, address);
    k.call(RELEASE_DATA, address);
    k.call(KFREE_SKBMEM, address);
    return Number.NaN;
  },
);

const FREEING = [RELEASE_HEAD_STATE, RELEASE_DATA, KFREE_SKBMEM];

/** Drops a packet, and says why. */
export const KFREE_SKB_REASON: FunctionRef = behaviour(
  "kfree_skb_reason",
  FREEING,
  (k, address = 0, reason = SKB_DROP_REASON_NOT_SPECIFIED) => {
    if (address === 0 || SKB.users.add(k, address, -1) > 0) return Number.NaN;
    if (k.tracepoints.enabled(KFREE_SKB_EVENT)) {
      const location = k.calls.returnAddress(k.current);
      const protocol = SKB.protocol.get(k, address);
      k.tracepoints.fire(KFREE_SKB_EVENT, address, location, (protocol & 0xff) << 8 | protocol >>> 8, reason);
    }
    release(k, address);
    return Number.NaN;
  },
);

/** Lets go of a packet that reached its end. */
export const CONSUME_SKB: FunctionRef = behaviour("consume_skb", FREEING, (k, address = 0) => {
  if (address === 0 || SKB.users.add(k, address, -1) > 0) return Number.NaN;
  if (k.tracepoints.enabled(CONSUME_SKB_EVENT)) k.tracepoints.fire(CONSUME_SKB_EVENT, address);
  release(k, address);
  return Number.NaN;
});

/** What `__kfree_skb` does, where the compiler put it into its caller. */
function release(k: Kernel, address: Addr): void {
  k.call(RELEASE_HEAD_STATE, address);
  k.call(RELEASE_DATA, address);
  k.call(KFREE_SKBMEM, address);
}

/** Frees a received packet later, on the CPU that allocated it: here at once. */
export const SKB_ATTEMPT_DEFER_FREE: FunctionRef = behaviour(
  "skb_attempt_defer_free",
  FREEING,
  (k, address = 0) => {
    release(k, address);
    return Number.NaN;
  },
);

/** Lets go of a packet's route, if it holds a reference (`skb_dst_drop`). */
export function dropRoute(k: Kernel, skb: Skb): void {
  SKB.refdst.set(k, skb.address, 0);
  if (skb.dst === 0) return;
  k.call(fn("dst_release"), skb.dst);
  skb.dst = 0;
}

/** Tells a packet's owner that it lets go of it (`skb_orphan`). */
export function orphan(k: Kernel, skb: Skb): void {
  const { destructor } = skb;
  if (destructor === null) return;
  k.call(fn(destructor), skb.address);
  skb.destructor = null;
  skb.sk = null;
  SKB.destructor.set(k, skb.address, 0);
  SKB.sk.set(k, skb.address, 0);
}

/** Makes a socket the packet's owner. */
export function setOwner(k: Kernel, skb: Skb, sk: Sock, destructor: Destructor): void {
  skb.sk = sk;
  skb.destructor = destructor;
  SKB.sk.set(k, skb.address, sk.address);
  SKB.destructor.set(k, skb.address, symbolAddress(k, destructor));
}

/** Makes an empty ring of a `struct sk_buff_head`. */
export function initQueue(k: Kernel, head: Addr): void {
  SKB_HEAD.next.set(k, head, head);
  SKB_HEAD.prev.set(k, head, head);
  SKB_HEAD.qlen.set(k, head, 0);
}

/** The first buffer of a queue. */
export function peek(k: Kernel, head: Addr): Skb | undefined {
  const first = SKB_HEAD.next.get(k, head);
  return first === head ? undefined : k.net.skbs.get(first);
}

/** The buffer behind one of a queue. */
export function nextIn(k: Kernel, head: Addr, skb: Skb): Skb | undefined {
  const next = SKB.next.get(k, skb.address);
  return next === head ? undefined : k.net.skbs.get(next);
}

/** Appends a buffer to a queue. */
export function queueTail(k: Kernel, head: Addr, skb: Skb): void {
  const last = SKB_HEAD.prev.get(k, head);
  SKB.next.set(k, skb.address, head);
  SKB.prev.set(k, skb.address, last);
  // The links lie at the start of both a buffer and a head.
  SKB_HEAD.next.set(k, last, skb.address);
  SKB_HEAD.prev.set(k, head, skb.address);
  SKB_HEAD.qlen.add(k, head, 1);
}

/** Takes a buffer out of a queue. */
export function unlink(k: Kernel, head: Addr, skb: Skb): void {
  const next = SKB.next.get(k, skb.address);
  const prev = SKB.prev.get(k, skb.address);
  SKB_HEAD.next.set(k, prev, next);
  SKB_HEAD.prev.set(k, next, prev);
  SKB.next.set(k, skb.address, 0);
  SKB.prev.set(k, skb.address, 0);
  SKB_HEAD.qlen.add(k, head, -1);
}

/** Buffers in a queue. */
export function queueLength(k: Kernel, head: Addr): number {
  return SKB_HEAD.qlen.get(k, head);
}

function initialize(k: Kernel, address: Addr, data: SkbData, overhead: number): void {
  SKB.head.set(k, address, data.head);
  SKB.data.set(k, address, data.head);
  SKB.users.set(k, address, 1);
  SKB.truesize.set(k, address, data.size + SHARED_INFO + overhead);
  setTail(k, address, data.head);
  // On 64-bit kernels both are offsets.
  SKB.end.set(k, address, k.image.pointerSize === 8 ? data.size : data.head + data.size);
}

function setTail(k: Kernel, address: Addr, tail: Addr): void {
  SKB.tail.set(k, address, k.image.pointerSize === 8 ? tail - SKB.head.get(k, address) : tail);
}

function tailOf(k: Kernel, address: Addr): Addr {
  const tail = SKB.tail.get(k, address);
  return k.image.pointerSize === 8 ? SKB.head.get(k, address) + tail : tail;
}
