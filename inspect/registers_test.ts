import { assertEquals, assertStringIncludes } from "@std/assert";
import { formatRegisters, userRegisters } from "./registers.ts";
import { sampleKernel } from "./testing.ts";

Deno.test("user registers are read from the saved pt_regs, in its order", async () => {
  for (const arch of ["x86_64", "arm64", "i386"] as const) {
    const k = await sampleKernel(arch);
    const task = k.tasks.create({ comm: "sample" });
    const first = k.arch.registers[0]!;
    k.memory.writeBig(task.userRegs + first.offset, first.size, 0x1234n);
    const registers = userRegisters(k, task);
    assertEquals(
      registers.map((register) => register.name),
      k.arch.registers.map((register) => register.name),
    );
    assertEquals(registers[0]!.value, 0x1234n);
    assertEquals(registers[0]!.hex, "1234".padStart(first.size * 2, "0"));
  }
});

Deno.test("a register that points into the kernel shows the symbol", async () => {
  const k = await sampleKernel("x86_64");
  const task = k.tasks.create({ comm: "sample" });
  const ip = k.arch.registers.find((register) => register.name === "ip")!;
  const address = k.image.symbol("vfs_open")!.address + 5;
  k.memory.writeWord(task.userRegs + ip.offset, address);
  assertEquals(userRegisters(k, task).find((one) => one.name === "ip")?.symbol, "vfs_open+0x5");
  const text = formatRegisters(userRegisters(k, task));
  assertStringIncludes(text, "ip is vfs_open+0x5");
  assertEquals(text.split("\n").length, Math.ceil(k.arch.registers.length / 3) + 1);
});
