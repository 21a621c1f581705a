/**
 * Keyed choices: what is random in a call depends on the seed and on the place (task, system call, call path), never
 * on how many choices were made elsewhere.
 *
 * @module
 */

/** Mixes a value into a 32-bit key (murmur3's finalizer over their combination). */
export function mixKey(key: number, value: number): number {
  let h = Math.imul(key ^ Math.imul(value | 0, 0x9e3779b1), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** Picks an index by cumulative weights (ascending, last one the total), by a key. */
export function chooseByWeight(cumulative: Float64Array, key: number): number {
  const last = cumulative.length - 1;
  if (last <= 0) return 0;
  const at = ((mixKey(key, 0x5bd1e995) >>> 0) / 0x100000000) * (cumulative[last] ?? 0);
  let low = 0;
  let high = last;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((cumulative[middle] ?? 0) > at) high = middle;
    else low = middle + 1;
  }
  return low;
}
