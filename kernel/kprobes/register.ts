/**
 * Registering probes of both kinds with one answer: null, or all that there is to say of a refusal.
 *
 * @module
 */

import { Kprobe } from "./kprobe.ts";
import type { Kretprobe } from "./kretprobe.ts";
import type { ProbeRefusal } from "./refusals.ts";

/** A probe that was refused, and why. */
export interface RefusedProbe extends ProbeRefusal {
  readonly probe: Kprobe | Kretprobe;
}

/** What registers single probes. */
export interface Registry {
  registerKprobe(p: Kprobe): number;
  registerKretprobe(rp: Kretprobe): number;
  unregisterKprobe(p: Kprobe): void;
  unregisterKretprobe(rp: Kretprobe): void;
  refusalOf(probe: Kprobe | Kretprobe): ProbeRefusal | undefined;
}

/** Registers probes, all or none. Null, or the first one that is refused. */
export function registerAll(table: Registry, probes: readonly (Kprobe | Kretprobe)[]): RefusedProbe | null {
  for (let i = 0; i < probes.length; i++) {
    const probe = probes[i] as Kprobe | Kretprobe;
    const result = probe instanceof Kprobe ? table.registerKprobe(probe) : table.registerKretprobe(probe);
    if (result === 0) continue;
    for (const done of probes.slice(0, i)) {
      if (done instanceof Kprobe) table.unregisterKprobe(done);
      else table.unregisterKretprobe(done);
    }
    return { ...table.refusalOf(probe) as ProbeRefusal, probe };
  }
  return null;
}
