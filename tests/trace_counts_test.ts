/** Every recorded program replays without an error or an unmodeled call, and the kernel does what the recording says. */

import { assertEquals } from "@std/assert";
import { type Arch, kprobe, program, replay, run } from "../mod.ts";
import { countsOf } from "./strace_counts.ts";

const RECORDINGS = [
  "cat",
  "dd",
  "find-cat",
  "grep",
  "http-loopback",
  "ls",
  "shell-loop",
  "tar-gzip",
] as const;

async function recorded(name: string): Promise<Uint8Array<ArrayBuffer>> {
  return await Deno.readFile(new URL(`../examples/recordings/${name}.strace.gz`, import.meta.url));
}

async function textOf(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return await new Response(stream).text();
}

const probes = program({
  vfs_open: kprobe("vfs_open").by((c) => c.comm).count(),
  vfs_read: kprobe("vfs_read").by((c) => c.comm).count(),
  vfs_write: kprobe("vfs_write").by((c) => c.comm).count(),
  filldir64: kprobe("filldir64").by((c) => c.comm).count(),
  kernel_clone: kprobe("kernel_clone").by((c) => c.comm).count(),
  do_exit: kprobe("do_exit").by((c) => c.comm).count(),
  tcp_connect: kprobe("tcp_connect").by((c) => c.comm).count(),
  inet_csk_accept: kprobe("inet_csk_accept").by((c) => c.comm).count(),
});

function sorted(counts: Iterable<readonly [string, number]>): Record<string, number> {
  return Object.fromEntries([...counts].sort(([a], [b]) => a < b ? -1 : 1));
}

for (const name of RECORDINGS) {
  // The large one once: it takes as long as all others.
  const arches: readonly Arch[] = name === "find-cat" ? ["x86_64"] : ["x86_64", "arm64", "i386"];
  for (const arch of arches) {
    Deno.test(`${name} replays on ${arch} as recorded, with a model for every call`, async () => {
      const bytes = await recorded(name);
      const { maps, workload, outcome } = await run(probes, { arch, workload: await replay(bytes) });
      assertEquals(outcome.reason, "done");
      assertEquals(Object.fromEntries(workload.unmodeled), {});
      // arm64 keeps the thread pointer in a register of its own: there is no call to set it.
      assertEquals(
        [...workload.leftOut.keys()].filter((call) => call !== "arch_prctl" || arch === "i386"),
        [],
      );
      const wanted = countsOf(await textOf(bytes), "strace");
      for (const [what, counts] of Object.entries(wanted)) {
        assertEquals(sorted(maps[what as keyof typeof wanted]), sorted(Object.entries(counts)), what);
      }
    });
  }
}
