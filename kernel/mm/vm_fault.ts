/**
 * `struct vm_fault`: what the functions below `__handle_mm_fault` are told, in its stack frame.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { Kernel } from "../kernel.ts";
import { field, sizeIfKnown } from "../process/objects.ts";
import { pushLocal } from "../process/stack.ts";

/** Fields of `struct vm_fault`. */
export const VMF = {
  vma: field("vm_fault", "vma"),
  gfpMask: field("vm_fault", "gfp_mask"),
  pgoff: field("vm_fault", "pgoff"),
  address: field("vm_fault", "address"),
  realAddress: field("vm_fault", "real_address"),
  flags: field("vm_fault", "flags"),
  cowPage: field("vm_fault", "cow_page"),
  page: field("vm_fault", "page"),
} as const;

/** Makes one for an access to `address` in an area. */
export function pushVmFault(k: Kernel, vma: Addr, address: Addr, flags: number, pgoff: number): Addr {
  const vmf = pushLocal(k, sizeIfKnown(k, "vm_fault") || 112);
  VMF.vma.set(k, vmf, vma);
  VMF.gfpMask.set(k, vmf, 0x100cca);
  VMF.pgoff.set(k, vmf, pgoff);
  VMF.address.set(k, vmf, Math.floor(address / 4096) * 4096);
  VMF.realAddress.set(k, vmf, address);
  VMF.flags.set(k, vmf, flags);
  return vmf;
}
