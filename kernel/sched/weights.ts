/**
 * Niceness and weights: a step of niceness is worth a tenth of the CPU. `kernel/sched/core.c`.
 *
 * @module
 */

/** `sched_prio_to_weight`, for nice -20 to 19. */
// deno-fmt-ignore
const WEIGHTS: readonly number[] = [
  88761, 71755, 56483, 46273, 36291, 29154, 23254, 18705, 14949, 11916,
  9548, 7620, 6100, 4904, 3906, 3121, 2501, 1991, 1586, 1277,
  1024, 820, 655, 526, 423, 335, 272, 215, 172, 137,
  110, 87, 70, 56, 45, 36, 29, 23, 18, 15,
];
/** Weight of nice 0. */
export const NICE_0_LOAD = 1024;
/** Weight of a `SCHED_IDLE` task. */
export const WEIGHT_IDLEPRIO = 3;
/** `static_prio` of nice 0. */
export const DEFAULT_PRIO = 120;
/** Priorities below this are real-time. */
export const MAX_RT_PRIO = 100;

/** Weight of a nice value, -20 to 19. */
export function weightOf(nice: number): number {
  return WEIGHTS[nice + 20] ?? NICE_0_LOAD;
}

/** Real nanoseconds as a task of that weight sees them: `calc_delta_fair`. */
export function deltaFair(ns: number, weight: number): number {
  return weight === NICE_0_LOAD ? ns : Math.floor(ns * NICE_0_LOAD / weight);
}
