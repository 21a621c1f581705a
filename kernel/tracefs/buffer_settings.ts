/**
 * Files that say how a trace array's buffer is filled and given to readers: `tracing_cpumask`, `buffer_percent`,
 * `free_buffer`, `timestamp_mode`, `buffer_total_size_kb`, `tracing_max_latency`.
 *
 * @module
 */

import { EINVAL, EOVERFLOW } from "../syscalls/errno.ts";
import { EXPANDED_KB } from "./buffer.ts";
import type { Directory } from "./directory.ts";
import type { TraceFile } from "./file.ts";
import { parseUnsigned } from "./numbers.ts";
import type { TraceArray } from "./trace_array.ts";

/** Bits that a written mask may have where it isn't allocated by the number of CPUs (`NR_CPUS`). */
const MASK_BITS = { x86_64: null, arm64: 256, i386: 32 } as const;
/** Part of the buffer that is filled before a waiting reader is woken up, in percent. */
const BUFFER_PERCENT = 50;

/** Hangs them up. */
export function addBufferSettings(directory: Directory, array: TraceArray): void {
  directory.add("tracing_cpumask", cpumaskFile(array));
  directory.add("buffer_total_size_kb", {
    mode: 0o440,
    read(): string {
      const { buffer, host } = array;
      let total = 0;
      for (let cpu = 0; cpu < host.cpus; cpu++) total += buffer.kb(cpu) ?? 0;
      return buffer.expanded ? `${total}\n` : `${total} (expanded: ${EXPANDED_KB * host.cpus})\n`;
    },
  });
  directory.add("buffer_percent", percentFile());
  directory.add("free_buffer", {
    mode: 0o200,
    read: () => -EINVAL,
    write: (text) => text.length,
    // What the kernel does when the file is closed. Nothing comes between in the model.
    truncate(): number {
      if (array.options.has("disable_on_free")) array.buffer.on = false;
      array.buffer.resize(0);
      return 0;
    },
  });
  directory.add("timestamp_mode", { mode: 0o440, read: () => "[delta] absolute\n" });
  directory.add("tracing_max_latency", microsecondsFile(array.maxLatency));
}

/** A setting in nanoseconds, which its file shows and takes in microseconds. */
export interface Nanoseconds {
  ns: number;
}

/** `tracing_nsecs_read` and `tracing_nsecs_write`. */
export function microsecondsFile(setting: Nanoseconds, changed?: () => void): TraceFile {
  return {
    mode: 0o640,
    read: () => `${Math.floor(setting.ns / 1000)}\n`,
    write(text): number {
      const value = parseUnsigned(text);
      if (value < 0) return value;
      setting.ns = value * 1000;
      changed?.();
      return text.length;
    },
  };
}

function percentFile(): TraceFile {
  let percent = BUFFER_PERCENT;
  return {
    mode: 0o640,
    read: () => `${percent}\n`,
    write(text): number {
      const value = parseUnsigned(text);
      if (value < 0) return value;
      if (value > 100) return -EINVAL;
      percent = value;
      return text.length;
    },
  };
}

/** CPUs of which events are recorded. */
function cpumaskFile(array: TraceArray): TraceFile {
  const { cpus, image } = array.host;
  const all = (1n << BigInt(cpus)) - 1n;
  let mask = all;
  return {
    mode: 0o640,
    read: () => `${maskText(mask, cpus)}\n`,
    write(text): number {
      const parsed = parseMask(text, MASK_BITS[image.arch] ?? cpus);
      if (typeof parsed === "number") return parsed;
      mask = parsed & all;
      for (let cpu = 0; cpu < cpus; cpu++) array.buffer.stop(cpu, (mask >> BigInt(cpu) & 1n) === 0n);
      return text.length;
    },
  };
}

/** `%*pb`: hex digits for the bits, in groups of 32. */
function maskText(mask: bigint, bits: number): string {
  const groups: string[] = [];
  for (let from = 0; from < bits; from += 32) {
    const group = BigInt.asUintN(32, mask >> BigInt(from));
    groups.unshift(group.toString(16).padStart(Math.ceil(Math.min(32, bits - from) / 4), "0"));
  }
  return groups.join(",");
}

/** `bitmap_parse`: groups of up to eight hex digits between commas or blanks; -errno for what is none, or too long. */
function parseMask(text: string, bits: number): bigint | number {
  const groups = (text.split("\n")[0] ?? "").split(/[\s,]+/).filter((group) => group !== "");
  if (groups.length > Math.ceil(bits / 32)) return -EOVERFLOW;
  let mask = 0n;
  for (const group of groups) {
    if (!/^[0-9a-fA-F]+$/.test(group)) return -EINVAL;
    if (group.length > 8) return -EOVERFLOW;
    mask = mask << 32n | BigInt(`0x${group}`);
  }
  return mask >> BigInt(bits) === 0n ? mask : -EOVERFLOW;
}
