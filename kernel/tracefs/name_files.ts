/**
 * Files of tracefs that only tell something: `README`, `saved_cmdlines`, `saved_tgids`, `printk_formats`.
 *
 * @module
 */

import type { Kernel } from "../kernel.ts";
import { EINVAL } from "../syscalls/errno.ts";
import type { Directory } from "./directory.ts";
import { parseUnsigned } from "./numbers.ts";
import { readmeText } from "./readme.ts";
import type { TaskRecords } from "./task_records.ts";

/** Most names that can be kept (`PID_MAX_DEFAULT`). */
const MOST_CMDLINES = 32768;

/** Hangs them up. */
export function addNameFiles(directory: Directory, k: Kernel, { cmdlines, tgids }: TaskRecords): void {
  directory.add("README", { mode: 0o440, read: () => readmeText(k.image.arch) });
  // Formats that modules and the kernel registered: their texts lie in memory that the image doesn't have.
  directory.add("printk_formats", { mode: 0o440, read: () => "" });
  directory.add("saved_cmdlines", { mode: 0o440, read: () => cmdlines.text() });
  directory.add("saved_tgids", { mode: 0o440, read: () => tgids.text() });
  directory.add("saved_cmdlines_size", {
    mode: 0o640,
    read: () => `${cmdlines.size}\n`,
    write(text): number {
      const size = parseUnsigned(text);
      if (size < 0) return size;
      if (size === 0 || size > MOST_CMDLINES) return -EINVAL;
      cmdlines.resize(size);
      return text.length;
    },
  });
}
