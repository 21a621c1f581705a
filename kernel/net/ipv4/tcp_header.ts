/**
 * TCP headers: their bytes, and what a received one says.
 *
 * @module
 */

import type { Kernel } from "../../kernel.ts";
import { htons } from "../address.ts";
import type { Skb } from "../core/skbuff.ts";
import { SKB } from "../fields.ts";
import { plus, TCP_HEADER, TCP_SYN_HEADER } from "./tcp_sock.ts";
import { TCPHDR_FIN, TCPHDR_SYN } from "../constants.ts";

/** What goes into a header. */
export interface TcpHeader {
  readonly source: number;
  readonly dest: number;
  readonly seq: number;
  readonly ack: number;
  readonly flags: number;
  /** As it stands in the header: scaled down. */
  readonly window: number;
  /** Options of a SYN. */
  readonly mss?: number;
  readonly wscale?: number;
}

/** What a received header says. */
export interface ReceivedHeader extends TcpHeader {
  /** Bytes of the header with its options. */
  readonly length: number;
}

/** Bytes of a header: options are timestamps, and those of a SYN. A reset has none. */
export function headerLength(flags: number, plain: boolean): number {
  if (plain) return 20;
  return (flags & TCPHDR_SYN) !== 0 ? TCP_SYN_HEADER : TCP_HEADER;
}

/** Encodes a header of `length` bytes; `now` is for the timestamps. */
export function encodeHeader(header: TcpHeader, length: number, now: number): Uint8Array {
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, header.source);
  view.setUint16(2, header.dest);
  view.setUint32(4, header.seq);
  view.setUint32(8, header.ack);
  bytes[12] = (length / 4) << 4;
  bytes[13] = header.flags;
  view.setUint16(14, Math.min(header.window, 0xffff));
  let at = 20;
  if (length === TCP_SYN_HEADER) {
    view.setUint32(at, 0x02040000 | (header.mss ?? 536));
    view.setUint16(at + 4, 0x0402);
    at += 6;
  } else if (length === TCP_HEADER) {
    view.setUint16(at, 0x0101);
    at += 2;
  }
  if (length > 20) {
    view.setUint16(at, 0x080a);
    view.setUint32(at + 2, Math.floor(now / 1e6) >>> 0);
    at += 10;
  }
  if (length === TCP_SYN_HEADER) view.setUint32(at, 0x01030300 | (header.wscale ?? 0));
  return bytes;
}

/** Writes a header at `data` of a buffer that has room for it there. */
export function writeHeader(k: Kernel, skb: Skb, header: TcpHeader, length: number): void {
  const at = SKB.data.get(k, skb.address);
  k.memory.writeBytes(at, encodeHeader(header, length, k.clock.now));
  SKB.transportHeader.set(k, skb.address, at - SKB.head.get(k, skb.address));
}

/** Reads the header at `data`. */
export function readHeader(k: Kernel, skb: Skb): ReceivedHeader {
  const at = SKB.data.get(k, skb.address);
  const m = k.memory;
  const be32 = (address: number): number =>
    ((htons(m.load(address, 2, false)) << 16) | htons(m.load(address + 2, 2, false))) >>> 0;
  const length = (m.load(at + 12, 1, false) >> 4) * 4;
  const flags = m.load(at + 13, 1, false);
  const syn = (flags & TCPHDR_SYN) !== 0 && length >= TCP_SYN_HEADER;
  return {
    source: htons(m.load(at, 2, false)),
    dest: htons(m.load(at + 2, 2, false)),
    seq: be32(at + 4),
    ack: be32(at + 8),
    flags,
    window: htons(m.load(at + 14, 2, false)),
    length,
    ...(syn ? { mss: be32(at + 20) & 0xffff, wscale: m.load(at + 39, 1, false) } : {}),
  };
}

/** Fills in the control block of a received segment from its header (`tcp_v4_fill_cb`). */
export function fillControl(k: Kernel, skb: Skb, header: ReceivedHeader): void {
  const data = SKB.len.get(k, skb.address) - header.length;
  const syn = (header.flags & TCPHDR_SYN) !== 0 ? 1 : 0;
  const fin = (header.flags & TCPHDR_FIN) !== 0 ? 1 : 0;
  skb.tcp.seq = header.seq;
  skb.tcp.endSeq = plus(header.seq, data + syn + fin);
  skb.tcp.ackSeq = header.ack;
  skb.tcp.flags = header.flags;
  skb.tcp.window = header.window;
}
