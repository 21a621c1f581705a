/** Sockets of recorded processes are connected to one another: counts, ports and bytes are the recording's. */

import { assertEquals } from "@std/assert";
import { coreImage, coreShapes } from "../image/mod.ts";
import type { Arch } from "../image/model.ts";
import { Kernel } from "../kernel/kernel.ts";
import { Kprobe } from "../kernel/kprobes/kprobe.ts";
import { collect, live } from "../kernel/net/testing.ts";
import { ShapeLibrary } from "../kernel/shapes/library.ts";
import { replay } from "../workloads/replay/replay.ts";

const ARCHES: readonly Arch[] = ["x86_64", "arm64", "i386"];
const ESTABLISHED = 1;
const SYN_SENT = 2;
const SYN_RECV = 3;

async function recording(name: string): Promise<{ bytes: Uint8Array; text: string }> {
  const bytes = await Deno.readFile(new URL(`../examples/recordings/${name}.strace.gz`, import.meta.url));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return { bytes, text: await new Response(stream).text() };
}

/** Lines that begin a call. */
function begun(text: string, call: RegExp): number {
  return text.split("\n").filter((line) => call.test(line.replace(/^\d+ +\d+\.\d+ /, ""))).length;
}

for (const arch of ARCHES) {
  for (const name of ["http-loopback", "calls-net"]) {
    Deno.test(`${arch}: the connections of ${name} are those of the recording`, async () => {
      const { bytes, text } = await recording(name);
      const k = new Kernel(await coreImage(arch), ShapeLibrary.decode(await coreShapes(arch)));
      const counts = new Map<string, number>();
      for (const symbolName of ["tcp_connect", "inet_csk_accept", "vfs_read", "vfs_write"]) {
        const preHandler = (): number => {
          counts.set(symbolName, (counts.get(symbolName) ?? 0) + 1);
          return 0;
        };
        assertEquals(k.kprobes.registerKprobe(new Kprobe({ symbolName, preHandler })), 0);
      }
      const states = collect(k, "sock:inet_sock_set_state");
      (await replay(bytes, { name })).start(k);
      assertEquals(k.scheduler.run().reason, "done");
      assertEquals(
        ["tcp_connect", "inet_csk_accept", "vfs_read", "vfs_write"].map((fn) => counts.get(fn)),
        [
          begun(text, /^connect\([0-9]+, \{sa_family=AF_INET,/),
          begun(text, /^accept4?\([0-9]+, (?!NULL)/),
          begun(text, /^(read|pread64)\(/),
          begun(text, /^(write|pwrite64)\(/),
        ],
      );
      // Each accepted connection is the one that a recorded connect made, with the port that accept told.
      const accepted = [
        ...text.matchAll(/accept4?(?:\(| resumed).*sin_port=htons\((\d+)\).* = [0-9]+ </g),
      ].map((match) => Number(match[1]));
      const connected = states.filter((s) => s.oldstate === SYN_SENT && s.newstate === ESTABLISHED);
      const served = states.filter((s) => s.oldstate === SYN_RECV && s.newstate === ESTABLISHED);
      assertEquals(connected.map(({ sport }) => sport), accepted);
      assertEquals(served.map(({ dport }) => dport), accepted);
      assertEquals([...k.syscalls.overruled], []);
      assertEquals(live(k, "skbuff_head_cache", "skbuff_fclone_cache", "TCP", "UDP", "UNIX"), 0);
    });
  }
}
