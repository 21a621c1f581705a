/**
 * kscope: typed kernel probes on a modeled Linux kernel. Deterministic, no root, no Linux needed.
 *
 * ```ts
 * import { kprobe, program, run } from "@kscope/kscope";
 *
 * const opens = program({
 *   opens: kprobe("vfs_open").filter((c) => c.comm === "cat").count(),
 * });
 * const result = await run(opens);
 * if (result.maps.opens !== 4) throw new Error(`cat opens 4 files, not ${result.maps.opens}`);
 * ```
 *
 * @module
 */

export * from "./probes/mod.ts";
export * from "./session/mod.ts";
export type { Addr, Arch, KernelImage } from "./image/model.ts";
export { coreImage, fullImage, openImage } from "./image/mod.ts";
export { explain } from "./graph/explain.ts";
export type { ProbeGraph, Program } from "./graph/nodes.ts";
export { replay } from "./workloads/replay/replay.ts";
export { builtinWorkload } from "./workloads/builtin.ts";
export type { Workload, WorkloadReport } from "./workloads/workload.ts";
export { Kernel } from "./kernel/kernel.ts";
