import { assert, assertEquals } from "@std/assert";
import { ARCHES, bootTest } from "../syscalls/test_program.ts";
import { cat, echo, openMissing, told, TRACING } from "./testing.ts";

Deno.test("the function tracer follows other functions in an instance than in the main array", async () => {
  for (const arch of ARCHES) {
    const k = await openMissing(arch, (k) => {
      told(k.tracefs.mkdir(`${TRACING}/instances/mine`));
      echo(k, "do_filp_open", "set_ftrace_filter");
      echo(k, "getname do_filp_open", "instances/mine/set_ftrace_filter");
      echo(k, "function", "current_tracer");
      echo(k, "function", "instances/mine/current_tracer");
    });
    const calls = (path: string) => [...cat(k, path).matchAll(/: (\w+) <-/g)].map(([, name]) => name);
    assertEquals(calls("trace"), ["do_filp_open"]);
    assertEquals(calls("instances/mine/trace"), ["getname", "do_filp_open"]);
    assert(cat(k, "enabled_functions").includes("do_filp_open (2)"));
    told(k.tracefs.rmdir(`${TRACING}/instances/mine`));
    assert(cat(k, "enabled_functions").includes("do_filp_open (1)"));
    assert(!cat(k, "enabled_functions").includes("getname"));
  }
});

Deno.test("function_graph beside an instance's function tracer still balances calls and returns", async () => {
  const k = await openMissing("x86_64", (k) => {
    told(k.tracefs.mkdir(`${TRACING}/instances/mine`));
    echo(k, "do_sys_openat2", "set_graph_function");
    echo(k, "function_graph", "current_tracer");
    echo(k, "getname", "instances/mine/set_ftrace_filter");
    echo(k, "function", "instances/mine/current_tracer");
  });
  const tree = cat(k, "trace");
  assertEquals(tree.match(/\{$/gm)?.length, tree.match(/\}$/gm)?.length);
  assert(tree.includes("getname() {"));
  assertEquals(cat(k, "instances/mine/trace").match(/getname <-do_sys_openat2/g)?.length, 1);
});

Deno.test("an instance has the tracers that work in more than one array", async () => {
  const k = await bootTest();
  told(k.tracefs.mkdir(`${TRACING}/instances/mine`));
  const path = `${TRACING}/instances/mine`;
  assertEquals(cat(k, `${path}/available_tracers`), "function nop\n");
  assertEquals(echo(k, "function_graph", `${path}/current_tracer`), "EINVAL");
  assertEquals(cat(k, `${path}/current_tracer`), "nop\n");
  // What belongs to the kernel as a whole is in the main array alone.
  for (const name of ["available_events", "set_graph_function", "kprobe_events", "saved_cmdlines"]) {
    assertEquals(cat(k, `${path}/${name}`), "ENOENT", name);
  }
});

Deno.test("directories are made and removed in instances only, each refusal with its errno", async () => {
  const k = await bootTest();
  const mkdir = (path: string) => told(k.tracefs.mkdir(`${TRACING}/${path}`));
  const rmdir = (path: string) => told(k.tracefs.rmdir(`${TRACING}/${path}`));
  assertEquals([mkdir("instances/a"), mkdir("instances/a"), mkdir("instances/b")], [0, "EEXIST", 0]);
  assertEquals([mkdir("mine"), mkdir("events"), mkdir("instances/a/events/mine")], [
    "EPERM",
    "EEXIST",
    "EPERM",
  ]);
  assertEquals([mkdir("none/a"), mkdir("trace/a"), mkdir(`instances/${"n".repeat(256)}`)], [
    "ENOENT",
    "ENOTDIR",
    "ENAMETOOLONG",
  ]);
  assertEquals([rmdir("instances/none"), rmdir("instances/a/events"), rmdir("instances"), rmdir("trace")], [
    "ENOENT",
    "EPERM",
    "EPERM",
    "ENOTDIR",
  ]);
  assertEquals(told(k.tracefs.list(`${TRACING}/instances`)), ["a", "b"]);
  assertEquals([rmdir("instances/a"), rmdir("instances/a")], [0, "ENOENT"]);
});

Deno.test("lists of processes take all ids of a write or none", async () => {
  const k = await bootTest();
  assertEquals(cat(k, "set_ftrace_pid"), "no pid\n");
  assertEquals(echo(k, "7 0x10", "set_ftrace_pid"), 7);
  const append = (text: string) => told(k.tracefs.write(`${TRACING}/set_ftrace_pid`, text, { append: true }));
  assertEquals([append("8 x"), append("9 1073741824"), append("3")], ["EINVAL", "EPERM", 1]);
  assertEquals(cat(k, "set_ftrace_pid"), "3\n7\n16\n");
  assertEquals(echo(k, "", "set_ftrace_pid"), 1);
  assertEquals(cat(k, "set_ftrace_pid"), "no pid\n");
});

Deno.test("an instance that goes takes its triggers along: nothing keeps its events on", async () => {
  const k = await bootTest();
  for (
    const trigger of ["stacktrace", "traceoff", "hist:keys=common_pid", "enable_event:sched:sched_switch"]
  ) {
    assertEquals(told(k.tracefs.write(`${TRACING}/kprobe_events`, "p:g/a vfs_read\n")), 15);
    told(k.tracefs.mkdir(`${TRACING}/instances/q`));
    assert(typeof echo(k, trigger, "instances/q/events/g/a/trigger") === "number", trigger);
    assertEquals(told(k.tracefs.rmdir(`${TRACING}/instances/q`)), 0);
    assertEquals(told(k.tracefs.write(`${TRACING}/kprobe_events`, "")), 0, trigger);
    assertEquals(k.kprobes.points().filter(({ disabled }) => !disabled).length, 0, trigger);
  }
});
