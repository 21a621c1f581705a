/**
 * The modules of one kernel: loading, unloading, and who is told.
 *
 * @module
 */

import type { Addr, KernelImage, SymbolInfo } from "../../image/model.ts";
import { behaviour, behaviourOf, fn } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { DETOUR_SPACE } from "../kprobes/detour_slots.ts";
import type { ModuleState, ModuleText } from "../kprobes/host.ts";
import { functionBytes } from "../memory/text_bytes.ts";
import { EBUSY, EEXIST, ENOENT, ENOMEM } from "../syscalls/errno.ts";
import type { AnyModule, ModuleBody, ModuleFunction, ModuleParam } from "./definition.ts";
import { ModuleLayout, type PlacedFunction } from "./module_text.ts";
import { parseParams } from "./params.ts";

/** The function that `insmod` runs, in init text. */
const INIT = "init_module";
/** The function that `rmmod` runs. */
const EXIT = "cleanup_module";

const symbolsOf = new WeakMap<KernelImage, ReadonlyMap<string, readonly SymbolInfo[]>>();

/** Functions of modules that an image knows, by module; all symbols are looked through once. */
function moduleSymbols(image: KernelImage): ReadonlyMap<string, readonly SymbolInfo[]> {
  let found = symbolsOf.get(image);
  if (found === undefined) {
    const modules = new Map<string, SymbolInfo[]>();
    for (const symbol of image.symbols()) {
      const { module, letter, size, name } = symbol;
      if (module === undefined || letter !== "t" && letter !== "T" || size === 0) continue;
      if (name.startsWith("__SC") || INIT_EXIT.has(name)) continue;
      const list = modules.get(module);
      if (list === undefined) modules.set(module, [symbol]);
      else list.push(symbol);
    }
    symbolsOf.set(image, found = modules);
  }
  return found;
}

/** Functions that every module has. */
const INIT_EXIT = new Set([INIT, EXIT]);

/** A module that is loaded, or on its way in or out. */
export interface LoadedModule extends ModuleText {
  readonly definition: AnyModule;
  readonly layout: ModuleLayout;
  /** Where its text starts. */
  readonly base: Addr;
  /** Bytes of core text. */
  readonly size: number;
}

/** Told of each change: a module comes, is live, goes. */
export type ModuleListener = (module: LoadedModule, state: ModuleState) => void;

interface Loaded extends LoadedModule {
  state: ModuleState;
  body: ModuleBody | null;
}

/**
 * Loaded modules.
 *
 * ```ts
 * import { coreImage } from "../../image/mod.ts";
 * import { Kernel } from "../kernel.ts";
 * import { ShapeLibrary } from "../shapes/library.ts";
 * import { kernelModule } from "./mod.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const hello = kernelModule({
 *   name: "hello",
 *   params: { who: "world" },
 *   setup: (k, { who }) => ({
 *     init: () => k.log.printk(`Hello, ${who}`),
 *     exit: () => k.log.printk("Goodbye"),
 *   }),
 * });
 * const k = new Kernel(await coreImage("x86_64"), ShapeLibrary.empty());
 * const start = k.log.next;
 * assertEquals([k.modules.insmod(hello, { who: "kernel" }), k.modules.rmmod("hello")], [0, 0]);
 * assertEquals(k.log.dmesg(start), "[    0.000000] Hello, kernel\n[    0.000000] Goodbye\n");
 * ```
 */
export class ModuleTable {
  readonly #k: Kernel;
  /** The image without what modules add. */
  readonly #image: KernelImage;
  readonly #loaded = new Map<string, Loaded>();
  /** Where each module that was ever loaded lies: it comes back to the same place if it still fits. */
  readonly #places = new Map<string, { readonly base: Addr; readonly size: number }>();
  readonly #listeners = new Set<ModuleListener>();
  #functions: readonly PlacedFunction[] = [];
  /** Lowest address given so far, counted down from the end of module space. */
  #lowest: Addr;

  constructor(k: Kernel, image: KernelImage) {
    this.#k = k;
    this.#image = image;
    this.#lowest = k.arch.layout.modulesEnd - DETOUR_SPACE;
  }

  /** Loads a module: 0, or -errno, the one of its init function included. Parameters not given have their defaults. */
  insmod(definition: AnyModule, params: Readonly<Record<string, ModuleParam>> = {}): number {
    const { name } = definition;
    this.#k.kprobes.mightSleep();
    if (this.#loaded.has(name)) return -EEXIST;
    const module = this.#place(definition);
    if (module === undefined) return -ENOMEM;
    this.#loaded.set(name, module);
    let result: number | undefined;
    try {
      result = this.#load(module, params);
      return result;
    } finally {
      // What throws half way leaves nothing behind either.
      if (result !== 0) this.#free(module);
    }
  }

  /** `load_module` and `do_init_module`: 0, or -errno of a module that can't stay. */
  #load(module: Loaded, params: Readonly<Record<string, ModuleParam>>): number {
    const { log } = this.#k;
    const { name, definition, layout } = module;
    this.#mapText(module);
    this.#change(module, "coming");
    const parsed = parseParams(name, definition.params ?? {}, params);
    if ("errno" in parsed) {
      log.printk(parsed.message, "err");
      return -parsed.errno;
    }
    for (const warning of parsed.warnings) log.printk(warning, "warn");
    module.body = definition.setup(this.#k, parsed.params);
    const result = this.#run(name, INIT);
    if (result < 0) return result;
    if (result > 0) {
      log.printk(
        `${name}: '${name}'->init suspiciously returned ${result}, it should follow 0/-E convention\n` +
          `${name}: loading module anyway...`,
        "warn",
      );
    }
    this.#change(module, "live");
    this.#collect();
    if (layout.initSize > 0) this.#k.memory.unmapPages(layout.base + layout.coreSize, layout.initSize);
    return 0;
  }

  /**
   * Loads a module that the image knows the symbols of, as the kernel does for what needs it: its functions can be probed
   * from then on, at their own addresses. False: the image knows none of that name. Behaviours are what they do.
   */
  loadKnown(name: string): boolean {
    if (this.#loaded.has(name)) return true;
    const { arch, calls } = this.#k;
    const symbols = moduleSymbols(this.#image).get(name) ?? [];
    if (symbols.length === 0) return false;
    const callees = (of: string): readonly string[] =>
      (behaviourOf(of)?.calls ?? []).map((ref) => calls.functions.symbolOf(ref.name) ?? ref.name);
    const layout = ModuleLayout.known(arch, symbols, callees);
    const module: Loaded = {
      name,
      definition: { name, setup: () => ({ init: () => 0 }) },
      layout,
      base: layout.base,
      size: layout.coreSize,
      blacklist: [],
      state: "coming",
      body: null,
      withinCore: (address) => layout.withinCore(address),
      withinInit: () => false,
    };
    this.#loaded.set(name, module);
    this.#mapText(module);
    this.#change(module, "coming");
    for (const { symbol } of layout.functions) calls.forget(fn(symbol.name));
    this.#change(module, "live");
    this.#collect();
    return true;
  }

  /** Unloads a module: 0, -ENOENT if there is none, -EBUSY if it is not live or has no exit function. */
  rmmod(name: string): number {
    this.#k.kprobes.mightSleep();
    const module = this.#loaded.get(name);
    if (module === undefined) return -ENOENT;
    if (module.state !== "live" || module.body?.exit === undefined) return -EBUSY;
    module.state = "going";
    try {
      this.#run(name, EXIT);
    } finally {
      this.#free(module);
    }
    return 0;
  }

  /** A loaded module. */
  get(name: string): LoadedModule | undefined {
    return this.#loaded.get(name);
  }

  /** All of them, newest first, as `/proc/modules` lists them. */
  list(): readonly LoadedModule[] {
    return [...this.#loaded.values()].reverse();
  }

  /** Calls `listener` at each change of a module's state, kprobes having been told before, until the result is called. */
  onChange(listener: ModuleListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** The loaded module whose text holds an address. Init text that was freed is in none. */
  textAt(address: Addr): LoadedModule | undefined {
    for (const module of this.#loaded.values()) {
      if (module.withinCore(address) || module.withinInit(address)) return module;
    }
    return undefined;
  }

  /** Functions of all loaded modules. */
  functions(): readonly PlacedFunction[] {
    return this.#functions;
  }

  /** Calls a function of a loaded module, as other code of that module would. */
  call(module: string, name: string, ...args: number[]): number {
    if (this.#loaded.get(module)?.layout.functions.some((f) => f.symbol.name === name) !== true) {
      throw new Error(`Cannot call ${module}:${name}: no loaded module has that function`);
    }
    return this.#k.calls.enter(this.#k.current, fn(`${module}:${name}`), args, undefined, { kind: "bare" });
  }

  #run(module: string, name: string): number {
    const result = this.call(module, name);
    return Number.isNaN(result) ? 0 : result;
  }

  #place(definition: AnyModule): Loaded | undefined {
    const { arch } = this.#k;
    const { name } = definition;
    const functions: Record<string, ModuleFunction> = {
      ...definition.functions,
      [EXIT]: {},
      [INIT]: { section: "init" },
    };
    const size = ModuleLayout.sizeOf(arch, functions);
    let place = this.#places.get(name);
    if (place === undefined || place.size < size) {
      if (this.#lowest - size < arch.layout.modules) return undefined;
      this.#lowest -= size;
      place = { base: this.#lowest, size };
      this.#places.set(name, place);
    }
    const layout = ModuleLayout.of(arch, name, place.base, functions);
    for (const { symbol } of layout.functions) this.#define(name, symbol.name);
    const module: Loaded = {
      name,
      definition,
      layout,
      base: layout.base,
      size: layout.coreSize,
      blacklist: layout.blacklist,
      state: "coming",
      body: null,
      withinCore: (address) => layout.withinCore(address),
      withinInit: (address) => module.state === "coming" && layout.withinInit(address),
    };
    return module;
  }

  /** Lets the call engine run a function of that name: the body of whichever module is loaded then. */
  #define(module: string, name: string): void {
    const key = `${module}:${name}`;
    if (behaviourOf(key) !== undefined) return;
    behaviour(key, [], (k, ...args) => {
      const body = k.modules.bodyOf(module);
      if (name === INIT) return body?.init() ?? 0;
      if (name === EXIT) {
        body?.exit?.();
        return NaN;
      }
      const functions = body?.functions ?? {};
      return (Object.hasOwn(functions, name) ? functions[name]?.(...args as number[]) : undefined) ?? NaN;
    });
  }

  /** What a loaded module does. */
  bodyOf(name: string): ModuleBody | null {
    return this.#loaded.get(name)?.body ?? null;
  }

  #mapText(module: Loaded): void {
    const { memory, image, arch } = this.#k;
    const { layout } = module;
    memory.mapPages(layout.base, layout.coreSize + layout.initSize);
    this.#collect();
    for (const { info } of layout.functions) {
      memory.writeBytes(info.address, functionBytes(arch, info, (name) => image.symbol(name)?.address));
    }
  }

  #change(module: Loaded, state: ModuleState): void {
    // Probes in init text are told while it still is theirs.
    const before = module.state;
    const text: ModuleText = state === "live"
      ? { ...module, state, withinInit: (address) => module.layout.withinInit(address) }
      : Object.assign(module, { state });
    this.#k.kprobes.moduleChanged(text);
    module.state = state;
    if (before !== state || state === "coming") {
      for (const listener of this.#listeners) listener(module, state);
    }
  }

  #free(module: Loaded): void {
    const wasGoing = module.state === "going";
    module.state = "going";
    this.#k.kprobes.moduleChanged({
      ...module,
      state: "going",
      withinInit: (address) => module.layout.withinInit(address),
    });
    for (const listener of this.#listeners) listener(module, "going");
    if (wasGoing) module.body = null;
    this.#loaded.delete(module.name);
    for (const { info } of module.layout.functions) this.#k.calls.forget(fn(info.name));
    this.#collect();
    this.#k.memory.unmapPages(module.layout.base, module.layout.coreSize + module.layout.initSize);
  }

  #collect(): void {
    this.#functions = [...this.#loaded.values()].flatMap((module) =>
      module.layout.functions.filter((f) => !f.init || module.state === "coming")
    );
  }
}
