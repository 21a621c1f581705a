/**
 * What the probe machinery needs of a kernel. `Kernel` is one; tests make smaller ones.
 *
 * @module
 */

import type { Addr, KernelImage } from "../../image/model.ts";
import type { ArchModel } from "../arch/model.ts";
import type { FunctionHooks } from "../calls/hooks.ts";
import type { Memory } from "../memory/memory.ts";
import type { Clock } from "../time/clock.ts";
import type { KretprobeInstance } from "./kretprobe.ts";

/** A task, as far as probes care. */
export interface ProbeTask {
  readonly pid: number;
  readonly comm: string;
  readonly cpu: number;
  /** Pending kretprobe instances, newest first. */
  instances: KretprobeInstance | null;
}

/** A function that can be armed. */
export interface HookedFunction {
  readonly address: Addr;
  hooks: FunctionHooks | null;
}

/** A kernel, as far as probes care. */
export interface ProbeHost {
  readonly image: KernelImage;
  readonly arch: ArchModel;
  readonly memory: Memory;
  readonly cpus: number;
  readonly clock: Clock;
  readonly current: ProbeTask;
  readonly calls: { functionByName(name: string): HookedFunction | undefined };
}
