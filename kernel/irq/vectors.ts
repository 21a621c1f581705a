/**
 * The numbers of softirqs.
 *
 * @module
 */

/** Softirq vectors, by importance. */
export const SOFTIRQ = {
  HI: 0,
  TIMER: 1,
  NET_TX: 2,
  NET_RX: 3,
  BLOCK: 4,
  IRQ_POLL: 5,
  TASKLET: 6,
  SCHED: 7,
  HRTIMER: 8,
  RCU: 9,
} as const;
