/**
 * `/proc/meminfo`, `vmstat`, `swaps`, `slabinfo` and `buddyinfo`: memory in numbers; `fs/proc/meminfo.c`.
 *
 * @module
 */

import type { Kernel } from "../../kernel.ts";
import { MM, VM_ACCOUNT } from "../../mm/fields.ts";
import { mmAt } from "../../mm/mm_struct.ts";
import { PG_ACTIVE } from "../../mm/page_flags.ts";
import { swapSpace } from "../../mm/swap_space.ts";
import { zoneOf } from "../../mm/zone.ts";
import { childrenUse, processUse } from "../../process/cputime.ts";
import { residentOf } from "./task_stat.ts";

const PAGE = 4096;

/** Pages by what they are used for. */
interface Usage {
  readonly anon: number;
  readonly mapped: number;
  readonly shmem: number;
  readonly pageTables: number;
  readonly committed: number;
  readonly locked: number;
  readonly buffers: number;
  readonly activeFile: number;
  readonly slab: number;
  readonly stacks: number;
}

function usageOf(k: Kernel): Usage {
  let [anon, mapped, shmem, pageTables, committed, locked, tasks] = [0, 0, 0, 0, 0, 0, 0];
  const seen = new Set<number>();
  for (const task of k.tasks.each()) {
    tasks++;
    if (task.mm === 0 || seen.has(task.mm)) continue;
    seen.add(task.mm);
    const resident = residentOf(k, task);
    anon += resident.anon;
    mapped += resident.file + resident.shmem;
    shmem += resident.shmem;
    pageTables += Math.ceil(MM.pgtablesBytes.get(k, task.mm) / PAGE);
    locked += MM.lockedVm.get(k, task.mm);
    for (const { start, end, flags } of mmAt(k, task.mm)?.areas ?? []) {
      if ((flags & VM_ACCOUNT) !== 0) committed += (end - start) / PAGE;
    }
  }
  let buffers = 0;
  for (const disk of k.block.disks) buffers += k.pageCache.metadata(disk).blocks.size;
  const activeFile = k.pageCache.folios.values().filter((folio) => folio.test(PG_ACTIVE)).length;
  const slab = k.slab.caches().reduce(
    (sum, cache) => sum + Math.ceil(cache.total / cache.objectsPerSlab) * 2 ** cache.order,
    0,
  );
  const stacks = tasks * k.arch.threadSize / PAGE;
  return { anon, mapped, shmem, pageTables, committed, locked, buffers, activeFile, slab, stacks };
}

/** Text of `meminfo`. */
export function meminfoText(k: Kernel): string {
  const zone = zoneOf(k);
  const { managed: total, free, low } = zone;
  const swap = swapSpace(k);
  const swapTotal = swap === undefined ? 0 : swap.pages - 1;
  const swapFree = swap === undefined ? 0 : swapTotal - swap.used;
  const use = usageOf(k);
  const cached = k.pageCache.filePages;
  const inactiveFile = Math.max(0, cached - use.activeFile);
  const available = Math.max(0, free - low + cached - Math.min(Math.floor(cached / 2), low));
  const rows: readonly (readonly [string, number])[] = [
    ["MemTotal", total],
    ["MemFree", free],
    ["MemAvailable", Math.min(total, available)],
    ["Buffers", use.buffers],
    ["Cached", cached + use.shmem],
    ["SwapCached", 0],
    ["Active", use.activeFile],
    ["Inactive", use.anon + inactiveFile],
    ["Active(anon)", 0],
    ["Inactive(anon)", use.anon],
    ["Active(file)", use.activeFile],
    ["Inactive(file)", inactiveFile],
    ["Unevictable", use.locked],
    ["Mlocked", use.locked],
    ["SwapTotal", swapTotal],
    ["SwapFree", swapFree],
    ["Zswap", 0],
    ["Zswapped", 0],
    ["Dirty", k.pageCache.dirty],
    ["Writeback", k.pageCache.writeback],
    ["AnonPages", use.anon],
    ["Mapped", use.mapped],
    ["Shmem", use.shmem],
    ["KReclaimable", 0],
    ["Slab", use.slab],
    ["SReclaimable", 0],
    ["SUnreclaim", use.slab],
    ["KernelStack", use.stacks],
    ["PageTables", use.pageTables],
    ["SecPageTables", 0],
    ["NFS_Unstable", 0],
    ["Bounce", 0],
    ["WritebackTmp", 0],
    ["CommitLimit", Math.floor(total / 2) + swapTotal],
    ["Committed_AS", use.committed],
  ];
  return rows.map(([name, pages]) => `${`${name}:`.padEnd(16)}${String(pages * 4).padStart(8)} kB\n`)
    .join("");
}

/** Text of `vmstat`: pages, and what has happened to them. */
export function vmstatText(k: Kernel): string {
  const zone = zoneOf(k);
  const use = usageOf(k);
  const { frames } = k.slab;
  let [faults, major] = [0, 0];
  for (const task of k.tasks.each()) {
    if (task.leader !== task) continue;
    const [own, gone] = [processUse(k, task), childrenUse(k, task)];
    faults += own.minFlt + own.majFlt + gone.minFlt + gone.majFlt;
    major += own.majFlt + gone.majFlt;
  }
  const [reads, writes] = [0, 1].map((group) =>
    k.block.disks.reduce((sum, disk) => sum + disk.counter(group, "sectors"), 0)
  );
  const rows: readonly (readonly [string, number])[] = [
    ["nr_free_pages", zone.free],
    ["nr_inactive_anon", use.anon],
    ["nr_active_anon", 0],
    ["nr_inactive_file", Math.max(0, k.pageCache.filePages - use.activeFile)],
    ["nr_active_file", use.activeFile],
    ["nr_unevictable", use.locked],
    ["nr_mlock", use.locked],
    ["nr_anon_pages", use.anon],
    ["nr_mapped", use.mapped],
    ["nr_file_pages", k.pageCache.filePages],
    ["nr_dirty", k.pageCache.dirty],
    ["nr_writeback", k.pageCache.writeback],
    ["nr_shmem", use.shmem],
    ["nr_slab_unreclaimable", use.slab],
    ["nr_page_table_pages", use.pageTables],
    ["nr_kernel_stack", use.stacks * 4],
    ["nr_dirtied", k.pageCache.dirtied],
    ["nr_written", k.pageCache.written],
    ["nr_dirty_threshold", k.pageCache.dirtyLimit],
    ["nr_dirty_background_threshold", k.pageCache.backgroundLimit],
    ["pgpgin", Math.floor((reads ?? 0) / 2)],
    ["pgpgout", Math.floor((writes ?? 0) / 2)],
    [`pgalloc_${zone.name.toLowerCase()}`, frames.taken],
    ["pgfree", frames.given],
    ["pgfault", faults],
    ["pgmajfault", major],
  ];
  return rows.map(([name, value]) => `${name} ${value}\n`).join("");
}

/** Text of `swaps`. */
export function swapsText(k: Kernel): string {
  const swap = swapSpace(k);
  const head = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";
  if (swap === undefined) return head;
  return `${head}${"/dev/zram0".padEnd(40)}partition\t${(swap.pages - 1) * 4}\t\t${swap.used * 4}\t\t-2\n`;
}

/** Text of `slabinfo`. */
export function slabinfoText(k: Kernel): string {
  const head = "slabinfo - version: 2.1\n" +
    "# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables <limit> " +
    "<batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>\n";
  const pad = (value: number, width: number): string => String(value).padStart(width);
  return head + k.slab.caches().map((cache) => {
    const slabs = Math.ceil(cache.total / cache.objectsPerSlab);
    return `${cache.name.padEnd(17)} ${pad(cache.active, 6)} ${pad(cache.total, 6)} ${pad(cache.size, 6)} ${
      pad(cache.objectsPerSlab, 4)
    } ${pad(2 ** cache.order, 4)} : tunables    0    0    0 : slabdata ${pad(slabs, 6)} ${
      pad(slabs, 6)
    }      0\n`;
  }).join("");
}
