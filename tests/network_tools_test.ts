/** What bpftrace's network tools look at, over the scenarios: each must find what it needs, coupled as on Linux. */

import { assert, assertEquals } from "@std/assert";
import { coreImage, coreShapes } from "../image/mod.ts";
import type { Arch } from "../image/model.ts";
import { Kernel } from "../kernel/kernel.ts";
import { Kprobe } from "../kernel/kprobes/kprobe.ts";
import { Kretprobe } from "../kernel/kprobes/kretprobe.ts";
import { SK, SKB, TCP } from "../kernel/net/fields.ts";
import { addressText, htons } from "../kernel/net/address.ts";
import { collect, live } from "../kernel/net/testing.ts";
import { ShapeLibrary } from "../kernel/shapes/library.ts";
import { builtinWorkload } from "../workloads/builtin.ts";

const ARCHES: readonly Arch[] = ["x86_64", "arm64", "i386"];

async function boot(arch: Arch): Promise<Kernel> {
  return new Kernel(await coreImage(arch), ShapeLibrary.decode(await coreShapes(arch)));
}

/** Calls `seen` with the arguments at each entry of a function. */
function probe(k: Kernel, symbolName: string, seen: (args: readonly number[]) => void): void {
  const error = k.kprobes.registerKprobe(
    new Kprobe({
      symbolName,
      preHandler: (_p, regs) => {
        seen([regs.arg(0), regs.arg(1)]);
        return 0;
      },
    }),
  );
  assertEquals(error, 0, symbolName);
}

/** Both ends of a sock, as tcpconnect prints them. */
function ends(k: Kernel, sk: number): string {
  const saddr = addressText(k.memory.readBytes(SK.rcvSaddr.at(k, sk), 4));
  const daddr = addressText(k.memory.readBytes(SK.daddr.at(k, sk), 4));
  return `${saddr}:${SK.num.get(k, sk)} ${daddr}:${htons(SK.dport.get(k, sk))}`;
}

for (const arch of ARCHES) {
  Deno.test(`${arch}: tcpconnect, tcpaccept and tcplife over the web scenario`, async () => {
    const k = await boot(arch);
    const connected: string[] = [];
    const accepted: string[] = [];
    const lives = new Map<number, number[]>();
    const moved: [number, number][] = [];
    probe(k, "tcp_connect", ([sk = 0]) => connected.push(`${k.current.comm} ${ends(k, sk).split(" ")[1]}`));
    k.kprobes.registerKretprobe(
      new Kretprobe({
        symbolName: "inet_csk_accept",
        handler: (_ri, regs) => {
          const sk = regs.returnValue;
          if (sk !== 0) {
            accepted.push(`${k.current.comm} ${SK.state.get(k, sk)} ${ends(k, sk).split(" ")[0]}`);
          }
          return 0;
        },
      }),
    );
    probe(k, "tcp_set_state", ([sk = 0, state = 0]) => {
      const life = lives.get(sk) ?? [];
      life.push(state);
      if (state === 7) {
        moved.push([TCP.bytesAcked.get(k, sk), TCP.bytesReceived.get(k, sk)]);
        lives.delete(sk);
      } else lives.set(sk, life);
    });
    const workload = builtinWorkload("web", { clients: 2, requests: 2, size: 10_000 });
    workload.start(k);
    assertEquals(k.scheduler.run().reason, "done");
    assertEquals(connected, new Array(4).fill("wget 127.0.0.1:8080"));
    assertEquals(accepted, new Array(4).fill("httpd 1 127.0.0.1:8080"));
    // What one side sent the other has received; the acknowledged bytes count SYN or FIN too.
    const sent = moved.filter(([, received]) => received > 10_000);
    assertEquals(sent.length, 4);
    assert(moved.some(([acked, received]) => acked > 10_000 && received > 0 && received < 100));
    assertEquals(live(k, "skbuff_head_cache", "skbuff_fclone_cache", "TCP", "request_sock_TCP"), 0);
  });

  Deno.test(`${arch}: tcpretrans, tcpdrop and tcpsynbl over the echo scenario`, async () => {
    const k = await boot(arch);
    const again: string[] = [];
    const backlogs: number[] = [];
    const drops = collect(k, "skb:kfree_skb");
    const interrupts = collect(k, "irq:irq_handler_entry");
    const states = collect(k, "sock:inet_sock_set_state");
    probe(k, "tcp_retransmit_skb", ([sk = 0, skb = 0]) => {
      again.push(ends(k, sk));
      assertEquals(SKB.sk.get(k, skb) === 0 || SKB.sk.get(k, skb) === sk, true);
    });
    probe(k, "tcp_v4_syn_recv_sock", ([sk = 0]) => {
      assertEquals(SK.maxAckBacklog.get(k, sk), 8);
      backlogs.push(SK.ackBacklog.get(k, sk));
    });
    builtinWorkload("echo", { clients: 4, requests: 6, loss: 10, latency: 300 }).start(k);
    assertEquals(k.scheduler.run().reason, "done");
    assert(again.length > 0 && again.every((line) => /^192\.0\.2\.2:7 192\.0\.2\.1\d:4\d{4}$/.test(line)));
    assertEquals(backlogs.length, 4);
    assert(drops.length > 0 && drops.every(({ reason = 0, location = 0 }) => reason > 0 && location !== 0));
    assert(interrupts.length > 20);
    assertEquals(states.filter(({ newstate }) => newstate === 1).length, 4);
  });
}
