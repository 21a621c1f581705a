/**
 * The files of a trace array's buffer: `trace`, `trace_pipe`, `tracing_on`, `trace_marker`, sizes, options.
 *
 * @module
 */

import { EBADF, EINVAL } from "../syscalls/errno.ts";
import type { Directory } from "./directory.ts";
import { EXPANDED_KB } from "./buffer.ts";
import { addBufferSettings } from "./buffer_settings.ts";
import { parseUnsigned } from "./numbers.ts";
import { addOptionFiles } from "./option_files.ts";
import type { TraceArray } from "./trace_array.ts";
import { addSnapshotFiles } from "./snapshot_files.ts";
import { timeText } from "./trace_line.ts";
import { pipeText, traceText } from "./trace_text.ts";

/** Longest text of one record of `trace_marker`. */
const MARKER_SIZE = 1024;

/** Bytes of the id that a raw marker begins with, and most bytes of one. */
const RAW_ID = 4;
/** An id and `<faulted>`, for which there is room in each. */
const RAW_LEAST = RAW_ID + 9;
const RAW_MARKER_SIZE = 1024 * 3;

/** Hangs up the files. */
export function addBufferFiles(directory: Directory, array: TraceArray): void {
  addTrace(directory, array);
  addSnapshotFiles(directory, array);
  for (let cpu = 0; cpu < array.host.cpus; cpu++) {
    directory.lazy(`per_cpu/cpu${cpu}`, (one) => {
      addTrace(one, array, cpu);
      addSize(one, array, cpu);
      addSnapshotFiles(one, array, cpu);
      one.add("stats", { mode: 0o440, read: () => statsText(array, cpu) });
      // Pages of the ring buffer as they are: the model has no such bytes.
      one.add("trace_pipe_raw", { mode: 0o440, read: () => "" });
    });
  }
  directory.add("tracing_on", {
    mode: 0o640,
    read: () => array.buffer.on ? "1\n" : "0\n",
    write(text): number {
      const value = parseUnsigned(text, array.host.image.pointerSize);
      if (value < 0) return value;
      array.buffer.on = value !== 0;
      return text.length;
    },
  });
  directory.add("trace_marker", {
    mode: 0o220,
    read: () => -EINVAL,
    write: (text) => mark(array, text),
  });
  directory.add("trace_marker_raw", {
    mode: 0o220,
    read: () => -EINVAL,
    write: (text) => markRaw(array, text),
  });
  addSize(directory, array);
  addBufferSettings(directory, array);
  directory.add("trace_clock", array.clock.file(() => array.reset()));
  addOptionFiles(directory, array);
}

function addTrace(directory: Directory, array: TraceArray, cpu?: number): void {
  directory.add("trace", {
    mode: 0o640,
    read: () => traceText(array, cpu),
    write: (text) => text.length,
    truncate(): number {
      if (cpu === undefined) array.buffer.clear();
      else array.buffer.cpu(cpu)?.clear();
      return 0;
    },
  });
  directory.add("trace_pipe", { mode: 0o440, read: () => pipeText(array, cpu) });
}

function addSize(directory: Directory, array: TraceArray, cpu?: number): void {
  directory.add("buffer_size_kb", {
    mode: cpu === undefined ? 0o640 : 0o440,
    read(): string {
      const { buffer } = array;
      const kb = buffer.kb(cpu);
      if (kb === null) return "X\n";
      return buffer.expanded || cpu !== undefined ? `${kb}\n` : `${kb} (expanded: ${EXPANDED_KB})\n`;
    },
    write(text): number {
      const kb = parseUnsigned(text, array.host.image.pointerSize);
      if (kb < 0) return kb;
      if (kb === 0) return -EINVAL;
      array.buffer.resize(kb, cpu);
      if (array.snapshot !== null) array.snapshot.resizeLike(array.buffer);
      return text.length;
    },
  });
}

/** A write to `trace_marker`: one record, or nothing where tracing is off. */
function mark(array: TraceArray, text: string): number {
  if (!array.options.has("markers")) return -EINVAL;
  const taken = text.slice(0, MARKER_SIZE);
  const line = taken.endsWith("\n") ? taken.slice(0, -1) : taken;
  const content = { kind: "print", place: "tracing_mark_write", text: line } as const;
  // As if the file had not been opened for writing.
  return array.buffer.record(content, ".....", 8 + array.host.image.pointerSize + line.length + 2)
    ? taken.length
    : -EBADF;
}

/** A write to `trace_marker_raw`: an id of four bytes and whatever follows. */
function markRaw(array: TraceArray, text: string): number {
  if (!array.options.has("markers")) return -EINVAL;
  const bytes = new TextEncoder().encode(text);
  if (bytes.length < RAW_ID || bytes.length > RAW_MARKER_SIZE) return -EINVAL;
  const id = new DataView(bytes.buffer).getUint32(0, true);
  // The kernel makes room for the id twice and for the word that tells of a fault, and shows the record to its end.
  const size = 8 + RAW_ID + Math.max(bytes.length, RAW_LEAST);
  const shown = new Uint8Array(((size + 3) & ~3) - 8 - RAW_ID);
  shown.set(bytes.subarray(RAW_ID));
  const content = { kind: "event", text: `# ${id.toString(16)} buf:${hexBytes(shown)}` } as const;
  return array.buffer.record(content, ".....", size) ? bytes.length : -EBADF;
}

function hexBytes(bytes: Uint8Array): string {
  return [...bytes].map((byte) => ` ${byte.toString(16).padStart(2, "0")}`).join("");
}

function statsText(array: TraceArray, cpu: number): string {
  const buffer = array.buffer.cpu(cpu);
  if (buffer === undefined) return "";
  const time = (stamp: number) => array.clock.inNs ? timeText(stamp) : String(stamp);
  return `entries: ${buffer.count}\noverrun: ${buffer.overrun}\ncommit overrun: 0\nbytes: ${buffer.bytes}\n` +
    `oldest event ts: ${time(buffer.oldest)}\nnow ts: ${time(array.clock.stamp())}\n` +
    `dropped events: ${buffer.dropped}\nread events: ${buffer.read}\n`;
}
