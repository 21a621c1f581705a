/**
 * What opening an image costs. Functions give milliseconds; the caller repeats and prints.
 *
 * @module
 */
import { type Arch, openImage } from "../image/mod.ts";

/** Opens the whole image from its file and resolves one function with its prototype and instructions. */
export async function openAndResolve(arch: Arch, name = "vfs_open"): Promise<number> {
  const start = performance.now();
  const image = await openImage(Deno.readFileSync(fileOf(arch)), arch);
  const fn = image.func(name);
  if (!fn || !image.prototype(name) || fn.boundaries().length === 0) {
    throw new Error(`Cannot resolve ${name} on ${arch}`);
  }
  return performance.now() - start;
}

/** Opens the whole image from its file and lists every function with its prototype's text. */
export async function listAll(
  arch: Arch,
): Promise<{ readonly names: number; readonly withPrototypes: number }> {
  const start = performance.now();
  const image = await openImage(Deno.readFileSync(fileOf(arch)), arch);
  const functions = image.functions();
  const names = performance.now() - start;
  let known = 0;
  for (const name of functions) if (image.prototype(name)?.text) known++;
  if (known === 0) throw new Error(`Cannot find prototypes on ${arch}`);
  return { names, withPrototypes: performance.now() - start };
}

function fileOf(arch: Arch): URL {
  return new URL(`../image/data/${arch}.kimg`, import.meta.url);
}
