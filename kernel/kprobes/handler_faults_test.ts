/** What a handler's own bad access, and what else it throws, come to. */

import { assertEquals, assertThrows } from "@std/assert";
import { ARCHES, bootTest, run } from "../syscalls/test_program.ts";
import { Kprobe, type KprobeOptions, Kretprobe, ProbeHandlerError } from "./mod.ts";

const NULL_LINE = {
  x86_64: "BUG: kernel NULL pointer dereference, address: 0000000000000000",
  arm64: "Unable to handle kernel NULL pointer dereference at virtual address 0000000000000000",
  i386: "BUG: kernel NULL pointer dereference, address: 00000000",
};

type Boot = Awaited<ReturnType<typeof bootTest>>;

/** A program that reads with what `probe` makes registered. */
async function reads(
  arch: (typeof ARCHES)[number],
  probe: (k: Boot) => Kprobe | Kretprobe,
): Promise<Boot> {
  const k = await bootTest(arch);
  assertEquals(k.kprobes.register(probe(k)), null);
  run(k, function* (p) {
    yield* p.call("openat", -100, "/tmp/file", 0o102, 0o644);
    yield* p.call("read", 0, p.room(16), 4);
  });
  return k;
}

Deno.test("a bad access in a handler is an oops of the task that was hit, which dies", async () => {
  const kinds: Readonly<Record<string, (k: Boot) => Kprobe | Kretprobe>> = {
    pre: (k) => new Kprobe({ symbolName: "vfs_read", preHandler: () => void k.memory.readWord(0) }),
    post: (k) => new Kprobe({ symbolName: "vfs_read", postHandler: () => void k.memory.readWord(0) }),
    entry: (k) => new Kretprobe({ symbolName: "vfs_read", entryHandler: () => void k.memory.readWord(0) }),
    return: (k) => new Kretprobe({ symbolName: "vfs_read", handler: () => void k.memory.readWord(0) }),
  };
  for (const arch of ARCHES) {
    for (const [kind, make] of Object.entries(kinds)) {
      const k = await reads(arch, make);
      const text = k.log.dmesg();
      assertEquals(k.oopses.all().map((o) => o.comm), ["test"], `${arch} ${kind}`);
      assertEquals([text.includes(NULL_LINE[arch]), text.includes("IP: ")], [true, false]);
      assertEquals(k.kprobes.currentOn(k.current.cpu), null);
    }
  }
});

Deno.test("the log has the kernel's text in order", async () => {
  const k = await reads(
    "x86_64",
    (k) => new Kprobe({ symbolName: "vfs_read", preHandler: () => k.memory.writeWord(0x1_0000_0000, 1) }),
  );
  const lines = k.log.records().map((r) => r.text);
  const at = lines.indexOf("BUG: unable to handle page fault for address: 0000000100000000");
  assertEquals(lines.slice(at + 1, at + 4), [
    "#PF: supervisor write access in kernel mode",
    "#PF: error_code(0x0002) - not-present page",
    "Oops: 0002 [#1] PREEMPT SMP NOPTI",
  ]);
});

Deno.test("what else a handler throws leaves the run, as does an address that nothing determines", async () => {
  const throwing = (preHandler: NonNullable<KprobeOptions["preHandler"]>) =>
    new Kprobe({ symbolName: "vfs_read", preHandler });
  for (const arch of ARCHES) {
    const k = await bootTest(arch);
    assertEquals(
      k.kprobes.register(throwing(() => {
        throw new RangeError("a mistake");
      })),
      null,
    );
    assertThrows(
      () =>
        run(k, function* (p) {
          yield* p.call("read", 0, p.room(16), 4);
        }),
      ProbeHandlerError,
      "a mistake",
    );
    assertEquals(k.oopses.all(), []);
    const unknown = await bootTest(arch);
    assertEquals(unknown.kprobes.register(throwing(() => void unknown.memory.readU8(NaN))), null);
    assertThrows(
      () =>
        run(unknown, function* (p) {
          yield* p.call("read", 0, p.room(16), 4);
        }),
      ProbeHandlerError,
      "nothing determines this address",
    );
    assertEquals(unknown.oopses.all(), []);
  }
});
