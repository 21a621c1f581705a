import { assertEquals } from "@std/assert";
import { ARCHES, bootTest, start } from "../../syscalls/test_program.ts";
import { addressText } from "../address.ts";
import { live } from "../testing.ts";

for (const arch of ARCHES) {
  Deno.test(`${arch}: a program asks for the addresses of all interfaces, as getaddrinfo does`, async () => {
    const k = await bootTest(arch);
    const found: string[] = [];
    start(k, "getent", function* (p) {
      const fd = yield* p.call("socket", 16, 3 | 0o2000000, 0);
      const address = p.room(16);
      k.memory.store(address, 2, 16);
      assertEquals(yield* p.call("bind", fd, address, 12), 0);
      const length = p.room(4);
      k.memory.store(length, 4, 12);
      assertEquals(yield* p.call("getsockname", fd, address, length), 0);
      assertEquals(k.memory.load(address + 4, 4, false), p.task.tgid);
      const request = p.room(20);
      k.memory.store(request, 4, 20);
      k.memory.store(request + 4, 2, 22);
      k.memory.store(request + 6, 2, 0x301);
      k.memory.store(request + 8, 4, 77);
      assertEquals(yield* p.call("sendto", fd, request, 20, 0, address, 12), 20);
      const buffer = p.room(4096);
      for (let done = false; !done;) {
        const got = yield* p.call("recvfrom", fd, buffer, 4096, 0, 0, 0);
        for (let at = buffer; at < buffer + got; at += Math.ceil(k.memory.load(at, 4, false) / 4) * 4) {
          assertEquals(k.memory.load(at + 8, 4, false), 77);
          if (k.memory.load(at + 4, 2, false) === 3) done = true;
          else {found.push(
              addressText(k.memory.readBytes(at + 28, k.memory.load(at + 16, 1, false) === 2 ? 4 : 16)),
            );}
        }
      }
      assertEquals(yield* p.call("close", fd), 0);
    });
    assertEquals(k.scheduler.run().reason, "done");
    assertEquals(found, ["127.0.0.1", "::1", "192.0.2.2", "2001:db8::2"]);
    assertEquals(live(k, "NETLINK", "skbuff_head_cache"), 0);
  });
}
