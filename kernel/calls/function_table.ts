/**
 * The functions of one kernel as the call engine knows them: found by name, by reference, by shape library id.
 *
 * @module
 */

import { storeAt } from "../shapes/dense.ts";
import type { KernelImage } from "../../image/model.ts";
import type { ShapeLibrary } from "../shapes/library.ts";
import { behaviourOf, type FunctionRef } from "./function.ts";
import { MAX_ARGS } from "./frame.ts";
import { type ArmingObserver, KernelFunction } from "./kernel_function.ts";
import { baseName, pickSymbol } from "./names.ts";

/** Arguments of a function without a prototype. */
const UNKNOWN_PARAMETERS = 6;
/** What compilers append to a function's name, commonest first. */
const VARIANTS = [
  ".isra.0",
  ".part.0",
  ".constprop.0",
  ".part.0.constprop.0",
  ".constprop.0.isra.0",
  ".isra.0.constprop.0",
  ".part.0.isra.0",
  ".isra.1",
  ".part.1",
  ".constprop.1",
];

/** Makes `KernelFunction`s as they are asked for; each exists once. */
export class FunctionTable {
  readonly #image: KernelImage;
  readonly #library: ShapeLibrary;
  readonly #observer: ArmingObserver;
  readonly #bySymbol = new Map<string, KernelFunction>();
  readonly #byRef: (KernelFunction | undefined)[] = [];
  readonly #byShape: (KernelFunction | undefined)[] = [];
  #recordedByBase: ReadonlyMap<string, readonly string[]> | undefined;
  #root: KernelFunction | undefined;
  #made = 0;

  constructor(image: KernelImage, library: ShapeLibrary, observer: ArmingObserver) {
    this.#image = image;
    this.#library = library;
    this.#observer = observer;
  }

  /** What stands for the entry code below a root call: no text, no frame. */
  get root(): KernelFunction {
    return this.#root ??= new KernelFunction(
      { base: "", name: "" },
      undefined,
      { address: 0, visible: false, nargs: () => 0, shape: -1, nominal: () => 0, id: this.#made++ },
      null,
      this.#observer,
    );
  }

  /** The function that a reference means in this kernel. */
  byRef(ref: FunctionRef): KernelFunction {
    const known = this.#byRef[ref.index];
    if (known !== undefined) return known;
    const fn = this.#ofSymbol(this.symbolOf(ref.name) ?? ref.name, ref.name);
    return storeAt(this.#byRef, ref.index, fn);
  }

  /** The function of a recording. */
  byShape(id: number): KernelFunction {
    const known = this.#byShape[id];
    if (known !== undefined) return known;
    const symbol = this.#library.functionName(id);
    const fn = this.#ofSymbol(symbol, this.#behaviourFor(symbol) ?? symbol);
    return storeAt(this.#byShape, id, fn);
  }

  /** A function by symbol or base name; undefined where the kernel has none that can be called. */
  byName(name: string): KernelFunction | undefined {
    const symbol = this.#exists(name) ? name : this.symbolOf(name);
    if (symbol === undefined) return undefined;
    const plain = this.#plain(symbol);
    return this.#ofSymbol(plain, this.#behaviourFor(plain) ?? (plain === symbol ? name : plain));
  }

  /** What a function is called by: `ext4:ext4_sync_file` finds one that the image knows, as `ext4_sync_file` does. */
  #plain(symbol: string): string {
    const info = symbol.includes(":") ? this.#image.func(symbol) : undefined;
    return info?.name ?? symbol;
  }

  /** A function is gone, with its module: another one of that name may come, elsewhere. */
  forget(ref: FunctionRef): void {
    this.#bySymbol.delete(ref.name);
    this.#byRef[ref.index] = undefined;
  }

  /** The symbol of a base name in this kernel, if it has one. */
  symbolOf(base: string): string | undefined {
    if (this.#exists(base)) return base;
    const recorded = this.#recorded(base);
    const inText = VARIANTS.map((suffix) => base + suffix).filter((name) =>
      this.#image.func(name) !== undefined
    );
    return pickSymbol(base, [...new Set([...recorded, ...inText])], (name) => recorded.includes(name));
  }

  #exists(symbol: string): boolean {
    return this.#library.functionId(symbol) >= 0 || this.#image.func(symbol) !== undefined;
  }

  #ofSymbol(symbol: string, base: string): KernelFunction {
    const known = this.#bySymbol.get(symbol);
    if (known !== undefined) return known;
    const info = this.#image.func(symbol);
    const shape = this.#library.functionId(symbol);
    const address = info?.address ?? this.#image.symbol(symbol)?.address;
    const fn = new KernelFunction(
      { base, name: symbol },
      info,
      {
        address: address ?? 0,
        visible: address !== undefined &&
          (info !== undefined || shape >= 0 || behaviourOf(base) !== undefined),
        nargs: () => this.#parameters(symbol, base),
        shape,
        nominal: () => this.#library.nominal(shape),
        id: this.#made++,
      },
      behaviourOf(base) ?? null,
      this.#observer,
    );
    this.#bySymbol.set(symbol, fn);
    return fn;
  }

  #parameters(symbol: string, base: string): number {
    const prototype = this.#image.prototype(symbol) ?? this.#image.prototype(base);
    return prototype === undefined ? UNKNOWN_PARAMETERS : Math.min(prototype.params.length, MAX_ARGS);
  }

  /** Name of the behaviour that runs for a symbol: behaviours are named without compiler suffixes. */
  #behaviourFor(symbol: string): string | undefined {
    if (behaviourOf(symbol) !== undefined) return symbol;
    const base = baseName(symbol);
    return base !== symbol && behaviourOf(base) !== undefined && this.symbolOf(base) === symbol
      ? base
      : undefined;
  }

  #recorded(base: string): readonly string[] {
    if (this.#recordedByBase === undefined) {
      const map = new Map<string, string[]>();
      for (const name of this.#library.functionNames()) {
        const key = baseName(name);
        const list = map.get(key);
        if (list === undefined) map.set(key, [name]);
        else list.push(name);
      }
      this.#recordedByBase = map;
    }
    return this.#recordedByBase.get(base) ?? [];
  }
}
