import { assertEquals } from "@std/assert";
import { bootKernel } from "../session/boot.ts";
import { programWorkload } from "../workloads/program.ts";
import { Kprobe } from "../kernel/kprobes/mod.ts";

/** The register of argument 0 at each entry of `name` while a program opens a file. */
async function firstArguments(arch: "x86_64" | "arm64", name: string): Promise<bigint[]> {
  const k = await bootKernel({ arch });
  const seen: bigint[] = [];
  k.kprobes.registerKprobe(
    new Kprobe({
      symbolName: name,
      preHandler: (_kp, regs) => {
        seen.push(regs.getBig(arch === "arm64" ? "x0" : "di"));
        return 0;
      },
    }),
  );
  const workload = programWorkload({
    name: "open",
    description: "opens a file",
    programs: [{
      program: function* (sys) {
        yield* sys.open("/etc/none");
      },
    }],
  });
  workload.start(k);
  k.scheduler.run();
  return seen;
}

Deno.test("an int has 32 bits in its register, but where arm64's system calls hand on the caller's word", async () => {
  assertEquals(await firstArguments("x86_64", "do_sys_openat2"), [0xffffff9cn]);
  assertEquals(await firstArguments("x86_64", "do_filp_open"), [0xffffff9cn]);
  assertEquals(await firstArguments("arm64", "do_sys_openat2"), [-100n]);
  assertEquals(await firstArguments("arm64", "do_filp_open"), [0xffffff9cn]);
});
