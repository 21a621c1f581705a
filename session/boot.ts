/**
 * Boots a modeled kernel from the shipped images.
 *
 * @module
 */

import { coreImage, coreShapes, fullImage } from "../image/mod.ts";
import type { Arch, KernelImage } from "../image/model.ts";
import { mountDisk, type MountedDisk } from "../kernel/fs/ext4/mount.ts";
import { Kernel } from "../kernel/kernel.ts";
import { type ReleaseName, releaseOf } from "../kernel/release/release.ts";
import { ShapeLibrary } from "../kernel/shapes/library.ts";

/** Architectures that an image is shipped for. */
export const ARCHES: readonly Arch[] = ["x86_64", "arm64", "i386"];

/** How to boot. */
export interface BootOptions {
  /** Calling convention and kernel build. Default `x86_64`. */
  readonly arch?: Arch;
  /** Possible CPUs, 1 to 64. Default 2. */
  readonly cpus?: number;
  /** Seed of all that is random. Default 1. */
  readonly seed?: number;
  /**
   * What the kernel is made of: `core` (default) holds what modeled functions need and takes no permission; `whole` is
   * the complete kernel and needs `--allow-read`. An image that you opened yourself works too.
   */
  readonly image?: "core" | "whole" | KernelImage;
  /** What it behaves as where releases differ: `6.1` (default), `4.18` or `2.6.38`. Symbols and types are 6.1's in all. */
  readonly release?: ReleaseName;
  /** Disks, each with an ext4 that is mounted at a path: `[{ mount: "/data", kind: "ssd" }]`. Default none. */
  readonly disks?: readonly MountedDisk[];
}

/** Recorded call trees: facts, which all kernels of an architecture share, but for images that bring their own. */
const libraries = new Map<Arch | KernelImage, ShapeLibrary>();

async function libraryOf(image: KernelImage): Promise<ShapeLibrary> {
  const own = libraries.has(image) ? undefined : image.shapes();
  const owner = libraries.has(image) || own !== undefined ? image : image.arch;
  let library = libraries.get(owner);
  if (library === undefined) {
    library = ShapeLibrary.decode(own ?? await coreShapes(image.arch));
    libraries.set(owner, library);
  }
  return library;
}

/**
 * Boots a kernel.
 *
 * ```ts
 * import { bootKernel } from "./boot.ts";
 * const kernel = await bootKernel({ arch: "arm64", cpus: 4 });
 * if (kernel.cpus !== 4) throw new Error("four CPUs");
 * ```
 *
 * @throws {TypeError} If an option has no such value.
 */
export async function bootKernel(options: BootOptions = {}): Promise<Kernel> {
  const { arch = "x86_64", cpus = 2, seed = 1, image = "core", release = "6.1", disks = [] } = options;
  if (!ARCHES.includes(arch)) {
    throw new TypeError(`Cannot boot architecture "${arch}": there are images for ${ARCHES.join(", ")}`);
  }
  if (!Number.isInteger(cpus) || cpus < 1 || cpus > 64) {
    throw new TypeError(`Cannot boot with ${cpus} CPUs: it takes a whole number from 1 to 64`);
  }
  if (!Number.isSafeInteger(seed)) {
    throw new TypeError(`Cannot boot with seed ${seed}: it takes a whole number`);
  }
  releaseOf(release);
  const opened = typeof image === "string"
    ? await (image === "whole" ? fullImage(arch) : coreImage(arch))
    : image;
  const kernel = new Kernel(opened, await libraryOf(opened), { cpus, seed, release });
  for (const disk of disks) mountDisk(kernel, disk);
  return kernel;
}
