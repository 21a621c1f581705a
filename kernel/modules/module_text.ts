/**
 * A module's text: where its functions lie, and the instructions that stand for them.
 *
 * @module
 */

import type { Addr, BlacklistRange, CallSite, FunctionInfo, SymbolInfo } from "../../image/model.ts";
import type { ArchModel } from "../arch/model.ts";
import type { ModuleFunction } from "./definition.ts";

/** Functions start at multiples of this. */
const FUNCTION_ALIGN = 16;
/** Bytes of a page. */
const PAGE = 4096;
/** Bytes of a function that doesn't say. */
const DEFAULT_SIZE = 64;
/** Bytes of a call on x86. */
const CALL_SIZE = 5;
/** Bytes of an ordinary instruction here. */
const PLAIN_SIZE = 4;

/** A function that has been placed. */
export interface PlacedFunction {
  readonly info: FunctionInfo;
  readonly symbol: SymbolInfo;
  readonly init: boolean;
  readonly traceable: boolean;
}

/** A module's functions at their addresses. Core text first, init text on pages of its own behind it. */
export class ModuleLayout {
  readonly base: Addr;
  /** Bytes of core text, whole pages. */
  readonly coreSize: number;
  /** Bytes of init text, whole pages. */
  readonly initSize: number;
  readonly functions: readonly PlacedFunction[];
  readonly blacklist: readonly BlacklistRange[];

  constructor(
    arch: ArchModel,
    module: string,
    base: Addr,
    functions: Readonly<Record<string, ModuleFunction>>,
  ) {
    this.base = base;
    const all = Object.entries(functions);
    const core = all.filter(([, f]) => f.section !== "init");
    const init = all.filter(([, f]) => f.section === "init");
    this.coreSize = pagesOf(arch, core);
    this.initSize = pagesOf(arch, init);
    this.functions = [
      ...place(arch, module, base, core),
      ...place(arch, module, base + this.coreSize, init),
    ];
    this.blacklist = this.functions
      .filter(({ symbol }) => functions[symbol.name]?.nokprobe === true)
      .map(({ symbol }) => ({ start: symbol.address, end: symbol.address + symbol.size, name: symbol.name }));
  }

  /** Bytes that it takes: of a module with that text, wherever it lies. */
  static sizeOf(arch: ArchModel, functions: Readonly<Record<string, ModuleFunction>>): number {
    const layout = new ModuleLayout(arch, "", 0, functions);
    return layout.coreSize + layout.initSize;
  }

  /** Whether an address is in text that stays. */
  withinCore(address: Addr): boolean {
    return address >= this.base && address < this.base + this.coreSize;
  }

  /** Whether an address is in init text. */
  withinInit(address: Addr): boolean {
    const start = this.base + this.coreSize;
    return address >= start && address < start + this.initSize;
  }
}

type Named = readonly (readonly [string, ModuleFunction])[];

function pagesOf(arch: ArchModel, functions: Named): number {
  const bytes = functions.reduce((sum, [, f]) => sum + alignUp(sizeOf(arch, f)), 0);
  return Math.ceil(bytes / PAGE) * PAGE;
}

function place(arch: ArchModel, module: string, base: Addr, functions: Named): PlacedFunction[] {
  let address = base;
  return functions.map(([name, f]) => {
    const size = sizeOf(arch, f);
    const placed: PlacedFunction = {
      info: functionInfo(arch, `${module}:${name}`, address, size, f),
      symbol: { name, address, size, letter: "t", module },
      init: f.section === "init",
      traceable: isTraceable(f),
    };
    address += alignUp(size);
    return placed;
  });
}

function isTraceable(f: ModuleFunction): boolean {
  return f.traceable !== false && f.nokprobe !== true;
}

function sizeOf(arch: ArchModel, f: ModuleFunction): number {
  const needed = 16 + (f.calls?.length ?? 0) * (CALL_SIZE + PLAIN_SIZE);
  const size = Math.max(f.size ?? DEFAULT_SIZE, needed);
  return Math.ceil(size / arch.instructionAlign) * arch.instructionAlign;
}

/** Entry hook, then the calls with an instruction before each, then plain instructions up to a one-byte return. */
function functionInfo(
  arch: ArchModel,
  name: string,
  address: Addr,
  size: number,
  f: ModuleFunction,
): FunctionInfo {
  const fixed = arch.instructionAlign > 1;
  const call = fixed ? arch.instructionAlign : CALL_SIZE;
  const starts: number[] = [];
  const sites: CallSite[] = [];
  let at = 0;
  const put = (length: number) => {
    starts.push(at);
    at += length;
  };
  if (isTraceable(f) && !fixed) {
    sites.push({ offset: 0, returnOffset: call, kind: "call", target: "__fentry__" });
    put(call);
  } else for (let i = 0; i < (fixed ? 3 : 1); i++) put(PLAIN_SIZE);
  for (const target of f.calls ?? []) {
    put(PLAIN_SIZE);
    sites.push({ offset: at, returnOffset: at + call, kind: "call", target });
    put(call);
  }
  const end = fixed ? size : size - 1;
  while (at < end) put(Math.min(PLAIN_SIZE, end - at));
  if (!fixed) put(1);
  const boundaries = Uint32Array.from(starts);
  return { name, address, size, boundaries: () => boundaries, callSites: () => sites };
}

function alignUp(size: number): number {
  return Math.ceil(size / FUNCTION_ALIGN) * FUNCTION_ALIGN;
}
