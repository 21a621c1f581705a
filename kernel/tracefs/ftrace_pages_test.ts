import { assertEquals } from "@std/assert";
import { coreImage, fullImage } from "../../image/mod.ts";
import type { KernelImage } from "../../image/model.ts";
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

Deno.test("of a build that nobody recorded, the places are its functions, and the log says nothing", async () => {
  const image = await fullImage("arm64");
  const own: KernelImage = new Proxy(image, {
    get(target, key): unknown {
      if (key === "release") return "6.6.1-mine";
      const value: unknown = Reflect.get(target, key);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  assertEquals(bootLines(own), []);
  // 256 records of 16 bytes in a page, 42038 of them: 165 pages, as 128 + 32 + 4 + 1.
  assertEquals(ftracePagesText(own), "42038 pages:165 groups: 4\n");
});
