/**
 * A trace array: a buffer with its switches and its tracer. The kernel has one; `instances/` holds more.
 *
 * @module
 */

import type { KernelImage } from "../../image/model.ts";
import type { LogLevel } from "../printk/ring.ts";
import { type BufferHost, Expansion, TraceBuffer } from "./buffer.ts";
import type { Nanoseconds } from "./buffer_settings.ts";
import { PidFilter } from "./pid_filter.ts";
import { TaskRecords } from "./task_records.ts";
import { TraceClock } from "./trace_clock.ts";
import { TraceOptions } from "./trace_options.ts";

/** What a trace array needs of a kernel. */
export interface TraceArrayHost extends BufferHost {
  readonly image: KernelImage;
  /** The kernel's log. */
  readonly log?: { printk(message: string, level: LogLevel): void };
}

/** What all trace arrays of a kernel share. */
export interface SharedTrace {
  readonly tasks: TaskRecords;
  readonly expansion: Expansion;
}

/** What one trace array is made of. */
export class TraceArray {
  /** Name below `instances/`; empty for the kernel's own. */
  readonly name: string;
  readonly host: TraceArrayHost;
  readonly shared: SharedTrace;
  readonly clock: TraceClock;
  readonly buffer: TraceBuffer;
  readonly options: TraceOptions;
  /** Only events of these processes are recorded; empty: of all. */
  readonly eventPids: PidFilter = new PidFilter();
  /** Events of these are not. */
  readonly eventNotracePids: PidFilter = new PidFilter();
  /** `tracing_max_latency`: nothing here measures latencies, so it stays as written. */
  readonly maxLatency: Nanoseconds = { ns: 0 };
  /** Told when a switch is turned. */
  readonly onOption: ((name: string, on: boolean) => void)[] = [];
  /** What `current_tracer` says. */
  tracer = "nop";
  #snapshot: TraceBuffer | null = null;

  /** `main` is the kernel's own, for another one. */
  constructor(host: TraceArrayHost, name = "", main?: TraceArray) {
    this.host = host;
    this.name = name;
    this.options = new TraceOptions(main?.options);
    this.shared = main?.shared ?? {
      tasks: new TaskRecords(host.image.pointerSize),
      expansion: new Expansion(),
    };
    this.clock = new TraceClock(host.image.arch, host.clock);
    this.buffer = this.#makeBuffer(name === "");
    this.buffer.overwrite = this.options.has("overwrite");
  }

  /** The snapshot's buffer; null while none is allocated. */
  get snapshot(): TraceBuffer | null {
    return this.#snapshot;
  }

  /** Allocates the snapshot's buffer, as large as the array's own. */
  allocateSnapshot(): void {
    if (this.#snapshot === null) {
      this.#snapshot = this.#makeBuffer(false);
      this.#snapshot.overwrite = this.buffer.overwrite;
    }
    this.#snapshot.resizeLike(this.buffer);
  }

  /** Frees the snapshot's buffer. */
  freeSnapshot(): void {
    this.#snapshot = null;
  }

  /** Whether full buffers give up what is old, or refuse what is new. */
  setOverwrite(on: boolean): void {
    this.buffer.overwrite = on;
    if (this.#snapshot !== null) this.#snapshot.overwrite = on;
  }

  /** Takes a snapshot: its buffer and the array's change places. Nothing without an allocated one. */
  takeSnapshot(): void {
    if (this.#snapshot === null) return;
    this.buffer.swap(this.#snapshot);
    this.#snapshot.startTime = 0;
    const { cpu, pid, comm } = this.host.current;
    this.#snapshot.taken = { cpu, pid, comm };
  }

  /** Forgets all records, the snapshot's too. */
  reset(): void {
    this.buffer.clear();
    this.#snapshot?.clear();
  }

  #makeBuffer(small: boolean): TraceBuffer {
    return new TraceBuffer(this.host, { ...this.shared, clock: this.clock, small });
  }
}
