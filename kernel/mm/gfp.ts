/**
 * `gfp_t`: how pages and objects are asked for. Values of 6.1.
 *
 * @module
 */

/** May do everything: `GFP_KERNEL`. */
export const GFP_KERNEL = 0xcc0;
/** `GFP_KERNEL`, counted to the memory control group. */
export const GFP_KERNEL_ACCOUNT = 0x400cc0;
/** May not sleep: `GFP_ATOMIC`. */
export const GFP_ATOMIC = 0xa20;
/** A page of a process: `GFP_HIGHUSER_MOVABLE`. */
export const GFP_HIGHUSER_MOVABLE = 0x100cca;
/** A page of a file: `GFP_HIGHUSER`. */
export const GFP_HIGHUSER = 0x100cc2;
/** Zeroed. */
export const GFP_ZERO = 0x100;
/** A compound page. */
export const GFP_COMP = 0x40000;
/** May be moved: pages of processes. */
export const GFP_MOVABLE = 8;
/** May be given back under pressure. */
export const GFP_RECLAIMABLE = 0x10;
/** May reclaim by itself. */
export const GFP_DIRECT_RECLAIM = 0x400;
/** A page table: zeroed, accounted. */
export const GFP_PGTABLE_USER = GFP_KERNEL_ACCOUNT | GFP_ZERO;
/** A page of slabs: compound, without warnings, no retries. */
export const GFP_SLAB = 0xd2cc0 & ~0x20000 | GFP_COMP;

/** `MIGRATE_UNMOVABLE`, `_MOVABLE`, `_RECLAIMABLE`: where such pages come from. */
export function migrateType(gfp: number): number {
  return (gfp & GFP_MOVABLE) !== 0 ? 1 : (gfp & GFP_RECLAIMABLE) !== 0 ? 2 : 0;
}
