/**
 * Capabilities: what a task may do beyond its ids.
 *
 * @module
 */

import { behaviour, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { EPERM } from "../syscalls/errno.ts";
import { field } from "./objects.ts";
import { CRED, TASK } from "./task.ts";

/** May send signals to anybody. */
export const CAP_KILL = 5;
/** May change group ids. */
export const CAP_SETGID = 6;
/** May change user ids. */
export const CAP_SETUID = 7;
/** May raise priorities. */
export const CAP_SYS_NICE = 23;
/** May raise limits. */
export const CAP_SYS_RESOURCE = 24;
/** May do nearly everything. */
export const CAP_SYS_ADMIN = 21;

/** Capability sets of `struct cred`, each a 64-bit word. */
export const CAPS = {
  inheritable: field("cred", "cap_inheritable"),
  permitted: field("cred", "cap_permitted"),
  effective: field("cred", "cap_effective"),
  bset: field("cred", "cap_bset"),
  ambient: field("cred", "cap_ambient"),
} as const;

/** Every capability that a 6.1 kernel knows. */
export const ALL_CAPS = (1n << 41n) - 1n;

/** What a program that somebody just started may do: root everything, others nothing. */
export function initCapabilities(k: Kernel, cred: number): void {
  const all = CRED.euid.get(k, cred) === 0 ? ALL_CAPS : 0n;
  k.memory.writeBig(CAPS.permitted.at(k, cred), 8, all);
  k.memory.writeBig(CAPS.effective.at(k, cred), 8, all);
  k.memory.writeBig(CAPS.bset.at(k, cred), 8, ALL_CAPS);
}

/** What a security module is asked: 0, or -EPERM. (cred, ns, cap, opts) */
export const CAP_CAPABLE: FunctionRef = behaviour("cap_capable", [], (k, cred = 0, _ns, cap = 0) => {
  return (k.memory.readBig(CAPS.effective.at(k, cred), 8, false) >> BigInt(cap) & 1n) !== 0n ? 0 : -EPERM;
});

/** Asks the security modules, of which the capabilities are the first. (cred, ns, cap, opts) */
export const SECURITY_CAPABLE: FunctionRef = behaviour(
  "security_capable",
  [CAP_CAPABLE],
  (k, cred = 0, ns = 0, cap = 0, opts = 0) => k.call(CAP_CAPABLE, cred, ns, cap, opts),
);

/** `ns_capable`: 1 if the running task has a capability. (ns, cap) */
export const NS_CAPABLE: FunctionRef = behaviour(
  "ns_capable",
  [SECURITY_CAPABLE],
  (k, ns = 0, cap = 0) =>
    k.call(SECURITY_CAPABLE, TASK.cred.get(k, k.current.address), ns, cap, 0) === 0 ? 1 : 0,
);

/** Whether the running task has a capability; asks as the kernel does. */
export function nsCapable(k: Kernel, cap: number): boolean {
  return k.call(NS_CAPABLE, k.image.symbol("init_user_ns")?.address ?? Number.NaN, cap) !== 0;
}
