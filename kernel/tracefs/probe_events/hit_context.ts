/**
 * In what context a probe's handler runs: what the context columns of a trace line and a stack trace show of it.
 *
 * @module
 */

import type { Addr, Arch } from "../../../image/model.ts";
import { type Kprobe, KPROBE_FLAG_FTRACE } from "../../kprobes/mod.ts";
import type { ProbeEventHost } from "./host.ts";
import { CALL_SIZE } from "../../memory/text_bytes.ts";

/** Where a breakpoint, ftrace or a return comes in, outermost last. */
const ENTRIES: Readonly<
  Record<Arch, Readonly<Record<"ftrace" | "breakpoint" | "return", readonly string[]>>>
> = {
  x86_64: {
    ftrace: ["kprobe_ftrace_handler"],
    breakpoint: ["kprobe_int3_handler", "do_int3", "exc_int3", "asm_exc_int3"],
    return: [
      "kretprobe_rethook_handler",
      "rethook_trampoline_handler",
      "arch_rethook_trampoline_callback",
      "arch_rethook_trampoline",
    ],
  },
  i386: {
    ftrace: ["kprobe_ftrace_handler", "ftrace_regs_call"],
    breakpoint: ["kprobe_int3_handler", "do_int3", "exc_int3", "asm_exc_int3"],
    return: [
      "kretprobe_rethook_handler",
      "rethook_trampoline_handler",
      "arch_rethook_trampoline_callback",
      "arch_rethook_trampoline",
    ],
  },
  arm64: {
    ftrace: [],
    breakpoint: [
      "kprobe_breakpoint_handler",
      "call_break_hook",
      "brk_handler",
      "do_debug_exception",
      "el1_dbg",
      "el1h_64_sync_handler",
      "el1h_64_sync",
    ],
    return: ["__kretprobe_trampoline_handler", "trampoline_probe_handler", "__kretprobe_trampoline"],
  },
};

/** The five context columns of a hit: a breakpoint's handler runs with interrupts off, on x86 as in an NMI. */
export function contextFlags(kp: Kprobe, address: Addr, host: ProbeEventHost): string {
  if ((kp.flags & KPROBE_FLAG_FTRACE) !== 0) {
    // ftrace's own callback for several users adds to the preemption depth.
    return host.isFollowed(address) ? "...1." : ".....";
  }
  if (host.arch.linkRegister !== null) return "d....";
  return host.kprobes.pointOf(kp)?.hitAsJump === true ? "....." : "..Zff";
}

/** What a stack trace of a hit begins with, innermost first, up to the probed function: names where no more is known. */
export function handlerFrames(
  kp: Kprobe,
  isReturn: boolean,
  host: ProbeEventHost,
): readonly (Addr | string)[] {
  const commit = host.arch.linkRegister === null ? [] : ["trace_event_buffer_commit"];
  const entries = ENTRIES[host.arch.arch];
  if (isReturn) return [...commit, "kretprobe_trace_func", "kretprobe_dispatcher", ...entries.return];
  const onFtrace = (kp.flags & KPROBE_FLAG_FTRACE) !== 0;
  const several = (host.kprobes.pointOf(kp)?.probes.length ?? 0) > 1 ? ["aggr_pre_handler"] : [];
  return [
    ...commit,
    "kprobe_trace_func",
    "kprobe_dispatcher",
    ...several,
    ...(onFtrace ? entries.ftrace : entries.breakpoint),
    // Only x86_64 calls by a trampoline of the callback's own, which has no name.
    ...(onFtrace && host.arch.arch === "x86_64" ? [host.ftraceReturn] : []),
    onFtrace ? (kp.addr ?? 0) + CALL_SIZE : host.symbolName(kp.addr ?? 0),
  ];
}
