/**
 * Symbols as probe events look them up and print them.
 *
 * @module
 */

import { addressHex } from "../../../image/address.ts";
import type { Addr, KernelImage, SymbolInfo } from "../../../image/model.ts";
import { imageName, type Release, releaseSymbol } from "../../release/release.ts";
import { isKsymAddr } from "../../kprobes/ksym.ts";
import { sprintSymbol, sprintSymbolNoOffset } from "../../printk/symbol_text.ts";

/** Loaded modules, as far as probe events care. */
export interface ProbedModules {
  /** A loaded module. */
  get(name: string): unknown;
  /** Functions of all loaded modules. */
  functions(): readonly { readonly symbol: SymbolInfo }[];
}

const repeated = new WeakMap<KernelImage, ReadonlyMap<string, number>>();

/** kallsyms of one kernel, with its modules. */
export class ProbeSymbols {
  readonly #image: KernelImage;
  readonly #modules: ProbedModules;
  readonly #release: Release;

  /** `release` has names of its own for some symbols of the image. */
  constructor(image: KernelImage, modules: ProbedModules, release: Release) {
    this.#image = image;
    this.#modules = modules;
    this.#release = release;
  }

  /** `kallsyms_lookup_name`: `SYM` or `MOD:SYM`. */
  lookup(name: string): Addr | undefined {
    return this.#symbol(name)?.address;
  }

  #symbol(name: string): SymbolInfo | undefined {
    const known = imageName(this.#release, name);
    return known === undefined ? undefined : this.#image.symbol(known);
  }

  /** `number_of_same_symbols`. */
  count(name: string): number {
    const found = this.#symbol(name);
    const own = found === undefined || found.module !== undefined
      ? 0
      : repeatedNames(this.#image).get(found.name) ?? 1;
    return own + this.#modules.functions().filter(({ symbol }) => symbol.name === name).length;
  }

  /** The symbol that covers an address. */
  at(address: Addr): { readonly symbol: SymbolInfo; readonly offset: number } | undefined {
    const found = this.#image.symbolAt(address);
    if (found === undefined || !isKsymAddr(this.#image, address)) return undefined;
    const name = releaseSymbol(this.#release, found.symbol.name);
    return name === found.symbol.name ? found : { ...found, symbol: { ...found.symbol, name } };
  }

  /** Whether `SYM+OFF` is where a symbol starts; null where it is in no symbol. */
  isEntry(name: string, offset: number): boolean | null {
    const base = this.lookup(name);
    const found = base === undefined ? undefined : this.at(base + offset);
    return found === undefined ? null : found.offset === 0;
  }

  /** Whether a module of that name is loaded. */
  hasModule(name: string): boolean {
    return this.#modules.get(name) !== undefined;
  }

  /** `sprint_symbol`: `vfs_read+0x5/0x310`, with ` [MOD]` behind a module's; plain hex where no symbol covers it. */
  text(address: Addr): string {
    const found = this.at(address);
    return found === undefined ? addressHex(this.#image.arch, address) : sprintSymbol(found);
  }

  /** `sprint_symbol_no_offset`: `vfs_read`. */
  name(address: Addr): string {
    const symbol = this.at(address)?.symbol;
    return symbol === undefined ? addressHex(this.#image.arch, address) : sprintSymbolNoOffset(symbol);
  }
}

/** Names that more than one of the kernel's own symbols has. */
function repeatedNames(image: KernelImage): ReadonlyMap<string, number> {
  let names = repeated.get(image);
  if (names === undefined) {
    const counts = new Map<string, number>();
    for (const { name, module } of image.symbols()) {
      if (module === undefined) counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    names = new Map([...counts].filter(([, count]) => count > 1));
    repeated.set(image, names);
  }
  return names;
}
