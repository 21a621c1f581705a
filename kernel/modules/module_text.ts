/**
 * A module's text: where its functions lie, and the instructions that stand for them.
 *
 * @module
 */

import type { Addr, BlacklistRange, CallSite, FunctionInfo, SymbolInfo } from "../../image/model.ts";
import type { ArchModel } from "../arch/model.ts";
import type { ModuleFunction } from "./definition.ts";
import { CALL_SIZE } from "../memory/text_bytes.ts";

/** Functions start at multiples of this. */
const FUNCTION_ALIGN = 16;
/** Bytes of a page. */
const PAGE = 4096;
/** Bytes of a function that doesn't say. */
const DEFAULT_SIZE = 64;
/** Bytes of an ordinary instruction here. */
const PLAIN_SIZE = 4;

/** A function that has been placed. */
export interface PlacedFunction {
  readonly info: FunctionInfo;
  readonly symbol: SymbolInfo;
  readonly init: boolean;
  readonly traceable: boolean;
  /** The image lists it already. */
  readonly known?: boolean;
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

  private constructor(
    base: Addr,
    coreSize: number,
    initSize: number,
    functions: readonly PlacedFunction[],
    blacklist: readonly BlacklistRange[],
  ) {
    this.base = base;
    this.coreSize = coreSize;
    this.initSize = initSize;
    this.functions = functions;
    this.blacklist = blacklist;
  }

  /** A module that is written here, at `base`. */
  static of(
    arch: ArchModel,
    module: string,
    base: Addr,
    functions: Readonly<Record<string, ModuleFunction>>,
  ): ModuleLayout {
    const all = Object.entries(functions);
    const core = all.filter(([, f]) => f.section !== "init");
    const init = all.filter(([, f]) => f.section === "init");
    const coreSize = pagesOf(arch, core);
    const placed = [...place(arch, module, base, core), ...place(arch, module, base + coreSize, init)];
    const blacklist = placed
      .filter(({ symbol }) => functions[symbol.name]?.nokprobe === true)
      .map(({ symbol }) => ({ start: symbol.address, end: symbol.address + symbol.size, name: symbol.name }));
    return new ModuleLayout(base, coreSize, pagesOf(arch, init), placed, blacklist);
  }

  /**
   * A module whose symbols the image knows, each at its own address. What calls it has is not known: `calls` tells those
   * that the model makes.
   */
  static known(
    arch: ArchModel,
    symbols: readonly SymbolInfo[],
    calls: (name: string) => readonly string[],
  ): ModuleLayout {
    const start = Math.min(...symbols.map(({ address }) => address));
    const end = Math.max(...symbols.map(({ address, size }) => address + size));
    const base = Math.floor(start / PAGE) * PAGE;
    const placed = symbols.map((symbol): PlacedFunction => {
      const info = functionInfo(arch, symbol.name, symbol.address, symbol.size, {
        calls: fitting(arch, symbol.size, calls(symbol.name)),
      });
      return { info, symbol, init: false, traceable: !symbol.name.includes(".cold"), known: true };
    });
    return new ModuleLayout(base, Math.ceil((end - base) / PAGE) * PAGE, 0, placed, []);
  }

  /** Bytes that it takes: of a module with that text, wherever it lies. */
  static sizeOf(arch: ArchModel, functions: Readonly<Record<string, ModuleFunction>>): number {
    const layout = ModuleLayout.of(arch, "", 0, functions);
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

/** As many of the calls as a function of that size has room for. */
function fitting(arch: ArchModel, size: number, calls: readonly string[]): readonly string[] {
  const each = PLAIN_SIZE + (arch.instructionAlign > 1 ? arch.instructionAlign : CALL_SIZE);
  return calls.slice(0, Math.max(0, Math.floor((size - 16) / each)));
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
