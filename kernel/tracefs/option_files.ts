/**
 * `trace_options` and the files in `options/`.
 *
 * @module
 */

import { EINVAL } from "../syscalls/errno.ts";
import type { Directory } from "./directory.ts";
import { parseUnsigned } from "./numbers.ts";
import type { TraceArray } from "./trace_array.ts";

/** Hangs them up. */
export function addOptionFiles(directory: Directory, array: TraceArray): void {
  const { options } = array;
  directory.add("trace_options", {
    mode: 0o640,
    read: () => options.text(array.tracer),
    write(text): number {
      const word = text.trim();
      const on = !word.startsWith("no");
      const name = on ? word : word.slice(2);
      if (!options.knows(name, array.tracer)) return -EINVAL;
      return setOption(array, name, on) || text.length;
    },
  });
  directory.lazy("options", (folder) => {
    for (const name of options.files(array.name === "")) {
      folder.add(name, {
        mode: 0o640,
        read: () => options.isOn(name) ? "1\n" : "0\n",
        write(text): number {
          const value = parseUnsigned(text);
          if (value < 0) return value;
          if (value !== 0 && value !== 1) return -EINVAL;
          return setOption(array, name, value === 1) || text.length;
        },
      });
    }
  });
}

/** `set_tracer_flag`: 0 or -errno. */
function setOption(array: TraceArray, name: string, on: boolean): number {
  const { options } = array;
  // The files in options/ change nothing where nothing changes; trace_options asks the nop tracer all the same.
  if (name === "test_nop_accept" || name === "test_nop_refuse") {
    const verdict = name === "test_nop_accept" ? "accept" : "refuse";
    array.host.log?.printk(
      `nop_test_${verdict} flag set to ${on ? 1 : 0}: we ${verdict}. Now cat trace_options to see the result`,
      "debug",
    );
    if (verdict === "refuse") return -EINVAL;
  }
  if (options.isOn(name) === on) return 0;
  options.set(name, on);
  if (name === "overwrite") array.setOverwrite(on);
  else if (name === "record-cmd" || name === "record-tgid") array.shared.tasks.turn(name, on);
  for (const tell of array.onOption) tell(name, on);
  return 0;
}
