/**
 * Where no kprobe may go, as far as the kernel's build tells: what the graph leaves out of a glob and what the modeled
 * kernel refuses are the same.
 *
 * @module
 */

import type { Addr, BlacklistRange, CallSite, KernelImage } from "./model.ts";

/** Why a place can't be probed. */
export type Unprobeable =
  /** On the blacklist; `range` is named after the function that is listed. */
  | { readonly kind: "blacklist"; readonly range: BlacklistRange }
  /** A compiler's preamble to a function, `__cfi_NAME` or `__pfx_NAME`. */
  | { readonly kind: "preamble" }
  /** A call that the kernel rewrites itself. */
  | { readonly kind: "static call"; readonly site: CallSite };

/** Why an address can't be probed; undefined where nothing forbids it. */
export function unprobeable(image: KernelImage, address: Addr): Unprobeable | undefined {
  const range = blacklistRange(image, address);
  return range === undefined ? specialSite(image, address) : { kind: "blacklist", range };
}

/** The blacklisted range that forbids an address: it holds it, or the function without its compiler suffix. */
export function blacklistRange(image: KernelImage, address: Addr): BlacklistRange | undefined {
  return forbidding(image, address, (at) => image.blacklistedAt(at));
}

/** As `blacklistRange`, by another list: `within` gives the range that holds an address. */
export function forbidding(
  image: KernelImage,
  address: Addr,
  within: (address: Addr) => BlacklistRange | undefined,
): BlacklistRange | undefined {
  const range = within(address);
  if (range !== undefined) return range;
  // `foo.isra.0` is as forbidden as `foo`.
  const name = image.symbolAt(address)?.symbol.name ?? "";
  const dot = name.indexOf(".");
  const base = dot > 0 ? image.symbol(name.slice(0, dot)) : undefined;
  return base === undefined ? undefined : within(base.address);
}

/** Preambles and static calls, which releases from 6.0 on refuse. */
export function specialSite(image: KernelImage, address: Addr): Unprobeable | undefined {
  const found = image.symbolAt(address);
  if (found === undefined) return undefined;
  const { symbol, offset } = found;
  if (/^__(cfi|pfx)_/.test(symbol.name)) return { kind: "preamble" };
  const key = symbol.module === undefined ? symbol.name : `${symbol.module}:${symbol.name}`;
  const info = image.func(key);
  if (info === undefined || info.address !== symbol.address) return undefined;
  const site = info.callSites().find((one) => one.offset <= offset && offset < one.returnOffset);
  return site !== undefined && isStaticCall(site) ? { kind: "static call", site } : undefined;
}

/** Whether a site is a static call: its target is chosen while the kernel runs. */
export function isStaticCall(site: Pick<CallSite, "target">): boolean {
  return site.target.startsWith("__SCT__");
}
