/**
 * Whatever is written to the tracing files, between workloads that hit what it defines: everything that shows the state
 * agrees afterwards, a refused write changes nothing, and hits and misses add up to the calls there were.
 */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { bootKernel, type Kernel } from "../mod.ts";
import { Kprobe, KPROBE_FLAG_DISABLED, Kretprobe } from "../kernel/kprobes/mod.ts";
import { builtinWorkload } from "../workloads/mod.ts";
import { placeUserFile, userFile, userSymbols } from "../workloads/user/symbols.ts";

const ARCHES = ["x86_64", "arm64", "i386"] as const;
type Arch = (typeof ARCHES)[number];
const T = "/sys/kernel/tracing/";
const LIST = "/sys/kernel/debug/kprobes/list";
/** Functions that the workloads call, each with a probe of our own that counts. */
const FUNCTIONS = ["do_filp_open", "vfs_read", "do_nanosleep", "getname_flags"] as const;
const WORKLOADS = ["openfail", "rw", "sleepers:tasks=3", "cat"] as const;
const REGISTER = { x86_64: "%di", arm64: "%x0", i386: "%ax" } as const;

/** Words that every object of JavaScript knows, and no kernel. */
const INHERITED = ["constructor", "toString", "__proto__", "hasOwnProperty"] as const;

const oneOf = <A extends string>(...items: readonly A[]): fc.Arbitrary<A> => fc.constantFrom(...items);
const name = oneOf("a", "a", "b", "b", "g/a", "g/a", "g/b", "g/b", "h/", "sched/sched_switch", "1x", "g/");
const place = oneOf(
  ...FUNCTIONS,
  ...FUNCTIONS,
  "vfs_read+1",
  "nosuch",
  "mod:nosuch",
  "do_filp_open%return",
  "0x10",
  ...INHERITED,
);
const argument = oneOf(
  "",
  "",
  "",
  "",
  "",
  " REG",
  " x=REG:u8[4]",
  " $comm",
  " $retval",
  " $stack2:b4@2/32",
  " +0(REG):string",
  " +u0(+8(REG)):ustring",
  ' s=\\"imm"',
  " $arg1:symbol",
  " REG:nosuch",
  " x=REG x=REG",
  " REG:constructor",
  " %toString",
  " $constructor",
  " constructor=REG",
);
const kprobe = fc.tuple(oneOf("p", "p", "p", "r", "r", "r1", "r1", "r5000", "x"), name, place, argument)
  .map(([kind, event, at, arg]) => `${kind}:${event} ${at}${arg}`);
const uprobe = fc.tuple(
  oneOf("p", "r"),
  oneOf("u/m", "u/n", "g/a", "u/"),
  oneOf("MALLOC", "MALLOC", "/none:0x10", "LIBC:0xz"),
)
  .map(([kind, event, at]) => `${kind}:${event} ${at}`);
const synthetic = oneOf(
  "s1 u64 a",
  "s1 int b; char c[]",
  "s2 char a[16]",
  "s2 nosuch a",
  "s2 constructor a",
  "s3",
  "!s1",
  "!s9",
);
const deletion = oneOf(
  "-:a",
  "-:g/a",
  "-:g/",
  "-:u/",
  "-:b vfs_read",
  "-:",
  "-g/a",
  "-:u/m",
  "-:synthetic/s1",
);
const event = oneOf(
  "kprobes/a",
  "kprobes/b",
  "g/a",
  "g/b",
  "u/m",
  "u/n",
  "synthetic/s1",
  "sched/sched_switch",
);
const filter = oneOf(
  "0",
  "common_pid > 1",
  "common_pid == 1 || common_pid > 5",
  "nosuch == 1",
  "common_pid >",
  "(",
  ...INHERITED.map((word) => `${word} == 1`),
);
const trigger = oneOf(
  "traceoff:1",
  "stacktrace",
  "hist:keys=common_pid",
  "!stacktrace",
  "!traceoff",
  "nosuch",
  "hist:keys=nosuch",
  ...INHERITED,
  ...INHERITED.map((word) => `hist:keys=${word}`),
);

/** One step: a write that appends, a truncation, a directory, or a workload. */
type Step =
  | { readonly kind: "write"; readonly file: string; readonly text: string }
  | { readonly kind: "truncate"; readonly file: string }
  | { readonly kind: "mkdir" | "rmdir"; readonly instance: string }
  | { readonly kind: "run"; readonly workload: string };

const write = (file: fc.Arbitrary<string> | string, text: fc.Arbitrary<string>): fc.Arbitrary<Step> =>
  fc.tuple(typeof file === "string" ? fc.constant(file) : file, text)
    .map(([file, text]) => ({ kind: "write", file, text }));
const instance = oneOf("i1", "i2");
const array = oneOf("", "", "instances/i1/", "instances/i2/");
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: write(oneOf("kprobe_events", "kprobe_events", "dynamic_events"), kprobe) },
  { weight: 3, arbitrary: write(oneOf("uprobe_events", "dynamic_events"), uprobe) },
  { weight: 2, arbitrary: write("synthetic_events", synthetic) },
  { weight: 3, arbitrary: write(oneOf("kprobe_events", "dynamic_events", "uprobe_events"), deletion) },
  {
    weight: 8,
    arbitrary: write(
      fc.tuple(array, event).map(([root, name]) => `${root}events/${name}/enable`),
      oneOf("0", "1", "1", "2"),
    ),
  },
  { weight: 2, arbitrary: write(event.map((name) => `events/${name}/filter`), filter) },
  { weight: 2, arbitrary: write(event.map((name) => `events/${name}/trigger`), trigger) },
  {
    weight: 2,
    arbitrary: write(
      array.map((root) => `${root}set_event`),
      oneOf("g:a", "kprobes:", "!g:*", "nosuch", "sched:sched_switch", ...INHERITED),
    ),
  },
  { weight: 2, arbitrary: write(array.map((root) => `${root}tracing_on`), oneOf("0", "1", "x")) },
  {
    weight: 2,
    arbitrary: write(
      array.map((root) => `${root}set_ftrace_filter`),
      oneOf("vfs_read", "do_filp_*", "nosuch", "!vfs_read", "vfs_read:constructor", ...INHERITED),
    ),
  },
  {
    weight: 3,
    arbitrary: write(
      array.map((root) => `${root}current_tracer`),
      oneOf("nop", "function", "function_graph", "x", ...INHERITED),
    ),
  },
  { weight: 2, arbitrary: write(array.map((root) => `${root}snapshot`), oneOf("0", "1", "2", "x")) },
  {
    weight: 1,
    arbitrary: write(array.map((root) => `${root}set_event_pid`), oneOf("300 301 302", "1", "x", "4 -1")),
  },
  { weight: 1, arbitrary: write(array.map((root) => `${root}trace_options`), oneOf(...INHERITED)) },
  { weight: 1, arbitrary: write("trace_clock", oneOf(...INHERITED)) },
  { weight: 1, arbitrary: write("buffer_size_kb", oneOf("8", "0", "64")) },
  {
    weight: 2,
    arbitrary: oneOf(
      "kprobe_events",
      "uprobe_events",
      "synthetic_events",
      "set_event",
      "set_event_pid",
      "trace",
    ).map((file): Step => ({ kind: "truncate", file })),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(oneOf("mkdir", "rmdir"), instance).map(([kind, instance]): Step => ({
      kind,
      instance,
    })),
  },
  { weight: 8, arbitrary: oneOf(...WORKLOADS).map((workload): Step => ({ kind: "run", workload })) },
);

/** What each history begins with, so that there is something to hit. */
const BEGINNING: readonly Step[] = [
  { kind: "write", file: "kprobe_events", text: "p:a do_filp_open REG" },
  { kind: "write", file: "kprobe_events", text: "r1:g/a do_nanosleep $retval" },
  { kind: "write", file: "kprobe_events", text: "r:g/b vfs_read" },
  { kind: "write", file: "uprobe_events", text: "p:u/m MALLOC" },
  { kind: "write", file: "synthetic_events", text: "s1 u64 a" },
  { kind: "write", file: "events/kprobes/enable", text: "1" },
  { kind: "write", file: "events/g/enable", text: "1" },
];

/** A kernel with its own count of calls. */
class History {
  readonly k: Kernel;
  readonly #counts = new Map<string, number>();
  readonly #counters: Kprobe[] = [];
  readonly #places: Readonly<Record<string, string>>;

  constructor(k: Kernel, arch: Arch) {
    this.k = k;
    const libc = userFile(arch, "libc");
    placeUserFile(k, libc);
    const malloc = userSymbols(libc).find((symbol) => symbol.name === "malloc")?.offset ?? 0;
    this.#places = { REG: REGISTER[arch], MALLOC: `${libc}:0x${malloc.toString(16)}`, LIBC: libc };
    for (const symbolName of FUNCTIONS) {
      this.#counts.set(symbolName, 0);
      const preHandler = (): number => {
        this.#counts.set(symbolName, this.#countOf(symbolName) + 1);
        return 0;
      };
      const counter = new Kprobe({ symbolName, preHandler });
      assertEquals(k.kprobes.registerKprobe(counter), 0);
      this.#counters.push(counter);
    }
  }

  run(step: Step): void {
    const before = this.#state();
    const log = this.#read("error_log");
    if (step.kind === "run") {
      this.#work(step.workload);
      return;
    }
    const result = this.#do(step);
    // Only what is refused is logged.
    if (result) assertEquals(this.#read("error_log"), log);
    else if (!mayHalfFail(step)) assertEquals(this.#state(), before, JSON.stringify(step));
  }

  #do(step: Exclude<Step, { readonly kind: "run" }>): boolean {
    const { tracefs } = this.k;
    switch (step.kind) {
      case "mkdir":
        return tracefs.mkdir(`${T}instances/${step.instance}`).ok;
      case "rmdir":
        return tracefs.rmdir(`${T}instances/${step.instance}`).ok;
      case "truncate":
        return tracefs.write(T + step.file, "").ok;
      case "write": {
        const text = step.text.replace(/REG|MALLOC|LIBC/g, (word) => this.#places[word] ?? word);
        return tracefs.write(T + step.file, `${text}\n`, { append: true }).ok;
      }
    }
  }

  /** Runs a workload: every armed event probe at a counted function ran or missed once a call. */
  #work(workload: string): void {
    const { k } = this;
    const watched = k.tracefs.events.probes.probes.filter((probe) => {
      const { symbol, offset } = probe.definition;
      return probe.isBusy && offset === 0 && symbol !== null && this.#counts.has(symbol);
    }).map((probe) => ({
      probe,
      seen: probe.hits + probe.missed,
      calls: this.#countOf(probe.definition.symbol),
    }));
    builtinWorkload(workload).start(k);
    assertEquals(k.scheduler.run().reason, "done");
    for (const { probe, seen, calls } of watched) {
      const called = this.#countOf(probe.definition.symbol) - calls;
      assertEquals(probe.hits + probe.missed - seen, called, `${probe.text} over ${workload}`);
    }
  }

  /** Everything that shows the state agrees. */
  check(): void {
    const { k } = this;
    const lines = linesOf(this.#read("kprobe_events"));
    const uprobes = linesOf(this.#read("uprobe_events"));
    const synthetic = linesOf(this.#read("synthetic_events")).map((line) => `s:synthetic/${line}`);
    assertEquals(linesOf(this.#read("dynamic_events")).sort(), [...lines, ...uprobes, ...synthetic].sort());
    const names = [...lines, ...uprobes, ...synthetic].map((line) => /^[prs]\d*:(\S+)/.exec(line)?.[1] ?? "");
    // A line of the profiles for each probe, in the order of the lists, with what was counted.
    const { probes } = k.tracefs.events.probes;
    assertEquals(lines, probes.map(({ text }) => text));
    assertEquals(
      linesOf(this.#read("kprobe_profile")).map((line) => line.trim().split(/\s+/).join(" ")),
      probes.map(({ definition, hits, missed }) => `${definition.event} ${hits} ${missed}`),
    );
    assertEquals(linesOf(this.#read("uprobe_profile")).length, uprobes.length);
    this.#checkDirectories(names);
    this.#checkText();
    this.#checkInstances();
    const [, inBuffer = 0, written = 0] =
      /entries-written: (\d+)\/(\d+)/.exec(this.#read("trace"))?.map(Number) ?? [];
    assert(inBuffer <= written);
  }

  /** The events directories have exactly these events beside the kernel's own, each with a number of its own. */
  #checkDirectories(names: readonly string[]): void {
    const { tracefs } = this.k;
    const events = [...new Set(names)];
    const ids = events.map((name) => this.#read(`events/${name}/id`));
    assertEquals(new Set(ids).size, ids.length);
    const arrays = ["", ...this.#instances().map((name) => `instances/${name}/`)];
    for (const root of arrays) {
      for (const group of ["kprobes", "g", "h", "u", "uprobes", "synthetic"]) {
        const listed = tracefs.list(`${T}${root}events/${group}`);
        const found = listed.ok ? listed.value.filter((name) => name !== "enable" && name !== "filter") : [];
        const wanted = events.filter((name) => name.startsWith(`${group}/`)).map((name) =>
          name.split("/")[1] ?? ""
        );
        assertEquals([...found], wanted.sort(), root + group);
        assertEquals(listed.ok, wanted.length > 0);
      }
      // What set_event lists is what is on.
      const on = new Set(linesOf(this.#read(`${root}set_event`)));
      for (const name of events) {
        assertEquals(
          this.#read(`${root}events/${name}/enable`).startsWith("1"),
          on.has(name.replace("/", ":")) && !this.#isSoft(root, name),
          name,
        );
      }
    }
  }

  /** On for the sake of a trigger only. */
  #isSoft(root: string, name: string): boolean {
    return this.#read(`${root}events/${name}/enable`).startsWith("0*");
  }

  /** Probes are enabled exactly where somebody wants their events, and text is patched exactly where something is. */
  #checkText(): void {
    const { k } = this;
    const probes = k.tracefs.events.probes.probes.filter((probe) => probe.isRegistered);
    assertEquals(k.kprobes.list().length, probes.length + this.#counters.length);
    assertEquals(linesOf(this.#read(LIST)).length, k.kprobes.list().length);
    for (const probe of probes) {
      assertEquals((probe.kp.flags & KPROBE_FLAG_DISABLED) === 0, probe.isBusy, probe.text);
    }
    const armed = [...probes.filter(({ isBusy }) => isBusy).map(({ kp }) => kp), ...this.#counters]
      .map((kp) => k.kprobes.pointOf(kp)?.address);
    const patched = new Set(k.memory.text.patches().map(({ address }) => address));
    assertEquals([...patched].sort(), [...new Set(armed)].sort());
  }

  /** Every instance of a return probe is in its pool, or pending on exactly one task. */
  #checkInstances(): void {
    const pending = new Map<object, number>();
    for (const task of this.k.tasks.all()) {
      for (let at = task.instances; at !== null; at = at.next) pending.set(at, (pending.get(at) ?? 0) + 1);
    }
    for (const { probe } of this.k.tracefs.events.probes.probes) {
      if (!(probe instanceof Kretprobe) || probe.pool === null) continue;
      const active = probe.pool.active();
      assertEquals(probe.pool.free + active.length, probe.pool.size);
      for (const one of active) assertEquals(pending.get(one), 1);
    }
  }

  /** All files that a write may change. */
  #state(): string {
    const names = [
      ...new Set([...this.#read("dynamic_events").matchAll(/^[prs]\d*:(\S+)/gm)].map(([, name]) => name)),
    ];
    const roots = ["", ...this.#instances().map((name) => `instances/${name}/`)];
    const files = [
      ...[
        "kprobe_events",
        "uprobe_events",
        "dynamic_events",
        "kprobe_profile",
        "uprobe_profile",
        "buffer_size_kb",
        LIST,
      ],
      ...roots.flatMap((root) => [
        ...["set_event", "set_event_pid", "tracing_on", "set_ftrace_filter", "current_tracer", "snapshot"]
          .map((file) => root + file),
        ...names.flatMap((name) => [`${root}events/${name}/enable`, `${root}events/${name}/trigger`]),
      ]),
    ];
    return files.map((file) => `${file}:\n${this.#read(file)}`).join("") + roots.join();
  }

  #instances(): readonly string[] {
    const listed = this.k.tracefs.list(`${T}instances`);
    return listed.ok ? listed.value : [];
  }

  #countOf(name: string | null): number {
    return this.#counts.get(name ?? "") ?? 0;
  }

  #read(file: string): string {
    const result = this.k.tracefs.read(file.startsWith("/") ? file : T + file);
    assert(result.ok, file);
    return result.value;
  }
}

/** Deletions of several probes may stop half way. */
function mayHalfFail(step: Step): boolean {
  return step.kind === "truncate" || (step.kind === "write" && /^-:/.test(step.text));
}

function linesOf(text: string): string[] {
  return text.split("\n").filter((line) => line !== "");
}

for (const arch of ARCHES) {
  Deno.test(`${arch}: random writes and workloads leave all that shows the state in agreement`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 40, maxLength: 60, size: "max" }), async (steps) => {
        const history = new History(await bootKernel({ arch }), arch);
        for (const one of BEGINNING) history.run(one);
        for (const one of steps) {
          history.run(one);
          history.check();
        }
      }),
      { numRuns: arch === "x86_64" ? 12 : 4, seed: 65 },
    );
  });
}
