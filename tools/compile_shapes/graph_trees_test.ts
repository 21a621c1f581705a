import { assertEquals } from "@std/assert";
import type { CallTree } from "./call_tree.ts";
import { parseGraph } from "./graph_trees.ts";

/** Trees in short: `open(lock,walk(lookup))`. */
function short(trees: readonly CallTree[]): string {
  return trees.map((t) => t.fn + (t.broken ? "!" : "") + (t.calls.length > 0 ? `(${short(t.calls)})` : ""))
    .join();
}

Deno.test("trees with the task column, by task, through switches and changed names", () => {
  const text = `# tracer: function_graph
 0)     sh-121     |   405.616 us  |  mutex_unlock();
 0)     sh-121     |               |  __x64_sys_open() {
 0)     sh-121     |   1.012 us    |    _raw_spin_lock();
 ------------------------------------------
 0)     sh-121     =>    cat-122
 ------------------------------------------

 0)    cat-122     |               |  __x64_sys_close() {
 0)    cat-122     |   0.5 us      |    ext4_release_file [ext4]();
 0)    cat-122     | + 12.000 us   |  }
 0)    new-121     |   2.000 us    |    putname();
 0)    new-121     |   9.000 us    |  } /* __x64_sys_open */
`;
  const tasks = parseGraph(text);
  assertEquals(tasks.map((task) => `${task.task}: ${short(task.roots)}`), [
    "121: mutex_unlock,__x64_sys_open(_raw_spin_lock,putname)",
    "122: __x64_sys_close(ext4_release_file)",
  ]);
  assertEquals(tasks[1]?.roots[0]?.total, 12000);
});

Deno.test("without the task column a CPU stands for its task", () => {
  const text = ` 0)               |  a() {
 1)   1.743 us    |  b();
 0)   2.304 us    |    c();
 0)   9.013 us    |  }
`;
  assertEquals(parseGraph(text).map((task) => short(task.roots)), ["a(c)", "b"]);
});

Deno.test("interrupts go, and what the interrupted function does afterwards stays", () => {
  const text = ` 0)     sh-1     |               |  a() {
 0)     sh-1     |               |    b() {
 0)     sh-1     |   1.000 us    |      c();
 0)     sh-1     |   1.000 us    |      irq_enter_rcu();
 0)     sh-1     |               |      handle_softirqs() {
 0)     sh-1     |   1.000 us    |        run_timer_softirq();
 0)     sh-1     |   5.000 us    |      }
 0)     sh-1     |   1.000 us    |      idle_cpu();
 0)     sh-1     |               |      e() {
 0)     sh-1     |   1.000 us    |        idle_cpu();
 0)     sh-1     |   2.000 us    |      }
 0)     sh-1     |   9.000 us    |    }
 0)     sh-1     |   1.000 us    |    d();
 0)     sh-1     |   20.000 us   |  }
`;
  const roots = parseGraph(text)[0]?.roots ?? [];
  assertEquals(short(roots), "a(b(c,e(idle_cpu)),d)");
  assertEquals(roots[0]?.calls[0]?.total, NaN);
});

Deno.test("a truncated recording breaks what was open, but not a task that ended", () => {
  const cut =
    " 0)     sh-1     |               |  a() {\n 0)     sh-1     |   1.0 us      |    b();\n 0)   sh-1     |   1.0 us";
  assertEquals(short(parseGraph(cut)[0]?.roots ?? []), "a!(b)");
  const ended =
    " 0)     sh-1     |               |  do_exit() {\n 0)     sh-1     |   1.0 us      |    exit_mm();\n";
  assertEquals(short(parseGraph(ended)[0]?.roots ?? []), "do_exit(exit_mm)");
});

Deno.test("a task switch in a function that was preempted is no part of it", () => {
  const text = ` 0)     sh-1     |               |  a() {
 0)     sh-1     |               |    __cond_resched() {
 0)     sh-1     |   1.000 us    |      rcu_all_qs();
 0)     sh-1     |   1.000 us    |      update_rq_clock();
 0)     sh-1     |   1.000 us    |      pick_next_task_fair();
 0)     sh-1     |   1.000 us    |      finish_task_switch.isra.0();
 0)     sh-1     |   9.000 us    |    }
 0)     sh-1     |               |    schedule() {
 0)     sh-1     |   1.000 us    |      pick_next_task_fair();
 0)     sh-1     |   9.000 us    |    }
 0)     sh-1     |   20.000 us   |  }
`;
  assertEquals(
    short(parseGraph(text)[0]?.roots ?? []),
    "a(__cond_resched(rcu_all_qs),schedule(pick_next_task_fair))",
  );
});
