/**
 * A small kernel for the tests of this folder.
 *
 * @module
 */

import { coreImage, coreShapes } from "../image/mod.ts";
import type { Arch } from "../image/model.ts";
import { Kernel } from "../kernel/kernel.ts";
import { ShapeLibrary } from "../kernel/shapes/library.ts";

/** A kernel that just booted. */
export async function sampleKernel(arch: Arch): Promise<Kernel> {
  const image = await coreImage(arch);
  return new Kernel(image, ShapeLibrary.decode(await coreShapes(arch)));
}
