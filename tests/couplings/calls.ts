/**
 * System calls: what a thread enters it leaves, by the same number, before it enters another.
 *
 * @module
 */

import type { Watch } from "./watch.ts";

/** Enter and exit on one thread. A call that doesn't return is its thread's last; a child's first exit is its parent's call. */
export function callsComeBack(watch: Watch): void {
  const { k } = watch;
  const inside = new Map<number, number>();
  const fresh = new Set<number>();
  const gone = new Set<number>();
  const numberOf = (name: string): number => k.image.syscallNumber(name) ?? NaN;
  const returns = new Set(["rt_sigreturn", "sigreturn"].map(numberOf));
  watch.on("sched:sched_process_fork", (field) => {
    fresh.add(field("child_pid"));
    gone.delete(field("child_pid"));
  });
  watch.on("sched:sched_process_exit", (field) => gone.add(field("pid")));
  watch.on("raw_syscalls:sys_enter", (field) => {
    const { pid } = k.current;
    const id = field("id");
    const open = inside.get(pid);
    watch.must(open === undefined, () => `enters ${id} inside ${open}`);
    watch.must(!gone.has(pid), () => `enters ${id} after its end`);
    inside.set(pid, id);
    fresh.delete(pid);
  });
  watch.on("raw_syscalls:sys_exit", (field) => {
    const { pid } = k.current;
    const id = field("id");
    const open = inside.get(pid);
    if (open === undefined) {
      watch.must(fresh.has(pid) && field("ret") === 0, () => `leaves ${id}, which it didn't enter`);
    } else {
      // The registers that a signal's handler left hold no call's number any more.
      watch.must(open === id || (returns.has(open) && id === -1), () => `leaves ${id} inside ${open}`);
    }
    watch.must(!gone.has(pid), () => `leaves ${id} after its end`);
    inside.delete(pid);
    fresh.delete(pid);
  });
}

/** `syscalls:sys_enter_NAME` tells what `raw_syscalls:sys_enter` tells. */
export function callsAreToldTwice(watch: Watch): void {
  const { k } = watch;
  let last = "";
  const names = ["openat", "open", "read", "write", "close", "clone", "wait4", "mmap", "brk", "connect"];
  watch.on("raw_syscalls:sys_enter", (field) => last = `${k.current.pid}:${field("id")}`);
  for (const name of names) {
    watch.on(`syscalls:sys_enter_${name}`, (field) => {
      const told = `${k.current.pid}:${field("__syscall_nr")}`;
      watch.must(told === last, () => `sys_enter_${name} of ${told} follows sys_enter of ${last}`);
    });
  }
}
