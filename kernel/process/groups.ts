/**
 * Supplementary groups: `struct group_info` of credentials.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { Kernel } from "../kernel.ts";
import { kzalloc } from "./alloc.ts";
import { field, sizeOfStruct } from "./objects.ts";

const INFO = field("cred", "group_info");
const COUNT = field("group_info", "ngroups");

/** Reads and writes the groups of a `struct cred`. */
export const GROUPS = {
  read(k: Kernel, cred: Addr): number[] {
    const info = INFO.get(k, cred);
    if (info === 0) return [];
    const gids = info + sizeOfStruct(k, "group_info");
    return Array.from({ length: COUNT.get(k, info) }, (_, i) => k.memory.load(gids + i * 4, 4, false));
  },
  /** In ascending order, as `groups_sort` leaves them. */
  write(k: Kernel, cred: Addr, groups: readonly number[]): void {
    const size = sizeOfStruct(k, "group_info");
    // The old list may be another credential's too.
    const info = kzalloc(k, size + 4 * groups.length);
    COUNT.set(k, info, groups.length);
    [...groups].sort((a, b) => a - b).forEach((gid, i) => k.memory.store(info + size + i * 4, 4, gid));
    INFO.set(k, cred, info);
  },
} as const;
