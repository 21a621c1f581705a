import { assertEquals, assertMatch } from "@std/assert";
import { addressText } from "../../../image/address.ts";
import { coreImage, coreShapes } from "../../../image/mod.ts";
import type { Arch } from "../../../image/model.ts";
import { Kernel } from "../../kernel.ts";
import { kernelModule } from "../../modules/mod.ts";
import { ShapeLibrary } from "../../shapes/library.ts";
import { runSyscall } from "../../syscalls/entry.ts";
import { ftraceTrampoline, ftraceTrampolineReturn } from "../ftrace_trampoline.ts";

const T = "/sys/kernel/tracing/";
const PATH = 0x10000;

/** A kernel as files, with a task that can open a file that isn't there. */
class Machine {
  readonly k: Kernel;

  constructor(k: Kernel) {
    this.k = k;
    const task = k.tasks.create({ comm: "cat" });
    k.current = task;
    k.memory.user = task.userSpace;
    task.userSpace?.map(PATH, 4096, 3);
    k.memory.writeString(PATH, "/no/such/f1");
  }

  static async boot(arch: Arch): Promise<Machine> {
    return new Machine(new Kernel(await coreImage(arch), ShapeLibrary.decode(await coreShapes(arch))));
  }

  read(file: string): string {
    const result = this.k.tracefs.read(T + file);
    return result.ok ? result.value : result.name;
  }

  /** `echo TEXT >> FILE`: bytes, or the errno's name. */
  append(file: string, text: string): number | string {
    const result = this.k.tracefs.write(T + file, `${text}\n`, { append: true });
    return result.ok ? result.value : result.name;
  }

  /** `: > FILE` */
  truncate(file: string): string | null {
    const result = this.k.tracefs.write(T + file, "");
    return result.ok ? null : result.name;
  }

  open(): void {
    const task = this.k.current as Kernel["current"];
    const call = runSyscall(this.k, task, { name: "openat", args: [-100, PATH, 0, 0] });
    while (call.next().done !== true);
  }

  /** Lines of the trace behind the time stamp, with the context columns. */
  trace(): string[] {
    return this.read("trace").split("\n").filter((line) => line !== "" && !line.startsWith("#"))
      .map((line) => line.replace(/^.*\[\d+\] (.{5}) +[\d.]+: /, "$1 "));
  }
}

Deno.test("a format file, ids and fields are those of a real kernel", async () => {
  const m = await Machine.boot("x86_64");
  assertEquals(m.append("kprobe_events", "p:myprobe do_sys_openat2 dfd=%di filename=+0(%si):ustring"), 58);
  m.append(
    "kprobe_events",
    'r:all vfs_read a=%di:u8 b=%di:s16 n=%di:symbol o=%di:b4@4/32 s=\\"x" ar=+0(%di):x8[2]',
  );
  assertEquals(
    m.read("events/kprobes/myprobe/format"),
    "name: myprobe\nID: 1338\nformat:\n" +
      "\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n" +
      "\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;\n" +
      "\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;\n" +
      "\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n" +
      "\tfield:unsigned long __probe_ip;\toffset:8;\tsize:8;\tsigned:0;\n" +
      "\tfield:u64 dfd;\toffset:16;\tsize:8;\tsigned:0;\n" +
      "\tfield:__data_loc char[] filename;\toffset:24;\tsize:4;\tsigned:1;\n\n" +
      'print fmt: "(%lx) dfd=0x%Lx filename=\\"%s\\"", REC->__probe_ip, REC->dfd, __get_str(filename)\n',
  );
  const all = m.read("events/kprobes/all/format");
  assertMatch(all, /field:u8 ar\[\];\toffset:43;\tsize:2;\tsigned:0;/);
  assertMatch(all, /n=%pS o=%u s=\\"%s\\" ar=\{0x%x,0x%x\}", REC->__probe_func, REC->__probe_ret_ip, REC->a/);
  // Numbers are not used again, not even those of definitions that failed on the way.
  m.append("kprobe_events", "p:bad vfs_read a=@nosuch");
  assertEquals(m.append("kprobe_events", "-:all"), 6);
  m.append("kprobe_events", "p:later vfs_read");
  assertEquals(m.read("events/kprobes/later/id"), "1341\n");
});

Deno.test("hits on each architecture: places, arguments, memory, faults, results", async () => {
  for (const arch of ["x86_64", "arm64", "i386"] as const) {
    const m = await Machine.boot(arch);
    m.append(
      "kprobe_events",
      "p:e do_sys_openat2 d=$arg1:s32 f=+0($arg2):ustring k=+0($arg2):string z=+0($arg4):string n=+0($arg4):u32 " +
        'c=$comm i=\\7:u8 q=\\-1:s8 t=\\"lit" w=+1(+0($arg2)):x16[2]',
    );
    m.append("kprobe_events", "r:x do_sys_openat2 ret=$retval:s32");
    m.append("events/kprobes/enable", "1");
    m.open();
    const [entry = "", exit = "", ...rest] = m.trace();
    const flags = arch === "arm64" ? "d\\.\\.\\.\\." : "\\.{5}";
    assertMatch(
      entry,
      new RegExp(
        `^${flags} e: \\(do_sys_openat2\\+0x0/0x[0-9a-f]+\\) d=-100 f="/no/such/f1" k="/no/such/f1" ` +
          'z=\\(fault\\) n=0 c="cat" i=7 q=-1 t="lit" w=\\{0x0,0x0\\}$',
      ),
    );
    assertMatch(exit, /^\.{5} x: \(__\w+_sys_openat\+0x[0-9a-f]+\/0x[0-9a-f]+ <- do_sys_openat2\) ret=-2$/);
    assertEquals(rest, []);
    assertEquals(
      m.read("kprobe_profile"),
      `  e${" ".repeat(43)}${" ".repeat(15)}1               0\n  x${" ".repeat(43)}${
        " ".repeat(15)
      }1               0\n`,
    );
  }
});

Deno.test("variables of the kernel are read where they lie", async () => {
  const m = await Machine.boot("x86_64");
  m.append("kprobe_events", "p:v do_sys_openat2 j=@jiffies:u64 b=@linux_banner:string v=@linux_banner+6:x8");
  m.append("events/kprobes/v/enable", "1");
  m.k.clock.now += 9_000_000;
  m.open();
  assertMatch(m.trace()[0] ?? "", / j=4294892298 b="Linux version 6\.1\.0-56-amd64 \(/);
  assertMatch(m.trace()[1] ?? "", /^" v=0x76$/);
});

Deno.test("a probe of a module that isn't loaded waits for it", async () => {
  const m = await Machine.boot("x86_64");
  // Whether that will be an entry isn't known, so there are no arguments yet.
  assertEquals(m.append("kprobe_events", "p:w late:worker a=$arg1:u32"), "EINVAL");
  assertEquals(m.append("kprobe_events", "p:w late:worker a=%di:u32"), 26);
  assertMatch(
    m.k.dmesg(),
    /This probe might be able to register after target module is loaded\. Continue\.\n$/,
  );
  m.append("events/kprobes/w/enable", "1");
  assertEquals([m.read("events/kprobes/w/enable"), m.k.kprobes.list()], ["1\n", []]);
  const late = kernelModule({
    name: "late",
    functions: { worker: {} },
    setup: () => ({ init() {}, exit() {}, functions: { worker: () => 0 } }),
  });
  assertEquals(m.k.modules.insmod(late), 0);
  assertEquals(m.k.kprobes.list().length, 1);
  m.k.modules.call("late", "worker", 7);
  assertMatch(m.trace().join("\n"), /^\.{5} w: \(worker\+0x0\/0x\w+ \[late\]\) a=7$/);
  assertEquals(m.append("kprobe_events", "p:v late:nosuch"), "ENOENT");
  assertEquals(m.k.modules.rmmod("late"), 0);
  m.append("events/kprobes/w/enable", "0");
  assertEquals(m.truncate("kprobe_events"), null);
});

Deno.test("the kernel's own events record beside probes; an instance records for itself", async () => {
  const m = await Machine.boot("x86_64");
  assertEquals(m.k.tracefs.mkdir(`${T}instances/one`).ok, true);
  m.append("kprobe_events", "p:e do_sys_openat2");
  m.append("instances/one/events/kprobes/e/enable", "1");
  assertEquals([m.read("events/kprobes/e/enable"), m.append("kprobe_events", "-:e")], ["0\n", "EBUSY"]);
  m.append("events/syscalls/sys_enter_openat/enable", "1");
  m.append("events/syscalls/sys_exit_openat/enable", "1");
  m.open();
  assertEquals(m.trace(), [
    "...1. sys_openat(dfd: ffffffffffffff9c, filename: 10000, flags: 0, mode: 0)",
    "...1. sys_openat -> 0xfffffffffffffffe",
  ]);
  assertMatch(m.read("instances/one/trace"), / e: \(do_sys_openat2\+0x0\/0x170\)\n$/);
  assertEquals(m.k.tracefs.rmdir(`${T}instances/one`).ok, true);
  assertEquals(m.append("kprobe_events", "-:e"), 4);
});

Deno.test("enabled events are busy; truncating removes all or nothing", async () => {
  const m = await Machine.boot("x86_64");
  m.append("kprobe_events", "p:one vfs_read");
  m.append("kprobe_events", "r8:grp/two vfs_write");
  assertEquals([m.read("events/enable"), m.read("events/kprobes/enable")], ["0\n", "0\n"]);
  m.append("events/kprobes/one/enable", "1");
  assertEquals([m.read("events/enable"), m.read("events/kprobes/enable")], ["X\n", "1\n"]);
  assertEquals([m.append("kprobe_events", "-:one"), m.truncate("kprobe_events")], ["EBUSY", "EBUSY"]);
  assertEquals(m.read("kprobe_events"), "p:kprobes/one vfs_read\nr8:grp/two vfs_write\n");
  assertEquals(m.append("set_event", "!kprobes:one"), 13);
  assertEquals(m.append("events/kprobes/one/enable", "2"), "EINVAL");
  assertEquals([m.append("kprobe_events", "-:one"), m.read("events/kprobes/enable")], [6, "ENOENT"]);
  assertEquals(m.append("kprobe_events", "-:grp/"), 7);
  assertEquals([m.read("dynamic_events"), m.read("events/grp/filter")], ["", "ENOENT"]);
});

Deno.test("set_event takes systems, events and stars, until a word matches nothing", async () => {
  const m = await Machine.boot("x86_64");
  m.append("kprobe_events", "p:one vfs_read");
  assertEquals(m.append("set_event", "kprobes:one"), 12);
  assertEquals(m.append("set_event", "*:sched_switch"), 15);
  assertEquals(m.append("set_event", "sched_wakeup"), 13);
  assertEquals(m.append("set_event", "kprobes:zz"), "EINVAL");
  assertEquals(m.append("set_event", "!sched_wakeup  :sched_wakeup nosuch sched:"), "EINVAL");
  const names = m.read("set_event").split("\n").filter((name) => name !== "");
  assertEquals(names.sort(), ["kprobes:one", "sched:sched_switch", "sched:sched_wakeup"]);
  assertEquals(m.read("available_events").includes("kprobes:one\n"), true);
  m.truncate("set_event");
  assertEquals([m.read("set_event"), m.read("events/sched/sched_switch/enable")], ["", "0\n"]);
});

Deno.test("several lines stop at the first that is refused; comments and blanks are nothing", async () => {
  const m = await Machine.boot("x86_64");
  const lines = "p:aa vfs_read # first\n\n# nothing\np:cc nosuch\np:dd vfs_open";
  assertEquals(m.append("kprobe_events", lines), "ENOENT");
  assertEquals(m.read("kprobe_events"), "p:kprobes/aa vfs_read\n");
  const many = Array.from({ length: 400 }, (_, i) => `p:m${i} vfs_read a=$arg1`).join("\n");
  assertEquals(m.append("kprobe_events", many), many.length + 1);
  assertEquals(m.read("kprobe_events").split("\n").length, 402);
  assertEquals(m.append("kprobe_events", `p:long vfs_read ${"x".repeat(5000)}`), "EINVAL");
  assertMatch(m.k.dmesg(), /Line length is too long: Should be less than 4094\n$/);
});

Deno.test("an event of several probes is one event", async () => {
  const m = await Machine.boot("x86_64");
  m.append("kprobe_events", "p:multi do_sys_openat2 a=$arg1");
  m.append("events/kprobes/multi/enable", "1");
  // Added to an event that is on, a probe is on.
  m.append("kprobe_events", "p:multi do_filp_open a=$arg1");
  m.open();
  assertEquals(m.trace().map((line) => /\((\w+)/.exec(line)?.[1]), ["do_sys_openat2", "do_filp_open"]);
  assertEquals(m.append("kprobe_events", "-:multi do_filp_open"), 21);
  assertEquals(m.append("kprobe_events", "-:multi"), "EBUSY");
  m.open();
  assertEquals(m.trace().length, 3);
});

Deno.test("a filter holds records back, but hits count", async () => {
  const m = await Machine.boot("x86_64");
  m.append("kprobe_events", "p:one do_sys_openat2 f=+0($arg2):ustring d=$arg1:s32");
  m.append("events/kprobes/one/enable", "1");
  m.append("events/kprobes/one/filter", 'f ~ "*f2" || d == 3');
  m.open();
  assertEquals(m.trace(), []);
  assertEquals(m.append("events/kprobes/one/filter", "f == 3"), "EINVAL");
  assertMatch(
    m.read("events/kprobes/one/filter"),
    /^f == 3\n {6}\^\nparse_error: Expecting string field\n\n$/,
  );
  m.open();
  assertEquals(m.trace().length, 1);
  m.append("events/kprobes/filter", "d == -100 && comm == cat");
  assertEquals(m.append("events/kprobes/filter", 'd == -100 && comm == "cat"'), 27);
  m.open();
  assertEquals(m.trace().length, 2);
  assertMatch(m.read("kprobe_profile"), / 3 +0\n$/);
});

Deno.test("triggers: stack traces that run out, counts by field, tracing switched off", async () => {
  const m = await Machine.boot("x86_64");
  m.append("kprobe_events", "p:one do_sys_openat2 d=$arg1:s32");
  const trigger = "events/kprobes/one/trigger";
  assertEquals([m.append(trigger, "stacktrace:1"), m.append(trigger, "stacktrace:1")], [13, "EEXIST"]);
  assertEquals([m.read(trigger), m.read("events/kprobes/one/enable")], ["stacktrace:count=1\n", "0*\n"]);
  m.open();
  m.open();
  assertMatch(
    m.trace().join("\n"),
    /^\.{5} <stack trace>\n => kprobe_trace_func\n => kprobe_dispatcher\n => kprobe_ftrace_handler\n => 0x\w+\n => do_sys_openat2\n => __x64_sys_openat\n => do_syscall_64\n => entry_SYSCALL_64_after_hwframe$/,
  );
  assertEquals([m.read(trigger), m.append("kprobe_events", "-:one")], ["stacktrace:count=0\n", "EBUSY"]);
  m.append(trigger, "!stacktrace:1");
  m.append(trigger, "hist:keys=d:vals=d");
  m.open();
  m.open();
  assertEquals(
    m.read("events/kprobes/one/hist"),
    "# event histogram\n#\n# trigger info: hist:keys=d:vals=hitcount,d:sort=hitcount:size=2048 [active]\n#\n\n" +
      "{ d: 18446744073709551516 } hitcount:          2  d:       -200\n\n" +
      "Totals:\n    Hits: 2\n    Entries: 1\n    Dropped: 0\n",
  );
  m.append(trigger, "!hist:keys=d:vals=d");
  assertEquals(m.append(trigger, "hist:keys=none"), "EINVAL");
  assertMatch(
    m.read("error_log"),
    /hist:kprobes:one: error: Couldn't find field\n {2}Command: hist:keys=none\n {21}\^\n$/,
  );
  m.append(trigger, "traceoff");
  m.open();
  assertEquals([m.read("tracing_on"), m.append(trigger, "bogus")], ["0\n", "EINVAL"]);
});

Deno.test("stacks of probes and enabled_functions tell the same trampoline", async () => {
  const m = await Machine.boot("x86_64");
  m.append("kprobe_events", "p:e do_sys_openat2");
  m.append("events/kprobes/e/trigger", "stacktrace");
  m.append("events/kprobes/e/enable", "1");
  const { image, arch } = m.k;
  const enabled = m.read("enabled_functions");
  assertMatch(enabled, new RegExp(`tramp: 0x${addressText("x86_64", ftraceTrampoline(arch.layout))} `));
  m.open();
  const at = `0x${addressText("x86_64", ftraceTrampolineReturn(image, arch.layout))}`;
  assertMatch(m.read("trace"), new RegExp(` => kprobe_ftrace_handler\n => ${at}\n => do_sys_openat2\n`));
});
