import { assertEquals } from "@std/assert";
import { cat, echo, openMissing } from "../tracefs/testing.ts";

Deno.test("orig_ax is 0 at ftrace's sites, -1 behind a breakpoint and at returns", async () => {
  for (const [arch, minusOne] of [["x86_64", "0xffffffffffffffff"], ["i386", "0xffffffff"]] as const) {
    const k = await openMissing(arch, (k) => {
      const behind = arch === "x86_64" ? 5 : k.image.func("do_filp_open")?.boundaries()[1];
      const lines = [
        "p:t/a do_filp_open o=%orig_ax p=$arg1",
        `p:t/b do_filp_open+${behind} o=%orig_ax`,
        "r:t/c do_filp_open o=%orig_ax",
        "p:t/d getname o=%orig_ax",
      ];
      assertEquals(typeof echo(k, lines.join("\n"), "kprobe_events"), "number");
      echo(k, "1", "events/t/enable");
    });
    assertEquals(cat(k, "trace").match(/(?<= )[a-d]: .* o=\w+/g)?.map((hit) => hit.replace(/: .* o=/, " ")), [
      "d 0x0",
      "a 0x0",
      `b ${minusOne}`,
      `c ${minusOne}`,
    ]);
  }
});
