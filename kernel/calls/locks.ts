/**
 * Locks that behaviours take where the engine has no recording to take them from: in interrupts. Where a kernel has them
 * inlined (arm64), such a call is none: the caller's text says so.
 *
 * @module
 */

import { fn, type FunctionRef } from "./function.ts";

/** Takes a spin lock. */
export const SPIN_LOCK: FunctionRef = fn("_raw_spin_lock");
/** Lets go of one. */
export const SPIN_UNLOCK: FunctionRef = fn("_raw_spin_unlock");
/** The same where interrupts have been on, or may have been. */
export const SPIN_LOCK_IRQSAVE: FunctionRef = fn("_raw_spin_lock_irqsave");
/** See `SPIN_LOCK_IRQSAVE`. */
export const SPIN_UNLOCK_IRQRESTORE: FunctionRef = fn("_raw_spin_unlock_irqrestore");
/** The same where interrupts are off. */
export const SPIN_LOCK_IRQ: FunctionRef = fn("_raw_spin_lock_irq");
