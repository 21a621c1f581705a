/**
 * Opens images: the built-in core ones, the shipped whole ones, and a user's own.
 *
 * @module
 */
import { bytesFromJson } from "./base64_json.ts";
import { ImageFile } from "./image.ts";
import { loadInflater } from "./inflate.ts";
import type { Arch, KernelImage } from "./model.ts";

const cores = new Map<Arch, Promise<KernelImage>>();
const wholes = new Map<Arch, Promise<KernelImage>>();

/** The built-in image of an architecture: what modeled functions need, and no permission asked. One object per architecture. */
export function coreImage(arch: Arch): Promise<KernelImage> {
  return once(
    cores,
    arch,
    async () => new ImageFile(bytesFromJson(await coreText(arch)), `core/${arch}.json`),
  );
}

/**
 * The shipped image of a whole kernel. One object per architecture.
 *
 * Rejects with an Error that says so where reading it needs `--allow-read`.
 */
export function fullImage(arch: Arch): Promise<KernelImage> {
  return once(wholes, arch, async () => {
    const url = new URL(`./data/${arch}.kimg`, import.meta.url);
    await loadInflater();
    return new ImageFile(await readShipped(arch, url), `${arch}.kimg`);
  });
}

/** Opens the bytes of an image file. `label` (a file name, say) names it in errors, which are sentences. */
export async function openImage(bytes: Uint8Array, label = "image"): Promise<KernelImage> {
  await loadInflater();
  return new ImageFile(bytes, label);
}

function once(
  made: Map<Arch, Promise<KernelImage>>,
  arch: Arch,
  make: () => Promise<KernelImage>,
): Promise<KernelImage> {
  let image = made.get(arch);
  if (!image) {
    image = make();
    made.set(arch, image);
    // A failure is not kept: the permission may be granted later.
    image.catch(() => made.delete(arch));
  }
  return image;
}

async function readShipped(arch: Arch, url: URL): Promise<Uint8Array> {
  try {
    return await Deno.readFile(url);
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable || error instanceof Deno.errors.PermissionDenied) {
      throw new Error(
        `Cannot open the whole ${arch} kernel image: reading it needs the permission --allow-read; without it only what modeled functions need is known`,
        { cause: error },
      );
    }
    if (error instanceof Deno.errors.NotFound) {
      throw new Error(
        `Cannot open the whole ${arch} kernel image: image/data/${arch}.kimg is missing; tools/build_image.ts makes it`,
        { cause: error },
      );
    }
    throw error;
  }
}

// The specifiers are literal so that the files belong to the module graph and need no permission.
async function coreText(arch: Arch): Promise<string> {
  switch (arch) {
    case "x86_64":
      return (await import("./core/x86_64.json", { with: { type: "json" } })).default;
    case "arm64":
      return (await import("./core/arm64.json", { with: { type: "json" } })).default;
    case "i386":
      return (await import("./core/i386.json", { with: { type: "json" } })).default;
  }
}
