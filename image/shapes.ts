/**
 * The compiled shapes that ship with an architecture's core image.
 *
 * @module
 */
import { bytesFromJson } from "./base64_json.ts";
import type { Arch } from "./model.ts";

/** Bytes of an architecture's shapes, as the shape compiler wrote them; empty where it wrote none. No permission asked. */
export async function coreShapes(arch: Arch): Promise<Uint8Array> {
  return bytesFromJson(await shapesText(arch));
}

async function shapesText(arch: Arch): Promise<string> {
  switch (arch) {
    case "x86_64":
      return (await import("./shapes/x86_64.json", { with: { type: "json" } })).default;
    case "arm64":
      return (await import("./shapes/arm64.json", { with: { type: "json" } })).default;
    case "i386":
      return (await import("./shapes/i386.json", { with: { type: "json" } })).default;
  }
}
