/**
 * The core image of a kernel.
 *
 * @module
 */
import { globMatcher, isGlob } from "../../image/mod.ts";
import {
  ARCH_FAMILIES,
  DATA_SYMBOLS,
  FRAME_SYMBOLS,
  FUNCTION_FAMILIES,
  MODULE_DATA_SYMBOLS,
  SECTION_MARKS,
  TYPE_NAMES,
} from "./core_families.ts";
import type { ImageSource, SourceSymbol } from "./source.ts";
import { subset } from "./subset.ts";

/**
 * Cuts the core image out: the named functions (names or globs), the built-in families, frames, data and section marks, and what the functions
 * call that cannot be traced (thunks, `__fentry__`): a traceable one must not be known by half.
 */
export function coreSource(source: ImageSource, functions: readonly string[]): ImageSource {
  const traceable = new Set(
    source.functions.flatMap((fn) => fn.traceable ? [source.symbols[fn.symbol]!.name] : []),
  );
  const names = new Set(functions);
  const globs = functions.filter((name) => isGlob(name));
  const isFamily = anyOf([...FUNCTION_FAMILIES, ...ARCH_FAMILIES[source.arch], ...globs]);
  const isFrame = anyOf(FRAME_SYMBOLS);
  const isData = anyOf(DATA_SYMBOLS);
  const isModuleData = anyOf(MODULE_DATA_SYMBOLS);
  const isMark = anyOf(SECTION_MARKS);
  const isWanted = ({ name, letter, module }: SourceSymbol): boolean => {
    if (names.has(name) || (module === undefined && isMark(name))) return true;
    if (module !== undefined) return !/[tTwW]/.test(letter) && isModuleData(name);
    return /[tTwW]/.test(letter) ? isFrame(name) || (traceable.has(name) && isFamily(name)) : isData(name);
  };
  const called = new Set(
    source.functions.filter((fn) => isWanted(source.symbols[fn.symbol]!)).flatMap((fn) =>
      fn.calls.map((call) => call.target).filter((target) => !traceable.has(target))
    ),
  );
  return subset(source, {
    types: TYPE_NAMES,
    symbol: (symbol) => isWanted(symbol) || called.has(symbol.name),
  });
}

function anyOf(globs: readonly string[]): (name: string) => boolean {
  const matchers = globs.map(globMatcher);
  return (name) => matchers.some((matches) => matches(name));
}
