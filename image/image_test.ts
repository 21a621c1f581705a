import { assert, assertEquals, assertNotEquals } from "@std/assert";
import fc from "fast-check";
import { fullImage } from "./load.ts";
import type { Arch } from "./model.ts";

const ARCHES: readonly Arch[] = ["x86_64", "arm64", "i386"];

Deno.test("an image says what kernel it is", async () => {
  const images = await Promise.all(ARCHES.map(fullImage));
  assertEquals(images.map((image) => [image.arch, image.release, image.pointerSize, image.whole]), [
    ["x86_64", "6.1.0-56-amd64", 8, true],
    ["arm64", "6.1.0-56-arm64", 8, true],
    ["i386", "6.1.0-50-686-pae", 4, true],
  ]);
  assertEquals(images.map((image) => image.functions().length), [37350, 41388, 34528]);
});

Deno.test("functions are found by glob, in address order", async () => {
  for (const arch of ARCHES) {
    const image = await fullImage(arch);
    const found = image.functions("vfs_re*");
    assert(found.includes("vfs_read") && found.includes("vfs_readlink") && !found.includes("vfs_write"));
    const addresses = found.map((name) => image.symbol(name)!.address);
    assertEquals(addresses, addresses.toSorted((a, b) => a - b));
    assertEquals(image.functions("nothing_like_it*"), []);
    assertEquals(image.functions("vfs_open"), ["vfs_open"]);
  }
});

Deno.test("symbolAt is the inverse of symbol, anywhere inside", async () => {
  for (const arch of ARCHES) {
    const image = await fullImage(arch);
    const names = image.functions();
    fc.assert(
      fc.property(
        fc.nat({ max: names.length - 1 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (i, part) => {
          const fn = image.func(names[i]!)!;
          const symbol = image.symbol(fn.name)!;
          const offset = Math.floor(part * fn.size);
          const at = image.symbolAt(fn.address + offset)!;
          assertEquals([at.symbol.name, at.symbol.address, at.offset], [fn.name, fn.address, offset]);
          assertEquals(image.describe(fn.address + offset), `${fn.name}+0x${offset.toString(16)}`);
          // A name that several functions have means the first.
          assert(symbol.address <= fn.address);
        },
      ),
    );
  }
});

Deno.test("instructions fill their function, and calls start and return on their boundaries", async () => {
  for (const arch of ARCHES) {
    const image = await fullImage(arch);
    const names = image.functions();
    fc.assert(fc.property(fc.nat({ max: names.length - 1 }), (i) => {
      const fn = image.func(names[i]!)!;
      const starts = fn.boundaries();
      assertEquals(starts[0], 0);
      const known = new Set(starts);
      for (let n = 1; n < starts.length; n++) assert(starts[n]! > starts[n - 1]!);
      const rest = fn.size - starts.at(-1)!;
      // A few functions of ftrace's list have no text facts.
      assert((rest >= 1 && rest <= 15) || starts.length === 1, `${fn.name}: ${rest}`);
      for (const call of fn.callSites()) {
        assert(known.has(call.offset), `${fn.name}+${call.offset}`);
        assert(
          known.has(call.returnOffset) || call.returnOffset === fn.size,
          `${fn.name}+${call.returnOffset}`,
        );
      }
    }));
  }
});

Deno.test("call sites, and back", async () => {
  const image = await fullImage("x86_64");
  const site = image.func("do_sys_openat2")!.callSites().find((call) => call.target === "do_filp_open");
  assertEquals(site, { offset: 0xaa, returnOffset: 0xaf, kind: "call", target: "do_filp_open" });
  assert(
    image.callersOf("do_filp_open").some(({ caller, site: at }) =>
      caller === "do_sys_openat2" && at.offset === 0xaa
    ),
  );
  // An alias is called by the name that the text has.
  assertEquals(image.callersOf("__x64_sys_getpid"), image.callersOf("__do_sys_getpid"));
  assertEquals(image.callersOf("__do_sys_getpid").map(({ caller }) => caller).includes("x64_sys_call"), true);
  assertEquals(image.callersOf("no_such_function"), []);
  const arm = await fullImage("arm64");
  assertEquals(arm.func("vfs_open")!.callSites(), [
    { offset: 48, returnOffset: 52, kind: "call", target: "do_dentry_open" },
  ]);
});

Deno.test("callersOf finds every direct call site of every function", async () => {
  for (const arch of ARCHES) {
    const image = await fullImage(arch);
    const sites = image.functions("do_[a-f]*").flatMap((caller) =>
      image.func(caller)!.callSites().filter((site) => site.kind !== "indirect").map((site) => ({
        caller,
        site,
      }))
    );
    assert(sites.length > 500);
    for (const { caller, site } of sites.filter((_, i) => i % 31 === 0)) {
      const found = image.callersOf(site.target).some((c) =>
        c.caller === caller && c.site.offset === site.offset
      );
      assert(found, `${arch} ${caller}+${site.offset} ${site.target}`);
    }
  }
});

Deno.test("prototypes read as in C", async () => {
  const image = await fullImage("x86_64");
  const text = (name: string) => image.prototype(name)?.text;
  assertEquals(text("vfs_open"), "int vfs_open(const struct path * path, struct file * file)");
  assertEquals(text("_printk"), "int _printk(const char * fmt, ...)");
  assertEquals(text("sys_ni_syscall"), "long int sys_ni_syscall(void)");
  assertEquals(
    text("kthread_create_on_node")?.startsWith(
      "struct task_struct * kthread_create_on_node(int (*threadfn)(void *)",
    ),
    true,
  );
  // GCC's copies have the prototype of the function that they are copies of.
  assertEquals(
    text("getname_flags.part.0"),
    "struct filename * getname_flags.part.0(const char * filename, int flags, int * empty)",
  );
  assertEquals(text("no_such_function"), undefined);
  assertEquals((await fullImage("i386")).prototype("vfs_read")?.params.map((p) => p.name), [
    "file",
    "buf",
    "count",
    "pos",
  ]);
});

Deno.test("symbols that share an address: the first in kallsyms names it, all are found", async () => {
  const image = await fullImage("x86_64");
  const address = image.symbol("__x64_sys_getpid")!.address;
  assertEquals(image.symbol("__do_sys_getpid")!.address, address);
  assertEquals(image.describe(address), "__do_sys_getpid+0x0");
  assertEquals(image.isTraceable("__do_sys_getpid"), true);
  assertEquals(image.isTraceable("__x64_sys_getpid"), false);
});

Deno.test("per-CPU symbols have small addresses and name none", async () => {
  const image = await fullImage("x86_64");
  assertEquals(image.symbol("fixed_percpu_data"), {
    name: "fixed_percpu_data",
    address: 0,
    size: 0x1000,
    letter: "A",
  });
  assertEquals(image.symbolAt(0x10), undefined);
  assertEquals(image.describe(0x10), "0x10");
  assertEquals(image.describe(-4096), "0xfffffffffffff000");
  assertEquals(image.symbolAt(-0x7000_0000_0000), undefined);
});

Deno.test("behind the kernel's end only modules have symbols", async () => {
  const image = await fullImage("x86_64");
  const end = image.symbol("_end")?.address ?? NaN;
  assertEquals(image.symbolAt(end - 1)?.symbol.module, undefined);
  assert(image.symbolAt(end - 1) !== undefined);
  // kallsyms lists a symbol there, but names no address after it.
  const listed = image.symbol("__init_scratch_end")?.address ?? NaN;
  assertEquals([image.symbolAt(end), image.symbolAt(listed), image.symbolAt(listed + 8)], [
    undefined,
    undefined,
    undefined,
  ]);
  assertEquals(image.describe(listed + 8), "0xffffffff84a00008");
  const module = [...image.symbols()].find((s) => s.module !== undefined && s.address < 0 && s.size > 8);
  assertEquals(image.symbolAt((module?.address ?? 0) + 8)?.symbol, module);
});

Deno.test("the blacklist refuses what kprobes refuses", async () => {
  const counts = [];
  for (const arch of ARCHES) {
    const image = await fullImage(arch);
    counts.push(image.blacklist().length);
    for (const range of image.blacklist()) {
      assert(range.start < range.end);
      assert(image.blacklistedAt(range.end - 1));
    }
    assertEquals(image.blacklistedAt(image.symbol("vfs_open")!.address), undefined);
  }
  assertEquals(counts, [427, 553, 247]);
  const image = await fullImage("x86_64");
  const range = image.blacklistedAt(image.symbol("asm_exc_page_fault")!.address);
  assertEquals(range?.name, "asm_exc_page_fault");
});

Deno.test("tracepoints have typed fields", async () => {
  for (const arch of ARCHES) {
    const image = await fullImage(arch);
    const names = image.tracepoints();
    assertEquals(names, names.toSorted());
    for (const name of names) assert(image.tracepoint(name as "a:b")!.common.length === 4, name);
    assertEquals(image.tracepoint("sched:sched_switch")?.fields.map((f) => `${f.type} ${f.name}`), [
      "char[16] prev_comm",
      "pid_t prev_pid",
      "int prev_prio",
      "long prev_state",
      "char[16] next_comm",
      "pid_t next_pid",
      "int next_prio",
    ]);
    assertEquals(image.tracepoint("sched:nope"), undefined);
    assertEquals(image.nearTracepoints("sched:sched_swich")[0], "sched:sched_switch");
    assert(image.tracepoints("syscalls:sys_enter_*").includes("syscalls:sys_enter_openat"));
  }
});

Deno.test("types by name, tag or not", async () => {
  const image = await fullImage("x86_64");
  assertEquals(image.type("struct file")?.kind, "struct");
  assertEquals(image.type("file"), image.type("struct file"));
  assertEquals(image.type("umode_t")?.kind, "typedef");
  assertEquals(image.type("enum pid_type")?.kind, "enum");
  assertEquals(image.type("union file"), undefined);
  assertEquals(image.type("struct nope"), undefined);
  assertEquals(image.nearTypes("struct task_strcut"), ["struct task_struct"]);
  assertEquals(image.nearTypes("umod_t")[0], "umode_t");
  assertEquals(image.nearFunctions("vfs_opne")[0], "vfs_open");
  assert(image.typeNames().length > 10_000);
});

Deno.test("the same type is the same object", async () => {
  const image = await fullImage("arm64");
  const path = image.prototype("vfs_open")!.params[0]!.type;
  assert(path.kind === "ptr" && path.to.kind === "const");
  assertEquals(path.to.to === image.type("struct path"), true);
});

Deno.test("enumerators of all enums, of 64 bits too", async () => {
  for (const arch of ARCHES) {
    const image = await fullImage(arch);
    assertEquals(image.enumerator("TCP_ESTABLISHED"), 1);
    assertEquals(image.enumerator("TCP_CLOSE"), 7);
    assertEquals(image.enumerator("PIDTYPE_TGID"), 1);
    assertEquals(image.enumerator("BPF_F_CTXLEN_MASK"), 0xfffff * 2 ** 32);
    assertEquals(image.enumerator("WQ_MEM_RECLAIM"), 8);
    assertEquals(image.enumerator("TCP_NOPE"), undefined);
  }
});

Deno.test("symbols of modules know their module, and their types are there", async () => {
  const image = await fullImage("x86_64");
  assertEquals(image.symbol("ext4_create")?.module, "ext4");
  assertEquals(image.prototype("ext4_create")?.params.map((param) => param.name).includes("dentry"), true);
  assertEquals(image.prototype("jbd2_journal_start")?.params.length, 2);
  assertEquals(image.describe(image.symbol("ext4_create")!.address + 5), "ext4_create+0x5");
  // The lists of both files begin after the kernel's last type: jbd2's must not land among ext4's.
  const type = image.type("struct jbd2_inode");
  assert(type && image.fieldNames(type).includes("i_vfs_inode"));
  // ftrace's list was read before the modules were loaded.
  assertEquals(image.isTraceable("ext4_create"), false);
});

Deno.test("a name of one kind means nothing as another", async () => {
  const image = await fullImage("x86_64");
  assertEquals(image.prototype("task_struct"), undefined);
  assertEquals(image.symbol("prev_comm"), undefined);
  assertEquals(image.func("init_task"), undefined);
  assertNotEquals(image.symbol("init_task"), undefined);
});
