/**
 * The files of a trace array's buffer: `trace`, `trace_pipe`, `tracing_on`, `trace_marker`, sizes, options.
 *
 * @module
 */

import { EBADF, EINVAL } from "../syscalls/errno.ts";
import type { Directory } from "./directory.ts";
import { EXPANDED_KB, MINIMAL_KB } from "./buffer.ts";
import { parseUnsigned } from "./numbers.ts";
import type { TraceArray } from "./trace_array.ts";
import { pipeText, traceText } from "./trace_text.ts";

/** Longest text of one record of `trace_marker`. */
const MARKER_SIZE = 1024;

/** Hangs up the files. */
export function addBufferFiles(directory: Directory, array: TraceArray): void {
  addTrace(directory, array);
  for (let cpu = 0; cpu < array.host.cpus; cpu++) {
    directory.lazy(`per_cpu/cpu${cpu}`, (one) => {
      addTrace(one, array, cpu);
      addSize(one, array);
      one.add("stats", { mode: 0o440, read: () => statsText(array, cpu) });
    });
  }
  directory.add("tracing_on", {
    mode: 0o640,
    read: () => array.buffer.on ? "1\n" : "0\n",
    write(text): number {
      const value = parseUnsigned(text);
      if (value === null) return -EINVAL;
      array.buffer.on = value !== 0;
      return text.length;
    },
  });
  directory.add("trace_marker", {
    mode: 0o220,
    read: () => -EINVAL,
    write: (text) => mark(array, text),
  });
  addSize(directory, array);
  directory.add("buffer_total_size_kb", {
    mode: 0o440,
    read(): string {
      const { kb, expanded } = array.buffer;
      const { cpus } = array.host;
      return expanded ? `${kb * cpus}\n` : `${MINIMAL_KB * cpus} (expanded: ${EXPANDED_KB * cpus})\n`;
    },
  });
  addClock(directory, array);
  addOptions(directory, array);
}

/** Clocks of which virtual time is a model; `counter` and `uptime` count something else. */
const CLOCKS = ["local", "global", "perf", "mono", "mono_raw", "boot", "tai"];

function addClock(directory: Directory, array: TraceArray): void {
  let chosen = "local";
  directory.add("trace_clock", {
    mode: 0o640,
    read: () => `${CLOCKS.map((name) => name === chosen ? `[${name}]` : name).join(" ")}\n`,
    write(text): number {
      const name = text.trim();
      if (!CLOCKS.includes(name)) return -EINVAL;
      if (name !== chosen) array.buffer.clear();
      chosen = name;
      return text.length;
    },
  });
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

function addSize(directory: Directory, array: TraceArray): void {
  directory.add("buffer_size_kb", {
    mode: 0o640,
    read(): string {
      const { kb, expanded } = array.buffer;
      return expanded ? `${kb}\n` : `${MINIMAL_KB} (expanded: ${EXPANDED_KB})\n`;
    },
    write(text): number {
      const kb = parseUnsigned(text);
      if (kb === null || kb === 0) return -EINVAL;
      array.buffer.resize(kb);
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

function addOptions(directory: Directory, array: TraceArray): void {
  const { options } = array;
  function set(name: string, on: boolean): void {
    options.set(name, on);
    if (name === "overwrite") array.buffer.overwrite = on;
  }
  directory.add("trace_options", {
    mode: 0o640,
    read: () => options.text(array.tracer),
    write(text): number {
      const word = text.trim();
      const on = !word.startsWith("no") || options.knows(word, array.tracer);
      const name = on ? word : word.slice(2);
      if (!options.knows(name, array.tracer)) return -EINVAL;
      set(name, on);
      return text.length;
    },
  });
  directory.lazy("options", (folder) => {
    for (const name of options.names()) {
      folder.add(name, {
        mode: 0o640,
        read: () => options.isOn(name) ? "1\n" : "0\n",
        write(text): number {
          const value = parseUnsigned(text);
          if (value !== 0 && value !== 1) return -EINVAL;
          set(name, value === 1);
          return text.length;
        },
      });
    }
  });
}

function statsText(array: TraceArray, cpu: number): string {
  const buffer = array.buffer.cpu(cpu);
  if (buffer === undefined) return "";
  const seconds = (ns: number) => {
    const micros = Math.floor((ns + 500) / 1000);
    return `${String(Math.floor(micros / 1e6)).padStart(5)}.${String(micros % 1e6).padStart(6, "0")}`;
  };
  return `entries: ${buffer.count}\noverrun: ${buffer.overrun}\ncommit overrun: 0\nbytes: ${buffer.bytes}\n` +
    `oldest event ts: ${seconds(buffer.oldest)}\nnow ts: ${seconds(array.host.clock.now)}\n` +
    `dropped events: ${buffer.dropped}\nread events: ${buffer.read}\n`;
}
