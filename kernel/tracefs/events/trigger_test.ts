import { assertEquals, assertMatch } from "@std/assert";
import type { Kernel } from "../../kernel.ts";
import { ARCHES } from "../../syscalls/test_program.ts";
import { cat, echo, openMissing, TRACING } from "../testing.ts";

/** An event of a probe, and one of the kernel's own, with a field that is 0 in the tests' openat. */
const EVENTS = [
  { system: "kprobes", name: "one", field: "f" },
  { system: "syscalls", name: "sys_enter_openat", field: "flags" },
] as const;
type Event = (typeof EVENTS)[number];

/** `echo TEXT >> FILE`. */
function append(k: Kernel, text: string, path: string): number | string {
  const result = k.tracefs.write(`${TRACING}/${path}`, `${text}\n`, { append: true });
  return result.ok ? result.value : result.name;
}

function records(k: Kernel, path = "trace"): string[] {
  return cat(k, path).split("\n").filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.replace(/^.*\[\d+\] .{5} +[\d.]+: /, "").replace(/[:(].*/, ""));
}

interface Setting {
  /** `enable` of the event. */
  readonly enable?: boolean;
  readonly filter?: string;
  readonly triggers?: readonly string[];
  /** `tracing_on` before the first record. */
  readonly on?: boolean;
  readonly times?: number;
}

/** Runs a program that makes the event; `$E` is the event, `$F` its field. */
async function run(event: Event, setting: Setting): Promise<Kernel> {
  const { system, name, field } = event;
  const fill = (text: string) => text.replaceAll("$E", `${system}:${name}`).replaceAll("$F", field);
  return await openMissing("x86_64", (k) => {
    append(k, "p:one __x64_sys_openat f=+0x60(%di)", "kprobe_events");
    const path = `events/${system}/${name}`;
    if (setting.enable !== false) echo(k, "1", `${path}/enable`);
    if (setting.filter !== undefined) append(k, fill(setting.filter), `${path}/filter`);
    for (const trigger of setting.triggers ?? []) {
      assertEquals(append(k, fill(trigger), `${path}/trigger`), fill(trigger).length + 1, trigger);
    }
    if (setting.on === false) echo(k, "0", "tracing_on");
  }, setting.times ?? 1);
}

/** Records in the trace, and whether tracing is on afterwards. */
async function outcome(event: Event, setting: Setting): Promise<string> {
  const k = await run(event, setting);
  return `${records(k).length} ${cat(k, "tracing_on").trim() === "1" ? "on" : "off"}`;
}

Deno.test("traceoff keeps the record that sets it off; traceon with a condition comes too late for its own", async () => {
  const table: readonly (readonly [Setting, string])[] = [
    [{ triggers: ["traceoff"] }, "1 off"],
    [{ triggers: ["traceoff if $F == 0"] }, "1 off"],
    [{ triggers: ["traceoff if $F == 7"], times: 2 }, "2 on"],
    [{ triggers: ["traceon"], on: false }, "1 on"],
    [{ triggers: ["traceon if $F == 0"], on: false }, "0 on"],
    [{ triggers: ["traceon if $F == 0"], on: false, times: 2 }, "1 on"],
    [{ triggers: ["traceon if $F == 7"], on: false, times: 2 }, "0 off"],
    // One trigger that looks at the record makes all wait for it.
    [{ triggers: ["traceoff", "hist:keys=$F"] }, "1 off"],
    [{ triggers: ["traceon", "hist:keys=$F"], on: false }, "0 on"],
    [{ triggers: ["traceon", "stacktrace if $F == 7"], on: false }, "0 on"],
    // What the filter judges is put aside; the buffer is asked afterwards.
    [{ triggers: ["traceoff if $F == 0"], filter: "$F == 0" }, "1 off"],
    [{ triggers: ["traceoff"], filter: "$F == 7" }, "0 off"],
    [{ triggers: ["traceon if $F == 0"], filter: "$F == 0", on: false }, "1 on"],
    [{ triggers: ["traceon"], filter: "$F == 7", on: false }, "0 on"],
    // Soft-disabled: triggers run, nothing is recorded.
    [{ triggers: ["traceoff"], enable: false }, "0 off"],
    [{ triggers: ["traceoff if $F == 0"], enable: false }, "0 off"],
    [{ triggers: ["traceon if $F == 0"], enable: false, on: false }, "0 on"],
    [{ triggers: ["traceon"], enable: false, on: false, times: 2 }, "0 on"],
  ];
  for (const event of EVENTS) {
    for (const [setting, expected] of table) {
      assertEquals(await outcome(event, setting), expected, `${event.name} ${JSON.stringify(setting)}`);
    }
  }
});

Deno.test("an event that switches itself: at once behind a condition, else with the next record", async () => {
  const table: readonly (readonly [Setting, number])[] = [
    [{ triggers: ["enable_event:$E"], enable: false, times: 3 }, 2],
    [{ triggers: ["enable_event:$E if $F == 0"], enable: false, times: 3 }, 3],
    [{ triggers: ["disable_event:$E"], times: 3 }, 0],
    [{ triggers: ["disable_event:$E if $F == 0"], times: 3 }, 0],
    [{ triggers: ["disable_event:$E:1 if $F == 7"], times: 3 }, 3],
  ];
  for (const event of EVENTS) {
    for (const [setting, expected] of table) {
      const k = await run(event, setting);
      assertEquals(records(k).length, expected, `${event.name} ${JSON.stringify(setting)}`);
    }
  }
});

Deno.test("a count is used up only by what it changes", async () => {
  for (const event of EVENTS) {
    const path = `events/${event.system}/${event.name}/trigger`;
    const left = async (setting: Setting) => cat(await run(event, setting), path).split("\n")[0];
    assertEquals(await left({ triggers: ["traceoff:3"], times: 2 }), "traceoff:count=2");
    assertEquals(await left({ triggers: ["traceon:3"], times: 2 }), "traceon:count=3");
    assertEquals(await left({ triggers: ["stacktrace:3"], times: 2 }), "stacktrace:count=1");
    assertEquals(await left({ triggers: ["stacktrace:1"], times: 2 }), "stacktrace:count=0");
    const target = "sched:sched_process_fork";
    assertEquals(
      await left({ triggers: [`enable_event:${target}:5`], times: 2 }),
      `enable_event:${target}:count=4`,
    );
    assertEquals(
      await left({ triggers: [`disable_event:${target}:5`], times: 2 }),
      `disable_event:${target}:count=5`,
    );
    assertEquals(await left({ triggers: ["traceoff:0"], times: 2 }), "traceoff:count=0");
  }
});

Deno.test("traceoff:1 lets tracing be switched on again for good", async () => {
  for (const event of EVENTS) {
    const k = await run(event, { triggers: ["traceoff:1 if $F == 0", "enable_event:sched:sched_switch"] });
    assertEquals([records(k).length, cat(k, "tracing_on")], [1, "0\n"]);
  }
});

Deno.test("a stack trace follows its record, and comes without one that is held back", async () => {
  for (const event of EVENTS) {
    const made = async (setting: Setting) => (await run(event, setting)).tracefs.buffer.entries().length;
    assertEquals(await made({ triggers: ["stacktrace"] }), 2);
    assertEquals(await made({ triggers: ["stacktrace"], enable: false }), 1);
    assertEquals(await made({ triggers: ["stacktrace"], filter: "$F == 7" }), 1);
    assertEquals(await made({ triggers: ["stacktrace if $F == 7"] }), 1);
    assertEquals(await made({ triggers: ["stacktrace"], on: false }), 0);
    const k = await run(event, { triggers: ["stacktrace"] });
    assertMatch(records(k)[1] ?? "", /^<stack trace>/);
  }
});

Deno.test("a histogram counts where tracing is off and where the event is not recorded", async () => {
  for (const event of EVENTS) {
    const hits = async (setting: Setting) => {
      const k = await run(event, { ...setting, triggers: ["hist:keys=$F"], times: 2 });
      return /Hits: (\d+)/.exec(cat(k, `events/${event.system}/${event.name}/hist`))?.[1];
    };
    assertEquals(await hits({ on: false }), "2");
    assertEquals(await hits({ enable: false }), "2");
    assertEquals(await hits({ filter: "$F == 7" }), "2");
  }
});

Deno.test("a snapshot has the record behind a condition, else what came before", async () => {
  for (const event of EVENTS) {
    const table: readonly (readonly [Setting, snapshot: number, trace: number])[] = [
      [{ triggers: ["snapshot"], times: 1 }, 0, 1],
      [{ triggers: ["snapshot:1"], times: 3 }, 0, 3],
      [{ triggers: ["snapshot"], times: 2 }, 1, 1],
      [{ triggers: ["snapshot if $F == 0"], times: 1 }, 1, 0],
      [{ triggers: ["snapshot:1 if $F == 0"], times: 3 }, 1, 2],
      [{ triggers: ["snapshot:1 if $F == 0"], filter: "$F == 0", times: 3 }, 1, 2],
      [{ triggers: ["snapshot if $F == 7"], times: 2 }, 0, 2],
    ];
    for (const [setting, snapshot, trace] of table) {
      const k = await run(event, setting);
      assertEquals(
        [records(k, "snapshot").length, records(k).length],
        [snapshot, trace],
        `${event.name} ${JSON.stringify(setting)}`,
      );
    }
  }
});

Deno.test("what a snapshot held before the trace was emptied is not shown after the next one", async () => {
  const k = await openMissing("x86_64", (k) => {
    append(k, "p:one __x64_sys_openat", "kprobe_events");
    echo(k, "1", "events/kprobes/one/enable");
    k.tracefs.write(`${TRACING}/trace_marker`, "old\n");
    echo(k, "1", "snapshot");
    k.clock.now += 1000;
    echo(k, "", "trace");
    append(k, "snapshot", "events/kprobes/one/trigger");
  });
  assertEquals([records(k), records(k, "snapshot").filter((line) => !line.startsWith("#"))], [["one"], []]);
});

Deno.test("a snapshot that can't be taken is told in the trace", async () => {
  const freed = await openMissing("x86_64", (k) => {
    append(k, "snapshot", "events/syscalls/sys_enter_openat/trigger");
    echo(k, "0", "snapshot");
  });
  assertEquals([records(freed), cat(freed, "tracing_on")], [
    ["tracing_snapshot_instance_cond", "tracing_snapshot_instance_cond"],
    "0\n",
  ]);
  assertMatch(
    cat(freed, "trace"),
    /: \*\*\* SNAPSHOT NOT ALLOCATED \*\*\*\n.*: \*\*\* stopping trace here! {3}\*\*\*\n$/,
  );
  // A breakpoint's handler counts as an NMI.
  const inNmi = await openMissing("x86_64", (k) => {
    echo(k, "0", "/proc/sys/debug/kprobes-optimization");
    append(k, "p:one do_sys_openat2+5", "kprobe_events");
    append(k, "snapshot", "events/kprobes/one/trigger");
  });
  assertMatch(
    cat(inNmi, "trace"),
    / \.\.Zff .*: \*\*\* SNAPSHOT CALLED FROM NMI CONTEXT \*\*\*\n.*: \*\*\* snapshot is being ignored {8}\*\*\*\n$/,
  );
});

Deno.test("one trigger of a type: on and off are one, an event's two switches are one", async () => {
  const k = await openMissing("x86_64", () => {});
  const trigger = "events/syscalls/sys_enter_openat/trigger";
  const add = (text: string) => append(k, text, trigger);
  assertEquals([add("traceoff:3"), add("traceon"), add("traceoff if dfd == 1")], [11, "EEXIST", "EEXIST"]);
  assertEquals([add("enable_event:sched:sched_switch"), add("disable_event:sched:sched_switch:2")], [
    32,
    "EEXIST",
  ]);
  assertEquals(add("disable_event:sched:sched_wakeup if   dfd == 1 "), 48);
  assertEquals(add("hist:keys=dfd"), 14);
  assertEquals(add("enable_hist:sched:sched_switch"), 31);
  // The newest comes first; histograms stand at the end.
  assertEquals(
    cat(k, trigger),
    "enable_hist:sched:sched_switch:unlimited\n" +
      "disable_event:sched:sched_wakeup:unlimited if   dfd == 1\n" +
      "enable_event:sched:sched_switch:unlimited\n" +
      "traceoff:count=3\n" +
      "hist:keys=dfd:vals=hitcount:sort=hitcount:size=2048 [active]\n",
  );
  assertEquals(cat(k, "events/sched/sched_switch/enable"), "0*\n");
  // Opened with O_TRUNC, the file forgets what has to do with histograms.
  assertEquals(echo(k, "stacktrace", trigger), 11);
  assertEquals(
    cat(k, trigger),
    "stacktrace:unlimited\n" +
      "disable_event:sched:sched_wakeup:unlimited if   dfd == 1\n" +
      "enable_event:sched:sched_switch:unlimited\n" +
      "traceoff:count=3\n",
  );
  assertEquals([add("!traceon"), add("!enable_event:sched:sched_wakeup"), add("!stacktrace:7")], [9, 33, 14]);
  assertEquals(cat(k, trigger), "enable_event:sched:sched_switch:unlimited\n");
  assertEquals(add("!disable_event:sched:sched_switch:0"), 36);
  assertEquals(cat(k, "events/sched/sched_switch/enable"), "0\n");
  assertMatch(cat(k, trigger), /^# Available triggers:\n/);
  // Taking away what isn't there is no error.
  assertEquals(add("!traceoff"), 10);
});

Deno.test("what is no trigger is refused", async () => {
  const k = await openMissing("x86_64", () => {});
  const trigger = "events/syscalls/sys_enter_openat/trigger";
  for (
    const text of [
      "bogus",
      "constructor",
      "!toString",
      "__proto__",
      "hasOwnProperty:1",
      "traceoff:x",
      "traceoff:-1",
      "traceoff when dfd == 1",
      "traceoff if",
      "traceoff:3x",
      "traceoff if nosuch == 1",
      "enable_event",
      "enable_event:sched",
      "enable_event:sched:nosuch",
      "enable_event:sched:sched_switch:",
      "enable_event:sched:sched_switch:x",
    ]
  ) {
    assertEquals(append(k, text, trigger), "EINVAL", text);
  }
  assertEquals(append(k, "traceoff:99999999999999999999", trigger), "ERANGE");
  // The error log tells of `filter` files alone.
  assertEquals(cat(k, "error_log"), "");
  assertMatch(cat(k, trigger), /^# Available triggers:\n/);
  assertEquals(cat(k, "events/syscalls/sys_enter_openat/enable"), "0\n");
  assertEquals(cat(k, "events/sched/sched_switch/enable"), "0\n");
});

Deno.test("a histogram takes no name that only JavaScript knows", async () => {
  const k = await openMissing("x86_64", () => {});
  const trigger = "events/syscalls/sys_enter_openat/trigger";
  for (const name of ["constructor", "toString", "__proto__", "hasOwnProperty"]) {
    for (
      const text of [`keys=${name}`, `keys=dfd:vals=${name}`, `keys=dfd.${name}`, `keys=dfd:sort=${name}`]
    ) {
      assertEquals(append(k, `hist:${text}`, trigger), "EINVAL", text);
    }
  }
});

Deno.test("a histogram's size, order and modifiers are checked as the kernel does", async () => {
  const k = await openMissing("x86_64", () => {});
  const path = "events/syscalls/sys_enter_openat/trigger";
  const sizes: readonly (readonly [given: string, size: number | string])[] = [
    ["64", "EINVAL"],
    ["65", 128],
    ["128", 128],
    ["129", 256],
    ["0x100", 256],
    ["0400", 256],
    ["131072", 131072],
    ["131073", "EINVAL"],
    ["0", "EINVAL"],
    ["", "EINVAL"],
    ["-1", "EINVAL"],
    ["1e3", "EINVAL"],
    ["200 ", "EINVAL"],
    ["99999999999999999999", "ERANGE"],
  ];
  for (const [given, size] of sizes) {
    const text = `hist:keys=dfd:size=${given}:sort=dfd`;
    assertEquals(append(k, text, path), typeof size === "number" ? text.length + 1 : size, text);
    const shown = /size=(\d+)/.exec(cat(k, path))?.[1] ?? null;
    assertEquals(shown, typeof size === "number" ? String(size) : null, text);
    if (shown !== null) append(k, `!${text}`, path);
  }
  const refused: readonly (readonly [text: string, at: string, message: string])[] = [
    ["keys=dfd:sort=dfd.up", "up", "Invalid sort modifier"],
    ["keys=dfd:sort=dfd.descending.x", "descending.x", "Invalid sort modifier"],
    ["keys=dfd:sort=hitcount.", "", "Invalid sort modifier"],
    ["keys=dfd,flags:sort=dfd,flags,hitcount", "sort=", "Too many sort fields (Max = 2)"],
    ["keys=dfd:sort=", "sort=", "Empty sort field"],
    ["keys=dfd:sort=dfd,", "sort=", "Empty sort field"],
    ["keys=dfd:sort=.descending", "sort=", "Empty sort field"],
    ["keys=dfd:sort=flags", "flags", "Sort field must be a key or a val"],
    ["keys=common_pid.execname.hex", "hex", "Couldn't find field"],
    ["keys=dfd.execname", "execname", "Invalid field modifier"],
    ["keys=dfd.nosuch", "nosuch", "Invalid field modifier"],
    ["keys=dfd.buckets", "", "Invalid field modifier"],
    ["keys=dfd.buckets=0", "0", "Invalid field modifier"],
    ["keys=dfd.hex=1", "hex=1", "Invalid field modifier"],
    ["keys=stacktrace.hex", "stacktrace", "Couldn't find field"],
  ];
  for (const [text, at, message] of refused) {
    k.tracefs.write(`${TRACING}/error_log`, "");
    assertEquals(append(k, `hist:${text}`, path), "EINVAL", text);
    const [head = "", command, caret = ""] = cat(k, "error_log").split("\n");
    assertEquals(head.replace(/^.*error: /, ""), message, text);
    assertEquals(
      [command, caret.indexOf("^") - 11],
      [`  Command: hist:${text}`, `hist:${text}`.indexOf(at)],
      text,
    );
  }
  for (const text of ["keys", "keys=dfd:sort", "keys=dfd:size"]) {
    assertEquals(append(k, `hist:${text}`, path), "EINVAL", text);
  }
  for (
    const text of [
      "keys=dfd,flags:sort=dfd.descending,flags.ascending",
      "keys=common_pid.execname",
      "keys=dfd.bucket=4",
    ]
  ) {
    assertEquals(append(k, `hist:${text}`, path), text.length + 6, text);
  }
  assertEquals(cat(k, path).match(/keys=\S+:vals|sort=\S+:/g), [
    "keys=dfd,flags:vals",
    "sort=dfd.descending,flags:",
    "keys=common_pid.execname:vals",
    "sort=hitcount:",
    "keys=dfd.buckets=4:vals",
    "sort=hitcount:",
  ]);
});

Deno.test("buckets of one size count as one key", async () => {
  const k = await openMissing("x86_64", (k) => {
    append(k, "p:one __x64_sys_openat v=\\5:u32", "kprobe_events");
    echo(k, "1", "events/kprobes/one/enable");
    assertEquals(append(k, "hist:keys=v.buckets=4", "events/kprobes/one/trigger"), 22);
  }, 3);
  const hist = cat(k, "events/kprobes/one/hist");
  assertEquals(hist.split("\n").slice(2, 6), [
    "# trigger info: hist:keys=v.buckets=4:vals=hitcount:sort=hitcount:size=2048 [active]",
    "#",
    "",
    "{ v: ~ 4-7 } hitcount:          3",
  ]);
  for (const wrong of ["v.buckets", "v.buckets=0", "v.buckets=x", "v.hex=4"]) {
    assertEquals(append(k, `hist:keys=${wrong}`, "events/kprobes/one/trigger"), "EINVAL", wrong);
  }
});

Deno.test("triggers of one name count in one table, as long as one of them is there", async () => {
  const one = "events/kprobes/one/trigger";
  const k = await openMissing("x86_64", (k) => {
    append(k, "p:one __x64_sys_openat v=\\5:u32", "kprobe_events");
    append(k, "p:two do_sys_openat2 v=\\5:u32", "kprobe_events");
    assertEquals(append(k, "hist:keys=v:name=both", one), 22);
    assertEquals(append(k, "hist:keys=v:name=both", "events/kprobes/two/trigger"), 22);
    assertEquals(append(k, "hist:keys=v.hex:name=both", "events/kprobes/two/trigger"), "EINVAL");
  });
  assertMatch(cat(k, "error_log"), /Named hist trigger doesn't match existing named trigger/);
  assertMatch(cat(k, "events/kprobes/one/hist"), /\{ v: {10}5 \} hitcount: {10}2\n/);
  assertEquals(cat(k, one), "hist:name=both:keys=v:vals=hitcount:sort=hitcount:size=2048 [active]\n");
  append(k, "!hist:keys=v:name=both", one);
  append(k, "!hist:keys=v:name=both", "events/kprobes/two/trigger");
  assertEquals(append(k, "hist:keys=v.hex:name=both", one), 26);
});

Deno.test("stacks, CPUs and times are keys too; variables are kept and shown", async () => {
  const path = "events/syscalls/sys_enter_openat/trigger";
  const k = await openMissing("x86_64", (k) => {
    for (const keys of ["stacktrace", "cpu", "common_timestamp.usecs", "dfd:x=5"]) {
      append(k, `hist:keys=${keys}`, path);
    }
    assertEquals(append(k, "hist:keys=flags:x=dfd", path), "EINVAL");
    assertEquals(append(k, "hist:keys=dfd:vals=stacktrace", path), "EINVAL");
  });
  const blocks = cat(k, "events/syscalls/sys_enter_openat/hist");
  assertMatch(
    blocks,
    /\{ stacktrace:\n {9}[\w.]+\+0x[0-9a-f]+\/0x[0-9a-f]+\n( {9}\S+\n)*\} hitcount: {10}1\n/,
  );
  assertMatch(blocks, /\{ common_cpu: {10}0 \} hitcount: {10}1\n/);
  assertMatch(blocks, /\{ common_timestamp: +\d+ \} hitcount: {10}1\n/);
  assertMatch(cat(k, path), /^hist:keys=dfd:vals=hitcount:x=5:sort=hitcount:size=2048 \[active\]$/m);
  assertMatch(cat(k, "error_log"), /Variable already defined/);
});

Deno.test("enable_hist and disable_hist pause another event's histograms", async () => {
  const k = await openMissing("x86_64", (k) => {
    append(k, "hist:keys=common_pid", "events/syscalls/sys_exit_openat/trigger");
    append(k, "disable_hist:syscalls:sys_exit_openat:1", "events/syscalls/sys_enter_openat/trigger");
  }, 2);
  assertMatch(cat(k, "events/syscalls/sys_exit_openat/trigger"), /^hist:.* \[paused\]\n$/);
  assertMatch(cat(k, "events/syscalls/sys_exit_openat/hist"), /Hits: 0/);
  assertEquals(
    cat(k, "events/syscalls/sys_enter_openat/trigger"),
    "disable_hist:syscalls:sys_exit_openat:count=0\n",
  );
});

Deno.test("the table is the same on every architecture", async () => {
  for (const arch of ARCHES) {
    const k = await openMissing(arch, (k) => {
      append(k, "p:one do_sys_openat2", "kprobe_events");
      echo(k, "1", "events/kprobes/one/enable");
      append(k, "traceoff if common_pid > 0", "events/kprobes/one/trigger");
    }, 2);
    assertEquals([records(k), cat(k, "tracing_on")], [["one"], "0\n"], arch);
  }
});
