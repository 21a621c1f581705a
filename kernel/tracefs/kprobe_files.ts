/**
 * debugfs' `kprobes/` folder.
 *
 * @module
 */

import type { Kernel } from "../kernel.ts";
import {
  type Kprobe,
  KPROBE_FLAG_DISABLED,
  KPROBE_FLAG_FTRACE,
  KPROBE_FLAG_GONE,
  KPROBE_FLAG_OPTIMIZED,
} from "../kprobes/kprobe.ts";
import { EINVAL } from "../syscalls/errno.ts";
import type { Directory } from "./directory.ts";
import { addressText } from "./kallsyms.ts";
import { parseBool } from "./numbers.ts";
import type { Sysctls } from "./sysctls.ts";

/** Hangs up `list`, `blacklist` and `enabled`. */
export function addKprobeFiles(directory: Directory, k: Kernel, sysctls: Sysctls): void {
  directory.add("list", {
    mode: 0o400,
    read: () => k.kprobes.list().map((p) => listLine(k, p, sysctls.hidesAddresses)).join(""),
  });
  directory.add("blacklist", {
    mode: 0o400,
    read(): string {
      const text = (address: number) => `0x${addressText(k.image, address, sysctls.hidesAddresses)}`;
      return k.kprobes.blacklist().map(({ start, end, name }) => `${text(start)}-${text(end)}\t${name}\n`)
        .join(
          "",
        );
    },
  });
  directory.add("enabled", {
    mode: 0o600,
    read: () => k.kprobes.enabled ? "1\n" : "0\n",
    write(text): number {
      const enabled = parseBool(text);
      if (enabled === null) return -EINVAL;
      k.kprobes.enabled = enabled;
      return text.length;
    },
  });
}

/** `ffffffff9c9669e0  k  vfs_read+0x0    [DISABLED][FTRACE]` */
function listLine(k: Kernel, p: Kprobe, hidden: boolean): string {
  const address = p.addr ?? 0;
  const found = k.image.symbolAt(address);
  const place = found === undefined ? "" : `${found.symbol.name}+0x${found.offset.toString(16)}`;
  const gone = (p.flags & KPROBE_FLAG_GONE) !== 0;
  const flags = (gone ? "[GONE]" : "") +
    (!gone && (p.flags & KPROBE_FLAG_DISABLED) !== 0 ? "[DISABLED]" : "") +
    ((optimizedFlags(k, p) & KPROBE_FLAG_OPTIMIZED) !== 0 ? "[OPTIMIZED]" : "") +
    ((p.flags & KPROBE_FLAG_FTRACE) !== 0 ? "[FTRACE]" : "");
  const kind = p.kretprobe === null ? "k" : "r";
  return `${addressText(k.image, address, hidden)}  ${kind}  ${place}  ${
    found?.symbol.module ?? " "
  } ${flags}\n`;
}

function optimizedFlags(_k: Kernel, p: Kprobe): number {
  return p.flags;
}
