import { assertEquals, assertThrows } from "@std/assert";
import { builtinWorkload, builtinWorkloads } from "./builtin.ts";

Deno.test("every built-in workload is made by its name, with its defaults", () => {
  for (const { name, parameters } of builtinWorkloads()) {
    assertEquals(builtinWorkload(name).name, name);
    assertEquals(builtinWorkload(name, parameters).description, builtinWorkload(name).description);
  }
});

Deno.test("parameters stand after the name, or beside it", () => {
  assertEquals(
    builtinWorkload("sleepers:tasks=4,ns=500,times=2").description,
    "4 tasks sleep 2 times for 500 ns",
  );
  assertEquals(builtinWorkload("sleepers:4,500").description, "4 tasks sleep 5 times for 500 ns");
  assertEquals(builtinWorkload("dd:blocks=8").description, builtinWorkload("dd", { blocks: 8 }).description);
});

Deno.test("parameters can be words, of which the last may take all that follow", () => {
  const cases: [string, string][] = [
    ["sleepers 4 500", "4 tasks sleep 5 times for 500 ns"],
    ["openat /etc/passwd", "/etc/passwd is opened by openat"],
    ["openat:path=/etc/passwd", "/etc/passwd is opened by openat"],
    ["openat:/etc/passwd", "/etc/passwd is opened by openat"],
    ["execve /bin/echo a b", "/bin/echo a b is executed"],
    ["connect 10.0.0.1 8080", "a program connects to 10.0.0.1:8080"],
    ["  nanosleep   7 ", "a program sleeps 7 ns"],
  ];
  for (const [words, description] of cases) assertEquals(builtinWorkload(words).description, description);
});

Deno.test("a wrong name or parameter is told, with what would do", () => {
  const cases: [string, string][] = [
    ["sleeprs", 'Cannot run workload "sleeprs": there is none of that name; did you mean "sleepers"?'],
    [
      "nonsense",
      `Cannot run workload "nonsense": there is none of that name; the built-in ones are ${
        builtinWorkloads().map(({ name }) => name).join(", ")
      }`,
    ],
    ["dd:block=3", 'Cannot run workload "dd": it has no parameter "block"; did you mean "blocks"?'],
    ["cat:constructor=3", 'Cannot run workload "cat": it has no parameter "constructor"; it has none'],
    ["cat:__proto__=3", 'Cannot run workload "cat": it has no parameter "__proto__"; it has none'],
    ["cat:lines=3", 'Cannot run workload "cat": it has no parameter "lines"; it has none'],
    [
      "sleepers 1e9 1",
      'Cannot run workload "sleepers": tasks is 1000000000, and at most 30000: process ids end at 32768',
    ],
    ["sleepers -1 5", 'Cannot run workload "sleepers": tasks is -1, and must be a positive integer'],
    ["dd:blocks=x", 'Cannot run workload "dd": blocks is NaN, and must be a positive integer'],
    ["nanosleep soon", 'Cannot run workload "nanosleep": ns is NaN, and must be a positive integer'],
    ["openat a b", 'Cannot run workload "openat": there is no parameter for "b"; it has path'],
    ["connect example 80", 'Cannot connect to "example": give an IPv4 address, as in 127.0.0.1'],
    ["connect 127.0.0.1 70000", "Cannot connect to port 70000: ports go up to 65535"],
    ["dd:3,4", 'Cannot run workload "dd": there is no parameter for "4"; it has blocks'],
    ["dd:blocks", 'Cannot run workload "dd": the parameter "blocks" has no value; write NAME=NUMBER'],
  ];
  for (const [name, message] of cases) assertThrows(() => builtinWorkload(name), Error, message);
});
