import { assert, assertEquals } from "@std/assert";
import { ECONNREFUSED } from "../../syscalls/errno.ts";
import { ARCHES, bootTest, pick, start } from "../../syscalls/test_program.ts";
import { Host } from "../link/host.ts";
import { collect, inetAddress, live, pause } from "../testing.ts";
import { SK } from "../fields.ts";

const [ESTABLISHED, SYN_SENT, SYN_RECV, FIN_WAIT1, FIN_WAIT2, CLOSE, CLOSE_WAIT, LAST_ACK, LISTEN] = [
  ...[1, 2, 3, 4, 5, 7, 8, 9, 10],
];

for (const arch of ARCHES) {
  Deno.test(`${arch}: a connection walks its states on one sock, every byte arrives, every packet is freed`, async () => {
    const k = await bootTest(arch);
    const states = collect(k, "sock:inet_sock_set_state");
    const seen: number[] = [];
    const connect = pick(k, "connect");
    start(k, "server", function* (p) {
      const fd = yield* p.call("socket", 2, 1, 0);
      assertEquals(yield* p.call("bind", fd, ...inetAddress(p, "127.0.0.1", 9009)), 0);
      assertEquals(yield* p.call("listen", fd, 8), 0);
      const client = yield* p.call("accept4", fd, 0, 0, 0);
      const buffer = p.room(65536);
      for (let n = 1; n > 0;) {
        n = yield* p.call("read", client, buffer, 40000);
        if (n > 0) assertEquals(yield* p.call("write", client, buffer, n), n);
      }
      assertEquals([yield* p.call("close", client), yield* p.call("close", fd)], [0, 0]);
    });
    start(k, "client", function* (p) {
      yield* pause(p, 300_000);
      const fd = yield* p.call("socket", 2, 1, 0);
      assertEquals(yield* p.call(connect, fd, ...inetAddress(p, "127.0.0.1", 9009)), 0);
      const buffer = p.room(65536);
      for (const size of [100, 30000, 60000]) {
        const bytes = Uint8Array.from({ length: size }, (_, i) => i * 7 + size);
        k.memory.writeBytes(buffer, bytes);
        assertEquals(yield* p.call("write", fd, buffer, size), size);
        for (let got = 0; got < size;) {
          const n = yield* p.call("read", fd, buffer, 65536);
          assert(n > 0);
          assertEquals(k.memory.readBytes(buffer, n), bytes.slice(got, got + n));
          seen.push(n);
          got += n;
        }
      }
      assertEquals(yield* p.call("shutdown", fd, 1), 0);
      assertEquals(yield* p.call("read", fd, buffer, 10), 0);
      assertEquals(yield* p.call("close", fd), 0);
    });
    assertEquals(k.scheduler.run().reason, "done");
    const walks = new Map<number, number[]>();
    for (const { skaddr = 0, oldstate = 0, newstate = 0 } of states) {
      const walk = walks.get(skaddr) ?? [];
      if (walk.length > 0) assertEquals(walk.at(-1), oldstate, "each state follows the one before");
      else walk.push(oldstate);
      walk.push(newstate);
      walks.set(skaddr, walk);
    }
    assertEquals([...walks.values()].sort((a, b) => (a[1] ?? 0) - (b[1] ?? 0)), [
      [CLOSE, SYN_SENT, ESTABLISHED, FIN_WAIT1, FIN_WAIT2, CLOSE],
      [LISTEN, SYN_RECV, ESTABLISHED, CLOSE_WAIT, LAST_ACK, CLOSE],
      [CLOSE, LISTEN, CLOSE],
    ]);
    assertEquals(seen.reduce((sum, n) => sum + n, 0), 90100);
    assertEquals(live(k, "skbuff_head_cache", "skbuff_fclone_cache", "TCP", "request_sock_TCP"), 0);
  });
}

Deno.test("a port that nobody listens on refuses: a reset with its reasons, and the sock is as good as new", async () => {
  const k = await bootTest();
  const drops = collect(k, "skb:kfree_skb");
  start(k, "client", function* (p) {
    const fd = yield* p.call("socket", 2, 1, 0);
    assertEquals(yield* p.call("connect", fd, ...inetAddress(p, "127.0.0.1", 9)), -ECONNREFUSED);
    assertEquals(yield* p.call("close", fd), 0);
  });
  k.scheduler.run();
  // NO_SOCKET for the SYN, TCP_RESET for the answer.
  assertEquals(drops.map(({ reason }) => reason), [2, 28]);
  assertEquals(live(k, "skbuff_head_cache", "skbuff_fclone_cache", "TCP"), 0);
});

Deno.test("who does not accept lets connections wait, up to the backlog and one; then SYNs are dropped and sent again", async () => {
  const k = await bootTest();
  const again = collect(k, "tcp:tcp_retransmit_skb");
  let listener = 0;
  const backlog: number[] = [];
  start(k, "server", function* (p) {
    const fd = yield* p.call("socket", 2, 1, 0);
    yield* p.call("bind", fd, ...inetAddress(p, "127.0.0.1", 80));
    yield* p.call("listen", fd, 2);
    listener = k.net.listening.get(80)?.[0]?.address ?? 0;
    yield* pause(p, 500_000_000);
    backlog.push(SK.ackBacklog.get(k, listener), SK.maxAckBacklog.get(k, listener));
    for (let i = 0; i < 4; i++) assert((yield* p.call("accept4", fd, 0, 0, 0)) > 0);
  });
  for (let i = 0; i < 4; i++) {
    start(k, `client${i}`, function* (p) {
      yield* pause(p, 1_000_000 * (i + 1));
      const fd = yield* p.call("socket", 2, 1, 0);
      assertEquals(yield* p.call("connect", fd, ...inetAddress(p, "127.0.0.1", 80)), 0);
    });
  }
  assertEquals(k.scheduler.run().reason, "done");
  assertEquals(backlog, [3, 2]);
  assertEquals(again.map(({ state }) => state), [SYN_SENT]);
});

Deno.test("over a lossy link what is lost is sent again, and everything arrives in order", async () => {
  const k = await bootTest();
  k.net.link = { latency: 1_000_000, bandwidth: 1e8, loss: 0.1 };
  k.net.hosts.set("192.0.2.9", new Host({ address: "192.0.2.9", ports: { 7: "echo" } }));
  const again = collect(k, "tcp:tcp_retransmit_skb");
  const size = 50_000;
  start(k, "client", function* (p) {
    const fd = yield* p.call("socket", 2, 1, 0);
    assertEquals(yield* p.call("connect", fd, ...inetAddress(p, "192.0.2.9", 7)), 0);
    const buffer = p.room(65536);
    const bytes = Uint8Array.from({ length: size }, (_, i) => i * 13);
    k.memory.writeBytes(buffer, bytes);
    assertEquals(yield* p.call("write", fd, buffer, size), size);
    for (let got = 0; got < size;) {
      const n = yield* p.call("read", fd, buffer, 65536);
      assert(n > 0);
      assertEquals(k.memory.readBytes(buffer, n), bytes.slice(got, got + n));
      got += n;
    }
    yield* p.call("close", fd);
  });
  assertEquals(k.scheduler.run().reason, "done");
  assert(again.length > 0);
});

Deno.test("a silent host: the SYN is sent again after 1, 3, 7, … seconds, then the attempt times out", async () => {
  const k = await bootTest();
  const times: number[] = [];
  k.tracepoints.register("tcp:tcp_retransmit_skb", () => times.push(Math.round(k.clock.now / 1e9)));
  let result = 0;
  start(k, "client", function* (p) {
    const fd = yield* p.call("socket", 2, 1, 0);
    result = yield* p.call("connect", fd, ...inetAddress(p, "192.0.2.77", 80));
  });
  k.scheduler.run();
  assertEquals(result, -110);
  // The timer wheel is coarser the further away a timer is, by an eighth at most.
  assertEquals(times.slice(0, 5), [1, 3, 7, 15, 31]);
  const last = times[5] ?? 0;
  assert(times.length === 6 && last >= 63 && last <= 67);
});
