/**
 * What one hit may spend in loops, so that none can hang a run.
 *
 * @module
 */

/** Instructions that one hit may spend in loops unless told otherwise: what the kernel's verifier lets a program have. */
export const DEFAULT_BUDGET = 1_000_000;

/** A hit spent more in loops than it may; it ends there. */
export class BudgetError extends Error {
  /** `budget` is what it had. */
  constructor(budget: number) {
    super(
      `A loop ran for more than ${budget} instructions; this hit was ended there. Does its test ever become false?`,
    );
    this.name = "BudgetError";
  }
}

/** Ends a hit that spent its budget. */
export function overBudget(budget: number): never {
  throw new BudgetError(budget);
}
