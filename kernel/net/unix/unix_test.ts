import { assert, assertEquals } from "@std/assert";
import { ARCHES, bootTest, start } from "../../syscalls/test_program.ts";
import { inetAddress, live, pause, unixAddress } from "../testing.ts";

const [ENOENT, EAGAIN, EPIPE_, ENOTSOCK, EADDRINUSE, ECONNREFUSED, ENOTCONN] = [2, 11, 32, 88, 98, 111, 107];

for (const arch of ARCHES) {
  Deno.test(`${arch}: unix streams carry bytes and files, and end when one side closes`, async () => {
    const k = await bootTest(arch);
    const word = k.image.pointerSize;
    start(k, "both", function* (p) {
      const pair = p.room(8);
      assertEquals(yield* p.call("socketpair", 1, 1, 0, pair), 0);
      const [a, b] = [k.memory.readS32(pair), k.memory.readS32(pair + 4)];
      const buffer = p.room(256);
      k.memory.writeString(buffer, "hello");
      assertEquals(yield* p.call("write", a, buffer, 5), 5);
      k.memory.fill(buffer, 16, 0);
      assertEquals([yield* p.call("read", b, buffer, 3), yield* p.call("read", b, buffer + 3, 10)], [3, 2]);
      assertEquals(k.memory.readString(buffer, 16), "hello");

      // A pipe's read end goes along with a byte.
      const ends = p.room(8);
      assertEquals(yield* p.call("pipe2", ends, 0), 0);
      const header = word === 8 ? 16 : 12;
      const control = p.room(64);
      k.memory.store(control, word, header + 4);
      k.memory.store(control + word, 4, 1);
      k.memory.store(control + word + 4, 4, 1);
      k.memory.store(control + header, 4, k.memory.readS32(ends));
      const iov = p.room(2 * word);
      k.memory.writeWord(iov, buffer);
      k.memory.writeWord(iov + word, 1);
      const msg = p.room(7 * word);
      for (const [at, value] of [[2, iov], [3, 1], [4, control], [5, 32]] as const) {
        k.memory.writeWord(msg + at * word, value);
      }
      assertEquals(yield* p.call("sendmsg", a, msg, 0), 1);
      assertEquals(yield* p.call("close", k.memory.readS32(ends)), 0);
      k.memory.fill(control, 64, 0);
      assertEquals(yield* p.call("recvmsg", b, msg, 0), 1);
      const passed = k.memory.readS32(control + header);
      assert(passed > b);
      assertEquals(yield* p.call("write", k.memory.readS32(ends + 4), buffer, 4), 4);
      assertEquals(yield* p.call("read", passed, buffer, 16), 4);

      assertEquals(yield* p.call("recvfrom", b, buffer, 10, 0x40, 0, 0), -EAGAIN);
      assertEquals(yield* p.call("close", a), 0);
      assertEquals(yield* p.call("read", b, buffer, 10), 0);
      assertEquals(yield* p.call("sendto", b, buffer, 1, 0x4000, 0, 0), -EPIPE_);
      assertEquals(yield* p.call("close", b), 0);
    });
    assertEquals(k.scheduler.run().reason, "done");
    assertEquals(live(k, "skbuff_head_cache", "UNIX-STREAM"), 0);
  });
}

Deno.test("a path is bound, listened on and connected to; errors are Linux's", async () => {
  const k = await bootTest();
  start(k, "server", function* (p) {
    const fd = yield* p.call("socket", 1, 1, 0);
    assertEquals(yield* p.call("bind", fd, ...unixAddress(p, "/tmp/sock")), 0);
    assertEquals(yield* p.call("listen", fd, 1), 0);
    const other = yield* p.call("socket", 1, 1, 0);
    assertEquals(yield* p.call("bind", other, ...unixAddress(p, "/tmp/sock")), -EADDRINUSE);
    const client = yield* p.call("accept", fd, 0, 0);
    const buffer = p.room(64);
    assertEquals(yield* p.call("read", client, buffer, 64), 3);
    for (const one of [client, other, fd]) assertEquals(yield* p.call("close", one), 0);
  });
  start(k, "client", function* (p) {
    yield* pause(p, 1_000_000);
    const fd = yield* p.call("socket", 1, 1, 0);
    assertEquals(yield* p.call("connect", fd, ...unixAddress(p, "/tmp/none")), -ENOENT);
    assertEquals(yield* p.call("connect", fd, ...unixAddress(p, "@none")), -ECONNREFUSED);
    assertEquals(yield* p.call("connect", fd, ...unixAddress(p, "/tmp/sock")), 0);
    assertEquals(yield* p.call("write", fd, p.text("abc"), 3), 3);
    assertEquals(yield* p.call("close", fd), 0);
    assertEquals(yield* p.call("listen", 0, 1), -ENOTSOCK);
  });
  assertEquals(k.scheduler.run().reason, "done");
  assertEquals(live(k, "skbuff_head_cache", "UNIX-STREAM"), 0);
});

Deno.test("datagrams keep their bounds, over UDP, IPv6 and unix sockets", async () => {
  const k = await bootTest();
  start(k, "both", function* (p) {
    for (
      const [family, to] of [
        [2, inetAddress(p, "127.0.0.1", 5353)],
        [10, inetAddress(p, "::1", 5353)],
        [1, unixAddress(p, "@datagrams")],
      ] as const
    ) {
      const server = yield* p.call("socket", family, 2, 0);
      assertEquals(yield* p.call("bind", server, ...to), 0);
      const client = yield* p.call("socket", family, 2, 0);
      const buffer = p.room(256);
      assertEquals(yield* p.call("write", client, buffer, 4), family === 1 ? -ENOTCONN : -89);
      for (const size of [10, 0, 200]) {
        assertEquals(yield* p.call("sendto", client, buffer, size, 0, ...to), size);
      }
      assertEquals(yield* p.call("recvfrom", server, buffer, 256, 0, 0, 0), 10);
      assertEquals(yield* p.call("recvfrom", server, buffer, 256, 0, 0, 0), 0);
      assertEquals(yield* p.call("recvfrom", server, buffer, 50, 0, 0, 0), 50);
      assertEquals(yield* p.call("recvfrom", server, buffer, 256, 0x40, 0, 0), -EAGAIN);
      assertEquals([yield* p.call("close", server), yield* p.call("close", client)], [0, 0]);
    }
    const lonely = yield* p.call("socket", 2, 2, 0);
    assertEquals(yield* p.call("connect", lonely, ...inetAddress(p, "127.0.0.1", 9)), 0);
    assertEquals(yield* p.call("write", lonely, p.text("x"), 1), 1);
    assertEquals(yield* p.call("read", lonely, p.room(16), 16), -ECONNREFUSED);
    assertEquals(yield* p.call("close", lonely), 0);
  });
  assertEquals(k.scheduler.run().reason, "done");
  assertEquals(live(k, "skbuff_head_cache", "UDP", "UDPv6", "UNIX"), 0);
});

Deno.test("IPv6 carries TCP too, and takes IPv4 clients at the any address", async () => {
  const k = await bootTest();
  start(k, "server", function* (p) {
    const fd = yield* p.call("socket", 10, 1, 0);
    assertEquals(yield* p.call("bind", fd, ...inetAddress(p, "::", 80)), 0);
    assertEquals(yield* p.call("listen", fd, 4), 0);
    for (let i = 0; i < 2; i++) {
      const name = p.room(32);
      const length = p.room(4);
      k.memory.store(length, 4, 28);
      const client = yield* p.call("accept4", fd, name, length, 0);
      assertEquals([k.memory.load(name, 2, false), k.memory.load(length, 4, false)], [10, 28]);
      assertEquals(yield* p.call("read", client, p.room(64), 64), 2);
      assertEquals(yield* p.call("close", client), 0);
    }
    assertEquals(yield* p.call("close", fd), 0);
  });
  start(k, "client", function* (p) {
    yield* pause(p, 1_000_000);
    for (const [family, address] of [[10, "::1"], [2, "127.0.0.1"]] as const) {
      const fd = yield* p.call("socket", family, 1, 0);
      assertEquals(yield* p.call("connect", fd, ...inetAddress(p, address, 80)), 0);
      assertEquals(yield* p.call("write", fd, p.text("hi"), 2), 2);
      assertEquals(yield* p.call("read", fd, p.room(16), 16), 0);
      assertEquals(yield* p.call("close", fd), 0);
    }
  });
  assertEquals(k.scheduler.run().reason, "done");
  assertEquals(live(k, "skbuff_head_cache", "skbuff_fclone_cache", "TCP", "TCPv6"), 0);
});
