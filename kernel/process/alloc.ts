/**
 * Memory for kernel objects: slabs by the kernel's own cache names, and kernel stacks.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { Kernel } from "../kernel.ts";
import { sizeOfStruct } from "./objects.ts";

/** A zeroed object of `type` (a struct's name) out of the slab cache of that name. */
export function newObject(k: Kernel, cache: string, type: string): Addr {
  return k.slab.alloc(cache, sizeOfStruct(k, type));
}

/** Gives an object back to its cache. */
export function freeObject(k: Kernel, cache: string, address: Addr): void {
  k.slab.free(cache, address);
}

/** Zeroed memory as `kmalloc` gives it. */
export function kzalloc(k: Kernel, size: number): Addr {
  return k.slab.kmalloc(size);
}

/** Gives `kzalloc`'s memory back. */
export function kfree(k: Kernel, address: Addr): void {
  k.slab.kfree(address);
}

/** A kernel stack, aligned to its size: vmalloc space where stacks are mapped there, else the direct map. */
export function allocStack(k: Kernel): Addr {
  const size = k.arch.threadSize;
  return k.arch.wordSize === 8 ? k.slab.vmalloc.alloc(size, size) : k.slab.frames.alloc(1);
}

/** Gives a kernel stack back. */
export function freeStack(k: Kernel, base: Addr): void {
  if (k.arch.wordSize === 8) k.slab.vmalloc.free(base);
  else k.slab.frames.free(base, 1);
}
