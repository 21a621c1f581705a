/**
 * Lays two sequences of calls onto each other: two runs of one program agree mostly, not always.
 *
 * @module
 */

interface Named {
  readonly fn: string;
}

/** Beyond this many cells of the table, what the sequences do not share at both ends is paired by name in order. */
const MAX_CELLS = 16e6;

/** The pairs of the longest sequence that both contain, in order. */
export function longestCommon<A extends Named, B extends Named>(a: readonly A[], b: readonly B[]): [A, B][] {
  let start = 0;
  while (start < a.length && start < b.length && a[start]?.fn === b[start]?.fn) start++;
  let endA = a.length;
  let endB = b.length;
  while (endA > start && endB > start && a[endA - 1]?.fn === b[endB - 1]?.fn) {
    endA--;
    endB--;
  }
  const indices: [number, number][] = [];
  for (let i = 0; i < start; i++) indices.push([i, i]);
  const middle = (endA - start + 1) * (endB - start + 1) <= MAX_CELLS ? byTable : inOrder;
  for (const [i, j] of middle(a.slice(start, endA), b.slice(start, endB))) {
    indices.push([start + i, start + j]);
  }
  for (let i = endA, j = endB; i < a.length; i++, j++) indices.push([i, j]);
  return indices.map(([i, j]) => [a[i] as A, b[j] as B]);
}

function byTable(a: readonly Named[], b: readonly Named[]): [number, number][] {
  const width = b.length + 1;
  const lengths = new Uint32Array((a.length + 1) * width);
  const at = (i: number, j: number) => lengths[i * width + j] ?? 0;
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      const same = a[i]?.fn === b[j]?.fn;
      lengths[i * width + j] = same ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const pairs: [number, number][] = [];
  for (let i = 0, j = 0; i < a.length && j < b.length;) {
    if (a[i]?.fn === b[j]?.fn) pairs.push([i++, j++]);
    else if (at(i + 1, j) >= at(i, j + 1)) i++;
    else j++;
  }
  return pairs;
}

function inOrder(a: readonly Named[], b: readonly Named[]): [number, number][] {
  const pairs: [number, number][] = [];
  let j = 0;
  a.forEach(({ fn }, i) => {
    const match = b.findIndex((call, at) => at >= j && call.fn === fn);
    if (match < 0) return;
    pairs.push([i, match]);
    j = match + 1;
  });
  return pairs;
}
