/**
 * The shapes that ship with the images: what every user's stacks, times and trees are made of.
 */
import { assert, assertEquals } from "@std/assert";
import { coreImage, coreShapes } from "../../image/mod.ts";
import type { Arch } from "../../image/model.ts";
import { ShapeLibrary } from "./library.ts";

const ARCHES: readonly Arch[] = ["x86_64", "arm64", "i386"];

for (const arch of ARCHES) {
  Deno.test(`${arch}: times sum up, and results and sites decode`, async () => {
    const library = ShapeLibrary.decode(await coreShapes(arch));
    assert(library.functionCount > 2000);
    for (let id = 0; id < library.nodeCount; id++) {
      const node = library.node(id);
      const below = node.children.reduce((sum, child) => sum + library.weightOf(child), 0);
      assert(node.self >= 1, `${library.functionName(node.fn)} takes ${node.self} ns itself`);
      assertEquals(node.weight, node.self + below);
      assertEquals(
        library.callsIn(id),
        node.children.reduce((sum, child) => sum + library.callsIn(child), 1),
      );
      assertEquals(node.sites.length, node.children.length);
    }
  });

  Deno.test(`${arch}: return addresses lie behind call instructions`, async () => {
    const image = await coreImage(arch);
    const library = ShapeLibrary.decode(await coreShapes(arch));
    const seen = new Set<number>();
    for (let id = 0; id < library.nodeCount; id++) for (const site of library.node(id).sites) seen.add(site);
    let checked = 0;
    for (const id of [...seen].filter((site) => site >= 0)) {
      for (const { fn, offset } of library.site(id).returns) {
        const info = image.func(fn);
        if (info === undefined) continue;
        assert(
          info.callSites().some((site) => site.returnOffset === offset),
          `${fn}+0x${offset.toString(16)}`,
        );
        checked++;
      }
    }
    assert(checked > 4000);
  });

  Deno.test(`${arch}: a cached read takes about what it takes on a real machine`, async () => {
    const library = ShapeLibrary.decode(await coreShapes(arch));
    const reads = library.instances(library.functionId("vfs_read")).map((id) => library.node(id))
      .filter((node) => node.outcome === "positive").sort((a, b) => b.count - a.count);
    // 4 KiB: the commonest that returns a constant.
    const page = reads.find(({ result }) => result?.from === "constant" && result.value === 4096);
    assert(page !== undefined && page.weight >= 500 && page.weight <= 1000, `${page?.weight} ns`);
  });
}

Deno.test("x86_64: vfs_open jumps to do_dentry_open, so no return address of its own", async () => {
  const library = ShapeLibrary.decode(await coreShapes("x86_64"));
  const opens = library.instances(library.functionId("vfs_open")).map((id) => library.node(id));
  const callee = library.functionId("do_dentry_open");
  for (const node of opens) {
    node.children.forEach((child, i) => {
      if (library.fnOf(child) === callee) assert(library.site(node.sites[i] ?? -1).tail);
    });
  }
});
