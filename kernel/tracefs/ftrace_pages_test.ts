import { assertEquals } from "@std/assert";
import { coreImage, fullImage } from "../../image/mod.ts";
import { bootLines, ftracePagesText } from "./ftrace_pages.ts";

Deno.test("ftrace's records are in as many pages and groups as recorded", async () => {
  assertEquals(ftracePagesText(await fullImage("x86_64")), "38252 pages:152 groups: 3\n");
  assertEquals(ftracePagesText(await fullImage("arm64")), "42038 pages:168 groups: 3\n");
  assertEquals(ftracePagesText(await fullImage("i386")), "35078 pages:72 groups: 2\n");
});

Deno.test("the log tells of them when booting", async () => {
  assertEquals(bootLines(await fullImage("i386")), [
    "ftrace: allocating 37115 entries in 73 pages",
    "ftrace: allocated 73 pages with 3 groups",
  ]);
  assertEquals(bootLines(await coreImage("x86_64")), bootLines(await fullImage("x86_64")));
});
