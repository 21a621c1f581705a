import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import fc from "fast-check";
import { coreImage, fullImage } from "../../image/load.ts";
import type { Arch } from "../../image/model.ts";
import { FakeMachine } from "./fake_machine.ts";
import { hashPtr } from "./hash.ts";
import {
  E2BIG,
  EILSEQ,
  EINVAL,
  ENOENT,
  ENOMEM,
  EOPNOTSUPP,
  Kprobe,
  KPROBE_FLAG_DISABLED,
  KPROBE_FLAG_FTRACE,
  KPROBE_FLAG_ON_FUNC_ENTRY,
  Kretprobe,
} from "./mod.ts";

/** What Debian's kernels answered, where register_kprobe (not tracefs) decided. */
const RECORDED: Readonly<Record<Arch, readonly (readonly [string, number, number])[]>> = {
  x86_64: [
    ["vfs_read", 0, 0],
    ["nosuch_function", 0, ENOENT],
    ["nosuch_function", 4, ENOENT],
    ["vfs_read", 1, EILSEQ],
    ["vfs_read", 4, EILSEQ],
    ["vfs_read", 5, 0],
    ["vfs_read", 8, EILSEQ],
    ["vfs_read", 100000, EINVAL],
    ["vfs_read", 0x10000000, ENOENT],
    ["asm_exc_divide_error", 0, EINVAL],
    ["asm_exc_divide_error", 2, EINVAL],
    ["kprobe_dispatcher", 0, EINVAL],
    ["linux_banner", 0, EINVAL],
    ["jiffies", 0, EINVAL],
    ["_etext", 0, EINVAL],
    ["__init_begin", 0, EINVAL],
    ["do_one_initcall", 0, 0],
    ["start_kernel", 0, EINVAL],
    ["panic", 0, 0],
    ["do_syscall_64", 0, EINVAL],
    ["memcpy", 0, EINVAL],
    ["_printk", 0, 0],
    ["printk", 0, ENOENT],
    ["rcu_read_unlock_strict", 0, ENOENT],
    ["do_exit.cold", 0, 0],
  ],
  arm64: [
    ["vfs_read", 0, 0],
    ["nosuch_function", 0, ENOENT],
    ["vfs_read", 1, EINVAL],
    ["vfs_read", 4, EINVAL],
    ["vfs_read", 5, EINVAL],
    ["vfs_read", 8, 0],
    ["vfs_read", 100000, 0],
    ["vfs_read", 0x10000000, ENOENT],
    ["start_kernel", 0, EINVAL],
    ["panic", 0, 0],
  ],
  i386: [
    ["vfs_read", 0, 0],
    ["vfs_read", 1, EILSEQ],
    ["vfs_read", 8, 0],
    ["vfs_read", 100000, 0],
    ["vfs_read", 0x10000000, ENOENT],
    ["linux_banner", 0, ENOENT],
    ["memcpy", 0, 0],
    ["preempt_schedule_thunk", 2, EINVAL],
    ["start_kernel", 0, EINVAL],
  ],
};

Deno.test("a call through a pointer in memory is not supported; older releases step over it", async () => {
  const place = { symbolName: "machine_real_restart", offset: 0x39 };
  for (const [release, result] of [["6.1", -EOPNOTSUPP], ["4.18", 0]] as const) {
    const { table } = new FakeMachine(await fullImage("i386"), 2, release);
    const p = new Kprobe(place);
    assertEquals([table.registerKprobe(p), table.refusalOf(p)?.name], [
      result,
      result === 0 ? undefined : "EOPNOTSUPP",
    ]);
  }
});

for (const arch of ["x86_64", "arm64", "i386"] as const) {
  Deno.test(`register_kprobe answers as recorded on ${arch}`, async () => {
    const { table } = new FakeMachine(await fullImage(arch));
    for (const [symbolName, offset, errno] of RECORDED[arch]) {
      const p = new Kprobe({ symbolName, offset });
      assertEquals([symbolName, offset, table.registerKprobe(p)], [
        symbolName,
        offset,
        errno === 0 ? 0 : -errno,
      ]);
      assertEquals(table.reasonOf(p) === undefined, errno === 0);
      table.unregisterKprobe(p);
    }
    assertEquals(table.list(), []);
  });
}

Deno.test("a refusal is explained in a sentence", async () => {
  const { table } = new FakeMachine(await coreImage("x86_64"));
  const reason = (p: Kprobe) => {
    table.registerKprobe(p);
    return table.reasonOf(p) ?? "";
  };
  assertMatch(
    reason(new Kprobe({ symbolName: "vfs_opne" })),
    /^Cannot register kprobe "vfs_opne": .*did you mean "vfs_open"\?$/,
  );
  assertMatch(
    reason(new Kprobe({ symbolName: "vfs_read", offset: 1 })),
    /"vfs_read\+0x1": vfs_read\+0x1 is not on an instruction boundary; near it are \+0x0 and \+0x5$/,
  );
  assertMatch(reason(new Kprobe({})), /neither a symbol name nor an address$/);
  assertMatch(
    reason(new Kprobe({ symbolName: "vfs_read", address: -1 })),
    /both a symbol name and an address/,
  );
  const rp = new Kretprobe({ symbolName: "vfs_read", offset: 5 });
  assertEquals(table.registerKretprobe(rp), -EINVAL);
  assertMatch(
    table.reasonOf(rp) ?? "",
    /^Cannot register kretprobe "vfs_read\+0x5": .* not a function's entry/,
  );
});

Deno.test("an address works like a symbol, and module:symbol needs the module", async () => {
  const machine = new FakeMachine(await coreImage("arm64"));
  const p = new Kprobe({ address: machine.address("vfs_read"), offset: 8 });
  assertEquals([machine.table.registerKprobe(p), p.addr], [0, machine.address("vfs_read") + 8]);
  assertEquals(machine.table.registerKprobe(new Kprobe({ symbolName: "ext4:vfs_read" })), -ENOENT);
});

Deno.test("flags tell where a probe sits", async () => {
  const x86 = new FakeMachine(await coreImage("x86_64")).table;
  const arm = new FakeMachine(await coreImage("arm64")).table;
  const flags = (table: typeof x86, offset: number) => {
    const p = new Kprobe({ symbolName: "vfs_read", offset, flags: KPROBE_FLAG_FTRACE });
    assertEquals(table.registerKprobe(p), 0);
    return p.flags;
  };
  assertEquals(flags(x86, 0), KPROBE_FLAG_FTRACE | KPROBE_FLAG_ON_FUNC_ENTRY);
  assertEquals(flags(x86, 5), 0);
  assertEquals(flags(arm, 0), KPROBE_FLAG_ON_FUNC_ENTRY);
  // Only what passes all checks of its address is marked; nor were entries before.
  const refused = new Kprobe({ symbolName: "do_syscall_64", flags: 7 });
  assertEquals([x86.registerKprobe(refused), refused.flags], [-EINVAL, KPROBE_FLAG_DISABLED]);
  const old = new FakeMachine(await fullImage("x86_64"), 2, "4.18").table;
  assertEquals(flags(old, 0), KPROBE_FLAG_FTRACE);
});

Deno.test("the same object can't be registered twice, nor again without being reset", async () => {
  const { table } = new FakeMachine(await coreImage("x86_64"));
  const p = new Kprobe({ symbolName: "vfs_read" });
  assertEquals([table.registerKprobe(p), table.registerKprobe(p)], [0, -EINVAL]);
  table.unregisterKprobe(p);
  assertEquals(table.registerKprobe(p), -EINVAL);
  p.addr = null;
  assertEquals([table.registerKprobe(p), p.disabled], [0, true]);
  const byAddress = new Kprobe({ address: p.addr ?? 0 });
  assertEquals([table.registerKprobe(byAddress), table.registerKprobe(byAddress)], [0, -EINVAL]);
  const never = new Kprobe({ address: 5 });
  table.unregisterKprobe(never);
  assertEquals(never.addr, null);
});

Deno.test("a batch is registered whole or not at all", async () => {
  const { table } = new FakeMachine(await coreImage("x86_64"));
  const good = ["vfs_read", "vfs_open"].map((symbolName) => new Kprobe({ symbolName }));
  assertEquals(table.registerKprobes([...good, new Kprobe({ symbolName: "nosuch" })]), -ENOENT);
  assertEquals(table.list(), []);
  assertEquals([table.registerKprobes([]), table.registerKretprobes([])], [-EINVAL, -EINVAL]);
  const returns = ["vfs_read", "vfs_open"].map((symbolName) => new Kretprobe({ symbolName }));
  assertEquals([table.registerKretprobes(returns), table.list().length], [0, 2]);
});

Deno.test("kretprobes: default maxactive by CPUs, data size limit, blacklist", async () => {
  for (const [cpus, maxactive] of [[1, 10], [2, 10], [5, 10], [6, 12], [8, 16]] as const) {
    const { table } = new FakeMachine(await coreImage("x86_64"), cpus);
    const rp = new Kretprobe({ symbolName: "vfs_read" });
    assertEquals([table.registerKretprobe(rp), rp.maxactive, rp.pool?.free], [0, maxactive, maxactive]);
  }
  const { table } = new FakeMachine(await fullImage("x86_64"));
  assertEquals(table.registerKretprobe(new Kretprobe({ symbolName: "vfs_read", dataSize: 4097 })), -E2BIG);
  assertEquals(table.registerKretprobe(new Kretprobe({ symbolName: "vfs_read", dataSize: 4096 })), 0);
  assertEquals(table.registerKretprobe(new Kretprobe({ symbolName: "__switch_to" })), -EINVAL);
});

Deno.test("enabling and disabling follow the kernel's answers", async () => {
  const machine = new FakeMachine(await coreImage("x86_64"));
  const { table } = machine;
  const p = new Kprobe({ symbolName: "vfs_read", flags: KPROBE_FLAG_DISABLED });
  assertEquals([table.enableKprobe(p), table.disableKprobe(p)], [-EINVAL, -EINVAL]);
  assertEquals([table.registerKprobe(p), table.pointOf(p)?.armed], [0, false]);
  assertEquals([table.enableKprobe(p), table.enableKprobe(p), p.disabled, table.pointOf(p)?.armed], [
    0,
    0,
    false,
    true,
  ]);
  table.enabled = false;
  assertEquals([p.disabled, table.pointOf(p)?.armed], [false, false]);
  table.disableKprobe(p);
  assertEquals([table.enableKprobe(p), p.disabled], [0, true]);
  table.enabled = true;
  assertEquals(table.pointOf(p)?.armed, false);
});

Deno.test("text is patched exactly where an enabled probe is, and restored after", async () => {
  for (const arch of ["x86_64", "arm64", "i386"] as const) {
    const machine = new FakeMachine(await coreImage(arch));
    const { table } = machine;
    const read = machine.address("vfs_read");
    const places = arch === "arm64" ? [0, 8, 12, 16] : arch === "x86_64" ? [0, 5, 7] : [0, 5, 6];
    const before = machine.text(read, 64);
    assertEquals(
      before.slice(0, 14),
      { x86_64: "0f 1f 44 00 00", arm64: "e9 03 1e aa 1f", i386: "3e 8d 74 26 00" }[arch],
    );
    const step = fc.tuple(
      fc.constantFrom("register", "unregister", "enable", "disable", "global"),
      fc.constantFrom(...places),
      fc.nat(20),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const probes: Kprobe[] = [];
        let switched = false;
        for (const [op, offset, pick] of steps) {
          const p = probes[pick % Math.max(1, probes.length)];
          if (op === "register") {
            const fresh = new Kprobe({
              symbolName: "vfs_read",
              offset,
              flags: pick % 2 === 0 ? 0 : KPROBE_FLAG_DISABLED,
            });
            assertEquals(table.registerKprobe(fresh), 0);
            probes.push(fresh);
          } else if (op === "global") {
            table.enabled = !table.enabled;
            switched = true;
          } else if (p === undefined) continue;
          else if (op === "enable") assertEquals(table.enableKprobe(p), 0);
          else if (op === "disable") assertEquals(table.disableKprobe(p), 0);
          else {
            table.unregisterKprobe(p);
            probes.splice(probes.indexOf(p), 1);
          }
          // Enabling while all are disarmed leaves a manager marked disabled: only then do the two differ.
          const off = (q: Kprobe) => switched ? table.pointOf(q)?.disabled ?? true : q.disabled;
          const wanted = new Set(probes.filter((q) => table.enabled && !off(q)).map((q) => q.addr ?? 0));
          assertEquals(
            machine.memory.text.patches().map((patch) => patch.address),
            [...wanted].sort((a, b) => a - b),
          );
          for (const place of places) {
            const first = machine.memory.readU8(read + place);
            const breakpoint = arch === "arm64" ? 0x80 : place === 0 ? 0xe8 : 0xcc;
            assertEquals(first === breakpoint, wanted.has(read + place));
          }
          const hooks = machine.calls.functionByName("vfs_read")?.hooks ?? null;
          assertEquals(hooks === null, wanted.size === 0);
          assertEquals(
            hooks?.offsets ?? [],
            [...wanted].map((a) => a - read).filter((o) => o > (arch === "arm64" ? 8 : 5)).sort((a, b) =>
              a - b
            ),
          );
        }
        for (const p of probes) table.unregisterKprobe(p);
        table.enabled = true;
        assertEquals([machine.text(read, 64), table.list()], [before, []]);
      }),
      { numRuns: 40 },
    );
  }
});

Deno.test("an armed ftrace site calls the entry code, a breakpoint is one byte or word", async () => {
  const x86 = new FakeMachine(await fullImage("x86_64"));
  const read = x86.address("vfs_read");
  x86.table.registerKprobes([0, 5].map((offset) => new Kprobe({ symbolName: "vfs_read", offset })));
  const target = x86.image.symbol("ftrace_regs_caller")?.address ?? 0;
  assertEquals(x86.memory.readU8(read), 0xe8);
  assertEquals(read + 5 + x86.memory.readS32(read + 1), target);
  assertEquals(x86.memory.readU8(read + 5), 0xcc);
  const arm = new FakeMachine(await coreImage("arm64"));
  arm.table.registerKprobe(new Kprobe({ symbolName: "vfs_read", offset: 8 }));
  assertEquals(arm.text(arm.address("vfs_read") + 8, 4), "80 00 20 d4");
});

Deno.test("calls in text go where they say", async () => {
  const image = await fullImage("x86_64");
  const machine = new FakeMachine(image);
  const info = image.func("do_sys_openat2");
  const site = info?.callSites().find((s) => s.target === "getname");
  const at = (info?.address ?? 0) + (site?.offset ?? 0);
  assertEquals(machine.memory.readU8(at), 0xe8);
  assertEquals(at + 5 + machine.memory.readS32(at + 1), image.symbol("getname")?.address);
  const ret = info?.callSites().find((s) => s.target === "__x86_return_thunk");
  assertEquals(machine.text((info?.address ?? 0) + (ret?.offset ?? 0), 5), "c3 cc cc cc cc");
});

Deno.test("the hash is the kernel's", () => {
  // ffffffff81363d40 × 61c8864680b583eb mod 2^64 >> 58, by hand.
  assertEquals(
    hashPtr(-0x7ec9c2c0, 8),
    Number(((0xffffffff81363d40n * 0x61c8864680b583ebn) & 0xffffffffffffffffn) >> 58n),
  );
  assertEquals(hashPtr(0xc12df150, 4), Number(((0xc12df150n * 0x61c88647n) & 0xffffffffn) >> 26n));
});

Deno.test("the list goes by bucket, newest first", async () => {
  const { table } = new FakeMachine(await coreImage("x86_64"));
  const probes = ["vfs_read", "vfs_open", "vfs_read", "do_sys_openat2"].map((symbolName) =>
    new Kprobe({ symbolName })
  );
  assertEquals(table.registerKprobes(probes), 0);
  const listed = table.list();
  const buckets = listed.map((p) => hashPtr(p.addr ?? 0, 8));
  assertEquals(buckets, [...buckets].sort((a, b) => a - b));
  assertEquals(listed.filter((p) => p.symbolName === "vfs_read"), [probes[2], probes[0]]);
});

Deno.test("an offset is an unsigned int, a data size a size_t, as in the kernel's structures", async () => {
  // 64-bit kernels have nothing 4 GiB above a function; on i386 the sum wraps to the end of the function before.
  for (
    const [arch, results] of [["x86_64", [-ENOENT]], ["arm64", [-ENOENT]], ["i386", [0, -EILSEQ]]] as const
  ) {
    const { table } = new FakeMachine(await fullImage(arch));
    const result = table.registerKprobe(new Kprobe({ symbolName: "vfs_read", offset: -1 }));
    assertEquals((results as readonly number[]).includes(result), true, `${arch}: ${result}`);
    const rp = new Kretprobe({ symbolName: "vfs_open", dataSize: -1 });
    assertEquals([arch, table.registerKretprobe(rp)], [arch, -E2BIG]);
  }
  const { table } = new FakeMachine(await fullImage("x86_64"));
  const active = (maxactive: number) => {
    const rp = new Kretprobe({ symbolName: "vfs_open", maxactive });
    return [table.registerKretprobe(rp), rp.maxactive];
  };
  assertEquals([2 ** 31, 2 ** 32 + 5, 1e6, 1e9].map(active), [[0, 10], [0, 5], [0, 1e6], [-ENOMEM, 1e9]]);
  const sized = new Kretprobe({ symbolName: "vfs_open", maxactive: 1e6, dataSize: 4096 });
  assertEquals([table.registerKretprobe(sized), table.refusalOf(sized)?.name], [-ENOMEM, "ENOMEM"]);
  for (const value of [NaN, 1.5, Infinity]) {
    const message = `Cannot make a kretprobe with maxactive ${value}: it is a whole number of calls`;
    assertThrows(() => new Kretprobe({ symbolName: "vfs_read", maxactive: value }), TypeError, message);
    const bytes = `Cannot make a kretprobe with dataSize ${value}: it is a whole number of bytes`;
    assertThrows(() => new Kretprobe({ symbolName: "vfs_read", dataSize: value }), TypeError, bytes);
  }
  const error = assertThrows(() => new Kprobe({ symbolName: "vfs_read", offset: 1.5 }), TypeError);
  assertEquals(error.message, "Cannot make a kprobe at offset 1.5: an offset is a whole number of bytes");
});

Deno.test("register takes probes of both kinds, all or none, and says all that there is to say of a refusal", async () => {
  for (const arch of ["x86_64", "arm64", "i386"] as const) {
    const m = new FakeMachine(await coreImage(arch));
    const probe = new Kprobe({ symbolName: "vfs_open" });
    const returns = new Kretprobe({ symbolName: "vfs_read" });
    assertEquals([m.table.register(), m.table.register(probe, returns)], [null, null]);
    assertEquals([m.table.list().length, returns.maxactive], [2, 10]);
    const inside = new Kprobe({ symbolName: "vfs_open", offset: arch === "arm64" ? 2 : 1 });
    const fine = [new Kprobe({ symbolName: "vfs_write" }), new Kretprobe({ symbolName: "vfs_write" })];
    const refused = m.table.register(...fine, inside, new Kprobe({ symbolName: "no_such" }));
    assertEquals([refused?.probe, refused?.errno, refused?.name], [
      inside,
      ...(arch === "arm64" ? [22, "EINVAL"] : [84, "EILSEQ"]),
    ]);
    assertEquals(refused?.reason, m.table.reasonOf(inside));
    assertMatch(
      refused?.reason ?? "",
      arch === "arm64" ? /vfs_open\+0x2 is not aligned to 4 bytes/ : /near it are \+0x0 and \+0x5$/,
    );
    assertEquals(m.table.list().length, 2);
    const late = new Kretprobe({ symbolName: "vfs_read", dataSize: 5000 });
    assertEquals([m.table.register(late)?.name, m.table.register(late)?.errno], ["E2BIG", 7]);
    const listed = m.image.blacklist().find(({ name, start }) => m.image.symbol(name)?.address === start);
    const forbidden = m.table.register(new Kprobe({ symbolName: listed?.name ?? "" }));
    assertEquals(forbidden?.name, "EINVAL");
    assertMatch(forbidden?.reason ?? "", /is on the kprobe blacklist: \S+, 0x[0-9a-f]+ to 0x[0-9a-f]+$/);
  }
});

Deno.test("an address of 0 is none; what is no address and no name is told in a sentence", async () => {
  const { table } = new FakeMachine(await fullImage("x86_64"));
  assertEquals(table.registerKprobe(new Kprobe({ address: 0 })), -EINVAL);
  assertThrows(() => new Kprobe({ address: 1.5 }), TypeError, "an address is a whole number");
  assertThrows(() => new Kprobe({ address: NaN }), TypeError, "an address is a whole number");
  // A script without types may give anything.
  const options: object = { symbolName: 5 };
  assertThrows(() => new Kprobe(options), TypeError, "a symbol is given by its name");
});
