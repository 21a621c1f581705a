import { assertEquals, assertMatch } from "@std/assert";
import { coreImage, fullImage } from "../../image/load.ts";
import type { Arch, KernelImage, SymbolInfo } from "../../image/model.ts";
import { buildInfo, unameText, versionText } from "./build_info.ts";

const ARCHES: readonly Arch[] = ["x86_64", "arm64", "i386"];

/** The same kernel as a build of somebody's own: of another release, without some symbols. */
function own(image: KernelImage, release: string, without: readonly string[] = []): KernelImage {
  const changed: Partial<KernelImage> = {
    release,
    symbol: (name: string): SymbolInfo | undefined => without.includes(name) ? undefined : image.symbol(name),
  };
  return new Proxy(image, {
    get(target, key): unknown {
      if (key in changed) return Reflect.get(changed, key);
      const value: unknown = Reflect.get(target, key);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

Deno.test("the recorded builds say what they said, from core and whole images", async () => {
  for (const arch of ARCHES) {
    assertEquals(buildInfo(await coreImage(arch)), buildInfo(await fullImage(arch)));
    assertEquals(buildInfo(await coreImage(arch)).preemptible, arch !== "arm64");
    assertMatch(
      versionText(await coreImage(arch)),
      /^Linux version 6\.1\.0-\S+ \(debian-kernel@.* 2\.40\) #1 SMP /,
    );
  }
});

Deno.test("of another build its symbols tell whether it can be preempted, and nothing tells its compiler", async () => {
  const told = async (arch: Arch, without: readonly string[] = []) => {
    const image = own(await fullImage(arch), "6.6.1-mine", without);
    return [buildInfo(image).preemptible, versionText(image)];
  };
  const dynamic = [true, "Linux version 6.6.1-mine #1 SMP PREEMPT_DYNAMIC\n"];
  assertEquals([await told("x86_64"), await told("i386")], [dynamic, dynamic]);
  // Debian's arm64 kernel is not preemptible.
  assertEquals(await told("arm64"), [false, "Linux version 6.6.1-mine #1 SMP\n"]);
  assertEquals(await told("x86_64", ["sched_dynamic_update"]), [
    true,
    "Linux version 6.6.1-mine #1 SMP PREEMPT\n",
  ]);
  const none = ["sched_dynamic_update", "preempt_schedule", "preempt_schedule_notrace"];
  assertEquals(await told("x86_64", none), [false, "Linux version 6.6.1-mine #1 SMP\n"]);
  // A recorded release's name on another architecture is another build.
  const image = own(await fullImage("arm64"), "6.1.0-56-amd64");
  assertEquals(unameText(image), "Linux (none) 6.1.0-56-amd64 #1 SMP aarch64 GNU/Linux\n");
});
