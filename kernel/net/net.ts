/**
 * The network of one kernel: its objects by address, who listens and who is connected, devices and routes.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { Kernel } from "../kernel.ts";
import { AddressTable } from "../memory/address_table.ts";
import { newObject } from "../process/alloc.ts";
import { symbolAddress } from "../process/objects.ts";
import { waitQueueActive } from "../sched/wait.ts";
import { keyOf } from "../time/random.ts";
import { addressBytes, isAny, isLoopback, unmapped } from "./address.ts";
import { AF_INET, AF_INET6 } from "./constants.ts";
import { NetDevice } from "./core/net_device.ts";
import type { Skb } from "./core/skbuff.ts";
import type { Proto, Sock } from "./core/sock.ts";
import type { Host } from "./link/host.ts";
import type { LinkOptions } from "./link/link.ts";
import { DST } from "./fields.ts";
import type { RequestSock } from "./ipv4/request_sock.ts";
import type { Socket } from "./socket.ts";
import type { TimeWaitSock } from "./ipv4/timewait_sock.ts";
import type { UnixSock } from "./unix/unix_sock.ts";

/** `net.ipv4.ip_local_port_range`. */
const FIRST_PORT = 32768;
const LAST_PORT = 60999;
const PORT_KEY = keyOf("inet_hash_connect");
/** `net.core.somaxconn`. */
export const SOMAXCONN = 4096;
const NO_ADDRESS = new Uint8Array(16);

/** What a packet for an established connection can belong to. */
export type ConnectionEnd = Sock | RequestSock | TimeWaitSock;

/** Where packets to an address go. */
export interface Route {
  readonly dev: NetDevice;
  /** Address that they come from unless the sender says otherwise. */
  readonly source: string;
  /** Address of the `struct rtable`. */
  readonly rtable: Addr;
}

/** The network state of one kernel; `k.net`. Made when first asked for. */
export class Net {
  readonly skbs: AddressTable<Skb> = new AddressTable();
  readonly socks: AddressTable<Sock> = new AddressTable();
  readonly sockets: AddressTable<Socket> = new AddressTable();
  /** Requests and remembered connections, by their address and by that of their timer. */
  readonly requests: AddressTable<RequestSock> = new AddressTable();
  readonly timeWaits: AddressTable<TimeWaitSock> = new AddressTable();
  /** The protocol that `sk_alloc` makes a sock of. */
  pendingProto: Proto | null = null;
  /** Ends of connections by both addresses: `inet_ehash`. */
  readonly established: Map<string, ConnectionEnd> = new Map();
  /** Listening socks by port: `inet_lhash2`. */
  readonly listening: Map<number, Sock[]> = new Map();
  /** Bound socks by protocol and port. */
  readonly bound: Map<string, Sock[]> = new Map();
  /** Bound unix sockets: by inode, or by abstract name. */
  readonly unixByInode: Map<Addr, UnixSock> = new Map();
  readonly unixByName: Map<string, UnixSock> = new Map();
  /** The loopback device. */
  readonly lo: NetDevice;
  /** The device with a link to other hosts. */
  readonly eth0: NetDevice;
  /** Hosts at the other end of the link, by address. */
  readonly hosts: Map<string, Host> = new Map();
  /** How the link is; set it before the first packet. */
  link: LinkOptions = { latency: 200_000, bandwidth: 1e9, loss: 0 };
  readonly #k: Kernel;
  readonly #routes = new Map<NetDevice, Addr>();
  #draws = 0;

  constructor(k: Kernel) {
    this.#k = k;
    this.lo = new NetDevice(k, { name: "lo", ifindex: 1, mtu: 65536, addresses: ["127.0.0.1", "::1"] });
    this.eth0 = new NetDevice(k, {
      name: "eth0",
      ifindex: 2,
      mtu: 1500,
      addresses: ["192.0.2.2", "2001:db8::2"],
    });
  }

  /** Whether somebody waits in a wait queue. */
  sleepers(queue: Addr): boolean {
    return waitQueueActive(this.#k, queue);
  }

  /** Whether an address is one of this host's. */
  isLocal(address: string): boolean {
    return isLoopback(address) || isAny(address) || this.eth0.addresses.includes(unmapped(address));
  }

  /** Where packets to an address go. */
  route(to: string): Route {
    const dev = this.isLocal(to) ? this.lo : this.eth0;
    const six = to.includes(":") && !to.includes(".");
    const own = dev === this.lo && !isAny(to) ? to : dev.addresses[six ? 1 : 0] as string;
    return { dev, source: isAny(to) ? (six ? "::1" : "127.0.0.1") : own, rtable: this.#rtable(dev) };
  }

  #rtable(dev: NetDevice): Addr {
    const k = this.#k;
    let rtable = this.#routes.get(dev);
    if (rtable === undefined) {
      rtable = newObject(k, "ip_dst_cache", "rtable");
      DST.dev.set(k, rtable, dev.address);
      DST.output.set(k, rtable, symbolAddress(k, "ip_output"));
      DST.input.set(k, rtable, symbolAddress(k, dev === this.lo ? "ip_local_deliver" : "dst_discard"));
      DST.refcnt.set(k, rtable, 1);
      this.#routes.set(dev, rtable);
    }
    return rtable;
  }

  /** A port that no sock of the protocol uses at that address, 0 if there is none. Connections take odd steps as Linux does. */
  ephemeralPort(protocol: number, taken: (port: number) => boolean): number {
    const count = LAST_PORT - FIRST_PORT + 1;
    const start = this.#k.random.below(count >> 1, PORT_KEY, protocol, this.#draws++) * 2;
    for (let i = 0; i < count; i++) {
      // Even distances first, then odd ones.
      const step = i < count >> 1 ? i * 2 : (i - (count >> 1)) * 2 + 1;
      const port = FIRST_PORT + (start + step) % count;
      if (!taken(port)) return port;
    }
    return 0;
  }

  /** Socks bound to a port of a protocol. */
  boundTo(protocol: number, port: number): readonly Sock[] {
    return this.bound.get(`${protocol}:${port}`) ?? [];
  }

  /** Notes that a sock has its port. */
  bind(sk: Sock): void {
    const key = `${sk.protocol}:${sk.localPort}`;
    const socks = this.bound.get(key);
    if (socks === undefined) this.bound.set(key, [sk]);
    else if (!socks.includes(sk)) socks.push(sk);
  }

  /** A sock gives its port back. */
  unbind(sk: Sock): void {
    const key = `${sk.protocol}:${sk.localPort}`;
    const socks = this.bound.get(key);
    const at = socks?.indexOf(sk) ?? -1;
    if (socks === undefined || at < 0) return;
    socks.splice(at, 1);
    if (socks.length === 0) this.bound.delete(key);
  }

  /** A sock's addresses as tracepoints have them: IPv4 twice, IPv6 twice, own first. */
  traceAddresses(sk: {
    readonly family: number;
    readonly local: string;
    readonly remote: string;
  }): readonly [Uint8Array, Uint8Array, Uint8Array, Uint8Array] {
    const four = (text: string) => text.includes(":") ? NO_ADDRESS.subarray(0, 4) : addressBytes(text);
    const six = (text: string) => {
      if (text.includes(":")) return addressBytes(text);
      return addressBytes(`::ffff:${text}`);
    };
    if (sk.family !== AF_INET && sk.family !== AF_INET6) {
      return [NO_ADDRESS.subarray(0, 4), NO_ADDRESS.subarray(0, 4), NO_ADDRESS, NO_ADDRESS];
    }
    const [local, remote] = [unmapped(sk.local), unmapped(sk.remote)];
    return [four(local), four(remote), six(sk.local), six(sk.remote)];
  }
}

/** The key of one end of a connection, seen from that end. */
export function connectionKey(
  local: string,
  localPort: number,
  remote: string,
  remotePort: number,
): string {
  return `${unmapped(local)} ${localPort} ${unmapped(remote)} ${remotePort}`;
}
