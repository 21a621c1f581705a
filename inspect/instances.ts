/**
 * Kretprobe instances: whose returns a pool holds.
 *
 * @module
 */

import { addressHex } from "../image/address.ts";
import type { Kernel } from "../kernel/kernel.ts";
import type { Kretprobe } from "../kernel/kprobes/kretprobe.ts";

/** One return that is waited for. */
export interface ActiveInstance {
  readonly pid: number;
  readonly comm: string;
  /** Virtual time of the entry. */
  readonly sinceNs: number;
  /** The saved return address, and the symbol there. */
  readonly returnAddress: string;
  readonly returnSymbol: string;
  /** Where the address was taken from: the stack slot, or the frame pointer. */
  readonly frame: string;
}

/** A kretprobe's pool. */
export interface InstancePoolView {
  /** Its name: `kretprobe:vfs_read`. */
  readonly probe: string;
  readonly maxactive: number;
  readonly free: number;
  readonly nmissed: number;
  /** Oldest first. */
  readonly active: readonly ActiveInstance[];
}

/** What a kretprobe's instances do now. */
export function instancePool(k: Kernel, kretprobe: Kretprobe): InstancePoolView {
  const { pool } = kretprobe;
  const active = (pool?.active() ?? []).map((instance) => ({
    pid: instance.task?.pid ?? 0,
    comm: instance.task?.comm ?? "",
    sinceNs: instance.since,
    returnAddress: addressHex(k.image.arch, instance.returnAddress),
    returnSymbol: k.image.describe(instance.returnAddress),
    frame: addressHex(k.image.arch, instance.frame),
  }));
  return {
    probe: kretprobe.kp.label,
    maxactive: kretprobe.maxactive,
    free: pool?.free ?? 0,
    nmissed: kretprobe.nmissed,
    active,
  };
}

/** A pool in a few lines. */
export function formatInstancePool(view: InstancePoolView): string {
  const head = `${view.probe} maxactive=${view.maxactive} free=${view.free} ` +
    `active=${view.active.length} nmissed=${view.nmissed}`;
  const lines = view.active.map((one) =>
    `    ${one.comm} (${one.pid}) since ${one.sinceNs} ns, returns to ${one.returnSymbol} (${one.returnAddress}), ` +
    `saved from ${one.frame}`
  );
  return [head, ...lines].join("\n");
}
