/**
 * What anonymous pages of an area have in common: `mm/rmap.c`.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { freeObject, newObject } from "../process/alloc.ts";
import { field } from "../process/objects.ts";
import { PAGE_MAPPING_ANON, PAGE_STRUCT } from "./page_struct.ts";
import { VMA } from "./fields.ts";

const ANON_VMA = {
  root: field("anon_vma", "root"),
  refcount: field("anon_vma", "refcount.counter"),
  numActive: field("anon_vma", "num_active_vmas"),
} as const;
const CHAIN = {
  vma: field("anon_vma_chain", "vma"),
  anonVma: field("anon_vma_chain", "anon_vma"),
  sameVma: field("anon_vma_chain", "same_vma.next"),
} as const;
const VMA_CHAIN = field("vm_area_struct", "anon_vma_chain.next");
const VMA_START = field("vm_area_struct", "vm_start");
const VMA_PGOFF = field("vm_area_struct", "vm_pgoff");

/** Links an area to an `anon_vma`. */
function link(k: Kernel, vma: Addr, anonVma: Addr): void {
  const chain = newObject(k, "anon_vma_chain", "anon_vma_chain");
  CHAIN.vma.set(k, chain, vma);
  CHAIN.anonVma.set(k, chain, anonVma);
  CHAIN.sameVma.set(k, chain, VMA_CHAIN.get(k, vma));
  VMA_CHAIN.set(k, vma, CHAIN.sameVma.at(k, chain));
  ANON_VMA.refcount.add(k, anonVma, 1);
}

function newAnonVma(k: Kernel): Addr {
  const anonVma = newObject(k, "anon_vma", "anon_vma");
  ANON_VMA.root.set(k, anonVma, anonVma);
  return anonVma;
}

/** Gives an area its `anon_vma`, before its first anonymous page: 0 or -errno. */
export const ANON_VMA_PREPARE: FunctionRef = behaviour(
  "__anon_vma_prepare",
  [fn("find_mergeable_anon_vma")],
  (k, vma = 0) => {
    if (VMA.anonVma.get(k, vma) !== 0) return 0;
    k.call(fn("find_mergeable_anon_vma"), vma);
    const anonVma = newAnonVma(k);
    VMA.anonVma.set(k, vma, anonVma);
    link(k, vma, anonVma);
    return 0;
  },
);

/** Attaches a child's area to what its parent's is attached to, and to one of its own (`anon_vma_fork`). */
export function forkAnonVma(k: Kernel, vma: Addr, parent: Addr): void {
  const shared = VMA.anonVma.get(k, parent);
  if (shared === 0) return;
  link(k, vma, shared);
  const own = newAnonVma(k);
  ANON_VMA.root.set(k, own, ANON_VMA.root.get(k, shared));
  VMA.anonVma.set(k, vma, own);
  link(k, vma, own);
}

/** Attaches one area to what another one, of the same address space, is attached to. */
export function cloneAnonVma(k: Kernel, vma: Addr, from: Addr): void {
  const shared = VMA.anonVma.get(k, from);
  if (shared === 0) return;
  VMA.anonVma.set(k, vma, shared);
  link(k, vma, shared);
}

/** Lets go of what an area is attached to; what nobody is attached to any more is freed. */
export function unlinkAnonVmas(k: Kernel, vma: Addr): void {
  const offset = CHAIN.sameVma.offset(k);
  for (let at = VMA_CHAIN.get(k, vma); at !== 0;) {
    const chain = at - offset;
    const anonVma = CHAIN.anonVma.get(k, chain);
    at = CHAIN.sameVma.get(k, chain);
    freeObject(k, "anon_vma_chain", chain);
    if (ANON_VMA.refcount.add(k, anonVma, -1) === 0) freeObject(k, "anon_vma", anonVma);
  }
  VMA_CHAIN.set(k, vma, 0);
  VMA.anonVma.set(k, vma, 0);
}

/** A fresh anonymous page is mapped at an address of an area. */
export const PAGE_ADD_NEW_ANON_RMAP: FunctionRef = behaviour(
  "page_add_new_anon_rmap",
  [],
  (k, page = 0, vma = 0, address = 0) => {
    PAGE_STRUCT.mapcount.set(k, page, 0);
    PAGE_STRUCT.mapping.set(k, page, VMA.anonVma.get(k, vma) + PAGE_MAPPING_ANON);
    PAGE_STRUCT.index.set(
      k,
      page,
      VMA_PGOFF.get(k, vma) + Math.floor((address - VMA_START.get(k, vma)) / 4096),
    );
    return Number.NaN;
  },
);
