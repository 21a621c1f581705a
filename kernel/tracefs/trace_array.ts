/**
 * A trace array: a buffer with its switches and its tracer. The kernel has one; `instances/` holds more.
 *
 * @module
 */

import type { KernelImage } from "../../image/model.ts";
import { type BufferHost, TraceBuffer } from "./buffer.ts";
import type { SavedCmdlines } from "./saved_cmdlines.ts";
import { TraceOptions } from "./trace_options.ts";

/** What a trace array needs of a kernel. */
export interface TraceArrayHost extends BufferHost {
  readonly image: KernelImage;
}

/** What one trace array is made of. */
export class TraceArray {
  /** Name below `instances/`; empty for the kernel's own. */
  readonly name: string;
  readonly host: TraceArrayHost;
  readonly buffer: TraceBuffer;
  readonly options: TraceOptions = new TraceOptions();
  /** What `current_tracer` says. */
  tracer = "nop";

  constructor(host: TraceArrayHost, name = "", cmdlines?: SavedCmdlines) {
    this.host = host;
    this.name = name;
    this.buffer = new TraceBuffer(host, cmdlines);
  }
}
