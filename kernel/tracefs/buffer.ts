/**
 * The trace buffer: a ring buffer per CPU, read as one by time.
 *
 * @module
 */

import { CpuBuffer } from "./cpu_buffer.ts";
import { SavedCmdlines } from "./saved_cmdlines.ts";
import type { TraceContent, TraceEntry } from "./trace_entry.ts";

/** KiB per CPU once something traces (`TRACE_BUF_SIZE_DEFAULT`). */
export const EXPANDED_KB = 1408;
/** KiB per CPU before (the kernel prints what the two pages hold). */
export const MINIMAL_KB = 7;
const PAGE = 4096;

/** What the buffer needs of a kernel. */
export interface BufferHost {
  readonly cpus: number;
  readonly clock: { readonly now: number };
  readonly current: { readonly pid: number; readonly comm: string; readonly cpu: number };
  readonly image: { readonly pointerSize: 4 | 8 };
}

/** Options of `TraceBuffer.emit`. */
export interface EmitOptions {
  /** The five context columns. Default `.....`. */
  readonly flags?: string;
  /** Bytes of the record, which decide how many fit. Default 32. */
  readonly size?: number;
}

/** The trace buffer of one trace array. */
export class TraceBuffer {
  readonly #host: BufferHost;
  readonly #cpus: CpuBuffer[];
  readonly #pageBytes: number;
  /** Who made the records: pid to command name, as known when they are read. */
  readonly cmdlines: SavedCmdlines;
  /** `tracing_on`. */
  on = true;
  /** `overwrite` of `trace_options`. */
  overwrite = true;
  /** Whether the buffer has its full size. */
  expanded = false;
  #kb = EXPANDED_KB;

  constructor(host: BufferHost, cmdlines: SavedCmdlines = new SavedCmdlines()) {
    this.#host = host;
    this.cmdlines = cmdlines;
    // A page holds a time stamp and a counter beside the data.
    this.#pageBytes = PAGE - 8 - host.image.pointerSize;
    const pages = pagesOf(EXPANDED_KB, this.#pageBytes);
    this.#cpus = Array.from({ length: host.cpus }, () => new CpuBuffer(this.#pageBytes, pages));
  }

  /** Bytes of data in a page. */
  get pageBytes(): number {
    return this.#pageBytes;
  }

  /** KiB per CPU. */
  get kb(): number {
    return this.#kb;
  }

  /**
   * Records an event of the running task, now: `text` is what follows the context columns, `k1: (vfs_read+0x0/0x310)`,
   * without newline; a function is asked when the record is read. False when tracing is off or the buffer is full.
   */
  emit(text: string | (() => string), options: EmitOptions = {}): boolean {
    return this.record({ kind: "event", text }, options.flags ?? ".....", options.size ?? 32);
  }

  /** Records anything of the running task, now. */
  record(content: TraceContent, flags: string, size: number): boolean {
    if (!this.on) return false;
    const { current } = this.#host;
    const cpu = this.#cpus[current.cpu];
    if (cpu === undefined) return false;
    this.cmdlines.note(current);
    const entry: TraceEntry = {
      time: this.#host.clock.now,
      cpu: current.cpu,
      pid: current.pid,
      flags,
      content,
    };
    return cpu.push(entry, size, this.overwrite);
  }

  /** Forgets all records. */
  clear(): void {
    for (const cpu of this.#cpus) cpu.clear();
  }

  /** Buffer of one CPU. */
  cpu(cpu: number): CpuBuffer | undefined {
    return this.#cpus[cpu];
  }

  /** Records that can be read, and records written since the last clearing. */
  totals(): { readonly inBuffer: number; readonly written: number } {
    let inBuffer = 0;
    let written = 0;
    for (const cpu of this.#cpus) {
      inBuffer += cpu.count;
      written += cpu.count + cpu.overrun;
    }
    return { inBuffer, written };
  }

  /** Whether nothing can be read. */
  get empty(): boolean {
    return this.#cpus.every((cpu) => cpu.count === 0);
  }

  /** The records of all CPUs (or of one) by time; those of one CPU stay in their order. */
  entries(only?: number): TraceEntry[] {
    const sources = this.#cpus.filter((_, cpu) => only === undefined || only === cpu).map((
      cpu,
    ) => [...cpu.entries()]);
    return mergeByTime(sources);
  }

  /** Consumes all records, by time. */
  consume(only?: number): TraceEntry[] {
    const all = this.entries(only);
    for (const entry of all) this.#cpus[entry.cpu]?.take();
    return all;
  }

  /** Sets the size per CPU in KiB: whole pages, at least two. */
  resize(kb: number): void {
    const pages = pagesOf(kb, this.#pageBytes);
    this.#kb = Math.floor((pages * this.#pageBytes) / 1024);
    for (const cpu of this.#cpus) cpu.resize(pages);
    this.expanded = true;
  }

  /** Gives the buffer its full size, as enabling an event or a tracer does. */
  expand(): void {
    this.expanded = true;
  }
}

function pagesOf(kb: number, pageBytes: number): number {
  return Math.max(2, Math.ceil((kb * 1024) / pageBytes));
}

/** Merges sorted sequences: at each step the earliest head, the lowest CPU's among equals. */
function mergeByTime(sources: readonly (readonly TraceEntry[])[]): TraceEntry[] {
  const at = sources.map(() => 0);
  const merged: TraceEntry[] = [];
  for (;;) {
    let best = -1;
    let time = Infinity;
    for (let i = 0; i < sources.length; i++) {
      const head = sources[i]?.[at[i] ?? 0];
      if (head !== undefined && head.time < time) {
        best = i;
        time = head.time;
      }
    }
    if (best < 0) return merged;
    merged.push(sources[best]?.[at[best] ?? 0] as TraceEntry);
    at[best] = (at[best] ?? 0) + 1;
  }
}
