import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { editDistance, nearNames } from "./near.ts";

Deno.test("misspellings find their name first", () => {
  const names = ["vfs_open", "vfs_read", "vcs_open", "do_sys_openat2", "tcp_sendmsg", "tcp_recvmsg"];
  assertEquals(nearNames("vfs_opne", names)[0], "vfs_open");
  assertEquals(nearNames("vfs_oppen", names)[0], "vfs_open");
  assertEquals(nearNames("VFS_OPEN", names)[0], "vfs_open");
  assertEquals(nearNames("tcp_sendmg", names), ["tcp_sendmsg"]);
  assertEquals(nearNames("sys_openat2", names), ["do_sys_openat2"]);
  assertEquals(nearNames("do_sys_open", names), ["do_sys_openat2"]);
  assertEquals(nearNames("completely_else", names), []);
  assertEquals(nearNames("", names), []);
});

Deno.test("no more than the limit, each once, in a fixed order", () => {
  const names = ["abcde3", "abcde2", "abcde1", "abcde2"];
  assertEquals(nearNames("abcde", names), ["abcde1", "abcde2", "abcde3"]);
  assertEquals(nearNames("abcde", names, 2), ["abcde1", "abcde2"]);
  assertEquals(nearNames("abcde", names.toReversed(), 2), ["abcde1", "abcde2"]);
});

/** The plain recurrence of optimal string alignment, with no bound. */
function slowDistance(a: string, b: string): number {
  const rows = Array.from({ length: a.length + 1 }, (_, i) => [i, ...new Array<number>(b.length).fill(0)]);
  for (let j = 0; j <= b.length; j++) rows[0]![j] = j;
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      let cost = Math.min(
        rows[i - 1]![j]! + 1,
        rows[i]![j - 1]! + 1,
        rows[i - 1]![j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1),
      );
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, rows[i - 2]![j - 2]! + 1);
      }
      rows[i]![j] = cost;
    }
  }
  return rows[a.length]![b.length]!;
}

Deno.test("the bounded distance is the plain one up to its bound", () => {
  const word = fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 9 });
  fc.assert(fc.property(word, word, fc.integer({ min: 1, max: 4 }), (a, b, bound) => {
    const slow = slowDistance(a, b);
    assertEquals(editDistance(a, b, bound), slow <= bound ? slow : undefined);
  }));
});

Deno.test("long names are no trouble", () => {
  const long = "x".repeat(300);
  assert(nearNames(`${long}y`, [long]).length === 1);
});
