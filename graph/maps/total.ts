/**
 * A running total that stays exact past ±2^53.
 *
 * @module
 */

/** A 64-bit signed total. The common case is one addition and two comparisons; what would round moves to a bigint. */
export class Total {
  #near = 0;
  #far = 0n;

  add(value: number): void {
    const sum = this.#near + value;
    if (sum <= Number.MAX_SAFE_INTEGER && sum >= -Number.MAX_SAFE_INTEGER) this.#near = sum;
    else this.#spill(value);
  }

  /** Adds what is beyond ±2^53. */
  addWide(value: bigint): void {
    this.#far = BigInt.asIntN(64, this.#far + value);
  }

  reset(): void {
    this.#near = 0;
    this.#far = 0n;
  }

  /** The total: a number where it is exact as one, else a bigint. Wraps at 64 bits. */
  get(): number | bigint {
    if (this.#far === 0n) return this.#near;
    return narrow(BigInt.asIntN(64, this.#far + BigInt(this.#near)));
  }

  /** `total / count`, the fraction dropped. */
  average(count: number): number | bigint {
    if (count === 0) return 0;
    const total = this.get();
    if (typeof total === "bigint") return narrow(total / BigInt(count));
    // Adding 0 turns -0 into 0.
    return Math.trunc(total / count) + 0;
  }

  #spill(value: number): void {
    this.#far += BigInt(this.#near);
    this.#near = value;
  }
}

/** A bigint as a number where that is exact. */
export function narrow(value: bigint): number | bigint {
  const near = Number(value);
  return Number.isSafeInteger(near) ? near : value;
}
