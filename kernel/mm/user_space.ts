/**
 * Address spaces of user programs, whose accesses fault as the kernel's do.
 *
 * @module
 */

import type { Kernel } from "../kernel.ts";
import { UserSpace } from "../memory/user_space.ts";
import { userFault } from "./page_fault.ts";
import { sourceOf } from "./user_pages.ts";

/** An empty address space whose accesses fault as the kernel's do. */
export function newUserSpace(k: Kernel): UserSpace {
  const space = new UserSpace(sourceOf(k));
  space.faulter = (touched, address, write) => userFault(k, touched, address, write);
  return space;
}
