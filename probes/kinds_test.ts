import { assertEquals, assertThrows } from "@std/assert";
import { begin, end, interval, kprobe, kretprobe, latency, pointName, tracepoint } from "./mod.ts";

Deno.test("each kind makes its attach point, named as bpftrace names it", () => {
  const probes = [
    kprobe("vfs_open"),
    kprobe("vfs_open", { offset: 4 }),
    kprobe.any("no_such_function"),
    kretprobe("vfs_read"),
    kretprobe("vfs_read", { maxactive: 1 }),
    latency("vfs_read", { maxactive: 7 }),
    tracepoint("sched:sched_switch"),
    interval("100ms"),
    interval("99hz"),
    interval("2m"),
    begin(),
    end(),
  ];
  assertEquals(probes.map((probe) => [pointName(probe.point), probe.point]), [
    ["kprobe:vfs_open", { kind: "kprobe", target: "vfs_open", offset: 0 }],
    ["kprobe:vfs_open+4", { kind: "kprobe", target: "vfs_open", offset: 4 }],
    ["kprobe:no_such_function", { kind: "kprobe", target: "no_such_function", offset: 0 }],
    ["kretprobe:vfs_read", { kind: "kretprobe", target: "vfs_read", maxactive: 0 }],
    ["kretprobe:vfs_read", { kind: "kretprobe", target: "vfs_read", maxactive: 1 }],
    ["kretprobe:vfs_read", { kind: "kretprobe", target: "vfs_read", maxactive: 7, timed: true }],
    ["tracepoint:sched:sched_switch", { kind: "tracepoint", subsystem: "sched", event: "sched_switch" }],
    ["interval:ms:100", { kind: "interval", ns: 100_000_000, spec: "ms:100" }],
    ["interval:hz:99", { kind: "interval", ns: 10_101_010, spec: "hz:99" }],
    ["interval:s:120", { kind: "interval", ns: 120_000_000_000, spec: "s:120" }],
    ["begin", { kind: "begin" }],
    ["end", { kind: "end" }],
  ]);
});

Deno.test("names are not looked up here, only their shape is checked", () => {
  const wrong: readonly (readonly [() => unknown, string])[] = [
    [() => kprobe.any(""), 'Cannot build a kprobe from "": its function must be a string that is not empty'],
    [
      () => kprobe.any(7 as never),
      "Cannot build a kprobe from 7: its function must be a string that is not empty",
    ],
    [
      () => kprobe("vfs_open", { offset: -1 }),
      "Cannot use -1 as the offset of a kprobe: it must be an integer, 0 or more",
    ],
    [
      () => kprobe("vfs_open", { ofset: 1 } as never),
      'Cannot build a kprobe with option "ofset": its options are `offset`',
    ],
    [
      () => kprobe("vfs_open", 4 as never),
      "Cannot build a kprobe with 4: options are an object with `offset`",
    ],
    [
      () => kretprobe("vfs_read", { maxactive: 0 }),
      "Cannot use 0 as the maxactive of a kretprobe: it must be an integer, 1 to 4096",
    ],
    [
      () => latency("vfs_read", { maxactive: 1.5 }),
      "Cannot use 1.5 as the maxactive of a latency probe: it must be an integer, 1 to 4096",
    ],
    [
      () => tracepoint.any("sched_switch"),
      'Cannot build a tracepoint from "sched_switch": it takes "subsystem:event", as "sched:sched_switch"',
    ],
    [
      () => tracepoint.any(undefined as never),
      'Cannot build a tracepoint from undefined: it takes "subsystem:event", as "sched:sched_switch"',
    ],
    [
      () => interval("0s"),
      'Cannot build an interval from "0s": it takes a positive integer and a unit, as "1s", "10ms" or "99hz"',
    ],
    [
      () => interval("1 s" as never),
      'Cannot build an interval from "1 s": it takes a positive integer and a unit, as "1s", "10ms" or "99hz"',
    ],
  ];
  for (const [build, message] of wrong) assertEquals(assertThrows(build, TypeError).message, message);
});
