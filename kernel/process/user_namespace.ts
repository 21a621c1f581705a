/**
 * The initial user namespace: what permissions and ids refer to.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { Kernel } from "../kernel.ts";
import { kzalloc } from "./alloc.ts";
import { sizeIfKnown, symbolAddress } from "./objects.ts";

const made = new WeakMap<Kernel, Addr>();

/** `init_user_ns`. Where the image does not tell the address of the kernel's data, an object stands for it. */
export function initUserNs(k: Kernel): Addr {
  const known = symbolAddress(k, "init_user_ns") || made.get(k);
  if (known !== undefined) return known;
  const object = kzalloc(k, sizeIfKnown(k, "user_namespace") || 512);
  made.set(k, object);
  return object;
}
