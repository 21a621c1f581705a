/**
 * Jump optimisation: which points are jumps, and the worker that makes them so after a while.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { ProbeHost } from "./host.ts";
import type { ProbePoint } from "./point.ts";

/** How long work on text is put off: five jiffies of 4 ms, so that much is done at once. */
export const OPTIMIZE_DELAY = 5 * 4_000_000;
/** Most bytes that a jump can displace: 4 and the longest instruction. */
const LONGEST_REGION = 20;

/** What the optimiser needs of the table of points. */
export interface PointTable {
  pointAt(address: Addr): ProbePoint | undefined;
  readonly allDisarmed: boolean;
  /** A point that nobody uses any more is no longer a jump: take it out. */
  removeUnused(point: ProbePoint): void;
  /** What a point's text holds has changed. */
  changed(point: ProbePoint): void;
}

/** Queues of points that are to become jumps or breakpoints again. */
export class Optimizer {
  /** `/proc/sys/debug/kprobes-optimization`. */
  allowed = true;
  readonly #host: ProbeHost;
  readonly #table: PointTable;
  #optimizing: ProbePoint[] = [];
  #unoptimizing: ProbePoint[] = [];
  /** Those that had to be breakpoints again at once while they waited for it: `freeing_list`. */
  #freeing: ProbePoint[] = [];
  #kicked = false;

  constructor(host: ProbeHost, table: PointTable) {
    this.#host = host;
    this.#table = table;
  }

  /** `optimize_kprobe`: queues a point if it can be a jump now. Its flag is set at once. */
  optimize(point: ProbePoint): void {
    if (!point.canOptimize || !this.allowed || point.disabled || this.#table.allDisarmed) return;
    if (point.needsBreakpoint || this.#occupied(point)) return;
    if (point.jump === "leaving") {
      point.jump = "jumps";
      remove(this.#unoptimizing, point);
      return;
    }
    if (point.jump !== "none" || this.#freeing.includes(point)) return;
    point.jump = "queued";
    this.#optimizing.unshift(point);
    this.#kick();
  }

  /** `unoptimize_kprobe`: lazily, or (`force`) at once. */
  unoptimize(point: ProbePoint, force: boolean): void {
    if (!point.aggregated || this.disarmed(point) || point.jump === "none") return;
    if (point.jump === "queued") {
      remove(this.#optimizing, point);
      point.jump = "none";
    } else if (force) {
      // What was to be done besides, the worker still does.
      if (point.jump === "leaving") this.#freeing.unshift(point);
      remove(this.#unoptimizing, point);
      this.#toBreakpoint(point);
    } else if (point.jump === "jumps") {
      point.jump = "leaving";
      this.#unoptimizing.unshift(point);
      this.#kick();
    }
  }

  /** `kprobe_disarmed`: disabled, and no work on its text is waiting. */
  disarmed(point: ProbePoint): boolean {
    return point.disabled && !this.queued(point);
  }

  /** Whether work on a point's text is waiting. */
  queued(point: ProbePoint): boolean {
    return point.jump === "queued" || point.jump === "leaving" || this.#freeing.includes(point);
  }

  /** The code of a point is gone: nothing is left to be done for it. */
  forget(point: ProbePoint): void {
    remove(this.#optimizing, point);
    remove(this.#unoptimizing, point);
    remove(this.#freeing, point);
    point.jump = "none";
  }

  /** The jump that displaces the instruction at an address, if one does or is about to. */
  covering(address: Addr): ProbePoint | undefined {
    for (let back = 1; back < LONGEST_REGION; back++) {
      const point = this.#table.pointAt(address - back);
      if (point !== undefined) return point.canOptimize && back < point.displaced ? point : undefined;
    }
    return undefined;
  }

  /** `wait_for_kprobe_optimizer`: what waits is done now. */
  flush(): void {
    for (const point of [...this.#unoptimizing.splice(0), ...this.#freeing.splice(0)].reverse()) {
      if (point.disabled) {
        point.jump = "none";
        point.disarm();
        this.#table.changed(point);
      } else this.#toBreakpoint(point);
      if (point.probes.length === 0) this.#table.removeUnused(point);
    }
    if (this.#table.allDisarmed || !this.allowed) return;
    for (const point of this.#optimizing.splice(0).reverse()) {
      point.jump = "jumps";
      point.patch();
    }
  }

  #toBreakpoint(point: ProbePoint): void {
    point.jump = "none";
    if (point.armed) point.patch();
  }

  /** Another armed probe sits inside the instructions that would be displaced. */
  #occupied(point: ProbePoint): boolean {
    for (let i = 1; i < point.displaced; i++) {
      const other = this.#table.pointAt(point.address + i);
      if (other !== undefined && !this.disarmed(other)) return true;
    }
    return false;
  }

  #kick(): void {
    if (this.#kicked) return;
    this.#kicked = true;
    this.#host.events.at(this.#host.clock.now + OPTIMIZE_DELAY, () => {
      this.#kicked = false;
      this.flush();
    });
  }
}

function remove(list: ProbePoint[], point: ProbePoint): void {
  const at = list.indexOf(point);
  if (at >= 0) list.splice(at, 1);
}
