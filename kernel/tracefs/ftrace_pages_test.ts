import { assertEquals } from "@std/assert";
import { fullImage } from "../../image/mod.ts";
import { ftracePagesText } from "./ftrace_pages.ts";

Deno.test("ftrace's records are in as many pages and groups as recorded", async () => {
  assertEquals(ftracePagesText(await fullImage("x86_64")), "38252 pages:152 groups: 3\n");
  assertEquals(ftracePagesText(await fullImage("arm64")), "42038 pages:168 groups: 3\n");
  assertEquals(ftracePagesText(await fullImage("i386")), "35078 pages:72 groups: 2\n");
});
