/** What the types of programs and contexts are, held by the compiler: this file fails to compile where one is wrong. */

import { assertEquals } from "@std/assert";
import type { HistogramValue, StatsValue } from "../../graph/maps/cell.ts";
import type { PointerValue, StackValue } from "../../graph/value.ts";
import {
  fexit,
  type Functions,
  hash,
  type KeyedMap,
  kprobe,
  kretprobe,
  latency,
  program,
  type ResultOf,
  scalar,
  tracepoint,
  type Tracepoints,
} from "../../probes/mod.ts";

/** True exactly if the types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

function holds<_ extends true>(): void {}

const made = program({
  byName: kprobe("vfs_open").by((c) => c.comm).count(),
  byBoth: kprobe("vfs_open").by((c) => [c.pid, c.comm]).sum((c) => c.args.file.f_flags),
  byStack: kprobe("vfs_read").by((c) => c.kstack(3)).count(),
  byOutcome: kretprobe("vfs_read").by((c) => c.retval < 0 ? "error" : "ok").avg((c) => c.retval),
  total: kprobe("vfs_open").count(),
  largest: kretprobe("vfs_read").max((c) => c.retval),
  sizes: kretprobe("vfs_read").hist((c) => c.retval),
  times: latency("vfs_read").by((c) => c.comm).stats((c) => c.duration),
  log: kprobe("vfs_open").print((c) => c.comm),
});
type Maps = ResultOf<typeof made>["maps"];

const start = hash<number, number>("start");
const sizes = hash<readonly [string, number], HistogramValue>("sizes");
const total = scalar<number>("total");
const stateful = program({
  enter: kprobe("vfs_read").with({ start, total }).do((c, { start, total }) => {
    start.set(c.tid, c.nsecs);
    total.set((total.get() ?? 0) + 1);
  }),
  leave: kretprobe("vfs_read", {
    entry: (c) => ({ size: c.args.count, name: c.args.file.f_path.dentry.d_name.name }),
  })
    .with({ start, sizes }).do((c, { sizes }) => sizes.hist([c.comm, c.pid], c.entry.size)),
  opens: fexit("vfs_open").emit((c) => ({
    file: c.args.path.dentry.d_name.name,
    result: c.retval,
    at: c.curtask,
  })),
  both: kprobe(["vfs_read", "vfs_write"]).by((c) => c.func).sum((c) => c.args.count).top(3),
});
type Shared = ResultOf<typeof stateful>;

holds<Same<Shared["maps"]["start"], KeyedMap<number, number>>>();
holds<Same<Shared["maps"]["sizes"], KeyedMap<readonly [string, number], HistogramValue>>>();
holds<Same<Shared["maps"]["total"], number | undefined>>();
holds<Same<keyof Shared["maps"], "start" | "sizes" | "total" | "both">>();
holds<
  Same<
    Shared["rows"]["opens"],
    readonly { readonly file: string; readonly result: number; readonly at: PointerValue }[]
  >
>();
holds<Same<keyof Shared["rows"], "opens">>();

holds<Same<Maps["byName"], KeyedMap<string, number>>>();
holds<Same<Maps["byBoth"], KeyedMap<readonly [number, string], number>>>();
holds<Same<Maps["byStack"], KeyedMap<StackValue, number>>>();
holds<Same<Maps["byOutcome"], KeyedMap<"error" | "ok", number>>>();
holds<Same<Maps["total"], number>>();
holds<Same<Maps["largest"], number | undefined>>();
holds<Same<Maps["sizes"], HistogramValue | undefined>>();
holds<Same<Maps["times"], KeyedMap<string, StatsValue>>>();
holds<
  Same<
    keyof Maps,
    "byName" | "byBoth" | "byStack" | "byOutcome" | "total" | "largest" | "sizes" | "times"
  >
>();

// The C types of arguments, results, fields and records.
type Read = Functions["vfs_read"];
holds<Same<Read["args"]["count"], number>>();
holds<Same<Read["args"]["buf"], string>>();
holds<Same<Read["args"]["pos"][0], number>>();
holds<Same<Read["ret"], number>>();
holds<Same<Functions["vfs_open"]["args"]["path"]["dentry"]["d_name"]["name"], string>>();
holds<Same<Functions["vfs_open"]["args"]["path"]["address"], bigint>>();
holds<Same<Functions["handle_mm_fault"]["args"]["vma"]["vm_mm"]["pgd"]["isNull"], boolean>>();
holds<Same<Tracepoints["sched:sched_switch"]["fields"]["prev_comm"], string>>();

// A struct's own field wins over what every pointer can be asked.
kprobe("filemap_fault").filter((c) => {
  const address: number = c.args.vmf.address;
  return address > 4096;
});

// What only some architectures have is visible.
holds<Same<Functions["__x64_sys_openat"]["on"], "x86_64">>();
holds<Same<Functions["__arm64_sys_openat"]["on"], "arm64">>();
holds<Same<Functions["vfs_open"]["on"], string>>();

// Unions and anonymous members are flattened as in C; recursion between interfaces is no obstacle.
kprobe("vfs_open").filter((c) =>
  c.args.path.dentry.d_parent.d_parent.d_name.hash_len > c.args.file.f_inode.i_ino
);
kprobe("tcp_set_state").by((c) => [c.args.sk.__sk_common.skc_dport, c.args.sk.cast("tcp_sock").snd_cwnd])
  .count();
tracepoint("syscalls:sys_enter_openat").filter((c) => c.args.filename.startsWith("/etc"));

Deno.test("the maps of a program are those that its type tells", () => {
  assertEquals(made.graph.maps.map((map) => map.name), [
    "byName",
    "byBoth",
    "byStack",
    "byOutcome",
    "total",
    "largest",
    "sizes",
    "times",
  ]);
  assertEquals(made.functions.length, 0);
});
