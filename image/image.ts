/**
 * The kernel image behind the `KernelImage` interface: look-ups over the sections of an image file, each decoded when first used.
 *
 * @module
 */
import { addressHex } from "./address.ts";
import { Container } from "./container.ts";
import { declaration, paramsText, typeText } from "./ctype_text.ts";
import { globMatcher } from "./glob.ts";
import { fieldLayout, fieldNames, sizeOf } from "./layout.ts";
import type {
  Addr,
  Arch,
  BlacklistRange,
  CallSite,
  CType,
  FieldLayout,
  FunctionInfo,
  KernelImage,
  Param,
  Prototype,
  SymbolInfo,
  TracepointInfo,
} from "./model.ts";
import { NameIndex } from "./name_index.ts";
import { NamePool } from "./names.ts";
import { nearNames } from "./near.ts";
import { type FunctionEntry, SymbolTable } from "./symbols.ts";
import { decodeFilterFunctions } from "./filter_functions.ts";
import { decodeBlacklist, decodeSyscalls, type SyscallRecord, TracepointTable } from "./tables.ts";
import { TextTable } from "./text.ts";
import { TypeTable } from "./types.ts";

/** Suffixes that GCC gives to copies of a function it specialised; BTF knows the function under its own name only. */
const CLONE_SUFFIX = /(?:\.(?:isra|constprop|part|cold|llvm)(?:\.\d+)*)+$/;

/** An opened image file. */
export class ImageFile implements KernelImage {
  readonly arch: Arch;
  readonly release: string;
  readonly pointerSize: 4 | 8;
  readonly whole: boolean;
  readonly #container: Container;
  readonly #names: NamePool;
  readonly #meanings: NameIndex;
  readonly #symbols: SymbolTable;
  readonly #text: TextTable;
  readonly #types: TypeTable;
  readonly #tracepoints: TracepointTable;
  readonly #functionInfos = new Map<string, FunctionInfo | undefined>();
  readonly #prototypes = new Map<string, Prototype | undefined>();
  #functionNames: readonly string[] | undefined;
  /** Address of `_end`; NaN where the image has no such symbol. */
  #end: Addr | undefined;
  #filterFunctions: readonly string[] | undefined;
  #typeNames: readonly string[] | undefined;
  #blacklist: readonly BlacklistRange[] | undefined;
  #syscallTable: Syscalls | undefined;

  /** Opens the bytes of an image file; `label` names it in errors. Throws as `Container` does. */
  constructor(bytes: Uint8Array, label: string) {
    this.#container = new Container(bytes, label);
    const { arch, release, pointerSize, whole } = this.#container.header;
    this.arch = arch;
    this.release = release;
    this.pointerSize = pointerSize;
    this.whole = whole;
    this.#names = new NamePool(this.#container);
    this.#meanings = new NameIndex(this.#container);
    this.#symbols = new SymbolTable(this.#container, this.#names);
    this.#text = new TextTable(this.#container, this.#names, () => this.#symbols.functionCount);
    this.#types = new TypeTable(this.#container, this.#names);
    this.#tracepoints = new TracepointTable(this.#container);
  }

  symbol(name: string): SymbolInfo | undefined {
    const index = this.#symbolIndex(name);
    return index === undefined ? undefined : this.#symbols.info(index);
  }

  symbolAt(address: Addr): { readonly symbol: SymbolInfo; readonly offset: number } | undefined {
    const index = this.#covering(address);
    if (index === undefined) return undefined;
    return { symbol: this.#symbols.info(index), offset: address - this.#symbols.addressOf(index) };
  }

  /** The symbol that an address belongs to. The kernel's own end at `_end`, as for kallsyms: behind it only modules have any. */
  #covering(address: Addr): number | undefined {
    const index = this.#symbols.covering(address);
    if (index === undefined) return undefined;
    this.#end ??= this.symbol("_end")?.address ?? NaN;
    return address >= this.#end && this.#symbols.info(index).module === undefined ? undefined : index;
  }

  *symbols(): Generator<SymbolInfo, void, void> {
    const modules = new Map<string, number[]>();
    // kallsyms sorts by unsigned address: per-CPU symbols of 64-bit kernels, which are last here, come first.
    for (const negative of [false, true]) {
      for (let index = 0; index < this.#symbols.count; index++) {
        if (this.#symbols.addressOf(index) < 0 !== negative) continue;
        const info = this.#symbols.info(index);
        if (info.module === undefined) yield info;
        else modules.set(info.module, [...modules.get(info.module) ?? [], index]);
      }
    }
    for (const indexes of modules.values()) for (const index of indexes) yield this.#symbols.info(index);
  }

  describe(address: Addr): string {
    const index = this.#covering(address);
    if (index === undefined) return addressHex(this.arch, address);
    const offset = address - this.#symbols.addressOf(index);
    return `${this.#symbols.nameOf(index)}+0x${offset.toString(16)}`;
  }

  functions(glob?: string): readonly string[] {
    const all = this.#functionNames ??= this.#listFunctions();
    return glob === undefined || glob === "*" ? all : all.filter(globMatcher(glob));
  }

  filterFunctions(): readonly string[] {
    if (this.#filterFunctions === undefined) {
      const bytes = this.#container.chunk("filter_functions", 0);
      const lines = decodeFilterFunctions(bytes, (index) => this.#symbols.info(index));
      // A part of a kernel has a part of the list: its functions, as far as ftrace knows where they are.
      this.#filterFunctions = lines.length > 0 ? lines : this.functions();
    }
    return this.#filterFunctions;
  }

  nearFunctions(name: string, limit?: number): readonly string[] {
    return nearNames(name, this.functions(), limit);
  }

  func(name: string): FunctionInfo | undefined {
    if (!this.#functionInfos.has(name)) this.#functionInfos.set(name, this.#makeFunction(name));
    return this.#functionInfos.get(name);
  }

  callersOf(name: string): readonly { readonly caller: string; readonly site: CallSite }[] {
    return this.#text.callersOf(this.#aliases(name)).map(({ fn, call }) => ({
      caller: this.#symbols.nameOf(this.#symbols.ofFunction(fn)),
      site: this.#text.callSites(fn)[call]!,
    }));
  }

  prototype(name: string): Prototype | undefined {
    if (!this.#prototypes.has(name)) this.#prototypes.set(name, this.#makePrototype(name));
    return this.#prototypes.get(name);
  }

  isTraceable(name: string): boolean {
    return this.#functionEntry(name)?.entry.traceable ?? false;
  }

  blacklistedAt(address: Addr): BlacklistRange | undefined {
    return this.blacklist().find((range) => range.start <= address && address < range.end);
  }

  blacklist(): readonly BlacklistRange[] {
    return this.#blacklist ??= decodeBlacklist(this.#container.chunk("blacklist", 0));
  }

  type(name: string): CType | undefined {
    const tagged = /^\s*(struct|union|enum)\s+(\w+)\s*$/.exec(name);
    if (!tagged) return this.#types.named(name.trim()).find((type) => type.kind !== "fwd");
    return this.#types.named(tagged[2]!).find((type) => type.kind === tagged[1]);
  }

  typeNames(glob?: string): readonly string[] {
    const all = this.#typeNames ??= Array.from(this.#types.allNamed(), ([name]) => name);
    return glob === undefined || glob === "*" ? all : all.filter(globMatcher(glob));
  }

  nearTypes(name: string, limit?: number): readonly string[] {
    const tag = /^\s*(?:struct|union|enum)\s+/.exec(name)?.[0] ?? "";
    const near = nearNames(name.slice(tag.length).trim(), this.typeNames(), limit);
    const tagged = `${tag.trim()} `;
    return tag === ""
      ? near
      : near.filter((other) => this.type(tagged + other) !== undefined).map((n) => tagged + n);
  }

  typeText(type: CType): string {
    return typeText(type);
  }

  sizeOf(type: CType): number {
    return sizeOf(type, this.pointerSize);
  }

  field(type: CType, path: string): FieldLayout | undefined {
    return fieldLayout(type, path, this.pointerSize);
  }

  fieldNames(type: CType): readonly string[] {
    return fieldNames(type);
  }

  enumerator(name: string): number | undefined {
    return this.#types.enumerator(name);
  }

  tracepoint(name: `${string}:${string}`): TracepointInfo | undefined {
    return this.#tracepoints.get(name);
  }

  tracepoints(glob?: string): readonly string[] {
    const all = [...this.#tracepoints.names()];
    return glob === undefined || glob === "*" || glob === "*:*" ? all : all.filter(globMatcher(glob));
  }

  nearTracepoints(name: string, limit?: number): readonly string[] {
    return nearNames(name, this.#tracepoints.names(), limit);
  }

  syscallNumber(name: string): number | undefined {
    return this.#syscalls.byName.get(name)?.nr;
  }

  syscallName(nr: number): string | undefined {
    return this.#syscalls.byNumber.get(nr)?.name;
  }

  syscallEntry(name: string): string | undefined {
    return this.#syscalls.byName.get(name)?.entry;
  }

  syscallNames(): readonly string[] {
    return this.#syscalls.names;
  }

  shapes(): Uint8Array | undefined {
    return this.#container.chunkCount("shapes") === 0 ? undefined : this.#container.chunk("shapes", 0);
  }

  #symbolIndex(name: string): number | undefined {
    const id = this.#names.id(name);
    return id === undefined ? undefined : this.#meanings.symbol(id);
  }

  #functionEntry(name: string): { readonly symbol: number; readonly entry: FunctionEntry } | undefined {
    const id = this.#names.id(name);
    const symbol = id === undefined ? undefined : this.#meanings.fn(id);
    const entry = symbol === undefined ? undefined : this.#symbols.functionOf(symbol);
    return symbol === undefined || !entry ? undefined : { symbol, entry };
  }

  /** Every name of the place that a name means: call sites may use any. */
  #aliases(name: string): readonly string[] {
    const index = this.#symbolIndex(name);
    const address = index === undefined ? undefined : this.#symbols.addressOf(index);
    const names = new Set([name]);
    let at = address === undefined ? undefined : this.#symbols.covering(address);
    while (at !== undefined && at < this.#symbols.count && this.#symbols.addressOf(at) === address) {
      names.add(this.#symbols.nameOf(at++));
    }
    return [...names];
  }

  #listFunctions(): readonly string[] {
    const names = new Set<string>();
    for (let index = 0; index < this.#symbols.count; index++) {
      if (this.#symbols.isTraceable(index)) names.add(this.#symbols.nameOf(index));
    }
    return [...names];
  }

  #makeFunction(name: string): FunctionInfo | undefined {
    const found = this.#functionEntry(name);
    if (!found?.entry.traceable) return undefined;
    const { index, size } = found.entry;
    const text = this.#text;
    let boundaries: Uint32Array | undefined;
    let callSites: readonly CallSite[] | undefined;
    return {
      name,
      address: this.#symbols.addressOf(found.symbol),
      size,
      boundaries: () => boundaries ??= text.boundaries(index, size),
      callSites: () => callSites ??= text.callSites(index),
    };
  }

  #makePrototype(name: string): Prototype | undefined {
    const proto = this.#funcProto(name) ?? this.#funcProto(name.replace(CLONE_SUFFIX, ""));
    return proto && new FunctionPrototype(name, proto);
  }

  #funcProto(name: string): FunctionType | undefined {
    const id = this.#names.id(name);
    const type = id === undefined ? undefined : this.#meanings.prototype(id);
    const proto = type === undefined ? undefined : this.#types.byId(type);
    return proto?.kind === "func_proto" ? proto : undefined;
  }

  get #syscalls(): Syscalls {
    if (this.#syscallTable) return this.#syscallTable;
    const rows = decodeSyscalls(this.#container.chunk("syscalls", 0));
    return this.#syscallTable = {
      names: rows.map((row) => row.name),
      byName: new Map(rows.map((row) => [row.name, row])),
      byNumber: new Map(rows.map((row) => [row.nr, row])),
    };
  }
}

type FunctionType = Extract<CType, { kind: "func_proto" }>;

/** A prototype that is spelt out when its text is asked for. */
class FunctionPrototype implements Prototype {
  readonly params: readonly Param[];
  readonly #type: FunctionType;
  #text: string | undefined;

  constructor(readonly name: string, type: FunctionType) {
    this.params = type.params;
    this.#type = type;
  }

  get ret(): CType {
    return this.#type.ret;
  }

  get text(): string {
    return this.#text ??= declaration(this.ret, `${this.name}(${paramsText(this.params)})`);
  }
}

interface Syscalls {
  readonly names: readonly string[];
  readonly byName: ReadonlyMap<string, SyscallRecord>;
  readonly byNumber: ReadonlyMap<number, SyscallRecord>;
}
