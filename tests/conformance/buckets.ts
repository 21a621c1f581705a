/**
 * The order of `kprobes/list`: buckets of the hash table. Which bucket an address is in depends on where the kernel was
 * loaded, so lists of two kernels are compared by address, after checking that each is in the order of its own buckets.
 *
 * @module
 */

import { hashPtr } from "../../kernel/kprobes/hash.ts";

/** Lines by address, those of one address in their order; a line more where the list was not in the order of buckets. */
export function inBucketOrder(lines: readonly string[]): readonly string[] {
  const addresses = lines.map((line) => /^([0-9a-f]{8}|[0-9a-f]{16}) {2}[kr] {2}/.exec(line)?.[1]);
  if (addresses.includes(undefined)) return lines;
  const listed = addresses as readonly string[];
  const buckets = listed.map((address) => hashPtr(signed(address), address.length === 16 ? 8 : 4));
  const ordered = buckets.every((bucket, at) => at === 0 || (buckets[at - 1] as number) <= bucket);
  const sorted = lines.toSorted((a, b) => {
    const [first, second] = [a.split(" ")[0] as string, b.split(" ")[0] as string];
    return first < second ? -1 : first > second ? 1 : 0;
  });
  return ordered ? sorted : [...sorted, "(not in the order of the hash table)"];
}

/** An address as the model has it: signed where it has 64 bits. */
function signed(digits: string): number {
  const value = BigInt(`0x${digits}`);
  return Number(digits.length === 16 ? BigInt.asIntN(64, value) : value);
}
