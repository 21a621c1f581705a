/**
 * Kprobes and kretprobes as Linux's own users see them: `register_kprobe` and its family, over the modeled kernel.
 *
 * ```ts
 * import { coreImage } from "../../image/mod.ts";
 * import { Kernel } from "../kernel.ts";
 * import { ShapeLibrary } from "../shapes/library.ts";
 * import { EILSEQ, Kprobe, Kretprobe } from "./mod.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const k = new Kernel(await coreImage("x86_64"), ShapeLibrary.empty());
 * const opens = new Kretprobe({ symbolName: "vfs_open", handler: (_, regs) => console.log(regs.returnValue) });
 * assertEquals([k.kprobes.registerKretprobe(opens), opens.maxactive], [0, 10]);
 *
 * // Refused as Linux refuses it, and in words.
 * const inside = new Kprobe({ symbolName: "vfs_open", offset: 1 });
 * assertEquals(k.kprobes.registerKprobe(inside), -EILSEQ);
 * const refused = k.kprobes.register(new Kprobe({ symbolName: "vfs_open", offset: 1 }));
 * assertEquals([refused?.errno, refused?.name], [84, "EILSEQ"]);
 * assertEquals(refused?.reason.includes("not on an instruction boundary; near it are +0x0 and +0x5"), true);
 * ```
 *
 * What an image does not tell is not checked: jump labels, alternatives, BUG sites, exception tables, arm64's exclusive
 * sequences, and what an instruction is that is neither call nor jump. So a probe can be accepted, or marked
 * OPTIMIZED, where Linux would look at the bytes and decline. There is always memory, but for more instances of a
 * kretprobe than the machine could hold (ENOMEM), and nobody else changes ip on an ftrace site (no EBUSY):
 * `docs/decisions.md` says where Linux has both. Releases before 6.1 have 6.1's text: on x86 the ftrace site of every traceable function is its first
 * instruction, which 2.6.38 keeps for ftrace, so there the next instruction is the first that can be probed.
 *
 * @module
 */

export { E2BIG, EEXIST, EILSEQ, EINVAL, ENOENT, ENOMEM, EOPNOTSUPP } from "./errno.ts";
export { ProbeHandlerError } from "./handler_error.ts";
export { KernelBug } from "./faults.ts";
export type { HookedFunction, ModuleState, ModuleText, ProbeHost, ProbeTask } from "./host.ts";
export {
  type FaultHandler,
  Kprobe,
  KPROBE_FLAG_DISABLED,
  KPROBE_FLAG_FTRACE,
  KPROBE_FLAG_GONE,
  KPROBE_FLAG_ON_FUNC_ENTRY,
  KPROBE_FLAG_OPTIMIZED,
  type KprobeOptions,
  type PostHandler,
  type PreHandler,
} from "./kprobe.ts";
export {
  type EntryHandler,
  InstancePool,
  Kretprobe,
  KretprobeInstance,
  type KretprobeOptions,
  type ReturnHandler,
} from "./kretprobe.ts";
export { type ListedProbe, listLine } from "./listing.ts";
export { OPTIMIZE_DELAY } from "./optimizer.ts";
export type { JumpState, ProbePoint, StepKind } from "./point.ts";
export type { ProbeRefusal } from "./refusals.ts";
export { KRETPROBE_MAX_DATA_SIZE } from "../release/release.ts";
export type { RefusedProbe } from "./register.ts";
export { KprobeTable } from "./table.ts";
