import { assertEquals } from "@std/assert";
import { AddressMap } from "./address_map.ts";

Deno.test("addresses that fit stay, others move together", () => {
  const wide = new AddressMap("x86_64");
  assertEquals(wide.move(0x7f1ec49ce000), 0x7f1ec49ce000);
  assertEquals(wide.move(0xffffba2bb000), 0x7fffba2bb000);
  assertEquals(wide.move(-1), -1);
  const arm = new AddressMap("arm64");
  assertEquals(arm.move(0xffffba2bb000), 0xffffba2bb000);
  const narrow = new AddressMap("i386");
  assertEquals(narrow.move(0xb7fc2000), 0xb7fc2000);
  const libc = narrow.move(0x7f1ec47e2000);
  assertEquals(libc >= 0x80000000 && libc < 0xc0000000, true);
  assertEquals(narrow.move(0x7f1ec4808000) - libc, 0x26000);
  assertEquals(narrow.move(0x5599b00db000) !== narrow.move(0x7f1ec47e2000), true);
  assertEquals(new AddressMap("i386", narrow).move(0x7f1ec47e2000), libc);
});

Deno.test("decimal numbers are no addresses", () => {
  const narrow = new AddressMap("i386");
  assertEquals(narrow.of({ kind: "number", text: "8589934592", value: 8589934592 }), 8589934592);
  assertEquals(narrow.of({ kind: "number", text: "0x7f0000001000", value: 0x7f0000001000 }) < 2 ** 32, true);
});
