/**
 * Encodes an image source to the bytes of an image file.
 *
 * @module
 */
import { deflateRawSync } from "node:zlib";
import { packImage, type Section } from "../../image/container.ts";
import { encodeFilterFunctions, type FilterLine } from "../../image/filter_functions.ts";
import { encodeNames } from "../../image/names.ts";
import { encodeNameIndex, type NameMeaning } from "../../image/name_index.ts";
import { encodeSymbols, type SymbolRecord } from "../../image/symbols_encode.ts";
import { encodeBlacklist, encodeSyscalls, encodeTracepoints } from "../../image/tables.ts";
import { encodeText } from "../../image/text_encode.ts";
import type { TypeRecord } from "../../image/type_records.ts";
import { encodeTypeSections, type NamedIds } from "../../image/types.ts";
import type { BtfType } from "./btf.ts";
import type { ImageSource, SourceFunction, SourceSymbol } from "./source.ts";

/** The bytes of an image file; with `shapes`, as `encodeShapes` makes them, it also knows what its functions call. */
export function encodeImage(source: ImageSource, shapes?: Uint8Array): Uint8Array {
  const names = collectNames(source);
  const ids = new Map(names.map((name, id) => [name, id]));
  const id = (name: string): number => ids.get(name)!;
  const targets = rankTargets(source);
  const ranks = new Map(targets.map((target, rank) => [target, rank]));
  const symbols = sortedSymbols(source);
  const sections = new Map<Section, readonly Uint8Array[]>([
    ...encodeNames(names),
    ["name_index", encodeNameIndex(meaningsOf(names, source, symbols))],
    ...encodeSymbols(symbols.map(({ symbol, fn }) => symbolRecord(symbol, fn, id)), !source.whole),
    ...encodeText(
      symbols.flatMap(({ fn }) => fn ? [fn] : []).map(({ lengths, calls }) => ({
        lengths,
        calls: calls.map((call) => ({ ...call, target: ranks.get(call.target)! })),
      })),
      targets.map(id),
    ),
    ...encodeTypeSections(source.types.map((type) => typeRecord(type, id)), {
      types: typeNames(source.types, id),
      enumerators: enumerators(source.types, id),
    }),
    ...encodeTracepoints(source.tracepoints),
    ["blacklist", [encodeBlacklist(source.blacklist)]],
    ["syscalls", [encodeSyscalls(source.syscalls)]],
    ["filter_functions", [encodeFilterFunctions(filterLines(source, symbols))]],
    ...(shapes === undefined ? [] : [["shapes", [shapes]] as const]),
  ]);
  const { arch, release, whole } = source;
  const counts = { names: names.length, types: source.types.length };
  return packImage(
    { arch, release, whole, pointerSize: arch === "i386" ? 4 : 8, counts },
    sections,
    whole ? deflate : undefined,
  );
}

function deflate(raw: Uint8Array): Uint8Array {
  return deflateRawSync(raw, { level: 9 });
}

interface SortedSymbol {
  readonly symbol: SourceSymbol;
  readonly fn: SourceFunction | undefined;
  /** Position in kallsyms. */
  readonly rank: number;
}

/** Symbols by signed address, those of one address in kallsyms' order. */
function sortedSymbols(source: ImageSource): SortedSymbol[] {
  const functions = new Map(source.functions.map((fn) => [fn.symbol, fn]));
  return source.symbols.map((symbol, rank) => ({ symbol, fn: functions.get(rank), rank })).sort((a, b) =>
    a.symbol.address - b.symbol.address || a.rank - b.rank
  );
}

/** ftrace's list by position among the sorted symbols. */
function filterLines(source: ImageSource, symbols: readonly SortedSymbol[]): FilterLine[] {
  const places = new Map(symbols.map(({ rank }, index) => [rank, index]));
  return source.filterFunctions.flatMap((line): FilterLine[] => {
    if ("invalid" in line) return [line];
    const symbol = places.get(line.symbol);
    return symbol === undefined ? [] : [{ symbol }];
  });
}

function symbolRecord(
  symbol: SourceSymbol,
  fn: SourceFunction | undefined,
  id: (name: string) => number,
): SymbolRecord {
  const { name, module, address, letter, span } = symbol;
  return {
    name: id(name),
    address,
    letter,
    ...(module === undefined ? {} : { module: id(module) }),
    ...(span === undefined ? {} : { span }),
    ...(fn ? { fn: { size: fn.size, traceable: fn.traceable } } : {}),
  };
}

/** What each name stands for; where symbols share a name, kallsyms' first wins. */
function meaningsOf(
  names: readonly string[],
  source: ImageSource,
  symbols: readonly SortedSymbol[],
): NameMeaning[] {
  const places = new Map(symbols.map(({ rank }, index) => [rank, index]));
  const first = new Map<string, number>();
  source.symbols.forEach(({ name }, rank) => {
    if (!first.has(name)) first.set(name, rank);
  });
  const functions = new Map<string, number>();
  for (const { symbol } of source.functions) {
    const { name } = source.symbols[symbol]!;
    if (!functions.has(name) || first.get(name) === symbol) functions.set(name, symbol);
  }
  const prototypes = new Map<string, number>();
  for (const type of source.types) {
    if (type?.kind === "func" && !prototypes.has(type.name)) prototypes.set(type.name, type.proto);
  }
  return names.map((name) => {
    const symbol = first.get(name);
    const fn = functions.get(name);
    const prototype = prototypes.get(name);
    return {
      ...(symbol === undefined ? {} : { symbol: places.get(symbol)! }),
      ...(fn === undefined ? {} : { fn: places.get(fn)! }),
      ...(prototype === undefined ? {} : { prototype }),
    };
  });
}

/** Every name that a section refers to by id, sorted by code units. */
function collectNames(source: ImageSource): string[] {
  const names = new Set<string>([""]);
  for (const { name, module } of source.symbols) {
    names.add(name);
    if (module !== undefined) names.add(module);
  }
  for (const fn of source.functions) for (const call of fn.calls) names.add(call.target);
  for (const type of source.types) {
    if (!type || type.kind === "var" || type.kind === "datasec" || type.kind === "decl_tag") continue;
    if ("name" in type) names.add(type.name);
    if ("members" in type) { for (const member of type.members) names.add(member.name); }
    if ("params" in type) { for (const param of type.params) names.add(param.name); }
    if ("values" in type) { for (const [name] of type.values) names.add(name); }
  }
  return [...names].sort((a, b) => a < b ? -1 : a > b ? 1 : 0);
}

/** Call targets, most called first, so that most calls need one byte. */
function rankTargets(source: ImageSource): string[] {
  const counts = new Map<string, number>();
  for (const fn of source.functions) {
    for (const { target } of fn.calls) counts.set(target, (counts.get(target) ?? 0) + 1);
  }
  return [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).map(([target]) => target);
}

function typeRecord(type: BtfType | undefined, id: (name: string) => number): TypeRecord {
  switch (type?.kind) {
    // Function and variable entries are no types; what is needed of them is in the indices.
    case undefined:
    case "func":
    case "var":
    case "datasec":
    case "decl_tag":
      return { kind: "hole" };
    case "int":
      return { kind: "int", name: id(type.name), size: type.size, encoding: type.encoding };
    case "float":
    case "fwd":
    case "typedef":
    case "type_tag":
      return { ...type, name: id(type.name) };
    case "ptr":
    case "const":
    case "volatile":
    case "restrict":
      return type;
    case "array":
      return { kind: "array", of: type.of, length: type.length };
    case "struct":
    case "union":
      return { ...type, name: id(type.name), members: type.members.map((m) => ({ ...m, name: id(m.name) })) };
    case "enum":
      return {
        ...type,
        name: id(type.name),
        values: type.values.map(([name, value]) => [id(name), value] as const),
      };
    case "func_proto":
      return { ...type, params: type.params.map((p) => ({ ...p, name: id(p.name) })) };
  }
}

/** What a bare name means, best first: C's ordinary identifiers, then tags. */
const NAMED_KINDS: readonly BtfType["kind"][] = ["typedef", "int", "float", "struct", "union", "enum"];

function typeNames(types: ImageSource["types"], id: (name: string) => number): NamedIds {
  const found: { kind: number; name: number; type: number }[] = [];
  types.forEach((type, index) => {
    const kind = type ? NAMED_KINDS.indexOf(type.kind) : -1;
    if (kind >= 0 && type && "name" in type && type.name !== "") {
      found.push({ kind, name: id(type.name), type: index });
    }
  });
  return found.sort((a, b) => a.kind - b.kind || a.type - b.type).map(({ name, type }) => [name, type]);
}

function enumerators(types: ImageSource["types"], id: (name: string) => number): NamedIds {
  const found = new Map<string, number>();
  types.forEach((type, index) => {
    if (type?.kind !== "enum") return;
    for (const [name] of type.values) if (!found.has(name)) found.set(name, index);
  });
  return Array.from(found, ([name, type]) => [id(name), type]);
}
