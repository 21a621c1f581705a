import { assert, assertEquals } from "@std/assert";
import { coreImage } from "../image/load.ts";
import { listCommand } from "../commands/list.ts";
import { complete, type CompletionWorld } from "./completion.ts";

const world: CompletionWorld = {
  image: await coreImage("x86_64"),
  scope: {
    kprobe: () => {},
    kernel: {
      clock: { now: 5 },
      get fails() {
        throw new Error("no");
      },
    },
    opens: 1,
  },
  commands: [listCommand],
};

Deno.test("probe names complete inside a probe's string", () => {
  const [names, fragment] = complete('kprobe("vfs_o', world);
  assert(names.includes("vfs_open"), names.join());
  assert(names.every((name) => name.startsWith("vfs_o")));
  assertEquals(fragment, "vfs_o");
  assert(complete("kretprobe('vfs_rea", world)[0].includes("vfs_read"));
  assertEquals(complete('kprobe("no_such_', world), [[], "no_such_"]);
});

Deno.test("a handler's parameter completes by the probe's types", () => {
  assertEquals(complete('kprobe("vfs_open").by((c) => c.args.', world), [["file", "path"], ""]);
  assertEquals(complete('kprobe("vfs_open").by(c => c.args.path.', world), [["dentry", "mnt"], ""]);
  assertEquals(complete('kprobe("vfs_open").by(c => c.args.path.dentry.d_na', world), [["d_name"], "d_na"]);
  assert(complete('kprobe("vfs_open").by(c => c.args.path.dentry.d_name.', world)[0].includes("hash"));
  assert(
    complete('kprobe("vfs_open").by(c => c.args.path.dentry.d_name.name.', world)[0].includes("startsWith"),
  );
  assertEquals(complete('kprobe("vfs_open").filter(c => c.co', world), [["comm"], "co"]);
  assert(complete('kretprobe("vfs_read").filter(c => c.', world)[0].includes("retval"));
  assert(!complete('kretprobe("vfs_read").filter(c => c.', world)[0].includes("args"));
  assert(complete('kprobe("vfs_open").by(c => c.curtask.real_par', world)[0].includes("real_parent"));
  assertEquals(complete('kprobe("vfs_open").by(c => c.args.nope.', world), [[], ""]);
});

Deno.test("the last probe on the line counts", () => {
  const line = 'program({ a: kprobe("vfs_open").count(), b: kprobe("vfs_read").by((c) => c.args.';
  assertEquals(complete(line, world)[0], ["buf", "count", "file", "pos"]);
});

Deno.test("the probe may stand in an earlier line of the input", () => {
  assertEquals(complete('kprobe("vfs_open").by(\n  (c) =>\n    c.args.path.', world), [
    ["dentry", "mnt"],
    "",
  ]);
});

Deno.test("names and properties of the session complete", () => {
  assertEquals(complete("kern", world), [["kernel"], "kern"]);
  assertEquals(complete("kernel.cl", world), [["clock"], "cl"]);
  assertEquals(complete("1 + kernel.clock.n", world), [["now"], "n"]);
  assertEquals(complete("kernel.fails.x", world), [[], "x"]);
});

Deno.test("dot-commands complete, with their options and words", () => {
  assertEquals(complete(".l", world), [[".list"], ".l"]);
  assertEquals(complete(".help li", world), [["list"], "li"]);
  assertEquals(complete(".list --v", world), [["--verbose"], "--v"]);
  assertEquals(complete(".list kp", world), [["kprobe:"], "kp"]);
  assert(complete(".list kprobe:vfs_o", world)[0].includes("kprobe:vfs_open"));
});
