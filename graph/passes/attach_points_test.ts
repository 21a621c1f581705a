import { assertEquals } from "@std/assert";
import { coreImage } from "../../image/load.ts";
import { type Diagnostic, reporter } from "../diagnostic.ts";
import type { AttachPoint } from "../nodes.ts";
import { type ResolvedPoint, resolvePoints } from "./attach_points.ts";

const image = await coreImage("x86_64");

function resolve(point: AttachPoint): { points: readonly ResolvedPoint[]; found: readonly Diagnostic[] } {
  const found: Diagnostic[] = [];
  return { points: resolvePoints({ name: "p", point, steps: [] }, image, reporter(found, "p")), found };
}

function kprobe(target: string, offset = 0): AttachPoint {
  return { kind: "kprobe", target, offset };
}

Deno.test("a function resolves to its address and prototype", () => {
  const { points, found } = resolve(kprobe("vfs_open"));
  assertEquals(found, []);
  assertEquals(points.map((p) => [p.name, p.address, p.prototype?.params.length]), [
    ["kprobe:vfs_open", image.symbol("vfs_open")?.address, 2],
  ]);
});

Deno.test("an offset must start an instruction, inside the function", () => {
  const info = image.func("vfs_open");
  const second = info?.boundaries()[1] ?? 0;
  assertEquals(resolve(kprobe("vfs_open", second)).points[0]?.name, `kprobe:vfs_open+${second}`);
  const inside = resolve(kprobe("vfs_open", second - 1)).found[0];
  assertEquals(inside?.message.endsWith("is inside an instruction"), second > 1);
  assertEquals(inside?.hint, `instructions start at +0 and +${second}`);
  const outside = resolve(kprobe("vfs_open", info?.size ?? 0));
  assertEquals([outside.points.length, outside.found[0]?.message.includes("outside the function")], [
    0,
    true,
  ]);
});

Deno.test("an address is a function plus an offset, or in no function", () => {
  const address = image.symbol("vfs_open")?.address ?? 0;
  const hex = `0x${BigInt.asUintN(64, BigInt(address)).toString(16)}`;
  assertEquals(resolve(kprobe(hex)).points[0]?.name, "kprobe:vfs_open");
  assertEquals(
    resolve(kprobe("0x10")).found[0]?.message,
    'Cannot attach kprobe "0x10": the address is in no function',
  );
});

Deno.test("globs take every traceable function that matches", () => {
  const names = resolve({ kind: "kretprobe", target: "vfs_r*", maxactive: 0 }).points.map((p) => p.name);
  assertEquals(
    names.includes("kretprobe:vfs_read") && names.every((n) => n.startsWith("kretprobe:vfs_r")),
    true,
  );
  assertEquals(
    resolve(kprobe("nothing_*")).found[0]?.message,
    'Cannot attach kprobe "nothing_*": no traceable function matches',
  );
});

Deno.test("misspelt names get near ones", () => {
  assertEquals(resolve(kprobe("vfs_opne")).found[0]?.hint?.includes('"vfs_open"'), true);
  const tracepoint = resolve({ kind: "tracepoint", subsystem: "syscalls", event: "sys_enter_opena" });
  assertEquals(tracepoint.found[0]?.hint?.includes('"syscalls:sys_enter_open'), true);
});

Deno.test("tracepoints and intervals", () => {
  const openat = resolve({ kind: "tracepoint", subsystem: "syscalls", event: "sys_*_openat" }).points;
  assertEquals(openat.map((p) => p.name).sort(), [
    "tracepoint:syscalls:sys_enter_openat",
    "tracepoint:syscalls:sys_exit_openat",
  ]);
  assertEquals(resolve({ kind: "interval", ns: 1e9, spec: "s:1" }).points[0]?.name, "interval:s:1");
  assertEquals(
    resolve({ kind: "interval", ns: 0, spec: "s:0" }).found[0]?.message.includes('interval "s:0"'),
    true,
  );
});

Deno.test("maxactive is a whole number", () => {
  const { found } = resolve({ kind: "kretprobe", target: "vfs_open", maxactive: -1 });
  assertEquals(
    found[0]?.message,
    'Cannot attach kretprobe "vfs_open": maxactive -1 is not a whole number from 0 up',
  );
});
