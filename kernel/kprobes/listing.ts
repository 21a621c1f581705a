/**
 * What debugfs `kprobes/list` tells of each probe.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { type Kprobe, KPROBE_FLAG_DISABLED, KPROBE_FLAG_GONE } from "./kprobe.ts";
import type { ProbePoint } from "./point.ts";

/** One line of `kprobes/list`. */
export interface ListedProbe {
  readonly probe: Kprobe;
  readonly address: Addr;
  /** `r`: the entry probe of a kretprobe. */
  readonly kind: "k" | "r";
  /** Symbol that covers the address, and the offset into it. */
  readonly symbol: string;
  readonly offset: number;
  /** Module that the symbol belongs to; empty for the kernel. */
  readonly module: string;
  readonly gone: boolean;
  /** Not shown of a probe whose code is gone. */
  readonly disabled: boolean;
  readonly optimized: boolean;
  readonly ftrace: boolean;
}

/** The probes of some points, in order. */
export function listPoints(points: readonly ProbePoint[]): readonly ListedProbe[] {
  return points.flatMap((point) =>
    point.probes.map((probe) => {
      const gone = (probe.flags & KPROBE_FLAG_GONE) !== 0;
      return {
        probe,
        address: point.address,
        kind: probe.kretprobe === null ? "k" : "r",
        symbol: point.place.symbol.name,
        offset: point.offset,
        module: point.place.symbol.module ?? "",
        gone,
        disabled: !gone && (probe.flags & KPROBE_FLAG_DISABLED) !== 0,
        optimized: point.optimized,
        ftrace: point.onFtrace,
      } as const;
    })
  );
}

/** A line as debugfs prints it, without newline; `address` is that column's text. */
export function listLine(listed: ListedProbe, address: string): string {
  const flags = [
    listed.gone ? "[GONE]" : "",
    listed.disabled ? "[DISABLED]" : "",
    listed.optimized ? "[OPTIMIZED]" : "",
    listed.ftrace ? "[FTRACE]" : "",
  ].join("");
  const module = listed.module === "" ? " " : listed.module;
  return `${address}  ${listed.kind}  ${listed.symbol}+0x${listed.offset.toString(16)}  ${module} ${flags}`;
}
