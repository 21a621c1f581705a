/** Stacks at tracepoints begin where the kernel passes them. */

import { assertEquals } from "@std/assert";
import { bootKernel } from "../session/boot.ts";
import { replay } from "../workloads/mod.ts";

/** Names of the functions on the stacks of a tracepoint, innermost first, in a replay of a shell's loop. */
async function stacksAt(tracepoint: string): Promise<ReadonlySet<string>> {
  const k = await bootKernel({ arch: "x86_64" });
  const seen = new Set<string>();
  k.tracepoints.register(tracepoint, () => {
    seen.add(k.calls.stack(k.current).map((at) => k.image.symbolAt(at)?.symbol.name ?? "?").join(" "));
  });
  const file = new URL("../examples/recordings/shell-loop.strace.gz", import.meta.url);
  const workload = await replay(await Deno.readFile(file), { name: "shell-loop" });
  workload.start(k);
  k.scheduler.run();
  return seen;
}

const ENTRY = "do_syscall_64 entry_SYSCALL_64_after_hwframe";

Deno.test("switches happen in __schedule, below what waits, exits or idles", async () => {
  const idle = "__schedule schedule_idle do_idle cpu_startup_entry";
  // A tick can take the CPU from a task in user space: whether it does depends on when the recording's calls were made.
  const preempted =
    /^__schedule schedule exit_to_user_mode_prepare (irqentry_exit_to_user_mode )?asm_sysvec_/;
  const stacks = [...await stacksAt("sched:sched_switch")].filter((stack) => !preempted.test(stack));
  assertEquals(stacks.sort(), [
    `__schedule do_task_dead do_exit do_group_exit __x64_sys_exit_group ${ENTRY}`,
    `__schedule schedule do_nanosleep hrtimer_nanosleep common_nsleep __x64_sys_clock_nanosleep ${ENTRY}`,
    `__schedule schedule do_wait kernel_wait4 __do_sys_wait4 ${ENTRY}`,
    `__schedule schedule schedule_timeout __wait_for_common wait_for_completion_state kernel_clone __do_sys_vfork ${ENTRY}`,
    `${idle} rest_init start_kernel secondary_startup_64_no_verify`,
    `${idle} start_secondary secondary_startup_64_no_verify`,
  ]);
});

Deno.test("forks, execs and system calls are told inside the functions that tell them", async () => {
  assertEquals([...await stacksAt("sched:sched_process_fork")].sort(), [
    `kernel_clone __do_sys_clone ${ENTRY}`,
    `kernel_clone __do_sys_vfork ${ENTRY}`,
  ]);
  assertEquals([...await stacksAt("raw_syscalls:sys_enter")], [`syscall_trace_enter.constprop.0 ${ENTRY}`]);
  for (const stack of await stacksAt("sched:sched_process_exec")) {
    assertEquals(stack.split(" ")[0], "bprm_execve");
  }
});
