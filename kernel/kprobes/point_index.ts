/**
 * The probed addresses of a kernel: the hash table that finds them, and what the call engine is told of each function.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { ArmedFunction } from "./armed_function.ts";
import { hashPtr, KPROBE_TABLE_SIZE } from "./hash.ts";
import type { ProbeHost } from "./host.ts";
import { afterFtraceSite, symbolKey } from "./place.ts";
import type { ProbePoint } from "./point.ts";

/** `kprobe_table`: points by the hash of their address, the newest of a bucket first. */
export class PointIndex {
  readonly #host: ProbeHost;
  readonly #buckets: ProbePoint[][] = Array.from({ length: KPROBE_TABLE_SIZE }, () => []);
  /** Points of each function, by its address. */
  readonly #functions = new Map<Addr, ProbePoint[]>();

  constructor(host: ProbeHost) {
    this.#host = host;
  }

  /** What is probed at an address: `get_kprobe`. */
  at(address: Addr): ProbePoint | undefined {
    return this.#bucket(address).find((point) => point.address === address);
  }

  /** All points, bucket by bucket. */
  all(): readonly ProbePoint[] {
    return this.#buckets.flat();
  }

  /** Adds a point. */
  add(point: ProbePoint): void {
    this.#bucket(point.address).unshift(point);
    const start = point.place.symbol.address;
    const points = this.#functions.get(start);
    if (points === undefined) this.#functions.set(start, [point]);
    else points.push(point);
  }

  /** Takes a point out. */
  remove(point: ProbePoint): void {
    take(this.#bucket(point.address), point);
    const start = point.place.symbol.address;
    const points = this.#functions.get(start);
    if (points === undefined) return;
    take(points, point);
    if (points.length === 0) this.#functions.delete(start);
  }

  /** Tells the call engine what is armed on a point's function. */
  rehook(point: ProbePoint): void {
    const { symbol } = point.place;
    const points = this.#functions.get(symbol.address)?.filter((p) => p.armed) ?? [];
    const fn = this.#host.calls.functionByName(symbolKey(symbol));
    if (fn === undefined || fn.address !== symbol.address) return;
    fn.hooks = points.length === 0 ? null : new ArmedFunction(points, afterFtraceSite(this.#host, symbol));
  }

  #bucket(address: Addr): ProbePoint[] {
    return this.#buckets[hashPtr(address, this.#host.arch.wordSize)] as ProbePoint[];
  }
}

function take(points: ProbePoint[], point: ProbePoint): void {
  const at = points.indexOf(point);
  if (at >= 0) points.splice(at, 1);
}
