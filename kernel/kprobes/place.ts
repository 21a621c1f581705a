/**
 * Where a kprobe goes: the checks of `register_kprobe` up to arming, in the kernel's order, as far as an image has the
 * facts. Linux tells an errno; here a sentence goes with it.
 *
 * @module
 */

import type { Addr, CallSite, FunctionInfo, SymbolInfo } from "../../image/model.ts";
import { specialSite } from "../../image/unprobeable.ts";
import { isReturnThunk } from "../memory/text_bytes.ts";
import { imageName, releaseSymbol } from "../release/release.ts";
import type { ProbeBlacklist } from "./blacklist.ts";
import { EILSEQ, EINVAL, ENOENT, EOPNOTSUPP } from "./errno.ts";
import type { ModuleText, ProbeHost } from "./host.ts";
import type { Kprobe } from "./kprobe.ts";
import { isKsymAddr } from "./ksym.ts";

/** A refusal: the errno (positive) and why. */
export interface Refusal {
  readonly errno: number;
  readonly reason: string;
}

/** The instruction that a probe goes to. */
export interface Place {
  readonly address: Addr;
  readonly symbol: SymbolInfo;
  /** Bytes from the symbol's start. */
  readonly offset: number;
}

/** What a probe can be put on, or why it can't. */
export type Placed = { readonly place: Place } | { readonly refusal: Refusal };

/** `_kprobe_addr`: symbol or address to instruction (checks 1 to 3). */
export function resolvePlace(host: ProbeHost, p: Kprobe): Placed {
  const { image } = host;
  const unresolved = host.release.resolveErrno === "ENOENT" ? ENOENT : EINVAL;
  if ((p.symbolName === null) === (p.addr === null)) {
    return refuse(
      EINVAL,
      p.addr === null
        ? "it has neither a symbol name nor an address"
        : "it has both a symbol name and an address; a probe that was registered before keeps its address: make a new one",
    );
  }
  let base = p.addr ?? 0;
  if (p.symbolName !== null) {
    const symbol = lookup(host, p.symbolName);
    if (symbol === undefined) return refuse(unresolved, unknownSymbol(host, p.symbolName));
    base = symbol.address;
  }
  // A sum of words, as wide as the machine's.
  const address = host.arch.wordSize === 4 ? (base + p.offset) >>> 0 : base + p.offset;
  const covering = image.symbolAt(address);
  if (covering === undefined || !isKsymAddr(image, address)) {
    return refuse(unresolved, `no symbol of the kernel covers ${hex(host, address)}`);
  }
  return { place: { address, symbol: covering.symbol, offset: covering.offset } };
}

/** `check_kprobe_address_safe`: text, blacklist and modules (checks 7 to 9). Null: it is safe. */
export function checkSafe(host: ProbeHost, blacklist: ProbeBlacklist, place: Place): Refusal | null {
  const module = host.modules.textAt(place.address);
  if (module === undefined && !withinText(host, place.address)) {
    return { errno: EINVAL, reason: notText(host, place) };
  }
  const range = blacklist.at(place.address);
  if (range !== undefined) {
    return {
      errno: EINVAL,
      reason: `${describe(place)} is on the kprobe blacklist: ${range.name}, ${hex(host, range.start)} to ${
        hex(host, range.end)
      }`,
    };
  }
  if (host.release.refusesSpecialSites) {
    const special = specialSite(host.image, place.address);
    if (special?.kind === "preamble") {
      return { errno: EINVAL, reason: `${place.symbol.name} is a compiler's preamble, not a function` };
    }
    if (special !== undefined) {
      return {
        errno: EINVAL,
        reason: `${describe(place)} is a static call, which the kernel rewrites itself`,
      };
    }
  }
  return module === undefined ? null : checkModule(host, module, place);
}

/** A module that goes, or whose initialisation is over, keeps no text that could be probed. */
function checkModule(host: ProbeHost, module: ModuleText, place: Place): Refusal | null {
  const errno = host.release.resolveErrno === "ENOENT" ? ENOENT : EINVAL;
  if (module.state === "going") {
    return { errno, reason: `${describe(place)} is in module ${module.name}, which is going away` };
  }
  if (module.withinInit(place.address) && module.state !== "coming") {
    return {
      errno,
      reason: `${describe(place)} is in the init text of module ${module.name}, which is initialised already`,
    };
  }
  return null;
}

/** The kernel's own text, without what was freed after booting. */
function withinText(host: ProbeHost, address: Addr): boolean {
  const end = host.image.symbol("_etext")?.address ?? Infinity;
  return host.memory.regionAt(address)?.mapped === "text" && address < end;
}

function notText(host: ProbeHost, place: Place): string {
  const { module, letter } = place.symbol;
  if (module !== undefined) return `${describe(place)} is in module ${module}, which is not loaded`;
  if (letter !== "t" && letter !== "T" && letter !== "W" && letter !== "w") {
    return `${describe(place)} is data, not kernel text`;
  }
  const end = host.image.symbol("_etext")?.address ?? Infinity;
  return place.address >= end
    ? `${describe(place)} is init text, which was freed after booting; it is not in kernel text any more`
    : `${describe(place)} is not in kernel text`;
}

/** The call instruction that covers a place. */
function siteAt(host: ProbeHost, place: Place): CallSite | undefined {
  return functionAt(host, place)?.callSites().find((s) =>
    s.offset <= place.offset && place.offset < s.returnOffset
  );
}

/** `arch_prepare_kprobe`: what the instruction itself allows (checks 11x and 11a). Null: it can be probed. */
export function checkInstruction(host: ProbeHost, place: Place): Refusal | null {
  const { arch } = host;
  if (arch.instructionAlign > 1) {
    if (place.address % arch.instructionAlign === 0) return null;
    return {
      errno: EINVAL,
      reason: `${describe(place)} is not aligned to ${arch.instructionAlign} bytes, as instructions are`,
    };
  }
  if (place.offset === 0) return null;
  const info = functionAt(host, place);
  if (info === undefined) {
    return {
      errno: EILSEQ,
      reason: `this image does not know the instructions of ${place.symbol.name}: only its entry`,
    };
  }
  const site = siteAt(host, place);
  if (site !== undefined && site.offset < place.offset && isReturnThunk(arch, site)) {
    return { errno: EINVAL, reason: `${describe(place)} holds a breakpoint that fills up a return` };
  }
  const boundaries = info.boundaries();
  if (boundaries.includes(place.offset)) return checkEmulation(host, place, site);
  return {
    errno: EILSEQ,
    reason: `${describe(place)} is not on an instruction boundary; near it are ${
      nearBoundaries(place, boundaries)
    }`,
  };
}

/** `prepare_emulation`: calls and jumps are emulated, but not through a pointer in memory. */
function checkEmulation(host: ProbeHost, place: Place, site: CallSite | undefined): Refusal | null {
  if (!host.release.emulatesBranches || site?.kind !== "indirect" || !site.target.includes("(")) return null;
  return {
    errno: EOPNOTSUPP,
    reason: `${describe(place)} calls through a pointer in memory (${site.target}), which is not emulated`,
  };
}

/** Address of a function's ftrace site, if it has one: its entry on x86, the instruction after it on arm64. */
export function ftraceSite(host: ProbeHost, symbol: SymbolInfo): Addr | null {
  const name = symbolKey(symbol);
  if (!host.image.isTraceable(name)) return null;
  if (host.image.func(name)?.address !== symbol.address) return null;
  return symbol.address + FTRACE_OFFSET[host.arch.arch];
}

/** Bytes from a traceable function's start to its ftrace site. */
const FTRACE_OFFSET = { x86_64: 0, i386: 0, arm64: 4 } as const;

/** Offset of the first instruction behind the ftrace site, which runs right after a traceable function's entry. */
export function afterFtraceSite(host: ProbeHost, symbol: SymbolInfo): number | null {
  const site = ftraceSite(host, symbol);
  return site === null ? null : site - symbol.address + (host.arch.instructionAlign > 1 ? 4 : 5);
}

/** The function at a place, if the image has its text. */
export function functionAt(host: ProbeHost, place: Place): FunctionInfo | undefined {
  const info = host.image.func(symbolKey(place.symbol));
  return info !== undefined && info.address === place.symbol.address ? info : undefined;
}

/** The name by which an image finds exactly that symbol: a module's has the module in front. */
export function symbolKey(symbol: SymbolInfo): string {
  return symbol.module === undefined ? symbol.name : `${symbol.module}:${symbol.name}`;
}

/** `vfs_open+0x5` */
export function describe(place: Place): string {
  return place.offset === 0 ? place.symbol.name : `${place.symbol.name}+0x${place.offset.toString(16)}`;
}

/** `module:symbol` or a plain name as the release has it; kallsyms' first match. */
function lookup(host: ProbeHost, name: string): SymbolInfo | undefined {
  const colon = name.indexOf(":");
  if (colon < 0) {
    const known = imageName(host.release, name);
    return known === undefined ? undefined : host.image.symbol(known);
  }
  // An image may know symbols of modules that are not loaded: only loaded text has a place.
  const symbol = host.image.symbol(name);
  return symbol === undefined || host.modules.textAt(symbol.address) === undefined ? undefined : symbol;
}

function unknownSymbol(host: ProbeHost, name: string): string {
  const renamed = releaseSymbol(host.release, name);
  const near = renamed === name ? host.image.nearFunctions(name, 1)[0] : renamed;
  const limits = host.image.whole
    ? "the kernel"
    : "the built-in image, which knows what modeled functions need,";
  return `${limits} has no symbol of that name${near === undefined ? "" : `; did you mean "${near}"?`}`;
}

function nearBoundaries(place: Place, boundaries: Uint32Array): string {
  let after = boundaries.findIndex((b) => b > place.offset);
  if (after < 0) after = boundaries.length;
  return [boundaries[after - 1], boundaries[after]]
    .filter((b) => b !== undefined)
    .map((b) => `+0x${b.toString(16)}`)
    .join(" and ");
}

function hex(host: ProbeHost, address: Addr): string {
  return `0x${BigInt.asUintN(host.arch.wordSize * 8, BigInt(address)).toString(16)}`;
}

function refuse(errno: number, reason: string): Placed {
  return { refusal: { errno, reason } };
}
