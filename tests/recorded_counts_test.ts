/** What a probe counts over a replay is what the recording says, per program, failed calls too. */

import { assertEquals } from "@std/assert";
import { type Arch, kprobe, program, replay, run } from "../mod.ts";

const ARCHES: readonly Arch[] = ["x86_64", "arm64", "i386"];

async function recordingText(name: string): Promise<Uint8Array<ArrayBuffer>> {
  return await Deno.readFile(new URL(`../examples/recordings/${name}.strace.gz`, import.meta.url));
}

/** Counts calls in the text itself, with nothing but a pattern: who was running is what it exec'd last. */
async function countInText(name: string, call: RegExp): Promise<Record<string, number>> {
  const stream = new Blob([await recordingText(name)]).stream().pipeThrough(new DecompressionStream("gzip"));
  const text = await new Response(stream).text();
  const comms = new Map<string, string>();
  const execing = new Map<string, string>();
  const counts: Record<string, number> = {};
  for (const line of text.split("\n")) {
    const [, pid = "", rest = ""] = /^(\d+) +\d+\.\d+ (.*)$/.exec(line) ?? [];
    if (call.test(rest)) {
      const comm = comms.get(pid) ?? "?";
      counts[comm] = (counts[comm] ?? 0) + 1;
    }
    const exec = /^execve\("(?:[^"]*\/)?([^"/]*)"/.exec(rest);
    if (exec !== null) execing.set(pid, exec[1] ?? "");
    const done = / = 0( <[\d.]+>)?$/.test(rest) && /^(execve\(|<\.\.\. execve resumed)/.test(rest);
    if (done) comms.set(pid, (execing.get(pid) ?? "").slice(0, 15));
    const child = /^(?:(?:clone|fork|vfork)3?\(|<\.\.\. (?:clone|fork|vfork)3? resumed).* = (\d+)/.exec(rest);
    if (child !== null && !comms.has(child[1] ?? "")) comms.set(child[1] ?? "", comms.get(pid) ?? "?");
    // A child may be seen before its parent's clone returns.
    if (!comms.has(pid) && comms.size > 0) comms.set(pid, [...comms.values()][0] ?? "?");
  }
  return counts;
}

function sorted(counts: Iterable<readonly [string, number]>): Record<string, number> {
  return Object.fromEntries([...counts].sort(([a], [b]) => a < b ? -1 : 1));
}

for (const name of ["cat", "dd", "grep", "shell-loop"]) {
  for (const arch of ARCHES) {
    Deno.test(`opens, reads and writes of ${name} on ${arch} are those of the recording`, async () => {
      const probes = program({
        opens: kprobe("do_sys_openat2").by((c) => c.comm).count(),
        reads: kprobe("vfs_read").by((c) => c.comm).count(),
        writes: kprobe("vfs_write").by((c) => c.comm).count(),
      });
      const { maps } = await run(probes, { arch, workload: await replay(await recordingText(name)) });
      assertEquals(sorted(maps.opens), sorted(Object.entries(await countInText(name, /^open(at)?\(/))));
      assertEquals(sorted(maps.reads), sorted(Object.entries(await countInText(name, /^(read|pread64)\(/))));
      assertEquals(
        sorted(maps.writes),
        sorted(Object.entries(await countInText(name, /^(write|pwrite64)\(/))),
      );
    });
  }
}
