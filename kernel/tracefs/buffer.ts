/**
 * The trace buffer: a ring buffer per CPU, read as one by time.
 *
 * @module
 */

import { CpuBuffer } from "./cpu_buffer.ts";
import type { SavedCmdlines } from "./saved_cmdlines.ts";
import { TaskRecords } from "./task_records.ts";
import type { TraceContent, TraceEntry } from "./trace_entry.ts";

/** KiB per CPU once something traces (`TRACE_BUF_SIZE_DEFAULT`). */
export const EXPANDED_KB = 1408;
/** Pages per CPU before. */
const MINIMAL_PAGES = 2;
const PAGE = 4096;

/** Whether the kernel's own trace buffer has its full size (`ring_buffer_expanded`). Every trace array looks at it. */
export class Expansion {
  /** Whether it has; a buffer that was given a size has none to get. */
  expanded = false;
  /** The buffer that begins small. */
  main: TraceBuffer | null = null;

  /** Something is going to be recorded (`tracing_update_buffers`). */
  expand(): void {
    if (!this.expanded) this.main?.resize(EXPANDED_KB);
    this.expanded = true;
  }
}

/** What stamps records. */
export interface RecordClock {
  /** The time stamp of what is recorded now. */
  stamp(): number;
  /** What the clock shows, without anything being recorded. */
  readonly now: number;
}

/** Stamps records with virtual time. */
class HostClock implements RecordClock {
  readonly #host: BufferHost;

  constructor(host: BufferHost) {
    this.#host = host;
  }

  get now(): number {
    return this.#host.clock.now;
  }

  stamp(): number {
    return this.now;
  }
}

/** What the buffer needs of a kernel. */
export interface BufferHost {
  readonly cpus: number;
  readonly clock: { readonly now: number };
  readonly current: {
    readonly pid: number;
    /** Process that it belongs to; absent: one of its own. */
    readonly tgid?: number;
    readonly comm: string;
    readonly cpu: number;
  };
  readonly image: { readonly pointerSize: 4 | 8 };
}

/** Options of `TraceBuffer.emit`. */
export interface EmitOptions {
  /** The five context columns. Default `.....`. */
  readonly flags?: string;
  /** Bytes of the record, which decide how many fit. Default 32. */
  readonly size?: number;
}

/** What a buffer may share with others. */
export interface BufferOptions {
  /** What is kept of the tasks that made the records. Default: its own. */
  readonly tasks?: TaskRecords;
  /** Default: virtual time. */
  readonly clock?: RecordClock;
  /** Default: one of its own. */
  readonly expansion?: Expansion;
  /** It begins small: the kernel's own. Default false. */
  readonly small?: boolean;
}

/** A trace buffer: of a trace array, or of its snapshot. */
export class TraceBuffer {
  readonly #host: BufferHost;
  readonly #clock: RecordClock;
  readonly #expansion: Expansion;
  #cpus: CpuBuffer[];
  /** CPUs that record nothing. */
  readonly #stopped = new Set<number>();
  readonly #pageBytes: number;
  /** What is kept of the tasks that made the records. */
  readonly tasks: TaskRecords;
  /** When the buffer was emptied last: times of `latency-format` count from there. */
  startTime = 0;
  /** Which task took it, as a snapshot, and on which CPU. */
  taken: { readonly cpu: number; readonly pid: number; readonly comm: string } = { cpu: 0, pid: 0, comm: "" };
  /** `tracing_on`. */
  on = true;
  /** `overwrite` of `trace_options`. */
  overwrite = true;

  constructor(host: BufferHost, { tasks, clock, expansion, small }: BufferOptions = {}) {
    this.#host = host;
    this.tasks = tasks ?? new TaskRecords(host.image.pointerSize);
    this.#clock = clock ?? new HostClock(host);
    this.#expansion = expansion ?? new Expansion();
    // A page holds a time stamp and a counter beside the data.
    this.#pageBytes = PAGE - 8 - host.image.pointerSize;
    const pages = small === true ? MINIMAL_PAGES : pagesOf(EXPANDED_KB, this.#pageBytes);
    if (small === true) this.#expansion.main = this;
    this.#cpus = Array.from({ length: host.cpus }, () => new CpuBuffer(this.#pageBytes, pages));
  }

  /** Who made the records: pid to command name, as known when they are read. */
  get cmdlines(): SavedCmdlines {
    return this.tasks.cmdlines;
  }

  /** Bytes of data in a page. */
  get pageBytes(): number {
    return this.#pageBytes;
  }

  /** KiB of one CPU's buffer; of all, where they are the same, null where they differ. */
  kb(only?: number): number | null {
    const sizes = this.#cpus.map((cpu) => Math.floor((cpu.maxPages * this.#pageBytes) / 1024));
    if (only !== undefined) return sizes[only] ?? 0;
    const first = sizes[0] ?? 0;
    return sizes.every((size) => size === first) ? first : null;
  }

  /** Whether the buffer has its full size. */
  get expanded(): boolean {
    return this.#expansion.expanded;
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
    const cpu = this.on ? this.reserve() : null;
    return cpu !== null && this.commit(cpu, content, flags, size);
  }

  /** Where a record of the running task goes, be tracing on or off; null on a CPU that records nothing. */
  reserve(): CpuBuffer | null {
    const { cpu } = this.#host.current;
    return this.#stopped.has(cpu) ? null : this.#cpus[cpu] ?? null;
  }

  /** Records anything of the running task where `reserve` said, be tracing on or off. False when that is full. */
  commit(cpu: CpuBuffer, content: TraceContent, flags: string, size: number): boolean {
    const { current } = this.#host;
    this.tasks.note(current);
    const entry: TraceEntry = {
      time: this.#clock.stamp(),
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
    this.startTime = this.#clock.now;
  }

  /** Buffer of one CPU. */
  cpu(cpu: number): CpuBuffer | undefined {
    return this.#cpus[cpu];
  }

  /** Records that can be read, those and the ones given up since the last clearing, and the latter alone. */
  totals(): { readonly inBuffer: number; readonly written: number; readonly overrun: number } {
    let inBuffer = 0;
    let overrun = 0;
    let written = 0;
    for (const cpu of this.#cpus) {
      const skipped = this.#skipped(cpu);
      const count = cpu.count - skipped;
      inBuffer += count;
      overrun += cpu.overrun;
      written += skipped > 0 ? count : count + cpu.overrun;
    }
    return { inBuffer, written, overrun };
  }

  /** Whether nothing can be read. */
  get empty(): boolean {
    return this.#cpus.every((cpu) => cpu.count === 0);
  }

  /**
   * The records of all CPUs (or of one) by time; those of one CPU stay in their order. What a snapshot held from before
   * the last clearing is still there after a swap, and not shown (`tracing_iter_reset`).
   */
  entries(only?: number): TraceEntry[] {
    return mergeByTime(this.#of(only).map((cpu) => [...cpu.entries()].slice(this.#skipped(cpu))));
  }

  #of(only: number | undefined): readonly CpuBuffer[] {
    return this.#cpus.filter((_, cpu) => only === undefined || only === cpu);
  }

  /** Records of a CPU that are older than the last clearing. */
  #skipped(cpu: CpuBuffer): number {
    let skipped = 0;
    for (const { time } of cpu.entries()) {
      if (time >= this.startTime) break;
      skipped++;
    }
    return skipped;
  }

  /** Consumes all records, by time; `lost` is told how many were lost before a record. */
  consume(only?: number, lost?: Map<TraceEntry, number>): TraceEntry[] {
    const all = mergeByTime(this.#of(only).map((cpu) => [...cpu.entries()]));
    for (const entry of all) {
      const cpu = this.#cpus[entry.cpu];
      cpu?.take();
      if (cpu !== undefined && cpu.lost > 0) lost?.set(entry, cpu.lost);
    }
    return all;
  }

  /** Sets the size per CPU in KiB, or of one CPU: whole pages, at least two. */
  resize(kb: number, only?: number): void {
    const pages = pagesOf(kb, this.#pageBytes);
    this.#cpus.forEach((cpu, at) => {
      if (only === undefined || only === at) cpu.resize(pages);
    });
    this.#expansion.expanded = true;
  }

  /** Something is going to be recorded: gives the kernel's own buffer its full size. */
  expand(): void {
    this.#expansion.expand();
  }

  /** Makes a CPU record nothing, or record again. */
  stop(cpu: number, stopped: boolean): void {
    if (stopped) this.#stopped.add(cpu);
    else this.#stopped.delete(cpu);
  }

  /** `update_max_tr`: the two buffers' records and sizes change places. */
  swap(other: TraceBuffer): void {
    [this.#cpus, other.#cpus] = [other.#cpus, this.#cpus];
  }

  /** Takes the sizes of another buffer over (`resize_buffer_duplicate_size`). */
  resizeLike(other: TraceBuffer): void {
    this.#cpus.forEach((cpu, at) => cpu.resize(other.#cpus[at]?.maxPages ?? cpu.maxPages));
  }
}

function pagesOf(kb: number, pageBytes: number): number {
  return Math.max(MINIMAL_PAGES, Math.ceil((kb * 1024) / pageBytes));
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
