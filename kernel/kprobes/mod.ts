/**
 * Kprobes and kretprobes as Linux's own users see them: `register_kprobe` and its family, over the modeled kernel.
 *
 * @module
 */

export { E2BIG, EILSEQ, EINVAL, ENOENT } from "./errno.ts";
export { ProbeHandlerError } from "./handler_error.ts";
export type { HookedFunction, ProbeHost, ProbeTask } from "./host.ts";
export {
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
  KRETPROBE_MAX_DATA_SIZE,
  KretprobeInstance,
  type KretprobeOptions,
  type ReturnHandler,
} from "./kretprobe.ts";
export { KprobeTable } from "./table.ts";
