/**
 * What `/proc/PID/mounts`, `mountinfo` and `mountstats` say: `fs/proc_namespace.c`.
 *
 * @module
 */

import type { Kernel } from "../../kernel.ts";
import { MNT_READONLY, type Mount, mountOptions } from "../mount.ts";

/** Where a mount is; null for what is mounted nowhere. */
function placeOf(k: Kernel, mount: Mount): string | null {
  return mount.parent === mount ? "/" : k.vfs.pathOf(mount.parent.mnt, mount.mountpoint);
}

function each(k: Kernel, line: (mount: Mount, at: string) => string): string {
  return [...k.vfs.mounts.values()].map((mount) => {
    const at = placeOf(k, mount);
    return at === null ? "" : line(mount, escape(at));
  }).join("");
}

/** Names with white space as `/proc/mounts` prints them. */
function escape(text: string): string {
  return text.replace(/[ \t\n\\]/g, (c) => `\\${c.charCodeAt(0).toString(8).padStart(3, "0")}`);
}

/** Text of `mounts`. */
export function mounts(k: Kernel): string {
  return each(k, (mount, at) => {
    const flags = `${mount.readOnly ? "ro" : "rw"}${mountOptions(mount.flags)}`;
    return `${escape(mount.source)} ${at} ${mount.sb.type.name} ${flags} 0 0\n`;
  });
}

/** Text of `mountinfo`. */
export function mountinfo(k: Kernel): string {
  return each(k, (mount, at) => {
    const dev = `${Math.floor(mount.sb.dev / 2 ** 20)}:${mount.sb.dev % 2 ** 20}`;
    const parent = mount.parent === mount ? 0 : mount.parent.id;
    const flags = `${(mount.flags & MNT_READONLY) !== 0 ? "ro" : "rw"}${mountOptions(mount.flags)}`;
    return `${mount.id} ${parent} ${dev} ${escape(mount.root.path)} ${at} ${flags} - ` +
      `${mount.sb.type.name} ${escape(mount.source)} ${mount.sb.readOnly ? "ro" : "rw"}\n`;
  });
}

/** Text of `mountstats`. */
export function mountstats(k: Kernel): string {
  return each(
    k,
    (mount, at) => `device ${escape(mount.source)} mounted on ${at} with fstype ${mount.sb.type.name}\n`,
  );
}
