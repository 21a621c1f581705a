/**
 * `kmem:*`: objects of slab caches that come and go, told while somebody listens.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { supplyArgument } from "../calls/supply.ts";
import type { Kernel } from "../kernel.ts";
import type { SlabObserver } from "../memory/slab.ts";
import { tracepoint } from "../tracing/reference.ts";
import { GFP_KERNEL, GFP_KERNEL_ACCOUNT } from "./gfp.ts";
import { cacheFor, cacheFreed } from "./kmem_cache.ts";
import { tracePages } from "./page_alloc.ts";

const FIELDS = ["call_site", "ptr", "bytes_req", "bytes_alloc", "gfp_flags", "node"] as const;
const CACHE_ALLOC = tracepoint("kmem:kmem_cache_alloc", ...FIELDS, "accounted");
const KMALLOC = tracepoint("kmem:kmalloc", ...FIELDS);
const CACHE_FREE = tracepoint("kmem:kmem_cache_free", "call_site", "ptr", "name");
const KFREE = tracepoint("kmem:kfree", "call_site", "ptr");
/** Caches whose objects count to the memory control group (`SLAB_ACCOUNT`). */
const ACCOUNTED: ReadonlySet<string> = new Set([
  "filp",
  "dentry",
  "inode_cache",
  "shmem_inode_cache",
  "proc_inode_cache",
  "sock_inode_cache",
  "ext4_inode_cache",
  "task_struct",
  "mm_struct",
  "vm_area_struct",
  "anon_vma",
  "anon_vma_chain",
  "cred_jar",
  "files_cache",
  "fs_cache",
  "signal_cache",
  "sighand_cache",
  "pid",
  "lsm_inode_cache",
]);
const ALLOCATORS = /^(kmem_cache_alloc|kmalloc|__kmalloc|kmem_cache_zalloc|kzalloc)/;
const FREERS = /^(kmem_cache_free|kfree|kvfree)/;

/** Where the running function allocates or frees: behind its call of that kind, or its own start. */
function callSite(k: Kernel, targets: RegExp): Addr {
  const task = k.current;
  const frame = task.depth > 0 ? task.frames[task.depth - 1] : undefined;
  if (frame === undefined) return Number.NaN;
  const site = frame.fn.callSites().find(({ target }) => targets.test(target));
  return frame.fn.address + (site?.returnOffset ?? 0);
}

class KmemTrace implements SlabObserver {
  readonly #k: Kernel;

  constructor(k: Kernel) {
    this.#k = k;
  }

  allocated(cache: { name: string; size: number }, address: Addr, request: number, general: boolean): void {
    const k = this.#k;
    const site = callSite(k, ALLOCATORS);
    if (general) k.tracepoints.fire(KMALLOC, site, address, request, cache.size, GFP_KERNEL, -1);
    else {
      const accounted = ACCOUNTED.has(cache.name);
      const gfp = accounted ? GFP_KERNEL_ACCOUNT : GFP_KERNEL;
      k.tracepoints.fire(CACHE_ALLOC, site, address, request, cache.size, gfp, -1, accounted ? 1 : 0);
    }
  }

  freed(cache: { name: string }, address: Addr, general: boolean): void {
    const k = this.#k;
    const site = callSite(k, FREERS);
    if (general) k.tracepoints.fire(KFREE, site, address);
    else k.tracepoints.fire(CACHE_FREE, site, address, cache.name);
  }
}

/** Lets a kernel tell of pages and objects. */
export function traceMemory(k: Kernel): void {
  tracePages(k);
  const trace = new KmemTrace(k);
  k.tracepoints.changed.push(() => {
    const wanted = [CACHE_ALLOC, KMALLOC, CACHE_FREE, KFREE].some((ref) => k.tracepoints.enabled(ref));
    k.slab.observer = wanted ? trace : null;
  });
}

for (
  const name of ["kmem_cache_alloc", "kmem_cache_alloc_lru", "kmem_cache_alloc_node", "kmem_cache_alloc_bulk"]
) {
  supplyArgument(name, 0, (k, caller, nth) => cacheFor(k, caller.fn, nth));
}
for (const name of ["kmem_cache_free", "kmem_cache_free_bulk"]) {
  supplyArgument(name, 0, (k, caller) => cacheFreed(k, caller.fn));
}
