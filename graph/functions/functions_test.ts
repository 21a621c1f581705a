/** The context's functions: what they give, and what they refuse. */

import { assertEquals, assertThrows } from "@std/assert";
import { coreImage } from "../../image/load.ts";
import { analyze, compile } from "../compile.ts";
import type { Expr, Program } from "../nodes.ts";
import { PlainHit } from "../plain_hit.ts";
import { ipv6Text } from "./net.ts";
import { FUNCTION_NAMES, type FunctionName } from "./names.ts";
import { errorText } from "./number_names.ts";
import { callPlainly } from "./plain_call.ts";
import { FUNCTIONS } from "./table.ts";
import { formatTime } from "./time.ts";

const image = await coreImage("x86_64");

const lit = (value: string | number): Expr => ({ op: "literal", value });
const cast = (base: Expr, type: string): Expr => ({ op: "cast", base, type });
const at = (address: number, type: string): Expr => cast(lit(address), type);

function made(fn: FunctionName, args: readonly Expr[]): Program {
  const parts: Expr[] = [{ op: "call", fn, args }];
  return {
    graph: {
      version: 2,
      probes: [{
        name: "p",
        point: { kind: "begin" },
        arithmetic: "c",
        steps: [{ op: "print", parts }],
      }],
      maps: [],
    },
    functions: [],
  };
}

function given(fn: FunctionName, ...args: readonly Expr[]): unknown {
  const hit = new PlainHit({ nsecs: 1_500_000_000 });
  [192, 0, 2, 7].forEach((byte, i) => hit.poke(0x1000 + i, 1, byte));
  [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2].forEach((byte, i) =>
    hit.poke(0x2000 + i, 1, byte)
  );
  hit.pokeString(0x3000, "a\u0001b");
  compile(made(fn, args), image).attachments[0]?.handler(hit);
  return hit.printed[0]?.[0];
}

Deno.test("every name has a definition", () => {
  assertEquals([...FUNCTIONS.keys()].sort(), [...FUNCTION_NAMES].sort());
});

Deno.test("strings are compared, searched and measured", () => {
  assertEquals(given("strncmp", lit("vfs_read"), lit("vfs_write"), lit(4)), 0);
  assertEquals(given("strncmp", lit("vfs_read"), lit("vfs_write"), lit(5)), 1);
  assertEquals(given("strcontains", lit("vfs_read"), lit("_re")), true);
  assertEquals(given("strstr", lit("vfs_read"), lit("read")), 4);
  assertEquals(given("strstr", lit("vfs_read"), lit("x")), -1);
  assertEquals(given("strlen", lit("é")), 2);
});

Deno.test("addresses are texts by family, or by size", () => {
  assertEquals(given("ntop", cast(lit(0x070200c0), "u32")), "192.0.2.7");
  assertEquals(given("ntop", lit(2), cast(lit(0x070200c0), "u32")), "192.0.2.7");
  assertEquals(given("ntop", lit(10), at(0x2000, "void *")), "2001:db8::2");
  assertEquals(given("ntop", lit(9), at(0x2000, "void *")), "");
  assertEquals(given("macaddr", at(0x2000, "void *")), "20:01:0D:B8:00:00");
});

Deno.test("IPv6 texts are those of inet_ntop(3)", () => {
  const text = (groups: readonly number[]) => ipv6Text(groups.flatMap((group) => [group >> 8, group & 0xff]));
  assertEquals(text([0, 0, 0, 0, 0, 0, 0, 0]), "::");
  assertEquals(text([0, 0, 0, 0, 0, 0, 0, 1]), "::1");
  assertEquals(text([0xfe80, 0, 0, 0, 1, 0, 0, 0]), "fe80::1:0:0:0");
  assertEquals(text([1, 0, 0, 2, 0, 0, 0, 3]), "1:0:0:2::3");
  assertEquals(text([1, 2, 3, 4, 5, 6, 7, 0]), "1:2:3:4:5:6:7:0");
  assertEquals(text([0, 0, 0, 0, 0, 0xffff, 0xc000, 0x207]), "::ffff:192.0.2.7");
  assertEquals(text([0, 0, 0, 0, 0, 0, 0xc000, 0x207]), "::192.0.2.7");
  assertEquals(text([1, 0, 0, 0, 0, 0, 0, 0]), "1::");
});

Deno.test("bytes swap by the size of their type", () => {
  assertEquals(given("bswap", cast(lit(0x1234), "u16")), 0x3412);
  assertEquals(given("bswap", cast(lit(1), "u32")), 0x01000000);
  assertEquals(given("bswap", cast(lit(1), "u64")), 0x0100_0000_0000_0000n);
  const bswap = FUNCTIONS.get("bswap")!;
  assertEquals(callPlainly(bswap, new PlainHit(), image, [0x1234, 2]), 0x3412);
  assertThrows(
    () => callPlainly(bswap, new PlainHit(), image, [0x1234]),
    TypeError,
    "give it, bswap(value, 2)",
  );
});

Deno.test("memory, symbols and names", () => {
  assertEquals(given("buf", at(0x3000, "void *"), lit(3)), { kind: "buffer", bytes: [0x61, 1, 0x62] });
  const address = image.symbol("vfs_read")!.address;
  assertEquals(given("kaddr", lit("vfs_read")), BigInt.asUintN(64, BigInt(address)));
  assertEquals(given("kaddr", lit("no such symbol")), 0);
  assertEquals(given("strerror", lit(2)), "No such file or directory");
  assertEquals(errorText(999), "Unknown error 999");
  assertEquals(given("signal_name", lit(9)), "SIGKILL");
  assertEquals(given("signal_name", lit(36)), "SIGRTMIN+2");
  assertEquals(given("syscall_name", lit(image.syscallNumber("openat")!)), "openat");
  assertEquals([given("cgroupid", lit("/sys/fs/cgroup/")), given("cgroup_path", lit(1))], [1, "/"]);
  assertEquals(given("path", at(0x4000, "struct path *")), "/path/4000");
});

Deno.test("times are those of the calendar", () => {
  assertEquals(given("strftime", lit("%H:%M:%S.%f"), { op: "builtin", name: "nsecs" }), "00:00:01.500000");
  assertEquals(
    formatTime("%F %T %j %a %b %I%p %u", 1_709_208_000, 0),
    "2024-02-29 12:00:00 060 Thu Feb 12PM 4",
  );
  assertEquals(formatTime("%Y-%m-%d %j %A", 1_798_675_200, 0), "2026-12-31 365 Thursday");
  assertEquals(formatTime("%Y-%m-%d %j", 1_735_603_200, 0), "2024-12-31 366");
  assertEquals(formatTime("%k|%l|%%|%Q|%s", 7, 12_000_345), "012000345|012|%|%Q|7");
});

Deno.test("wrong arguments are said by name", () => {
  const message = (fn: FunctionName, ...args: readonly Expr[]) =>
    analyze(made(fn, args), image).diagnostics.map((d) => d.message)[0];
  assertEquals(
    message("strncmp", lit("a"), lit(1)),
    '"strncmp" takes a string (a), a string (b), an integer (length); it is given (string, int64)',
  );
  assertEquals(
    message("strerror"),
    '"strerror" takes an integer (errno); it is given ()',
  );
});
