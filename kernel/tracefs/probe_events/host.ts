/**
 * What probe events need of a kernel.
 *
 * @module
 */

import type { Addr } from "../../../image/model.ts";
import type { KprobeTable } from "../../kprobes/mod.ts";
import type { LogRing } from "../../printk/ring.ts";
import type { PointerFormat } from "../../printk/pointer.ts";
import type { ErrorLog } from "../error_log.ts";
import type { EventRegistry } from "../events/registry.ts";
import type { FetchHost } from "./fetch.ts";
import type { PrintHost } from "./print.ts";
import type { ProbeSymbols } from "./symbols.ts";

/** A kernel, as far as probe events care. */
export interface ProbeEventHost extends FetchHost, PrintHost {
  readonly kprobes: KprobeTable;
  readonly log: LogRing;
  readonly errors: ErrorLog;
  readonly pointers: PointerFormat;
  readonly symbols: ProbeSymbols;
  readonly events: EventRegistry;
  /** Where an ftrace callback of its own returns to: x86_64's trampoline. */
  readonly ftraceReturn: Addr;
  /** `6.1.0-56-amd64` */
  readonly release: string;
  /** Types of arguments that it lacks, and `\\` where it takes no immediate values. */
  readonly missingFetch: readonly string[];
  /** Whether an address range has an ftrace site. */
  hasFtraceSite(start: Addr): boolean;
  /** Whether the function tracer follows the function there too. */
  isFollowed(address: Addr): boolean;
  /** Brings the variables of the kernel's memory that count time up to date. */
  updateClock(): void;
  /** The running task. */
  current(): { readonly pid: number; readonly comm: string };
}
