import { assertEquals, assertThrows } from "@std/assert";
import { imageName, RELEASE_NAMES, releaseOf, releaseSymbol } from "./release.ts";

Deno.test("6.1 is the default, and unknown releases are refused with those that exist", () => {
  assertEquals(releaseOf().name, "6.1");
  assertEquals(RELEASE_NAMES.map((name) => releaseOf(name).name), [...RELEASE_NAMES]);
  assertThrows(() => releaseOf("5.10"), TypeError, 'Cannot boot release "5.10": there are "6.1", "4.18"');
});

Deno.test("a release's own symbol names replace the image's", () => {
  const old = releaseOf("4.18");
  assertEquals(imageName(old, "_do_fork"), "kernel_clone");
  assertEquals(imageName(old, "kernel_clone"), undefined);
  assertEquals(imageName(old, "vfs_read"), "vfs_read");
  assertEquals([releaseSymbol(old, "kernel_clone"), releaseSymbol(old, "vfs_read")], [
    "_do_fork",
    "vfs_read",
  ]);
  assertEquals(imageName(releaseOf(), "kernel_clone"), "kernel_clone");
  assertEquals(imageName(releaseOf(), "_do_fork"), "_do_fork");
});

Deno.test("the default maxactive goes by CPUs and release", () => {
  const defaults = (cpus: number) => RELEASE_NAMES.map((name) => releaseOf(name).defaultMaxactive(cpus));
  assertEquals([1, 4, 8].map(defaults), [[10, 1, 1], [10, 4, 4], [16, 8, 8]]);
});

Deno.test("a name that every object has is a symbol's name like any other", () => {
  for (const name of ["constructor", "toString", "__proto__"]) {
    assertEquals(
      RELEASE_NAMES.map((release) => releaseSymbol(releaseOf(release), name)),
      RELEASE_NAMES.map(() => name),
    );
  }
});
