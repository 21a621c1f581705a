/**
 * `gfp_t` as the log prints it: `GFP_HIGHUSER_MOVABLE|__GFP_COMP|__GFP_ZERO`.
 *
 * @module
 */

/** Names and bits, in the order in which the kernel looks for them (`__def_gfpflag_names`). */
const NAMES: readonly (readonly [name: string, bits: number])[] = [
  ["GFP_TRANSHUGE", 0x1c24ca],
  ["GFP_TRANSHUGE_LIGHT", 0x1c20ca],
  ["GFP_HIGHUSER_MOVABLE", 0x100cca],
  ["GFP_HIGHUSER", 0x100cc2],
  ["GFP_USER", 0x100cc0],
  ["GFP_KERNEL_ACCOUNT", 0x400cc0],
  ["GFP_KERNEL", 0xcc0],
  ["GFP_NOFS", 0xc40],
  ["GFP_ATOMIC", 0xa20],
  ["GFP_NOIO", 0xc00],
  ["GFP_NOWAIT", 0x800],
  ["GFP_DMA", 0x01],
  ["__GFP_HIGHMEM", 0x02],
  ["GFP_DMA32", 0x04],
  ["__GFP_HIGH", 0x20],
  ["__GFP_ATOMIC", 0x200],
  ["__GFP_IO", 0x40],
  ["__GFP_FS", 0x80],
  ["__GFP_NOWARN", 0x2000],
  ["__GFP_RETRY_MAYFAIL", 0x4000],
  ["__GFP_NOFAIL", 0x8000],
  ["__GFP_NORETRY", 0x10000],
  ["__GFP_COMP", 0x40000],
  ["__GFP_ZERO", 0x100],
  ["__GFP_NOMEMALLOC", 0x80000],
  ["__GFP_MEMALLOC", 0x20000],
  ["__GFP_HARDWALL", 0x100000],
  ["__GFP_THISNODE", 0x200000],
  ["__GFP_RECLAIMABLE", 0x10],
  ["__GFP_MOVABLE", 0x08],
  ["__GFP_ACCOUNT", 0x400000],
];

/** The names of the bits, joined by `|`; what has no name comes last, in hexadecimal. */
export function gfpText(gfp: number): string {
  let rest = gfp;
  const parts: string[] = [];
  for (const [name, bits] of NAMES) {
    if (bits === 0 || (rest & bits) !== bits) continue;
    parts.push(name);
    rest &= ~bits;
  }
  if (rest !== 0) parts.push(`0x${(rest >>> 0).toString(16)}`);
  return parts.length === 0 ? "none" : parts.join("|");
}
