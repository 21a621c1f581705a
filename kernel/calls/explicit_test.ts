import { assertEquals } from "@std/assert";
import type { ShapeLibrary } from "../shapes/library.ts";
import { ARCHES, bootTest } from "../syscalls/test_program.ts";
import { explicitCallees } from "./explicit.ts";
import { behaviourNames } from "./function.ts";
import type { KernelFunction } from "./kernel_function.ts";

/** Calls whose way is another function's on purpose. */
const KNOWN = new Set([
  // Waiting is one helper for all that waits.
  "timerfd_read > do_wait_intr_irq > schedule",
  // Steps of ext4's that do nothing but call on.
  "ext4_free_blocks > __mark_inode_dirty > __getblk_gfp",
  "ext4_write_inode > __ext4_get_inode_loc_noinmem > __getblk_gfp",
  "ext4_writepages > mpage_process_page_bufs > mpage_submit_page",
  // Between the two the stack changes, which no C function does.
  "do_softirq_own_stack > call_on_stack > __do_softirq",
]);

for (const arch of ARCHES) {
  Deno.test(`${arch}: a behaviour calls its callees through the functions that recordings show between`, async () => {
    const { functions, shapes } = (await bootTest(arch)).calls;
    const inside = functionsInTrees(shapes);
    const missing: string[] = [];
    for (const name of behaviourNames()) {
      const fn = functions.byName(name);
      if (fn === undefined || fn.shape < 0 || fn.base !== name) continue;
      const explicit = explicitCallees(functions, shapes, fn);
      const declared = new Set((fn.behaviour?.calls ?? []).map((ref) => functions.byRef(ref).shape));
      const direct = new Set<number>();
      const between = new Map<number, KernelFunction>();
      for (const variant of shapes.instances(fn.shape)) {
        for (const child of shapes.node(variant).children) {
          const callee = shapes.fnOf(child);
          direct.add(callee);
          if (explicit.has(callee)) continue;
          for (const id of inside(child)) if (explicit.has(id)) between.set(id, functions.byShape(callee));
        }
      }
      for (const [id, { name: through }] of between) {
        const callee = functions.byShape(id);
        // Parts that the compiler split off a function are that function.
        if (through.includes(".part.")) continue;
        if (!direct.has(id) && declared.has(id) && callee.behaviour !== null) {
          missing.push(`${name} > ${through} > ${callee.name}`);
        }
      }
    }
    assertEquals(missing.filter((path) => !KNOWN.has(path)), []);
  });
}

/** The functions that occur in a recorded tree. */
function functionsInTrees(shapes: ShapeLibrary): (id: number) => ReadonlySet<number> {
  const known = new Map<number, ReadonlySet<number>>();
  const inside = (id: number): ReadonlySet<number> => {
    let found = known.get(id);
    if (found === undefined) {
      const set = new Set([shapes.fnOf(id)]);
      for (const child of shapes.node(id).children) for (const fn of inside(child)) set.add(fn);
      found = set;
      known.set(id, found);
    }
    return found;
  };
  return inside;
}
