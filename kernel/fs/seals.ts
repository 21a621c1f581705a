/**
 * Seals of memory files: what nobody does to them any more.
 *
 * @module
 */

/** No more seals can be added. */
export const F_SEAL_SEAL = 1;
/** The file does not shrink. */
export const F_SEAL_SHRINK = 2;
/** It does not grow. */
export const F_SEAL_GROW = 4;
/** Nobody writes it. */
export const F_SEAL_WRITE = 8;
/** Nobody new writes it. */
export const F_SEAL_FUTURE_WRITE = 16;
