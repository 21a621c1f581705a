/**
 * Which tasks change their name, from what to what? The kernel's BPF sample on `__set_task_comm(tsk, buf, exec)`: a task
 * and a string as arguments, a field behind a pointer of the task.
 */
import { kprobe, program } from "../mod.ts";

export default program({
  renamed: kprobe("__set_task_comm").print((c) =>
    `${c.args.tsk.pid}: ${c.args.tsk.comm} -> ${c.args.buf} ` +
    `(exec ${c.args.exec}, oom_score_adj ${c.args.tsk.signal.oom_score_adj})`
  ),
});
