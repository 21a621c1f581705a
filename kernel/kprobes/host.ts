/**
 * What the probe machinery needs of a kernel. `Kernel` is one; tests make smaller ones.
 *
 * @module
 */

import type { Addr, BlacklistRange, KernelImage } from "../../image/model.ts";
import type { ArchModel } from "../arch/model.ts";
import type { FunctionHooks } from "../calls/hooks.ts";
import type { Memory } from "../memory/memory.ts";
import type { LogRing } from "../printk/ring.ts";
import type { PointerFormat } from "../printk/pointer.ts";
import type { Release } from "../release/release.ts";
import type { Clock } from "../time/clock.ts";
import type { EventQueue } from "../time/events.ts";
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

/** Where a loaded module is in its life. */
export type ModuleState = "coming" | "live" | "going";

/** A module's text, as far as probes care. */
export interface ModuleText {
  readonly name: string;
  readonly state: ModuleState;
  /** Whether an address is in the text that goes away when the module has been initialised. */
  withinInit(address: Addr): boolean;
  /** Whether an address is in the text that stays. */
  withinCore(address: Addr): boolean;
  /** What the module forbids to probe. */
  readonly blacklist: readonly BlacklistRange[];
}

/** A kernel, as far as probes care. */
export interface ProbeHost {
  readonly image: KernelImage;
  readonly arch: ArchModel;
  readonly memory: Memory;
  readonly cpus: number;
  readonly clock: Clock;
  readonly events: EventQueue;
  readonly log: LogRing;
  readonly pointers: PointerFormat;
  readonly release: Release;
  readonly current: ProbeTask;
  /** The modules that are loaded. */
  readonly modules: { textAt(address: Addr): ModuleText | undefined };
  readonly calls: { functionByName(name: string): HookedFunction | undefined };
}
