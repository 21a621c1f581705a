import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { bytesFromJson, bytesToJson } from "./base64_json.ts";
import { coreImage, fullImage, openImage } from "./load.ts";
import type { Arch } from "./model.ts";
import { coreShapes } from "./shapes.ts";

const ARCHES: readonly Arch[] = ["x86_64", "arm64", "i386"];

async function shipped(arch: Arch): Promise<Uint8Array<ArrayBuffer>> {
  return await Deno.readFile(new URL(`./data/${arch}.kimg`, import.meta.url));
}

Deno.test("core images know a part, and the same of it", async () => {
  for (const arch of ARCHES) {
    const core = await coreImage(arch);
    const full = await fullImage(arch);
    assertEquals(core.whole, false);
    assertEquals(await coreImage(arch), core);
    assert(core.functions().length > 3500 && core.functions().length < 6000);
    for (const name of core.functions("[tv]*")) {
      assertEquals(core.symbol(name), full.symbol(name));
      assertEquals(core.prototype(name)?.text, full.prototype(name)?.text);
      assertEquals(core.func(name)!.boundaries(), full.func(name)!.boundaries());
      assertEquals(core.func(name)!.callSites(), full.func(name)!.callSites());
    }
    assertEquals(core.tracepoints(), full.tracepoints());
    assertEquals(core.blacklist(), full.blacklist());
    assertEquals(core.syscallNames(), full.syscallNames());
    for (const name of ["task_struct", "file", "sock", "sk_buff", "mm_struct", "pt_regs"]) {
      const inCore = core.type(`struct ${name}`)!;
      const inFull = full.type(`struct ${name}`)!;
      assertEquals(core.fieldNames(inCore), full.fieldNames(inFull));
      for (const field of core.fieldNames(inCore)) {
        assertEquals(core.field(inCore, field)!.offset, full.field(inFull, field)!.offset);
      }
    }
  }
});

Deno.test("a core image misses quietly, and does not stretch symbols over what it left out", async () => {
  const core = await coreImage("x86_64");
  const full = await fullImage("x86_64");
  const missing = full.functions().find((name) => core.symbol(name) === undefined)!;
  assertEquals([core.func(missing), core.prototype(missing)], [undefined, undefined]);
  assertEquals(core.symbolAt(full.symbol(missing)!.address), undefined);
});

Deno.test("core images have the frames at the bottom of stacks", async () => {
  const [x86, arm, i386] = await Promise.all(ARCHES.map(coreImage));
  for (const name of ["entry_SYSCALL_64_after_hwframe", "do_syscall_64", "x64_sys_call", "ret_from_fork"]) {
    assert(x86!.symbol(name), name);
  }
  for (const name of ["el0t_64_sync", "el0t_64_sync_handler", "el0_svc", "do_el0_svc", "invoke_syscall"]) {
    assert(arm!.symbol(name), name);
  }
  for (const name of ["entry_SYSENTER_32", "do_SYSENTER_32", "__do_fast_syscall_32"]) {
    assert(i386!.symbol(name), name);
  }
});

Deno.test("core images have the marks between sections, and what functions call that cannot be traced", async () => {
  for (const arch of ARCHES) {
    const core = await coreImage(arch);
    const full = await fullImage(arch);
    for (const name of ["_text", "_stext", "_etext", "_end", "__kprobes_text_start"]) {
      assertEquals(core.symbol(name), full.symbol(name));
    }
    for (const name of core.functions()) {
      for (const { kind, target } of core.func(name)!.callSites()) {
        if (kind === "indirect" || core.symbol(target) || !full.symbol(target)) continue;
        assert(full.isTraceable(target), `${arch} ${name} calls ${target}`);
      }
    }
  }
});

Deno.test("what is no image is refused with a sentence", async () => {
  const bytes = await shipped("i386");
  const other = bytes.slice();
  other[4] = 99;
  await assertRejects(
    () => openImage(new Uint8Array(0), "my.kimg"),
    Error,
    "Cannot open my.kimg as a kernel image: it is empty",
  );
  await assertRejects(
    () => openImage(new TextEncoder().encode("not an image at all"), "x"),
    Error,
    "does not begin with KIMG",
  );
  await assertRejects(() => openImage(bytes.slice(0, 1000), "my.kimg"), Error, "it is cut short at 1000 of");
  await assertRejects(() => openImage(other, "my.kimg"), Error, "its format version is 99");
  const longer = new Uint8Array(bytes.length + 3);
  longer.set(bytes);
  await assertRejects(() => openImage(longer, "my.kimg"), Error, "3 bytes follow its end");
});

Deno.test("a damaged image is refused where the damage is met", async () => {
  const bytes = await shipped("i386");
  const head = bytes.slice();
  head.fill(0x55, 20, 44);
  await assertRejects(
    () => openImage(head, "my.kimg"),
    Error,
    "its header is unreadable; the file is damaged",
  );
  const body = bytes.slice();
  body.fill(0xff, 40_000);
  const image = await openImage(body, "my.kimg");
  const error = assertThrows(() => image.tracepoints(), Error, "Cannot read kernel image my.kimg");
  assertStringIncludes(error.message, "the file is damaged");
});

Deno.test("bytes survive JSON", () => {
  const bytes = Uint8Array.from({ length: 300 }, (_, i) => i * 7);
  assertEquals(bytesFromJson(JSON.parse(bytesToJson(bytes))), bytes);
  assertEquals(bytesFromJson(JSON.parse(bytesToJson(new Uint8Array(0)))), new Uint8Array(0));
});

Deno.test("shapes load", async () => {
  for (const arch of ARCHES) assert(await coreShapes(arch) instanceof Uint8Array);
});

Deno.test({
  name: "core images need no permission, whole ones say that they need one",
  permissions: { read: false },
  fn: async () => {
    assertEquals((await coreImage("arm64")).arch, "arm64");
    // Another query than the other tests' so that nothing is cached.
    const { fullImage: fresh } = await import("./load.ts?unread" as string) as {
      fullImage: typeof fullImage;
    };
    await assertRejects(() => fresh("arm64"), Error, "needs the permission --allow-read");
  },
});
