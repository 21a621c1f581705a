/**
 * Near names for a misspelt one.
 *
 * @module
 */

/** Distances from which a name no longer counts as a misspelling. */
function limitFor(length: number): number {
  return length <= 3 ? 1 : length <= 7 ? 2 : 3;
}

/**
 * The nearest of `names` to `wanted`, best first, at most `limit` (3 unless given).
 *
 * A name is near when a few letters are wrong, missing, extra or swapped with their neighbour, or when one begins with or contains
 * the other (from four letters on). Among equals the shorter, then the alphabetically first wins.
 *
 * ```ts
 * import { nearNames } from "./near.ts";
 * import { assertEquals } from "@std/assert";
 * assertEquals(nearNames("vfs_opne", ["vfs_read", "vfs_open", "do_open"]), ["vfs_open"]);
 * ```
 */
export function nearNames(wanted: string, names: Iterable<string>, limit = 3): string[] {
  const bound = limitFor(wanted.length);
  const folded = wanted.toLowerCase();
  const found: { name: string; score: number }[] = [];
  for (const name of names) {
    const score = scoreOf(folded, name.toLowerCase(), bound);
    if (score !== undefined) found.push({ name, score });
  }
  found.sort((a, b) =>
    a.score - b.score || a.name.length - b.name.length || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)
  );
  // Far behind the best there is only noise.
  const worst = found[0] === undefined ? 0 : found[0].score + 1;
  const out: string[] = [];
  for (const { name, score } of found) {
    if (out.length >= limit || score > worst) break;
    if (out.at(-1) !== name) out.push(name);
  }
  return out;
}

/** Lower is nearer: misspellings by distance, then names that extend the wanted one, then names that hold it. */
function scoreOf(wanted: string, name: string, bound: number): number | undefined {
  if (wanted === "" || name === "") return undefined;
  const distance = Math.abs(wanted.length - name.length) <= bound
    ? editDistance(wanted, name, bound)
    : undefined;
  if (distance !== undefined) return distance;
  if (wanted.length < 4) return undefined;
  const tail = 1 - 1 / (1 + Math.abs(name.length - wanted.length));
  if (name.startsWith(wanted)) return 2.2 + tail / 2;
  if (name.endsWith(wanted)) return 2.7 + tail / 2;
  if (name.includes(wanted)) return 3.5 + tail / 2;
  if (name.length >= 5 && wanted.startsWith(name)) return 4 + tail / 2;
  return undefined;
}

const rows: [Uint8Array, Uint8Array, Uint8Array] = [
  new Uint8Array(64),
  new Uint8Array(64),
  new Uint8Array(64),
];

/** Edit distance with neighbour swaps (optimal string alignment), or undefined beyond `bound`. */
export function editDistance(a: string, b: string, bound: number): number | undefined {
  if (Math.abs(a.length - b.length) > bound) return undefined;
  if (rows[0].length <= b.length) rows.forEach((_, i) => rows[i] = new Uint8Array(b.length * 2));
  let [before, above, row] = rows;
  for (let j = 0; j <= b.length; j++) above[j] = Math.min(j, bound + 1);
  for (let i = 1; i <= a.length; i++) {
    row.fill(bound + 1, 0, b.length + 1);
    if (i <= bound) row[0] = i;
    let best = row[0]!;
    const from = Math.max(1, i - bound);
    const to = Math.min(b.length, i + bound);
    const c = a.charCodeAt(i - 1);
    for (let j = from; j <= to; j++) {
      const d = b.charCodeAt(j - 1);
      let cost = Math.min(above[j]! + 1, row[j - 1]! + 1, above[j - 1]! + (c === d ? 0 : 1));
      if (i > 1 && j > 1 && c === b.charCodeAt(j - 2) && a.charCodeAt(i - 2) === d) {
        cost = Math.min(cost, before[j - 2]! + 1);
      }
      row[j] = Math.min(cost, bound + 1);
      if (cost < best) best = cost;
    }
    if (best > bound) return undefined;
    [before, above, row] = [above, row, before];
  }
  const distance = above[b.length]!;
  return distance <= bound ? distance : undefined;
}
