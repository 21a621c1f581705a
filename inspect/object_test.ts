import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { object, type ObjectReference } from "./object.ts";
import { sampleKernel } from "./testing.ts";

for (const arch of ["x86_64", "arm64", "i386"] as const) {
  Deno.test(`members read what is in memory (${arch})`, async () => {
    const k = await sampleKernel(arch);
    const task = k.tasks.create({ pid: 77, comm: "sample" });
    const view = object(k, "struct task_struct", task.address);
    assertEquals(view["pid"], 77);
    assertEquals(view["comm"], "sample");
    const parent = view["real_parent"] as ObjectReference;
    assertEquals([parent["pid"], parent["comm"]], [1, "init"]);
    assertEquals(view.type_, "struct task_struct");
    assertEquals(Number(BigInt.asIntN(64, view.address_)), Number(BigInt.asIntN(64, BigInt(task.address))));
    task.comm = "changed";
    assertEquals(view["comm"], "changed");
  });
}

Deno.test("a name without its keyword, and an exact address, will do", async () => {
  const k = await sampleKernel("x86_64");
  assertEquals(object(k, "task_struct", k.tasks.init.address)["pid"], 1);
  assertEquals(object(k, "task_struct", BigInt(k.tasks.init.address))["pid"], 1);
});

Deno.test("a wrong type or member is named, with what is near", async () => {
  const k = await sampleKernel("x86_64");
  const wrongType = assertThrows(() => object(k, "struct task_strut", 0), Error).message;
  assertStringIncludes(wrongType, 'did you mean "struct task_struct"?');
  const task = object(k, "task_struct", k.tasks.init.address);
  const wrongMember = assertThrows(() => task["real_parnt"], TypeError).message;
  assertStringIncludes(
    wrongMember,
    'Cannot read member "real_parnt": struct task_struct has none of that name',
  );
  assertStringIncludes(wrongMember, '"real_parent"');
});

Deno.test("a bad address reads as absent and prints as a fault", async () => {
  const k = await sampleKernel("x86_64");
  const nowhere = object(k, "struct path", 0x10);
  assertEquals(nowhere["dentry"], undefined);
  assertStringIncludes(nowhere.format_(), ".dentry = <fault>,");
});

Deno.test("display is C, with types, names and strings", async () => {
  const k = await sampleKernel("x86_64");
  const text = object(k, "struct task_struct", k.tasks.init.address).format_();
  assert(text.startsWith("*(struct task_struct *)0xffff"), text.slice(0, 60));
  assertStringIncludes(text, '.comm = "init",');
  assertStringIncludes(text, ".pid = 1,");
  assertStringIncludes(text, ".real_parent = (struct task_struct *)0xffff");
  assertEquals(Deno.inspect(object(k, "struct task_struct", k.tasks.init.address)), text);
});

Deno.test("members are listed", async () => {
  const k = await sampleKernel("x86_64");
  const path = object(k, "struct path", k.tasks.init.address);
  assertEquals([...path.members_].sort(), ["dentry", "mnt"]);
  assert("mnt" in path);
  assert(!("nope" in path));
});

Deno.test("a reference can be awaited", async () => {
  const k = await sampleKernel("x86_64");
  const task = object(k, "task_struct", k.tasks.init.address);
  assertEquals((await Promise.resolve(task))["pid"], 1);
});
