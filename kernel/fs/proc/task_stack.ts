/**
 * `/proc/PID/wchan`, `stack` and `syscall`: where a task sleeps in the kernel.
 *
 * @module
 */

import type { Kernel } from "../../kernel.ts";
import { type Task, TASK_RUNNING } from "../../process/task.ts";
import { userRegister } from "../../uprobes/user_registers.ts";

/** Functions of the scheduler: nobody wants to know that a task sleeps in those (`in_sched_functions`). */
const SCHEDULER =
  /^_*(schedule|io_schedule|preempt_schedule|context_switch|wait_for_completion|do_nanosleep|usleep_range|mutex_lock|rwsem_down|down|bit_wait|out_of_line_wait_on_bit|wait_on_bit|rt_mutex|yield)/;

/** What a task stands in, innermost first: names with offsets; nothing of one that runs or is gone. */
function framesOf(k: Kernel, task: Task): readonly { readonly name: string; readonly text: string }[] {
  if (task === k.current || task.exitCode !== null) return [];
  return k.calls.stack(task).flatMap((address) => {
    const found = k.image.symbolAt(address);
    if (found === undefined) return [];
    const { name, size } = found.symbol;
    const length = size > 0 ? `/0x${size.toString(16)}` : "";
    return [{ name, text: `${name}+0x${found.offset.toString(16)}${length}` }];
  });
}

/** The function that a task sleeps in; `0` for one that does not sleep. */
export function wchanText(k: Kernel, task: Task): string {
  if (task.state === TASK_RUNNING) return "0";
  return framesOf(k, task).find(({ name }) => !SCHEDULER.test(name))?.name ?? "0";
}

/** The functions that a task stands in, a line each. */
export function stackText(k: Kernel, task: Task): string {
  return framesOf(k, task).map(({ text }) => `[<0>] ${text}\n`).join("");
}

/** The system call that a task is in: number, arguments, stack and instruction pointer; `running` for one that runs. */
export function syscallText(k: Kernel, task: Task): string {
  if (task.state === TASK_RUNNING || task === k.current) return "running\n";
  const hex = (word: number): string =>
    `0x${BigInt.asUintN(8 * k.image.pointerSize, BigInt(Math.trunc(word) || 0)).toString(16)}`;
  const sp = hex(userRegister(k, task, k.arch.spRegister));
  const ip = hex(userRegister(k, task, k.arch.ipRegister));
  const { request } = task;
  if (request === null || task.syscallNumber < 0) return `-1 ${sp} ${ip}\n`;
  const args = Array.from({ length: 6 }, (_, i) => hex(request.args[i] ?? 0));
  return `${task.syscallNumber} ${args.join(" ")} ${sp} ${ip}\n`;
}
