/**
 * A kernel's image with the modules that are loaded now.
 *
 * @module
 */

import type {
  Addr,
  Arch,
  BlacklistRange,
  CallSite,
  CType,
  FieldLayout,
  FunctionInfo,
  KernelImage,
  Prototype,
  SymbolInfo,
  TracepointInfo,
} from "../../image/model.ts";
import type { PlacedFunction } from "./module_text.ts";

/** Where the text of loaded modules is found. */
export interface LoadedText {
  /** Functions of all loaded modules, oldest module first, without init text that is gone. */
  functions(): readonly PlacedFunction[];
}

/**
 * Answers for the kernel what its image says, and for loaded modules what they define. `module:function` names exactly
 * that function; a plain name finds the kernel's own first.
 */
export class ModuleImage implements KernelImage {
  readonly arch: Arch;
  readonly release: string;
  readonly pointerSize: 4 | 8;
  readonly whole: boolean;
  readonly #base: KernelImage;
  readonly #loaded: LoadedText;
  #indexed: Index | null = null;

  constructor(base: KernelImage, loaded: LoadedText, release: string = base.release) {
    this.#base = base;
    this.#loaded = loaded;
    this.arch = base.arch;
    this.release = release;
    this.pointerSize = base.pointerSize;
    this.whole = base.whole;
  }

  symbol(name: string): SymbolInfo | undefined {
    return this.#base.symbol(name) ?? this.#named(name)?.symbol;
  }

  symbolAt(address: Addr): { readonly symbol: SymbolInfo; readonly offset: number } | undefined {
    const own = this.#at(address);
    return own === undefined
      ? this.#base.symbolAt(address)
      : { symbol: own.symbol, offset: address - own.symbol.address };
  }

  *symbols(): Generator<SymbolInfo, void, void> {
    yield* this.#base.symbols();
    for (const { symbol, known } of this.#loaded.functions()) if (known !== true) yield symbol;
  }

  describe(address: Addr): string {
    const own = this.#at(address);
    if (own === undefined) return this.#base.describe(address);
    return `${own.symbol.name}+0x${(address - own.symbol.address).toString(16)} [${own.symbol.module}]`;
  }

  functions(glob?: string): readonly string[] {
    return this.#base.functions(glob);
  }

  filterFunctions(): readonly string[] {
    const loaded = this.#loaded.functions().filter(({ traceable }) => traceable).map(({ symbol }) =>
      `${symbol.name} [${symbol.module}]`
    );
    return [...this.#base.filterFunctions(), ...loaded];
  }

  nearFunctions(name: string, limit?: number): readonly string[] {
    return this.#base.nearFunctions(name, limit);
  }

  func(name: string): FunctionInfo | undefined {
    return this.#base.func(name) ?? this.#named(name)?.info;
  }

  callersOf(name: string): readonly { readonly caller: string; readonly site: CallSite }[] {
    return this.#base.callersOf(name);
  }

  prototype(name: string): Prototype | undefined {
    return this.#base.prototype(name);
  }

  isTraceable(name: string): boolean {
    return this.#base.isTraceable(name) || this.#named(name)?.traceable === true;
  }

  blacklistedAt(address: Addr): BlacklistRange | undefined {
    return this.#base.blacklistedAt(address);
  }

  blacklist(): readonly BlacklistRange[] {
    return this.#base.blacklist();
  }

  type(name: string): CType | undefined {
    return this.#base.type(name);
  }

  typeNames(glob?: string): readonly string[] {
    return this.#base.typeNames(glob);
  }

  nearTypes(name: string, limit?: number): readonly string[] {
    return this.#base.nearTypes(name, limit);
  }

  typeText(type: CType): string {
    return this.#base.typeText(type);
  }

  sizeOf(type: CType): number {
    return this.#base.sizeOf(type);
  }

  field(type: CType, path: string): FieldLayout | undefined {
    return this.#base.field(type, path);
  }

  fieldNames(type: CType): readonly string[] {
    return this.#base.fieldNames(type);
  }

  enumerator(name: string): number | undefined {
    return this.#base.enumerator(name);
  }

  tracepoint(name: `${string}:${string}`): TracepointInfo | undefined {
    return this.#base.tracepoint(name);
  }

  tracepoints(glob?: string): readonly string[] {
    return this.#base.tracepoints(glob);
  }

  nearTracepoints(name: string, limit?: number): readonly string[] {
    return this.#base.nearTracepoints(name, limit);
  }

  syscallNumber(name: string): number | undefined {
    return this.#base.syscallNumber(name);
  }

  syscallName(nr: number): string | undefined {
    return this.#base.syscallName(nr);
  }

  syscallEntry(name: string): string | undefined {
    return this.#base.syscallEntry(name);
  }

  syscallNames(): readonly string[] {
    return this.#base.syscallNames();
  }

  shapes(): Uint8Array | undefined {
    return this.#base.shapes();
  }

  #named(name: string): PlacedFunction | undefined {
    const functions = this.#loaded.functions();
    if (functions.length === 0) return undefined;
    return this.#index(functions).byName.get(name);
  }

  #at(address: Addr): PlacedFunction | undefined {
    const functions = this.#loaded.functions();
    if (functions.length === 0) return undefined;
    const { sorted } = this.#index(functions);
    let low = 0;
    let high = sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sorted[middle] as PlacedFunction).symbol.address <= address) low = middle + 1;
      else high = middle;
    }
    const found = sorted[low - 1];
    return found !== undefined && address < found.symbol.address + found.symbol.size ? found : undefined;
  }

  /** Functions by name and by address, made anew when modules come or go. The first of a name counts. */
  #index(functions: readonly PlacedFunction[]): Index {
    if (this.#indexed?.of === functions) return this.#indexed;
    const byName = new Map<string, PlacedFunction>();
    for (const placed of functions) {
      byName.set(placed.info.name, placed);
      byName.set(`${placed.symbol.module}:${placed.symbol.name}`, placed);
      if (!byName.has(placed.symbol.name)) byName.set(placed.symbol.name, placed);
    }
    const sorted = [...functions].sort((a, b) => a.symbol.address - b.symbol.address);
    return this.#indexed = { of: functions, byName, sorted };
  }
}

interface Index {
  readonly of: readonly PlacedFunction[];
  readonly byName: ReadonlyMap<string, PlacedFunction>;
  readonly sorted: readonly PlacedFunction[];
}
