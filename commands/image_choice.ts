/**
 * Which image a run needs.
 *
 * @module
 */

import { analyze } from "../graph/compile.ts";
import type { Program } from "../graph/nodes.ts";
import { coreImage } from "../image/load.ts";
import type { Arch, KernelImage } from "../image/model.ts";
import type { CommandContext } from "./context.ts";

/**
 * The built-in core image where it knows all that the programs name, as it opens fastest; else the whole kernel. What
 * exists in both is the same in both.
 */
export async function imageFor(
  context: CommandContext,
  programs: readonly Program[],
  arch: Arch,
): Promise<KernelImage> {
  const core = await coreImage(arch);
  const known = programs.every((program) =>
    analyze(program, core).diagnostics.every((one) => one.severity !== "error") && !usesGlob(program)
  );
  return known ? core : await context.host.wholeImage(arch);
}

/** A glob stands for what the whole kernel has. */
function usesGlob(program: Program): boolean {
  return program.graph.probes.some(({ point }) =>
    (point.kind === "kprobe" || point.kind === "kretprobe") && /[*?[]/.test(point.target) ||
    point.kind === "tracepoint" && /[*?[]/.test(`${point.subsystem}${point.event}`)
  );
}
