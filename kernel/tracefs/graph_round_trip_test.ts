import { assertEquals } from "@std/assert";
import { coreImage } from "../../image/mod.ts";
import type { Addr } from "../../image/model.ts";
import { TraceArray } from "./trace_array.ts";
import { traceText } from "./trace_text.ts";

/** Lines of a real kernel's function_graph, recorded with nofuncgraph-overhead: `schedule` of a task that sleeps. */
const RECORDED = ` 0)   11.797 us   |  mutex_unlock();
 ------------------------------------------
 0)    sysx-98     =>   rcu_pre-15  
 ------------------------------------------

 0)   3.846 us    |  switch_mm_irqs_off();
 ------------------------------------------
 0)   rcu_pre-15   =>    sysx-98    
 ------------------------------------------

 0)               |  schedule() {
 0)   2.503 us    |    rcu_note_context_switch();
 0)               |    pick_next_task_fair() {
 0)   1.473 us    |      update_curr();
 0)               |      put_prev_entity() {
 0)   0.821 us    |        update_curr();
 0)   1.232 us    |        check_spread.isra.0();
 0)   13.641 us   |      }
 0)   33.850 us   |    }
 0)               |    __traceiter_sched_switch() {
 0)   1.162 us    |      _raw_spin_lock_irqsave();
 0)   7.712 us    |    }
 ------------------------------------------
 0)    sysx-98     =>    <idle>-0   
 ------------------------------------------

 0)   4.777 us    |  switch_mm_irqs_off();
 ------------------------------------------
 0)    <idle>-0    =>    sysx-98    
 ------------------------------------------

 0)               |    finish_task_switch.isra.0() {
 0)   0.972 us    |      _raw_spin_unlock();
 0)   3.976 us    |    }
 0)   2204.127 us |  } /* schedule */
 1)   27602.17 us |  mutex_unlock();
`;

/** Reads printed lines back into records, and prints those. */
async function printedAgain(text: string): Promise<string> {
  const image = await coreImage("x86_64");
  const state = {
    cpus: 2,
    image,
    clock: { now: 1e9 },
    current: { pid: 98, comm: "sysx", cpu: 0 },
  };
  const array = new TraceArray(state);
  array.tracer = "function_graph";
  array.shared.tasks.tracer(true);
  array.options.set("funcgraph-overhead", false);
  const open = new Map<string, Addr[]>();
  for (const line of text.split("\n")) {
    const change = /^ \d\) +\S+-\d+ +=> +(\S+)-(\d+) +$/.exec(line);
    if (change !== null) state.current = { pid: Number(change[2]), comm: change[1] ?? "", cpu: 0 };
    const call = /^ (\d)\) +(?:([\d.]+) us +)?\| {2}( *)(\S*?)(?:\(\)(;| \{)|\}(?: \/\* (\S+) \*\/)?)$/.exec(
      line,
    );
    if (call === null) continue;
    const [, cpu = "0", us = "0", spaces = "", name = "", kind, tail] = call;
    state.current = { ...state.current, cpu: Number(cpu) };
    const depth = spaces.length / 2;
    const key = `${cpu} ${state.current.pid}`;
    const calls = open.get(key) ?? [];
    open.set(key, calls);
    const ns = Math.round(Number(us) * 1000);
    const func = image.symbol(tail ?? name)?.address ?? calls[depth] ?? 0;
    if (kind !== undefined) {
      array.buffer.record({ kind: "graph_entry", func, depth }, ".....", 20);
      calls[depth] = func;
    }
    state.clock.now += ns + 1;
    if (kind === " {") continue;
    const rettime = state.clock.now;
    array.buffer.record({ kind: "graph_return", func, depth, calltime: rettime - ns, rettime }, ".....", 40);
  }
  return traceText(array).split("\n").slice(4).join("\n");
}

Deno.test("a recorded tree prints as the kernel printed it", async () => {
  assertEquals(await printedAgain(RECORDED), RECORDED);
});
