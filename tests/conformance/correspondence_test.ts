import { assertEquals } from "@std/assert";
import { coreImage } from "../../image/mod.ts";
import { Correspondence } from "./correspondence.ts";
import { patterned, Relocation } from "./patterns.ts";

const relocation = new Relocation(await coreImage("x86_64"), "");

function compare(
  recorded: readonly string[],
  modeled: readonly string[],
  one = new Correspondence(2),
): string[] {
  const { expected, got } = one.compare(
    recorded.map((line) => patterned(line, "recorded", relocation)),
    modeled.map((line) => patterned(line, "modeled", relocation)),
  );
  return got.flatMap((line, at) => line === expected[at] ? [] : [line.replace(/^.*?(TIME|; )/, "$1")]);
}

function line(pid: number, cpu: number, time: number, rest = "k: (vfs_read+0x0/0x310)"): string {
  return `              sh-${String(pid).padEnd(7)} [00${cpu}] .....     ${time.toFixed(6)}: ${rest}`;
}

Deno.test("one process is one process, for a whole recording", () => {
  const both = new Correspondence(2);
  assertEquals(compare([line(96, 0, 1), line(97, 0, 2)], [line(7, 1, 5), line(8, 1, 6)], both), []);
  assertEquals(compare([line(96, 0, 3)], [line(8, 1, 7)], both).length, 1);
});

Deno.test("a task that stays on its CPU stays there, and CPUs are those that there are", () => {
  assertEquals(compare([line(96, 0, 1), line(96, 0, 2)], [line(7, 1, 5), line(7, 1, 6)]), []);
  assertEquals(compare([line(96, 0, 1), line(96, 0, 2)], [line(7, 1, 5), line(7, 0, 6)]).length, 1);
  assertEquals(compare([line(96, 0, 1)], [line(7, 2, 5)]).length, 1);
});

Deno.test("times go on, in the trace and in the log each for itself", () => {
  assertEquals(compare([line(96, 0, 1), line(96, 0, 2)], [line(7, 1, 5), line(7, 1, 4)]).length, 1);
  const log = (
    error: number,
    dmesg: number,
  ) => [`[    ${error.toFixed(6)}] e`, `dmesg: [    ${dmesg.toFixed(6)}] d`];
  assertEquals(compare(log(2, 1), log(1, 1)), []);
});

Deno.test("decimals are compared as they are, but for pointers, addresses of the image and jiffies", () => {
  const one = (value: string | number, time = 1) => [
    line(1, 0, time, `k: (vfs_read+0x0/0x310) a=${value} b={1,${value}}`),
  ];
  // -2 as an error, as a recorded kernel shows it in a u64, and another error.
  assertEquals(compare(one("18446744073709551614"), one("18446744073709551614")), []);
  assertEquals(compare(one("18446744073709551614"), one("18446744073709551613")).length, 1);
  assertEquals(compare(one("18446744073709551614"), one("18392859308827749120")).length, 1);
  assertEquals(compare(one(-2), one(-3)).length, 1);
  assertEquals(compare(one(67108864), one(67108865)).length, 1);
  // Pointers as u64 and s64.
  assertEquals(compare(one("18392859308827749120"), one("18446612682070000640")), []);
  assertEquals(compare(one("-53884764881802496"), one("-131391639550976")), []);
  assertEquals(compare(one("18392859308827749120"), one("140722080000000")).length, 1);
  // The kernel's own text lies where it lies.
  const text = 0xffffffff81076930n;
  assertEquals(compare(one(`${text}`), one(`${text + 16n}`)).length, 1);
  // 250 jiffies a second, from 300 seconds before they wrap.
  const start = 2 ** 32 - 75000;
  assertEquals(compare(one(start + 250), one(start + 750, 3)), []);
  assertEquals(compare(one(start + 250), one(start + 250, 3)).length, 1);
});

Deno.test("a pointer of one call is one pointer, and a user's is none of the kernel's", () => {
  const two = (a: string, b: string) => `k: (vfs_read+0x0/0x310) a=${a} b=${b}`;
  const kernel = ["0xff4090178242a800", "0xff4090178242a900"] as const;
  const here = ["0xffff888001038500", "0xffff888001038600"] as const;
  assertEquals(compare([line(1, 0, 1, two(...kernel))], [line(1, 0, 1, two(...here))]), []);
  assertEquals(compare([line(1, 0, 1, two(...kernel))], [line(1, 0, 1, two(here[0], here[0]))]).length, 1);
  assertEquals(compare([line(1, 0, 1, two(kernel[0], kernel[0]))], [line(1, 0, 1, two(...here))]).length, 1);
  assertEquals(
    compare([line(1, 0, 1, two(...kernel))], [line(1, 0, 1, two(here[0], "0x7ffc698a7f5b"))]).length,
    1,
  );
  // A moment later it may be another; at once it may not.
  const later = (seconds: number) => [line(1, 0, 1, two(...kernel)), line(1, 0, 1 + seconds, two(...kernel))];
  const moved = [line(1, 0, 1, two(...here)), line(1, 0, 1, two(here[1], here[0]))];
  assertEquals([compare(later(0.00001), moved).length, compare(later(0.01), moved).length], [1, 0]);
});
