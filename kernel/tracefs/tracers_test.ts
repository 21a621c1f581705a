import { assert, assertEquals } from "@std/assert";
import { ARCHES, bootTest } from "../syscalls/test_program.ts";
import { cat, echo, openMissing } from "./testing.ts";

Deno.test("function tells each call and its caller, with the flags of each architecture", async () => {
  for (const arch of ARCHES) {
    const k = await openMissing(arch, (k) => {
      echo(k, "do_filp_open getname", "set_ftrace_filter");
      echo(k, "function", "current_tracer");
    });
    const lines = cat(k, "trace").trimEnd().split("\n").slice(12).map((line) =>
      line.replace(/ +[\d.]+: /, " ")
    );
    const flags = arch === "arm64" ? "....." : "...1.";
    const task = "          opener-301     [000]";
    assert(
      lines.every((line) => line.startsWith(task) && line.slice(task.length, -1).startsWith(` ${flags} `)),
      lines.join("\n"),
    );
    assertEquals(lines.map((line) => line.split(`${flags} `)[1]), [
      "getname <-do_sys_openat2",
      "do_filp_open <-do_sys_openat2",
    ]);
  }
});

Deno.test("function_graph balances calls and returns, and inner times fit in outer ones", async () => {
  for (const arch of ARCHES) {
    const k = await openMissing(arch, (k) => {
      echo(k, "do_sys_openat2", "set_graph_function");
      echo(k, "function_graph", "current_tracer");
    }, 2);
    const open: number[] = [];
    let roots = 0;
    for (const line of cat(k, "trace").trimEnd().split("\n").slice(4)) {
      const [, time, spaces = "", what = ""] = /^ \d\) .? +(?:([\d.]+) us +)?\| {2}( *)(.*)$/.exec(line) ??
        [];
      const us = Number(time ?? 0);
      if (what.endsWith("{")) {
        assertEquals(spaces.length, 2 * open.length, line);
        if (open.length === 0) roots++;
        open.push(0);
        continue;
      }
      if (what === "}") {
        const inner = open.pop() ?? Infinity;
        assert(inner <= us + 0.002, `${line}: what it calls takes ${inner}`);
      }
      assertEquals(spaces.length, 2 * open.length, line);
      if (open.length > 0) open.push((open.pop() ?? 0) + us);
    }
    assertEquals([open.length, roots], [0, 2], arch);
  }
});

Deno.test("depth, graph functions and notrace limit the tree", async () => {
  const tree = async (...settings: readonly (readonly [string, string])[]) => {
    const k = await openMissing("x86_64", (k) => {
      for (const [text, file] of settings) echo(k, text, file);
      echo(k, "function_graph", "current_tracer");
    });
    return cat(k, "trace").trimEnd().split("\n").slice(4).map((line) => line.slice(line.indexOf("|") + 3));
  };
  assertEquals(await tree(["do_sys_openat2", "set_graph_function"], ["1", "max_graph_depth"]), [
    "do_sys_openat2();",
  ]);
  const two = await tree(["do_sys_openat2", "set_graph_function"], ["2", "max_graph_depth"]);
  assertEquals(two.slice(0, 2), ["do_sys_openat2() {", "  getname();"]);
  const named = await tree(["do_filp_open path_openat", "set_ftrace_filter"]);
  assertEquals(named.slice(0, 2), ["do_filp_open() {", "  path_openat();"]);
  const without = await tree(["do_sys_openat2", "set_graph_function"], ["do_filp_open", "set_graph_notrace"]);
  assert(without.includes("  getname() {") && !without.some((line) => /filp_open|path_openat/.test(line)));
  const notrace = await tree(["do_sys_openat2", "set_graph_function"], ["getname*", "set_ftrace_notrace"]);
  assert(!notrace.some((line) => line.includes("getname")));
});

Deno.test("only the calls of chosen processes are followed", async () => {
  const count = async (...settings: readonly (readonly [string, string])[]) => {
    const k = await openMissing("x86_64", (k) => {
      for (const [text, file] of settings) echo(k, text, file);
      echo(k, "getname", "set_ftrace_filter");
      echo(k, "function", "current_tracer");
    });
    return k.tracefs.buffer.entries().length;
  };
  assertEquals(await count(["301", "set_ftrace_pid"]), 1);
  assertEquals(await count(["7 8", "set_ftrace_pid"]), 0);
  assertEquals(await count(["301", "set_ftrace_notrace_pid"]), 0);
  const k = await bootTest();
  assertEquals(cat(k, "set_ftrace_pid"), "no pid\n");
  assertEquals([echo(k, "12 3", "set_ftrace_pid"), cat(k, "set_ftrace_pid")], [5, "3\n12\n"]);
  assertEquals(echo(k, "x", "set_ftrace_pid"), "EINVAL");
});

Deno.test("tracing changes neither time nor results", async () => {
  for (const tracer of ["function", "function_graph"]) {
    const plain = await openMissing("x86_64", () => {}, 3);
    const traced = await openMissing("x86_64", (k) => void echo(k, tracer, "current_tracer"), 3);
    assertEquals(traced.clock.now, plain.clock.now);
  }
});

Deno.test("kprobes and tracers stand on one function, in the order of their sites", async () => {
  const { Kprobe } = await import("../kprobes/mod.ts");
  for (
    const [arch, order] of [["x86_64", ["function", "kprobe"]], ["arm64", ["kprobe", "function"]]] as const
  ) {
    const k = await openMissing(arch, (k) => {
      echo(k, "do_filp_open", "set_ftrace_filter");
      echo(k, "function", "current_tracer");
      const p = new Kprobe({
        symbolName: "do_filp_open",
        preHandler: () => void k.tracefs.buffer.emit("kprobe"),
      });
      assertEquals(k.kprobes.registerKprobe(p), 0);
    });
    const seen = k.tracefs.buffer.entries().map(({ content }) =>
      content.kind === "event" ? content.text : content.kind
    );
    assertEquals(seen, [...order]);
  }
});

Deno.test("filters take names, globs, numbers, modules and !, and refuse what matches nothing", async () => {
  const k = await bootTest();
  assertEquals(cat(k, "set_ftrace_filter"), "#### all functions enabled ####\n");
  assertEquals(cat(k, "set_ftrace_notrace"), "#### no functions disabled ####\n");
  assertEquals(echo(k, "vfs_read vfs_wr*", "set_ftrace_filter"), 17);
  assertEquals(cat(k, "set_ftrace_filter").split("\n").sort(), ["", "vfs_read", "vfs_write", "vfs_writev"]);
  assertEquals(
    k.tracefs.write("/sys/kernel/tracing/set_ftrace_filter", "!vfs_w*\n", { append: true }).ok,
    true,
  );
  assertEquals(cat(k, "set_ftrace_filter"), "vfs_read\n");
  assertEquals(echo(k, "vfs_open nosuch vfs_write", "set_ftrace_filter"), "EINVAL");
  assertEquals(cat(k, "set_ftrace_filter"), "vfs_open\n");
  assertEquals(echo(k, "1", "set_ftrace_filter"), 2);
  assertEquals(cat(k, "set_ftrace_filter"), `${cat(k, "available_filter_functions").split("\n")[0]}\n`);
  assertEquals(echo(k, ":mod:nosuch", "set_ftrace_filter"), 12);
});

Deno.test("current_tracer refuses what there is not, and empties the buffer", async () => {
  const k = await bootTest();
  assertEquals(echo(k, "wakeup", "current_tracer"), "EINVAL");
  k.tracefs.buffer.emit("e");
  echo(k, "nop", "current_tracer");
  assertEquals(k.tracefs.buffer.empty, false);
  echo(k, "function", "current_tracer");
  assertEquals([k.tracefs.buffer.empty, cat(k, "current_tracer")], [true, "function\n"]);
  assertEquals(echo(k, "x", "max_graph_depth"), "EINVAL");
});

Deno.test("nothing is armed once the tracer is gone, or ftrace is switched off", async () => {
  const k = await bootTest();
  echo(k, "function", "current_tracer");
  const armed = k.calls.armedCount;
  assert(armed > 1000);
  echo(k, "0", "/proc/sys/kernel/ftrace_enabled");
  assertEquals(k.calls.armedCount, 0);
  echo(k, "1", "/proc/sys/kernel/ftrace_enabled");
  assertEquals(k.calls.armedCount, armed);
  echo(k, "nop", "current_tracer");
  assertEquals(k.calls.armedCount, 0);
});

Deno.test("enabled_functions tells who follows what", async () => {
  for (const arch of ARCHES) {
    const k = await bootTest(arch);
    assertEquals(cat(k, "enabled_functions"), "");
    echo(k, "vfs_read", "set_ftrace_filter");
    echo(k, "function", "current_tracer");
    const text = cat(k, "enabled_functions");
    assert(text.startsWith("vfs_read (1)      "), text);
    assertEquals(text.includes("tramp: 0x"), arch === "x86_64");
  }
});
