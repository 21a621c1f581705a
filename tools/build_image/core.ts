/**
 * The core image of a kernel.
 *
 * @module
 */
import { globMatcher } from "../../image/mod.ts";
import {
  ARCH_FAMILIES,
  DATA_SYMBOLS,
  FRAME_SYMBOLS,
  FUNCTION_FAMILIES,
  TYPE_NAMES,
} from "./core_families.ts";
import type { ImageSource } from "./source.ts";
import { subset } from "./subset.ts";

/** Cuts the core image out: the named functions (names or globs), the built-in families, frames and data. */
export function coreSource(source: ImageSource, functions: readonly string[]): ImageSource {
  const traceable = new Set(
    source.functions.flatMap((fn) => fn.traceable ? [source.symbols[fn.symbol]!.name] : []),
  );
  const names = new Set(functions);
  const globs = functions.filter((name) => /[*?[]/.test(name));
  const isFamily = anyOf([...FUNCTION_FAMILIES, ...ARCH_FAMILIES[source.arch], ...globs]);
  const isFrame = anyOf(FRAME_SYMBOLS);
  const isData = anyOf(DATA_SYMBOLS);
  return subset(source, {
    types: TYPE_NAMES,
    symbol: ({ name, letter, module }) => {
      if (module !== undefined) return names.has(name);
      if (!/[tTwW]/.test(letter)) return isData(name) || names.has(name);
      return names.has(name) || isFrame(name) || (traceable.has(name) && isFamily(name));
    },
  });
}

function anyOf(globs: readonly string[]): (name: string) => boolean {
  const matchers = globs.map(globMatcher);
  return (name) => matchers.some((matches) => matches(name));
}
