/** A glob over everything attaches to everything that the kernel lets be probed, on each shipped kernel. */

import { assertEquals } from "@std/assert";
import { compile } from "../graph/compile.ts";
import { fullImage } from "../image/load.ts";
import { kprobe } from "../probes/kprobe.ts";
import { kretprobe } from "../probes/kretprobe.ts";
import { asProgram } from "../probes/program.ts";
import { attach } from "../session/attach.ts";
import { ARCHES, bootKernel } from "../session/boot.ts";

for (const arch of ARCHES) {
  Deno.test(`kprobe "*" attaches on the whole ${arch} kernel`, async () => {
    const image = await fullImage(arch);
    const kernel = await bootKernel({ arch, image });
    const program = asProgram(kprobe.any("*").count());
    const session = attach(program, kernel);
    const attached = new Set(session.probes().map(({ probe }) => probe.replace("kprobe:", "")));
    const left = [...new Set(image.functions("*"))].filter((name) => !attached.has(name));
    // What is left out is what the kernel would refuse, and nothing else.
    assertEquals(left.length > 40 && left.length < 200, true, `${left.length}`);
    for (const name of left) {
      const base = name.replace(/\..*/, "");
      const listed = [name, base].some((one) =>
        image.blacklistedAt(image.symbol(one)?.address ?? NaN) !== undefined
      );
      assertEquals([name, listed], [name, true]);
    }
    session.detach();
    assertEquals(compile(asProgram(kretprobe.any("*").count()), image).attachments.length, attached.size);
  });
}

Deno.test("a suffixed copy of a blacklisted function is refused by name, and left out of a glob", async () => {
  const image = await fullImage("x86_64");
  const kernel = await bootKernel({ image });
  const session = attach(asProgram(kprobe.any("nmi_*").count()), kernel);
  const names = session.probes().map(({ probe }) => probe);
  assertEquals(names.length > 0, true);
  assertEquals(names.includes("kprobe:nmi_handle.part.0") || names.includes("kprobe:nmi_handle"), false);
  let message = "";
  try {
    attach(asProgram(kprobe.any("nmi_handle.part.0").count()), kernel);
  } catch (error) {
    message = error instanceof Error ? error.message : "";
  }
  assertEquals(
    message.includes('"nmi_handle" is on the kernel\'s list of functions that no kprobe may enter'),
    true,
  );
});
