/**
 * Network devices: `struct net_device`.
 *
 * @module
 */

import type { Addr } from "../../../image/model.ts";
import type { Kernel } from "../../kernel.ts";
import { kzalloc } from "../../process/alloc.ts";
import { sizeOfStruct } from "../../process/objects.ts";
import { DEV } from "../fields.ts";

const IFF_UP = 1;
const IFF_BROADCAST = 2;
const IFF_LOOPBACK = 8;
const IFF_RUNNING = 0x40;
const IFF_MULTICAST = 0x1000;
const ARPHRD_ETHER = 1;
const ARPHRD_LOOPBACK = 772;
const ETH_HLEN = 14;

/** What a device is. */
export interface NetDeviceOptions {
  readonly name: string;
  readonly ifindex: number;
  readonly mtu: number;
  /** Its own addresses: IPv4, then IPv6. */
  readonly addresses: readonly string[];
}

/** A device that is up. */
export class NetDevice {
  /** Address of its `struct net_device`. */
  readonly address: Addr;
  readonly name: string;
  readonly ifindex: number;
  readonly mtu: number;
  readonly addresses: readonly string[];
  /** The loopback device: what is sent comes in again. */
  readonly loopback: boolean;

  constructor(k: Kernel, options: NetDeviceOptions) {
    this.name = options.name;
    this.ifindex = options.ifindex;
    this.mtu = options.mtu;
    this.addresses = options.addresses;
    this.loopback = options.name === "lo";
    this.address = kzalloc(k, sizeOfStruct(k, "net_device"));
    k.memory.writeString(DEV.name.at(k, this.address), options.name, 16);
    DEV.ifindex.set(k, this.address, options.ifindex);
    DEV.mtu.set(k, this.address, options.mtu);
    DEV.type.set(k, this.address, this.loopback ? ARPHRD_LOOPBACK : ARPHRD_ETHER);
    DEV.hardHeaderLen.set(k, this.address, ETH_HLEN);
    DEV.addrLen.set(k, this.address, 6);
    DEV.flags.set(
      k,
      this.address,
      IFF_UP | IFF_RUNNING | (this.loopback ? IFF_LOOPBACK : IFF_BROADCAST | IFF_MULTICAST),
    );
  }

  /** Device flags, as `SIOCGIFFLAGS` tells. */
  get flags(): number {
    return IFF_UP | IFF_RUNNING | (this.loopback ? IFF_LOOPBACK : IFF_BROADCAST | IFF_MULTICAST);
  }
}
