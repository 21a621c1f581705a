/**
 * Which image a command looks at or boots.
 *
 * @module
 */

import type { Program } from "../graph/nodes.ts";
import { isGlob } from "../image/glob.ts";
import { coreImage, openImage } from "../image/load.ts";
import type { Arch, KernelImage } from "../image/model.ts";
import type { CommandContext } from "./context.ts";

/** The options that choose an image. */
export interface ImageValues {
  readonly arch: Arch;
  readonly image: string | undefined;
}

/** The user's own image where one is given, else the whole shipped kernel. */
export async function wholeImageOf(context: CommandContext, values: ImageValues): Promise<KernelImage> {
  if (values.image === undefined) return await context.host.wholeImage(values.arch);
  const bytes = await new Response(await context.host.open(values.image)).bytes();
  return await openImage(bytes, values.image);
}

/**
 * The image for a run: the user's own where one is given; the built-in core image where it knows all that the programs
 * name, as it opens fastest; else the whole kernel. What exists in both is the same in both.
 */
export async function imageFor(
  context: CommandContext,
  programs: readonly Program[],
  values: ImageValues,
): Promise<KernelImage> {
  if (values.image === undefined) {
    const { analyze } = await import("../graph/compile.ts");
    const core = await coreImage(values.arch);
    const known = programs.every((program) =>
      !usesGlob(program) && analyze(program, core).diagnostics.every((one) => one.severity !== "error")
    );
    if (known) return core;
  }
  return await wholeImageOf(context, values);
}

/** A glob stands for what the whole kernel has. */
function usesGlob(program: Program): boolean {
  return program.graph.probes.some(({ point }) => {
    switch (point.kind) {
      case "kprobe":
      case "kretprobe":
        return isGlob(point.target);
      case "tracepoint":
        return isGlob(`${point.subsystem}:${point.event}`);
      default:
        return false;
    }
  });
}
