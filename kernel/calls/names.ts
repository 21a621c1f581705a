/**
 * How a base name (`link_path_walk`) finds its symbol in a kernel, where the compiler may have renamed the function
 * (`link_path_walk.part.0.constprop.0`).
 *
 * @module
 */

const SUFFIX = /(?:\.(?:isra|part|constprop|cold|lto_priv|llvm)(?:\.\d+)?)+$/;

/** The name without the compiler's suffixes, and without a module in brackets: `ext4_x.part.0 [ext4]` → `ext4_x`. */
export function baseName(symbol: string): string {
  const bracket = symbol.indexOf(" [");
  return (bracket < 0 ? symbol : symbol.slice(0, bracket)).replace(SUFFIX, "");
}

/**
 * Picks the symbol for a base name among what a kernel has. An exact match wins; then what recordings have seen
 * called; then the shortest variant. `.cold` parts never stand for the function.
 */
export function pickSymbol(
  base: string,
  candidates: readonly string[],
  recorded: (name: string) => boolean,
): string | undefined {
  const fitting = candidates.filter((name) => !name.includes(".cold") && baseName(name) === base);
  if (fitting.includes(base)) return base;
  const seen = fitting.filter(recorded);
  return [...(seen.length > 0 ? seen : fitting)].sort((a, b) => a.length - b.length || (a < b ? -1 : 1))[0];
}
