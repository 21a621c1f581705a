/** How long does a shell wait for its children, and which tasks are made, exec'd and ended meanwhile? */
import { kprobe, latency, program, tracepoint } from "../mod.ts";

export default program({
  forks: tracepoint("sched:sched_process_fork")
    .print((c) => `${c.args.parent_comm} (${c.args.parent_pid}) forks ${c.args.child_pid}`),
  execs: tracepoint("sched:sched_process_exec").print((c) => `${c.pid} becomes ${c.args.filename}`),
  // The code is a wait status: what a program gave to exit() in the second byte, a signal's number in the first.
  exits: kprobe("do_exit")
    .print((c) => `${c.comm} (${c.pid}) exits with ${c.args.code >> 8}, signal ${c.args.code & 0x7f}`),
  wait_us: latency("kernel_wait4").by((c) => c.comm).hist((c) => c.duration / 1000),
});
