/**
 * GFP flags as the kernel's tracepoints print them (`%gr`): compound names first, then the flags that are left.
 *
 * @module
 */

const BIT = (n: number): number => 2 ** n;

const DMA = BIT(0);
const HIGHMEM = BIT(1);
const DMA32 = BIT(2);
const MOVABLE = BIT(3);
const RECLAIMABLE = BIT(4);
const HIGH = BIT(5);
const IO = BIT(6);
const FS = BIT(7);
const ZERO = BIT(8);
const ATOMIC = BIT(9);
const DIRECT_RECLAIM = BIT(10);
const KSWAPD_RECLAIM = BIT(11);
const NOWARN = BIT(13);
const COMP = BIT(18);
const NOMEMALLOC = BIT(19);
const HARDWALL = BIT(20);
const ACCOUNT = BIT(22);
const RECLAIM = DIRECT_RECLAIM + KSWAPD_RECLAIM;
const USER = RECLAIM + IO + FS + HARDWALL;
const LIGHT = USER - RECLAIM + HIGHMEM + MOVABLE + COMP + NOMEMALLOC + NOWARN;

/** Flags of Linux 6.1, in the order of `__def_gfpflag_names`. */
const NAMES: readonly (readonly [mask: number, name: string])[] = [
  [LIGHT + DIRECT_RECLAIM, "GFP_TRANSHUGE"],
  [LIGHT, "GFP_TRANSHUGE_LIGHT"],
  [USER + HIGHMEM + MOVABLE, "GFP_HIGHUSER_MOVABLE"],
  [USER + HIGHMEM, "GFP_HIGHUSER"],
  [USER, "GFP_USER"],
  [RECLAIM + IO + FS + ACCOUNT, "GFP_KERNEL_ACCOUNT"],
  [RECLAIM + IO + FS, "GFP_KERNEL"],
  [RECLAIM + IO, "GFP_NOFS"],
  [HIGH + ATOMIC + KSWAPD_RECLAIM, "GFP_ATOMIC"],
  [RECLAIM, "GFP_NOIO"],
  [KSWAPD_RECLAIM, "GFP_NOWAIT"],
  [DMA, "GFP_DMA"],
  [HIGHMEM, "__GFP_HIGHMEM"],
  [DMA32, "GFP_DMA32"],
  [HIGH, "__GFP_HIGH"],
  [ATOMIC, "__GFP_ATOMIC"],
  [IO, "__GFP_IO"],
  [FS, "__GFP_FS"],
  [NOWARN, "__GFP_NOWARN"],
  [BIT(14), "__GFP_RETRY_MAYFAIL"],
  [BIT(15), "__GFP_NOFAIL"],
  [BIT(16), "__GFP_NORETRY"],
  [COMP, "__GFP_COMP"],
  [ZERO, "__GFP_ZERO"],
  [NOMEMALLOC, "__GFP_NOMEMALLOC"],
  [BIT(17), "__GFP_MEMALLOC"],
  [HARDWALL, "__GFP_HARDWALL"],
  [BIT(21), "__GFP_THISNODE"],
  [RECLAIMABLE, "__GFP_RECLAIMABLE"],
  [MOVABLE, "__GFP_MOVABLE"],
  [ACCOUNT, "__GFP_ACCOUNT"],
  [BIT(12), "__GFP_WRITE"],
  [RECLAIM, "__GFP_RECLAIM"],
  [DIRECT_RECLAIM, "__GFP_DIRECT_RECLAIM"],
  [KSWAPD_RECLAIM, "__GFP_KSWAPD_RECLAIM"],
  [BIT(23), "__GFP_ZEROTAGS"],
];

/** Flags as names joined by `|`; bits without a name in hex at the end, `none` for 0. */
export function gfpText(flags: number): string {
  if (flags === 0) return "none";
  const parts: string[] = [];
  let left = flags >>> 0;
  for (const [mask, name] of NAMES) {
    if ((left & mask) >>> 0 !== mask) continue;
    parts.push(name);
    left = (left & ~mask) >>> 0;
  }
  if (left !== 0) parts.push(`0x${left.toString(16)}`);
  return parts.join("|");
}
