/**
 * What the kernel says of its own state: tainted or not, and which modules are loaded.
 *
 * @module
 */

import type { Kernel } from "../kernel.ts";

/** The letter of a kernel that died once: `TAINT_DIE`. */
export const TAINT_DIE = "D";

/** That of one where a CPU was stuck. */
export const TAINT_SOFTLOCKUP = "L";

/** `print_tainted`: `Not tainted`, or `Tainted: ` with a letter or a blank for each flag that the release has. */
export function taintText(k: Kernel): string {
  const { taints } = k.oopses;
  if (taints.size === 0) return "Not tainted";
  // The first letter tells proprietary modules (P) or none of them (G); here all are free.
  const letters = [...k.release.taintFlags].map((flag, i) => i === 0 ? "G" : taints.has(flag) ? flag : " ");
  return `Tainted: ${letters.join("")}`;
}

/** `kernel.tainted`: the same as a mask. */
export function taintMask(k: Kernel): number {
  const { taints } = k.oopses;
  return [...k.release.taintFlags].reduce((mask, flag, bit) => taints.has(flag) ? mask | 1 << bit : mask, 0);
}

/** `print_modules`: the loaded modules, newest first, with `(+)` for one that is coming and `(-)` for one that is going. */
export function modulesLine(k: Kernel): string {
  const names = k.modules.list().map(({ name, state }) =>
    ` ${name}${state === "live" ? "" : state === "coming" ? "(+)" : "(-)"}`
  );
  return `Modules linked in:${names.join("")}`;
}
